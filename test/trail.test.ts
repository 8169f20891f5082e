import * as fs from "node:fs"
import { describe, expect, test, vi } from "vitest"
import { AuditTrail, currentAuditTrail, getAuditLogs, isEvent, verifyAuditLog, withAuditTrail } from "../src/audit.ts"
import { verifyProof } from "../src/verify.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()

/** A Proxy that cannot be asked any more. */
function revoked(target: object = {}): never {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy as never
}
const records = () => getAuditLogs({ logDir: place.logDir })

function open(name = "model_training", options = {}): AuditTrail {
  return new AuditTrail(name, { logDir: place.logDir, ...options })
}

describe("every method writes its event", () => {
  test.each([
    [
      "data_access",
      (audit: AuditTrail) =>
        audit.logDataAccess({ datasetName: "d", columnsAccessed: ["a"], numRecords: 3, purpose: "p", user: "u" }),
      { dataset_name: "d", columns_accessed: ["a"], num_records: 3, purpose: "p", user: "u" },
    ],
    [
      "data_transformation",
      (audit: AuditTrail) =>
        audit.logDataTransformation({
          transformationType: "drop",
          inputData: "a",
          outputData: "b",
          parameters: { k: 1 },
        }),
      { transformation_type: "drop", input_data: "a", output_data: "b", parameters: { k: 1 } },
    ],
    [
      "model_training",
      (audit: AuditTrail) =>
        audit.logModelTraining({
          modelType: "rf",
          datasetName: "d",
          parameters: { trees: 5 },
          metrics: { acc: 0.9 },
          privacyParameters: { epsilon: 1 },
        }),
      {
        model_type: "rf",
        dataset_name: "d",
        parameters: { trees: 5 },
        metrics: { acc: 0.9 },
        privacy_parameters: { epsilon: 1 },
      },
    ],
    [
      "model_inference",
      (audit: AuditTrail) =>
        audit.logModelInference({ modelId: "m", inputData: { age: 3 }, output: { label: 1 }, confidence: 0.5 }),
      { model_id: "m", input_data: { age: 3 }, output: { label: 1 }, confidence: 0.5 },
    ],
    [
      "compliance_check",
      (audit: AuditTrail) =>
        audit.logComplianceCheck({ checkType: "bias", regulation: "GDPR", result: false, details: { gap: 0.1 } }),
      { check_type: "bias", regulation: "GDPR", result: false, details: { gap: 0.1 } },
    ],
    [
      "user_request",
      (audit: AuditTrail) =>
        audit.logUserRequest({ requestType: "access", userId: "u1", details: {}, status: "received" }),
      { request_type: "access", user_id: "u1", details: {}, status: "received" },
    ],
    [
      "error",
      (audit: AuditTrail) => audit.logError(new RangeError("too far")),
      { error_type: "RangeError", message: "too far" },
    ],
    [
      "error",
      (audit: AuditTrail) => audit.logError({ errorType: "E", message: "m", details: { a: 1 } }),
      { error_type: "E", message: "m", details: { a: 1 } },
    ],
    ["model_deployed", (audit: AuditTrail) => audit.logEvent("model_deployed", { region: "eu" }), { region: "eu" }],
  ] as const)("%s", async (eventType, log, details) => {
    const audit = open()
    const receipt = log(audit)
    expect(receipt).toMatchObject({ eventType, sequence: 1 })
    await audit.close("completed", { note: "ok" })
    const [started, event, closed] = await records()
    expect(started).toMatchObject({ event_type: "audit_started", sequence: 0, details: { regulations: [] } })
    expect(event!.details).toEqual(details)
    expect(Object.keys(event!.details)).toEqual(Object.keys(details))
    expect(event).toMatchObject({ event_id: receipt.eventId, timestamp: receipt.timestamp, event_type: eventType })
    expect(closed).toMatchObject({
      event_type: "audit_closed",
      sequence: 2,
      details: { status: "completed", details: { note: "ok" } },
    })
  })

  test("the envelope has its keys in the promised order", async () => {
    const audit = open("ordered", { context: { c: 1 }, regulations: ["gdpr"], actor: { id: "a", type: "user" } })
    await audit
      .logEvent(
        "e",
        { d: 1 },
        { occurredAt: "2026-01-02T03:04:05Z", evidence: { extra: true }, regulations: ["HIPAA"] },
      )
      .sealed()
      .then(({ entry }) => {
        const parsed = JSON.parse(entry) as Record<string, unknown>
        expect(Object.keys(parsed)).toEqual([
          "v",
          "event_id",
          "event_type",
          "timestamp",
          "operation_id",
          "operation_name",
          "sequence",
          "writer",
          "actor",
          "occurred_at",
          "regulations",
          "context",
          "details",
        ])
        expect(parsed).toMatchObject({
          regulations: ["GDPR", "HIPAA"],
          details: { d: 1, extra: true },
          occurred_at: "2026-01-02T03:04:05.000Z",
        })
      })
  })
})

