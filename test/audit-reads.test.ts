/**
 * Reads leave traces: what a trail with `auditReads` records of the reads of its directory, and what it never writes down.
 * @module
 */
import * as fs from "node:fs"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import {
  AuditTrail,
  countAuditLogs,
  getAuditLogs,
  getKeptValues,
  getOperation,
  histogramAuditLogs,
  isEvent,
  proveEvent,
  queryAuditLogs,
  streamAuditLogs,
  traceDecision,
  verifyAuditLog,
  withAuditTrail,
} from "../src/audit.ts"
import { streamRecords } from "../src/query/index.ts"
import { createTestTrail } from "../src/testing.ts"
import { trainingLog } from "./cli/logs.ts"
import { usePlace } from "./place.ts"

const place = usePlace()
const warnings: (Error & { code?: string })[] = []
const listen = (warning: Error): void => {
  if (warning.name === "SecuremlWarning") warnings.push(warning)
}
beforeEach(() => {
  warnings.length = 0
  process.on("warning", listen)
})
afterEach(() => process.removeListener("warning", listen))

const actor = { id: "auditor-1", type: "user" }
const open = (options = {}): AuditTrail =>
  new AuditTrail("review", { logDir: place.logDir, auditReads: true, actor, ...options })

interface Read {
  readonly function: string
  readonly filters: unknown
  readonly records: number
  readonly completed: boolean
  readonly error?: string
}

/** The traces, read past the public functions, so that looking leaves none. */
async function traces(
  logDir = place.logDir,
): Promise<(Read & { by: string | undefined; parent: string | undefined })[]> {
  const found: (Read & { by: string | undefined; parent: string | undefined })[] = []
  for await (const record of streamRecords({ eventType: "audit_read" }, logDir)) {
    if (!isEvent(record, "audit_read")) continue
    found.push({ ...record.details, by: record.actor?.id, parent: record.parent_operation_id })
  }
  return found
}
const readBy = (read: Partial<Read>): Partial<Read> => ({ completed: true, ...read })

describe("each read leaves one event", () => {
  test("with the function, what was asked for, how much came back, and by whom", async () => {
    await trainingLog(place.logDir)
    const audit = open()
    const { logDir } = place
    const [, access, , decision] = await queryAll(logDir)
    const event_type = "data_access"
    await getAuditLogs({ logDir, eventType: event_type })
    for await (const _ of streamAuditLogs({ logDir, eventType: ["error", "data_access"], order: "desc", limit: 5 }));
    await queryAuditLogs({ logDir, startTime: "2026-01-01", not: { eventType: event_type }, limit: 2, proofs: true })
    await countAuditLogs({ logDir, regulation: "gdpr", endTime: new Date(0) })
    await histogramAuditLogs({ logDir, by: "type", result: false })
    await getOperation({ logDir, operationId: access!.operation_id })
    await traceDecision({ logDir, eventId: decision!.event_id })
    await proveEvent({ logDir, index: 3 })
    await getKeptValues({ logDir, eventId: access!.event_id })
    const not = { event_type }
    const expected: Partial<Read>[] = [
      { function: "getAuditLogs", filters: { event_type }, records: 1 },
      {
        function: "streamAuditLogs",
        filters: { event_type: ["error", "data_access"], order: "desc", limit: 5 },
        records: 2,
      },
      { function: "queryAuditLogs", filters: { start_time: "2026-01-01", not, limit: 2, proofs: true }, records: 2 },
      { function: "countAuditLogs", filters: { regulation: "GDPR", end_time: "1970-01-01T00:00:00.000Z" }, records: 0 },
      { function: "histogramAuditLogs", filters: { by: "type", result: false }, records: 1 },
      { function: "getOperation", filters: { operation_id: access!.operation_id }, records: 1 },
      { function: "traceDecision", filters: { event_id: decision!.event_id }, records: 3 },
      { function: "proveEvent", filters: { index: 3 }, records: 1 },
      { function: "getKeptValues", filters: { event_id: access!.event_id }, records: 0 },
    ]
    expect(await traces()).toEqual(
      expected.map((read) => ({ ...readBy(read), by: "auditor-1", parent: audit.operationId })),
    )
  })

  test("also when it is left, or fails on the way; what was refused was no read", async () => {
    await trainingLog(place.logDir)
    open()
    const { logDir } = place
    for await (const { index } of streamAuditLogs({ logDir })) if (index === 2) break
    await expect(getAuditLogs({ logDir, cursor: "no cursor" })).rejects.toMatchObject({ code: "CURSOR_MALFORMED" })
    await expect(getKeptValues({ logDir, eventId: "none" })).rejects.toMatchObject({ code: "EVENT_NOT_FOUND" })
    await expect(getAuditLogs({ logDir, limit: 0 })).rejects.toThrow(RangeError)
    await expect(countAuditLogs({ logDir, startTime: "yesterday" })).rejects.toThrow(TypeError)
    expect(await traces()).toMatchObject([
      { function: "streamAuditLogs", filters: {}, records: 3, completed: false },
      {
        function: "getAuditLogs",
        filters: { cursor: "given" },
        records: 0,
        completed: false,
        error: "CURSOR_MALFORMED",
      },
      { function: "getKeptValues", filters: { event_id: "given" }, completed: false, error: "EVENT_NOT_FOUND" },
    ])
  })

  test("also when it ends after the trail, and the log verifies", async () => {
    await trainingLog(place.logDir)
    const audit = open()
    const records = streamAuditLogs({ logDir: place.logDir })
    await records.next()
    await audit.close()
    await records.return()
    expect(await traces()).toMatchObject([{ records: 1, completed: false, parent: audit.operationId }])
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("unsealed_tail")
    await new AuditTrail("later", { logDir: place.logDir }).close()
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })

  test("under the path of a link to the directory too, and never for another directory", async () => {
    open()
    fs.symlinkSync(place.logDir, `${place.directory}/link`)
    await getAuditLogs({ logDir: `${place.directory}/link` })
    await trainingLog(`${place.directory}/other`)
    await getAuditLogs({ logDir: `${place.directory}/other` })
    await getAuditLogs({ logDir: `${place.directory}/nowhere` })
    expect(await traces()).toHaveLength(1)
    expect(await traces(`${place.directory}/other`)).toEqual([])
  })
})

