/**
 * What the functions of the read side refuse: a misspelt option must never drop a check, and a wrong value is named.
 * @module
 */
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import {
  getAuditLogs,
  getKeptValues,
  getOperation,
  proveEvent,
  queryAuditLogs,
  streamAuditLogs,
  traceDecision,
  verifyAuditLog,
} from "../src/audit.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

type Door = (given?: unknown) => Promise<unknown>
const QUERIES: Readonly<Record<string, Door>> = {
  getAuditLogs: (given) => getAuditLogs(given as never),
  queryAuditLogs: (given) => queryAuditLogs(given as never),
  streamAuditLogs: async (given) => {
    for await (const _ of streamAuditLogs(given as never)) break
  },
}
const ONE_EVENT: Readonly<Record<string, Door>> = {
  proveEvent: (given) => proveEvent(given as never),
  getKeptValues: (given) => getKeptValues(given as never),
  traceDecision: (given) => traceDecision(given as never),
}
const DOORS: Readonly<Record<string, Door>> = {
  ...QUERIES,
  ...ONE_EVENT,
  getOperation: (given) => getOperation(given as never),
  verifyAuditLog: (given) => verifyAuditLog(given as never),
}
/** What a door needs besides the directory. */
const NEEDED: Readonly<Record<string, object>> = {
  proveEvent: { eventId: "e" },
  getKeptValues: { eventId: "e" },
  traceDecision: { eventId: "e" },
  getOperation: { operationId: "o" },
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** The error that a door rejects with; a synchronous throw fails the test. */
async function refusal(door: Door, given: unknown): Promise<Error> {
  const answer = door(given)
  return await answer.then(
    () => new Error("nothing was refused"),
    (error: Error) => error,
  )
}

describe.each(Object.entries(DOORS))("%s", (name, door) => {
  test.each([
    ["null", null],
    ["a string", "x"],
    ["a number", 1],
    ["an array", []],
    ["a function", () => 1],
    ["a revoked Proxy", revoked()],
  ])("%s is a TypeError that names the function's argument", async (_, given) => {
    const error = await refusal(door, given)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(/ must be an object, such as \{/)
  })

  test("an option that does not exist is named, and those that do are listed", async () => {
    const error = await refusal(door, { logDir: place.logDir, pubicKey: "k" })
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('"pubicKey"')
    expect(error.message).toContain("logDir")
  })

  test.each([[""], [null], [7], [{}]])("logDir %j is refused by name", async (logDir) => {
    const error = await refusal(door, { ...NEEDED[name], logDir })
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(/^logDir must be/)
  })
})

describe.each(Object.entries(ONE_EVENT))("%s", (_, door) => {
  test.each([[undefined], [null], [""], [7], [{}]])("eventId %j is refused by name", async (eventId) => {
    const error = await refusal(door, { logDir: place.logDir, eventId })
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(/^eventId must be/)
  })

  test("nothing at all is a TypeError too, and an id that is not there is none", async () => {
    expect((await refusal(door, undefined)).message).toMatch(/must be an object, such as \{ eventId/)
    expect(await refusal(door, { logDir: place.logDir, eventId: "e" })).toMatchObject({ code: "EVENT_NOT_FOUND" })
  })
})

const WRONG_VALUES: readonly (readonly [string, Door, string, unknown])[] = [
  ...[null, 1, {}].map((value) => ["verifyAuditLog", DOORS["verifyAuditLog"]!, "publicKey", value] as const),
  ...[null, 1, true, {}, { note: 1 }, [], revoked()].map(
    (value) => ["verifyAuditLog", DOORS["verifyAuditLog"]!, "against", value] as const,
  ),
  ...[null, 1, "yes"].map((value) => ["verifyAuditLog", DOORS["verifyAuditLog"]!, "trustOnFirstUse", value] as const),
  ...[null, 1, {}].map((value) => ["verifyAuditLog", DOORS["verifyAuditLog"]!, "onProgress", value] as const),
  ["queryAuditLogs", QUERIES["queryAuditLogs"]!, "proofs", "yes"],
  ...["user", "eventType", "result"].flatMap((field) =>
    [null, 1, [], [1], ["x", null]].map((value) => ["getAuditLogs", QUERIES["getAuditLogs"]!, field, value] as const),
  ),
  ...["cursor", "text", "not"].flatMap((field) =>
    [null, 1, ["x"]].map((value) => ["getAuditLogs", QUERIES["getAuditLogs"]!, field, value] as const),
  ),
  ["getAuditLogs", QUERIES["getAuditLogs"]!, "text", " "],
  ...[null, "1", 1.5, 0].map((value) => ["getAuditLogs", QUERIES["getAuditLogs"]!, "limit", value] as const),
  ...[null, 1, "up"].map((value) => ["getAuditLogs", QUERIES["getAuditLogs"]!, "order", value] as const),
  ...[null, 1, "yesterday", revoked()].map(
    (value) => ["getAuditLogs", QUERIES["getAuditLogs"]!, "startTime", value] as const,
  ),
]

test.each(WRONG_VALUES.map(([name, door, field, value], n) => ({ n, name, door, field, value })))(
  "$name: a wrong $field is refused by name ($n)",
  async ({ door, field, value }) => {
    const error = await refusal(door, { logDir: place.logDir, [field]: value })
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
    expect(error.message).toMatch(new RegExp(`^${field} must be`))
  },
)

test("a filter that this version does not have is refused, not ignored", async () => {
  for (const door of Object.values(QUERIES))
    expect((await refusal(door, { logDir: place.logDir, person: "p1" })).message).toMatch(/no option "person" here/)
})

test.skipIf(process.platform === "win32")("a current directory that was deleted is told, by each", async () => {
  const before = process.cwd()
  fs.mkdirSync(`${place.directory}/gone`)
  process.chdir(`${place.directory}/gone`)
  try {
    fs.rmdirSync(`${place.directory}/gone`)
    for (const [name, door] of Object.entries(DOORS))
      expect(await refusal(door, { ...NEEDED[name] })).toMatchObject({
        code: "LOG_DIR_UNREADABLE",
        message: expect.stringContaining("SECUREML_AUDIT_DIR"),
      })
  } finally {
    process.chdir(before)
  }
})

test("options that are undefined are options left out", async () => {
  const options = { logDir: place.logDir, publicKey: undefined, against: undefined, onProgress: undefined }
  expect((await verifyAuditLog(options as never)).verdict).toBe("unverifiable")
  expect(await getAuditLogs({ logDir: place.logDir, user: undefined } as never)).toEqual([])
})