describe("what the Python module got wrong", () => {
  test("text with ' - ' is found again", async () => {
    await withAuditTrail("hyphens", { logDir: place.logDir }, (audit) =>
      audit.logEvent("note", { text: "before - after - end" }),
    )
    expect((await getAuditLogs({ logDir: place.logDir, text: " - after - " })).length).toBe(1)
  })

  test("details and context cannot override the envelope", async () => {
    const hostile = {
      event_type: "forged",
      timestamp: "1999",
      operation_id: "x",
      sequence: 99,
      writer: {},
      v: 2,
      __proto__: { polluted: true },
    }
    const audit = open("honest", { context: hostile })
    audit.logEvent("plain", hostile)
    const [, event] = await records()
    expect(event).toMatchObject({
      event_type: "plain",
      operation_id: audit.operationId,
      sequence: 1,
      details: { event_type: "forged" },
    })
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
  })

  test.each([
    "../x",
    "a/b",
    "..",
    "-rf",
    "--help",
    "-",
    "/etc/passwd",
    "x".repeat(300),
    "a\u0000b",
    "C:\\x",
    "ünïcode",
    ".hidden",
  ])("an operation called %j never becomes a path", async (name) => {
    const audit = open(name, { fileLogging: true })
    await audit.close()
    const text = fs.readdirSync(place.logDir).filter((file) => file.endsWith(".log"))
    expect(text.length).toBe(1)
    expect(text[0]).toMatch(/^[^.-]/)
    expect(fs.readdirSync(place.directory).sort()).toEqual(["log", "state"])
    expect((await getAuditLogs({ logDir: place.logDir, operationName: name })).length).toBe(2)
  })

  test("'train' does not match 'train_v2'", async () => {
    await open("train").close()
    await open("train_v2").close()
    expect((await getAuditLogs({ logDir: place.logDir, operationName: "train" })).length).toBe(2)
  })

  test("the log level is honoured by the text log, and only there", async () => {
    const audit = open("levels", { fileLogging: true, logLevel: 30 })
    audit.logComplianceCheck({ checkType: "c", regulation: "GDPR", result: false, details: {} })
    audit.logComplianceCheck({ checkType: "c", regulation: "GDPR", result: true, details: {} })
    audit.logError(new Error("e"))
    await audit.close()
    const file = fs.readdirSync(place.logDir).find((name) => name.endsWith(".log"))!
    const lines = fs.readFileSync(`${place.logDir}/${file}`, "utf8").trimEnd().split("\n")
    expect(lines.map((line) => line.split(" - ")[2])).toEqual(["WARNING", "ERROR"])
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - secureml\.audit\./)
    expect((await records()).length).toBe(5)
  })

  test("the text log's format is honoured", async () => {
    const audit = open("formatted", { fileLogging: true, logFormat: "%(levelname)-8s|100%%|%(levelno)04d" })
    audit.logError(new Error("e"))
    await audit.close()
    const file = fs.readdirSync(place.logDir).find((name) => name.endsWith(".log"))!
    const lines = fs.readFileSync(`${place.logDir}/${file}`, "utf8").trimEnd().split("\n")
    expect(lines).toEqual(["INFO    |100%|0020", "ERROR   |100%|0040", "INFO    |100%|0020"])
  })

  test("files are private whatever the umask", async () => {
    const umask = process.umask(0)
    try {
      const audit = open("private", { fileLogging: true })
      await audit.close()
    } finally {
      process.umask(umask)
    }
    const loose = fs
      .readdirSync(place.directory, { recursive: true, encoding: "utf8" })
      .filter((name) => (fs.lstatSync(`${place.directory}/${name}`).mode & 0o077) !== 0)
    expect(loose).toEqual([])
  })

  test("closing twice is one event, and logging afterwards is an error", async () => {
    const audit = open()
    expect(audit.close()).toBe(audit.close("again"))
    await audit.close()
    const closed = expect.objectContaining({ code: "TRAIL_CLOSED" })
    expect(() => audit.logEvent("late", {})).toThrow(closed)
    expect(() => audit.setupFileLogging()).toThrow(closed)
    expect(fs.readdirSync(place.logDir).filter((name) => name.endsWith(".log"))).toEqual([])
    expect((await records()).filter((record) => isEvent(record, "audit_closed")).length).toBe(1)
  })

  test("a crashed trail is visible as unfinished", async () => {
    open("crashed").logEvent("step", {})
    await restart(place)
    expect((await records()).map(({ event_type }) => event_type)).not.toContain("audit_closed")
  })
})