describe("no read leaves one", () => {
  test("without the option, before the trail is open, or after it was closed", async () => {
    const { logDir } = place
    await trainingLog(logDir)
    await getAuditLogs({ logDir })
    open({ auditReads: false })
    open({ auditReads: undefined })
    await getAuditLogs({ logDir })
    const audit = open()
    await audit.close()
    await getAuditLogs({ logDir })
    const other = open()
    other[Symbol.dispose]()
    await withAuditTrail("inside", { logDir, auditReads: true }, () => undefined)
    await getAuditLogs({ logDir })
    expect(await traces()).toEqual([])
  })

  test("when it only verifies, or is a test's look at its own trail", async () => {
    open()
    await verifyAuditLog({ logDir: place.logDir })
    expect(await traces()).toEqual([])
    const { records, cleanup } = createTestTrail("test", { auditReads: true })
    await records()
    expect((await records()).map(({ event_type }) => event_type)).toEqual(["audit_started"])
    await cleanup()
  })
})

describe("by whom", () => {
  test("of several trails it is the one around the running code, else the last that was opened", async () => {
    const { logDir } = place
    open()
    const read = (id: string): Promise<void> =>
      withAuditTrail(id, { logDir, auditReads: true, actor: { id } }, async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        await getAuditLogs({ logDir, limit: 1 })
      })
    await Promise.all([read("a"), read("b"), read("c")])
    open({ actor: { id: "last" } })
    await getAuditLogs({ logDir, limit: 1 })
    expect((await traces()).map(({ by }) => by).sort()).toEqual(["a", "b", "c", "last"])
  })

  test("a trail within takes the option over from the one around it", async () => {
    const { logDir } = place
    await withAuditTrail("outer", { logDir, auditReads: true, actor }, () =>
      withAuditTrail("inner", {}, async (inner) => {
        await getAuditLogs({ logDir })
        expect(await traces()).toMatchObject([{ by: "auditor-1", parent: inner.operationId }])
      }),
    )
  })

  test("without an actor it is the user of the operating system", async () => {
    open({ actor: undefined })
    await getAuditLogs({ logDir: place.logDir })
    const [record] = await getAuditLogs({ logDir: place.logDir, eventType: "audit_read" })
    expect(record!.actor).toMatchObject({ type: "system_user" })
  })
})

