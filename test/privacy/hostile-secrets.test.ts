import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { AuditTrail, auditFunction, type CallOptions } from "../../src/audit.ts"
import { usePlace } from "../place.ts"
import { SecretMaker } from "./made-up-secret.ts"
import { SECRET_TEXTS } from "./secret-texts.ts"
import { SECRET_VALUES, SECRET_VALUES_MISSED } from "./secret-values.ts"
import { bytesBelow, TextSearch } from "./stored-bytes.ts"

/** A shape, made once for all ways of logging it. */
interface Hostile {
  readonly title: string
  readonly value: object
  /** Only of shapes that are texts. */
  readonly text: string | undefined
  readonly secrets: readonly string[]
}

const HOSTILE: readonly Hostile[] = [
  ...SECRET_TEXTS.map(([title, textOf], n) => {
    const make = new SecretMaker(101 + n)
    const text = textOf(make)
    return { title, text, value: { note: text, list: ["x", text, "y"] }, secrets: make.made }
  }),
  ...SECRET_VALUES.map(([title, makeValue], n) => {
    const make = new SecretMaker(9001 + n)
    return { title, text: undefined, value: makeValue(make), secrets: make.made }
  }),
]

const place = usePlace()
let said = ""

// Whatever would reach the terminal: what is written, what is warned of, what is thrown.
const onWarning = (warning: Error): void => void (said += `${warning.stack}\n`)
beforeEach(() => {
  said = ""
  process.on("warning", onWarning)
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((chunk) => {
      said += String(chunk)
      return true
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  process.off("warning", onWarning)
})

/** Text of an error and of what caused it. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${error.stack}\n${error.cause === undefined ? "" : told(error.cause)}`
}

const search = new TextSearch(HOSTILE.flatMap(({ secrets }) => secrets))

/** Ends everything and names each secret that is anywhere. */
async function leaks(audit: AuditTrail): Promise<readonly string[]> {
  if (!audit.closed) await audit.close()
  // A warning is told in the next turn.
  await new Promise((resolve) => setTimeout(resolve, 5))
  vi.restoreAllMocks()
  const files = new Map([...bytesBelow(place.directory), ["the terminal", said]])
  expect(files.size).toBeGreaterThan(5)
  return [...files].flatMap(([path, bytes]) => {
    const found = search.in(bytes)
    return HOSTILE.filter(({ secrets }) => secrets.some((secret) => found.has(secret))).map(
      ({ title }) => `${title}: ${path}`,
    )
  })
}

const open = (): AuditTrail => new AuditTrail("hostile", { logDir: place.logDir, fileLogging: true, keepLarge: true })

type Route = (audit: AuditTrail, value: object, text: string, options: CallOptions) => void

const ROUTES: readonly (readonly [name: string, route: Route])[] = [
  ["logEvent", (audit, value) => audit.logEvent("step", value as never)],
  ["logEvent, below a name", (audit, value, note) => audit.logEvent("step", { value, note } as never)],
  ["evidence", (audit, value, note) => audit.logEvent("step", {} as never, { evidence: { value, note } })],
  [
    "logDataAccess",
    (audit, value, text) =>
      audit.logDataAccess(
        { datasetName: text, columnsAccessed: ["x", text, "y"], numRecords: 1, purpose: text, user: text },
        { evidence: { value } },
      ),
  ],
  [
    "logDataTransformation",
    (audit, value, text) =>
      audit.logDataTransformation({ transformationType: text, inputData: value, outputData: text, parameters: value }),
  ],
  [
    "logModelTraining",
    (audit, value, text) =>
      audit.logModelTraining({
        modelType: text,
        datasetName: text,
        parameters: value,
        metrics: value,
        privacyParameters: value,
      }),
  ],
  [
    "logModelInference",
    (audit, value, text) => audit.logModelInference({ modelId: text, inputData: value, output: value }),
  ],
  [
    "logComplianceCheck",
    (audit, value, text) =>
      audit.logComplianceCheck({ checkType: text, regulation: text, result: text, details: value }),
  ],
  [
    "logUserRequest",
    (audit, value, text) => audit.logUserRequest({ requestType: text, userId: text, details: value, status: text }),
  ],
  ["logError", (audit, value, text) => audit.logError({ errorType: text, message: text, details: value })],
  [
    "logError of an Error",
    (audit, value, text) => {
      const error = Object.assign(new Error(text, { cause: value }), { name: text })
      audit.logError(error, { evidence: { error } })
    },
  ],
  [
    "an actor",
    (audit, _, text) => {
      const id = text.slice(0, 1_000)
      audit.logDataAccess(
        { datasetName: "d", columnsAccessed: [], numRecords: 0, purpose: "p" },
        { actor: { id, type: id, role: id } },
      )
    },
  ],
  [
    "arguments that are wrong",
    (audit, value, text) => {
      for (const wrong of [
        () => audit.logDataAccess(value as never),
        () => audit.logDataAccess({ [text.slice(0, 64)]: 1 } as never),
        () => audit.logEvent("step", text as never),
        () => audit.logEvent("step", {} as never, { [text]: 1 } as never),
        () => audit.logEvent(`audit_${text.slice(0, 200)}` as never, {} as never),
        () => new AuditTrail("x", { logDir: place.logDir, [text]: 1 } as never),
        () => new AuditTrail("x", { logDir: place.logDir, actor: { id: "a", [text]: 1 } as never }),
        () => auditFunction(() => 1, { operationName: "x", [text]: 1 } as never),
        () => audit.logEvent(text.slice(0, 200), value as never),
        () => audit.logEvent("step", {} as never, value as never),
        () => audit.logEvent("step", value as never, { evidence: value as never }),
        () => audit.logModelInference({ modelId: "m", inputData: 1, output: 1, confidence: text as never }),
        () => new AuditTrail("x", { logDir: place.logDir, ...value } as never),
        () => new AuditTrail("x", { logDir: place.logDir, actor: value as never }),
      ]) {
        try {
          wrong()
        } catch (error) {
          said += told(error)
        }
      }
    },
  ],
]

test.each(ROUTES)("no secret is in any stored byte, nor told: %s", async (_, route) => {
  const audit = open()
  for (const { value, text } of HOSTILE) route(audit, value, text ?? "a text", {})
  expect(await leaks(audit)).toEqual([])
})

test("no secret is in any stored byte, nor told: contexts, and the details of close", async () => {
  const options = { logDir: place.logDir, fileLogging: true }
  for (const { value, text } of HOSTILE) {
    const audit = new AuditTrail("hostile", { ...options, context: { value, text } })
    expect(JSON.stringify(audit.context)).not.toContain("-----BEGIN")
    void audit.close(text ?? "done", { value, text })
  }
  expect(await leaks(open())).toEqual([])
})

test("no secret is in any stored byte, nor told: names and actors of trails", async () => {
  for (const { text } of HOSTILE) {
    if (text === undefined) continue
    const actor = { id: text.slice(0, 1_000) }
    const audit = new AuditTrail(text.slice(0, 900), { logDir: place.logDir, fileLogging: true, actor })
    void audit.close()
    try {
      audit.logEvent("step", {} as never)
    } catch (error) {
      said += told(error)
    }
  }
  expect(await leaks(open())).toEqual([])
})

test("no secret is in any stored byte, nor told: values that are too large for an entry", async () => {
  const audit = open()
  for (const { value, text } of HOSTILE) {
    audit.logEvent("step", { large: { value, filler: "x".repeat(70_000) }, text: `${"word ".repeat(14_000)}${text}` })
  }
  expect(await leaks(audit)).toEqual([])
})

describe("no secret is in any stored byte, nor told: a function that is audited", () => {
  for (const [how, options] of [
    ["with default settings", {}],
    ["with everything captured", { capture: "full" }],
  ] as const) {
    test(how, async () => {
      const settings = { operationName: "run", logDir: place.logDir, fileLogging: true, ...options }
      const give = auditFunction((...args: unknown[]) => args, settings)
      const fail = auditFunction((_: unknown, text: string, cause: object) => {
        throw Object.assign(new Error(`cannot use ${text}`, { cause }), { name: "UseError" })
      }, settings)
      const reject = auditFunction(async (text: string) => Promise.reject(new Error(text)), settings)
      const stream = auditFunction(function* (text: string) {
        yield text
        return { text }
      }, settings)
      for (const { value, text } of HOSTILE) {
        give(value, text)
        expect(() => fail(value, text ?? "nothing", value)).toThrow("cannot use")
        await expect(reject(text ?? "nothing")).rejects.toThrow()
        expect([...stream(text ?? "nothing")]).toHaveLength(1)
      }
      expect(await leaks(open())).toEqual([])
    })
  }
})

test.each(SECRET_VALUES_MISSED)(
  "a secret with no name over it or directly beside it is stored: %s",
  async (_, makeValue) => {
    const make = new SecretMaker(77)
    const audit = open()
    audit.logEvent("step", makeValue(make) as never)
    await audit.close()
    const files = [...bytesBelow(place.directory).values()]
    expect(files.some((bytes) => new TextSearch(make.made).in(bytes).size > 0)).toBe(true)
  },
)

test("the corpus is as large as it should be, and holds no secret itself", () => {
  expect(HOSTILE.length).toBeGreaterThanOrEqual(190)
  expect(new Set(HOSTILE.map(({ title }) => title)).size).toBe(HOSTILE.length)
  for (const { title, secrets } of HOSTILE) expect(secrets.length, title).toBeGreaterThan(0)
})