describe("types of logEvent", () => {
  interface Row {
    readonly model_id: string
    readonly loss?: number
  }

  test("a row typed by an interface is details as it is", async () => {
    const row: Row = { model_id: "m1" }
    open().logEvent("row_seen", row)
    expect((await records())[1]!.details).toEqual(row)
  })

  test("types of our own, and text as details, do not compile", () => {
    const audit = open()
    // @ts-expect-error only secureml records audit_…
    expect(() => audit.logEvent("audit_started", {})).toThrow(TypeError)
    // @ts-expect-error only secureml records key_…
    expect(() => audit.logEvent("key_rotated", {})).toThrow(TypeError)
    // @ts-expect-error details are an object
    expect(() => audit.logEvent("note", "text")).toThrow(TypeError)
  })
})

describe("receipts", () => {
  test("durable and sealed resolve, and the proof verifies on its own", async () => {
    const audit = open()
    const receipt = audit.logEvent("e", { n: 1 })
    await receipt.durable()
    const sealed = await receipt.sealed()
    const key = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    expect(await verifyProof(sealed.proof, sealed.entry, key)).toMatchObject({ index: sealed.index })
    await expect(verifyProof(sealed.proof, sealed.entry.replace('"n":1', '"n":2'), key)).rejects.toThrow()
  })

  test("a value is stored as it was at the time of the call", async () => {
    const audit = open()
    const details = { list: [1] }
    audit.logEvent("e", details)
    details.list.push(2)
    expect((await records())[1]!.details).toEqual({ list: [1] })
  })

  test("what is too large is cut to a marker and named in the receipt", async () => {
    const audit = open()
    const receipt = audit.logEvent("e", { small: 1, big: "x".repeat(20 * 1024 * 1024) })
    expect(receipt.omitted).toMatchObject([{ pointer: "/big", type: "string", bytes: 20 * 1024 * 1024 }])
    expect((await records())[1]!.details).toMatchObject({ small: 1, big: { $secureml: "omitted" } })
  })

  test("a rejection that nobody awaits goes to the callback, with the trail that it is about", async () => {
    const told: unknown[] = []
    const audit = open("unheard", {
      onWriteError: (error: { code: string }, event: object) => told.push([error.code, event]),
    })
    await audit.flush()
    const receipt = audit.logEvent("late", {})
    fs.renameSync(place.logDir, `${place.directory}/moved`)
    void receipt.sealed()
    await vi.waitFor(() => expect(told).toHaveLength(1))
    const { operationName, operationId } = audit
    expect(told).toEqual([["SEALING_UNAVAILABLE", { eventType: "late", operationName, operationId }]])
    fs.renameSync(`${place.directory}/moved`, place.logDir)
  })

  test("durability 'durable' syncs before it returns", () => {
    const audit = open("durable", { durability: "durable" })
    expect(audit.logEvent("e", {}).sequence).toBe(1)
  })
})