describe("no identifier of a person gets into the log in clear", () => {
  const person = "jane.roe@example.org"
  const fields = [
    ...["user", "text", "requestId", "operationId", "operationName", "parentOperationId", "traceId", "eventType"],
    ...["datasetName", "modelId", "regulation", "status", "result"],
  ] as const
  const written = (): string => {
    const journal = `${place.logDir}/.state/journal`
    return fs
      .readdirSync(journal)
      .map((name) => fs.readFileSync(`${journal}/${name}`, "utf8"))
      .join("")
  }

  test.each(fields)("in %s: an address, a name, a number", async (field) => {
    open()
    const values = [person, "Jane Roe", "+49 30 901820", "1234567890", "Zoë"]
    for (const value of values) await getAuditLogs({ logDir: place.logDir, [field]: value })
    if (field !== "text") {
      await countAuditLogs({ logDir: place.logDir, [field]: values })
      await countAuditLogs({ logDir: place.logDir, not: { [field]: values } })
    }
    const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const reads = await traces()
    expect(reads).toHaveLength(field === "text" ? 5 : 7)
    for (const { filters } of reads.slice(0, 5)) expect(filters).toEqual({ [name]: "given" })
    for (const value of values) expect(written()).not.toContain(value)
  })

  test.each(["user", "text", "requestId"] as const)("in %s: anything at all", async (field) => {
    open()
    await getAuditLogs({ logDir: place.logDir, [field]: "jroe" })
    if (field !== "text") await getAuditLogs({ logDir: place.logDir, [field]: ["jroe"], not: { [field]: "jroe" } })
    expect(await traces()).toHaveLength(field === "text" ? 1 : 2)
    expect(written()).not.toContain("jroe")
  })

  test("in the id of an event or an operation that is none, nor in a cursor or a time", async () => {
    open()
    const { logDir } = place
    await expect(getOperation({ logDir, operationId: person })).rejects.toMatchObject({ code: "OPERATION_NOT_FOUND" })
    await expect(getAuditLogs({ logDir, cursor: person })).rejects.toMatchObject({ code: "CURSOR_MALFORMED" })
    await expect(getAuditLogs({ logDir, endTime: person })).rejects.toThrow(TypeError)
    for (const read of [proveEvent, traceDecision, getKeptValues])
      await expect(read({ logDir, eventId: person })).rejects.toMatchObject({ code: "EVENT_NOT_FOUND" })
    expect(await traces()).toHaveLength(5)
    expect(written()).not.toContain("jane")
  })

  test("of a long list, nor what the trail's own rules redact", async () => {
    open({ redact: ["model_id"] })
    const { logDir } = place
    await countAuditLogs({ logDir, eventType: Array.from({ length: 21 }, (_, n) => `type_${n}`) })
    await countAuditLogs({ logDir, modelId: "internal-7" })
    expect((await traces())[0]!.filters).toEqual({ event_type: "given" })
    expect((await traces())[1]!.filters).toEqual({ model_id: expect.objectContaining({ $secureml: "redacted" }) })
    expect(written()).not.toContain("internal")
  })
})

test("a read that cannot be recorded goes on, and that is warned about once", async () => {
  await trainingLog(place.logDir)
  open()
  const [first, second] = [streamAuditLogs({ logDir: place.logDir }), streamAuditLogs({ logDir: place.logDir })]
  await first.next()
  await second.next()
  fs.rmSync(place.logDir, { recursive: true })
  fs.writeFileSync(place.logDir, "")
  // After a pause the writer looks whether its file still has a name, and then cannot make another one.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100)
  expect(await first.return()).toEqual({ done: true, value: undefined })
  expect(await second.return()).toEqual({ done: true, value: undefined })
  await new Promise((resolve) => setImmediate(resolve))
  expect(warnings.map(({ code }) => code).filter((code) => code === "READ_NOT_RECORDED")).toHaveLength(1)
})

/** All records, past the public functions. */
async function queryAll(logDir: string) {
  const found = []
  for await (const record of streamRecords<string>({}, logDir))
    found.push(record as { operation_id: string; event_id: string })
  return found
}