describe("wrong arguments name the field and write nothing", () => {
  test.each([
    [
      "datasetName",
      (audit: AuditTrail) => audit.logDataAccess({ columnsAccessed: [], numRecords: 1, purpose: "p" } as never),
    ],
    [
      "numRecords",
      (audit: AuditTrail) =>
        audit.logDataAccess({ datasetName: "d", columnsAccessed: [], numRecords: -1, purpose: "p" }),
    ],
    [
      "confidence",
      (audit: AuditTrail) => audit.logModelInference({ modelId: "m", inputData: 1, output: 1, confidence: 1.5 }),
    ],
    [
      "dataset_name",
      (audit: AuditTrail) =>
        audit.logDataAccess({
          dataset_name: "d",
          datasetName: "d",
          columnsAccessed: [],
          numRecords: 1,
          purpose: "p",
        } as never),
    ],
    ["eventType", (audit: AuditTrail) => audit.logEvent("audit_started" as string, {})],
    ["eventType", (audit: AuditTrail) => audit.logEvent("function_call" as string, {})],
    ["eventType", (audit: AuditTrail) => audit.logEvent("events_lost" as string, {})],
    ["details", (audit: AuditTrail) => audit.logEvent("e", null as never)],
    ["details", (audit: AuditTrail) => audit.logEvent("e", revoked())],
    ["options of a call", (audit: AuditTrail) => audit.logEvent("e", {}, revoked())],
    ["options of a call", (audit: AuditTrail) => audit.logEvent("e", {}, null as never)],
    ["evidence", (audit: AuditTrail) => audit.logEvent("e", {}, { evidence: revoked() })],
    ["actor", (audit: AuditTrail) => audit.logEvent("e", {}, { actor: revoked() })],
    ["occurredAt", (audit: AuditTrail) => audit.logEvent("e", {}, { occurredAt: revoked() })],
    ["regulations", (audit: AuditTrail) => audit.logEvent("e", {}, { regulations: revoked([]) })],
    ["regulations", (audit: AuditTrail) => audit.logEvent("e", {}, { regulations: 5 as never })],
    ["subjects", (audit: AuditTrail) => audit.logEvent("e", {}, { subjects: [] })],
    ["personal", (audit: AuditTrail) => audit.logEvent("e", {}, { subjects: ["p"], personal: ["/name"] })],
    ["details", (audit: AuditTrail) => audit.close("completed", null as never)],
    ["details", (audit: AuditTrail) => audit.close("completed", "done" as never)],
    ["details", (audit: AuditTrail) => audit.close("completed", [] as never)],
    ["details", (audit: AuditTrail) => audit.close("completed", revoked())],
    ["status", (audit: AuditTrail) => audit.close(null as never)],
    [
      "evidence",
      (audit: AuditTrail) =>
        audit.logDataAccess(
          { datasetName: "d", columnsAccessed: [], numRecords: 1, purpose: "p" },
          { evidence: { purpose: "other" } },
        ),
    ],
    ["occurredAt", (audit: AuditTrail) => audit.logEvent("e", {}, { occurredAt: "yesterday" })],
    ["actor", (audit: AuditTrail) => audit.logEvent("e", {}, { actor: {} as never })],
    ["colour", (audit: AuditTrail) => audit.logEvent("e", {}, { colour: 1 } as never)],
  ])("%s", async (field, log) => {
    const audit = open()
    expect(() => log(audit)).toThrow(expect.objectContaining({ message: expect.stringContaining(field) }))
    expect(() => log(audit)).toThrow(/^(?!Cannot)/)
    expect((await records()).length).toBe(1)
    expect(audit.closed).toBe(false)
  })

  test.each([
    ["operationName", () => open("")],
    ["operationName", () => new AuditTrail({ logDir: place.logDir } as never)],
    ["context", () => open("x", { context: { big: "x".repeat(20_000) } })],
    [
      "operationName",
      () =>
        new (AuditTrail as never as new (a: object, b: object) => AuditTrail)(
          { operationName: "x" },
          { logDir: place.logDir },
        ),
    ],
    ["logLevel", () => open("x", { logLevel: "INFO" })],
    ["privacy", () => open("x", { privacy: { staff: "clear" } as never })],
    ["auditReads", () => open("x", { auditReads: "yes" })],
    ["logFormat", () => open("x", { logFormat: "%(thread)d %(message)s" })],
    ["logFormat", () => open("x", { logFormat: "100% %(message)s" })],
    ["options of a trail", () => new AuditTrail("x", null as never)],
    ["options of a trail", () => new AuditTrail("x", revoked())],
    ["options of a trail", () => new AuditTrail(revoked())],
    ["context", () => open("x", { context: revoked() })],
    ["actor", () => open("x", { actor: revoked() })],
    ["regulations", () => open("x", { regulations: revoked([]) })],
    ["regulations", () => open("x", { regulations: 5 })],
    ["redact", () => open("x", { redact: revoked([]) })],
  ])("the constructor: %s", (field, make) => {
    expect(make).toThrow(expect.objectContaining({ message: expect.stringContaining(field) }))
    expect(make).toThrow(/^(?!Cannot)/)
    expect(fs.existsSync(place.logDir)).toBe(false)
  })

  test.skipIf(process.platform === "win32")("a current directory that was deleted names the variable", () => {
    const before = process.cwd()
    fs.mkdirSync(`${place.directory}/gone`)
    process.chdir(`${place.directory}/gone`)
    try {
      fs.rmdirSync(`${place.directory}/gone`)
      expect(() => new AuditTrail("x")).toThrow(
        expect.objectContaining({
          code: "LOG_DIR_NOT_WRITABLE",
          message: expect.stringMatching(/current directory.*SECUREML_AUDIT_DIR/),
        }),
      )
    } finally {
      process.chdir(before)
    }
  })

  test("a directory that cannot be made names the absolute path and the variable", () => {
    fs.writeFileSync(`${place.directory}/file`, "")
    const make = () => new AuditTrail("x", { logDir: `${place.directory}/file/log` })
    expect(make).toThrow(
      expect.objectContaining({
        code: "LOG_DIR_NOT_WRITABLE",
        message: expect.stringMatching(/\/file\/log.*SECUREML_AUDIT_DIR/),
      }),
    )
  })
})

describe("around code", () => {
  test("withAuditTrail closes, records errors, passes them on, and nests", async () => {
    const failure = new TypeError("inner")
    const run = withAuditTrail(
      "outer",
      { logDir: place.logDir, context: { a: 1 }, regulations: ["GDPR"], actor: { id: "me" } },
      async (outer) => {
        expect(currentAuditTrail()).toBe(outer)
        await withAuditTrail("inner", { context: { b: 2 } }, (inner) => {
          expect(currentAuditTrail()).toBe(inner)
          throw failure
        })
      },
    )
    await expect(run).rejects.toBe(failure)
    expect(currentAuditTrail()).toBeUndefined()
    const all = await records()
    const inner = all.filter(({ operation_name }) => operation_name === "inner")
    expect(inner.map(({ event_type }) => event_type)).toEqual(["audit_started", "error", "audit_closed"])
    expect(inner[0]).toMatchObject({
      parent_operation_id: all[0]!.operation_id,
      context: { a: 1, b: 2 },
      regulations: ["GDPR"],
      actor: { id: "me" },
    })
    expect(inner[2]!.details).toMatchObject({ status: "error" })
  })

  test("disposal without close is never 'completed'", async () => {
    {
      const audit = open()
      await audit[Symbol.asyncDispose]()
      audit[Symbol.dispose]()
    }
    expect((await getAuditLogs({ logDir: place.logDir, status: "disposed" })).length).toBe(1)
  })

  test("an unknown regulation is kept and warned about once", async () => {
    const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined)
    open("a", { regulations: ["Moon Law"] })
    open("b", { regulations: ["Moon Law", "gdpr"] })
    expect(warning).toHaveBeenCalledTimes(1)
    warning.mockRestore()
    expect((await records()).map(({ regulations }) => regulations)).toEqual([["Moon Law"], ["Moon Law", "GDPR"]])
  })

  test("5,000 trails leave no 5,000 files and no pile of checkpoints", { timeout: 60_000 }, async () => {
    const closing = Array.from({ length: 5_000 }, (_, n) =>
      withAuditTrail(`op ${n % 7}`, { logDir: place.logDir }, () => n),
    )
    await Promise.all(closing)
    await open("last").close()
    const files = fs.readdirSync(place.logDir, { recursive: true }).length
    expect(files).toBeLessThan(200)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})
