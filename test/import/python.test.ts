import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { beforeEach, describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { type ImportReport, importLogs } from "../../src/import/index.ts"
import { restart, usePlace } from "../place.ts"
import { HAS_PYTHON, NEEDS_PYTHON, pythonLine, writeLines, writeWithPython } from "./python-logs.ts"

const place = usePlace()
let source = ""
beforeEach(() => {
  source = `${place.directory}/old`
  fs.mkdirSync(source)
})

const ID = "8b1c5f0e-2d7a-4c39-9a51-0f6e3d2b7c84"
const FILE = `train_${ID}.log`

function run(options: { timezone?: string; dryRun?: boolean } = {}): Promise<ImportReport> {
  return importLogs({ from: "python-secureml", source, logDir: place.logDir, ...options })
}

/** Records that came from elsewhere. */
async function imported(): Promise<Awaited<ReturnType<typeof getAuditLogs>>> {
  const records = await getAuditLogs({ logDir: place.logDir })
  return records.filter(({ context }) => context?.["imported"] !== undefined)
}

function entry(n: number, more: object = {}): object {
  return {
    event_type: "step",
    timestamp: "2026-11-24T02:11:00.123000",
    operation_id: ID,
    operation_name: "train",
    n,
    ...more,
  }
}

describe("what Python wrote", () => {
  test.skipIf(!HAS_PYTHON)(
    `becomes marked events under its own operation, sealed and verified${NEEDS_PYTHON}`,
    async () => {
      const events = [
        { type: "audit_started", details: { start_time: "x", regulations: ["GDPR"] } },
        {
          type: "data_access",
          details: { dataset_name: "a - b", columns_accessed: ["age"], num_records: 3, purpose: "p", user: null },
        },
        {
          type: "metrics",
          details: { loss: Number.NaN, worst: Number.NEGATIVE_INFINITY, big: 2n ** 70n, ключ: "значение" },
        },
        { type: "function_call", details: { function: "f", module: "m", args: "()", kwargs: "{}" } },
        { type: "audit_closed", details: { status: "completed", end_time: "y", details: {} } },
      ]
      writeWithPython(source, [{ name: "data - prep-v2", id: ID, context: { environment: "test" }, events }])
      const report = await run()
      expect(report).toMatchObject({ files: 1, lines: 5, imported: 5, known: 0, damaged: 0, unreadable: [] })
      const found = await getAuditLogs({ logDir: place.logDir, operationId: ID })
      expect(found.map(({ event_type }) => event_type)).toEqual([
        "imported_audit_started",
        "data_access",
        "metrics",
        "imported_function_call",
        "imported_audit_closed",
      ])
      expect(new Set(found.map(({ operation_name }) => operation_name))).toEqual(new Set(["data - prep-v2"]))
      expect(found.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4])
      expect(found[1]!.details).toEqual({ ...events[1]!.details, environment: "test" })
      expect(found[2]!.details).toEqual({
        loss: { $secureml: "number", value: "NaN" },
        worst: { $secureml: "number", value: "-Infinity" },
        big: { $secureml: "bigint", value: String(2n ** 70n) },
        ключ: "значение",
        environment: "test",
      })
      for (const { occurred_at, context } of found) {
        expect(Math.abs(Date.parse(occurred_at!) - Date.now())).toBeLessThan(120_000)
        expect(context).toEqual({
          imported: {
            $secureml: "imported",
            from: "python-secureml",
            file: `data - prep-v2_${ID}.log`,
            line: expect.any(Number),
            commitment: expect.stringMatching(/^[\w+/]{43}=$/),
          },
        })
      }
      const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
      expect({ verdict, findings }).toEqual({ verdict: "intact", findings: [] })
      expect(report.checkpoint?.treeSize).toBe(6)
    },
  )

  test.skipIf(!HAS_PYTHON)(`local times of a zone with summer time become UTC${NEEDS_PYTHON}`, async () => {
    writeWithPython(source, [{ name: "train", id: ID, events: [{ type: "step" }] }], "America/New_York")
    expect(await run({ timezone: "America/New_York" })).toMatchObject({ naiveTimes: 1, timezone: "America/New_York" })
    const [record] = await imported()
    expect(Math.abs(Date.parse(record!.occurred_at!) - Date.now())).toBeLessThan(120_000)
    // Python's microseconds.
    expect(record!.occurred_at).toMatch(/\.\d{6}Z$/)
  })

  test.skipIf(!HAS_PYTHON)(`5,000 files import completely, and once${NEEDS_PYTHON}`, async () => {
    const operations = Array.from({ length: 5_000 }, (_, n) => ({
      name: `night-run-${n} - part`,
      id: randomUUID(),
      events: [{ type: "step", details: { n, note: "a - b - {" } }],
    }))
    writeWithPython(source, operations)
    expect(await run()).toMatchObject({ files: 5_000, lines: 5_000, imported: 5_000, damaged: 0, cut: 0 })
    expect(await run()).toMatchObject({ files: 5_000, lines: 5_000, imported: 0, known: 5_000, damaged: 0 })
    const seen = (await imported()).map(({ details }) => details["n"] as number).sort((a, b) => a - b)
    expect(seen).toEqual(operations.map((_, n) => n))
    const one = await getAuditLogs({ logDir: place.logDir, operationId: operations[4_321]!.id })
    expect(one.map(({ operation_name, details }) => [operation_name, details["n"]])).toEqual([
      ["night-run-4321 - part", 4_321],
    ])
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})

describe("lines", () => {
  test("damaged ones are told by file and line, and do not stop the rest", async () => {
    const huge = Buffer.alloc(16 * 1024 * 1024 + 1, 0x78)
    writeLines(`${source}/${FILE}`, [
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(pythonLine(ID, entry(1)))]),
      "Traceback (most recent call last):",
      '  File "x.py", line 1',
      pythonLine(ID, entry(2)),
      pythonLine(ID, entry(3)).slice(0, -5),
      "",
      Buffer.concat([Buffer.from(pythonLine(ID, entry(4)).slice(0, -1)), Buffer.from([0xff, 0x7d])]),
      huge,
      pythonLine(ID, { ...entry(5), event_type: "" }),
      pythonLine(ID, {}).replace("{}", '{"event_type":"step","a":1,"a":2}'),
      pythonLine(ID, {}).replace("{}", `{"event_type":"step","a":${"[".repeat(300)}${"]".repeat(300)}}`),
      pythonLine(ID, { v: 1, event_id: "x", writer: {}, event_type: "step" }),
      `${pythonLine(ID, entry(6))}${pythonLine(ID, entry(7))}`,
      pythonLine(ID, entry(8), "2026-02-30 00:00:00,000"),
      pythonLine(ID, entry(9)),
    ])
    fs.appendFileSync(`${source}/${FILE}`, pythonLine(ID, entry(10)).slice(0, 60))
    const { damage, ...counts } = await run()
    expect(counts).toMatchObject({ lines: 15, imported: 3, damaged: 12, damageNotListed: 0 })
    expect(damage.map(({ file, line, lastLine, code }) => [file, line, lastLine, code])).toEqual([
      [FILE, 2, 3, "not_a_line"],
      [FILE, 5, undefined, "not_json"],
      [FILE, 7, undefined, "not_utf8"],
      [FILE, 8, undefined, "too_long"],
      [FILE, 9, undefined, "no_event_type"],
      [FILE, 10, undefined, "key_twice"],
      [FILE, 11, undefined, "too_deep"],
      [FILE, 12, undefined, "text_log"],
      [FILE, 13, undefined, "not_json"],
      [FILE, 14, undefined, "not_a_line"],
      [FILE, 16, undefined, "unfinished"],
    ])
    expect((await imported()).map(({ details }) => details["n"])).toEqual([1, 2, 9])
  })

  test("of Windows are the same lines", async () => {
    writeLines(`${source}/${FILE}`, [pythonLine(ID, entry(1)), pythonLine(ID, entry(2))], "\r\n")
    expect(await run()).toMatchObject({ imported: 2, damaged: 0 })
    writeLines(`${source}/${FILE}`, [pythonLine(ID, entry(1)), pythonLine(ID, entry(2))])
    expect(await run()).toMatchObject({ imported: 0, known: 2, damaged: 0 })
  })

  test("a value too large for an entry leaves a marker, and is counted", async () => {
    writeLines(`${source}/${FILE}`, [pythonLine(ID, entry(1, { blob: "x".repeat(100_000), small: "kept" }))])
    expect(await run()).toMatchObject({ imported: 1, cut: 1 })
    expect((await imported())[0]!.details).toEqual({
      n: 1,
      blob: { $secureml: "omitted", type: "string", bytes: 100_000 },
      small: "kept",
    })
  })

  test("secrets are redacted as everywhere", async () => {
    writeLines(`${source}/${FILE}`, [pythonLine(ID, entry(1, { password: "hunter2hunter2" }))])
    await run()
    expect((await imported())[0]!.details["password"]).toEqual({ $secureml: "redacted", kind: "password" })
  })
})

describe("what a detail cannot replace", () => {
  test("operation, name and time are those that the logging wrote; the detail stays a detail", async () => {
    const forged = { timestamp: "1999-01-01T00:00:00", operation_id: "other", operation_name: "innocent" }
    writeLines(`${source}/${FILE}`, [pythonLine(ID, entry(1, forged))])
    await run()
    const [record] = await getAuditLogs({ logDir: place.logDir, operationId: ID })
    expect(record).toMatchObject({ operation_name: "train", occurred_at: "2026-11-24T02:11:00.123Z" })
    expect(record!.details).toEqual({ ...forged, n: 1 })
  })

  test("what looks like the front of a line stands in a text", async () => {
    const note = ' - secureml.audit.x - INFO - {"event_type":"fake"}'
    writeLines(`${source}/${FILE}`, [pythonLine(ID, entry(1, { note }))])
    expect(await run()).toMatchObject({ imported: 1, damaged: 0 })
    expect((await imported())[0]).toMatchObject({ operation_id: ID, event_type: "step", details: { n: 1, note } })
  })

  test("a type that only this package records is never given to an imported record", async () => {
    const types = ["audit_recovered", "events_lost", "AUDIT_closed", "erasure", "key_rotated", "function_return"]
    writeLines(
      `${source}/${FILE}`,
      types.map((event_type, n) => pythonLine(ID, { ...entry(n), event_type })),
    )
    await run()
    expect((await imported()).map(({ event_type }) => event_type)).toEqual(types.map((type) => `imported_${type}`))
    expect((await verifyAuditLog({ logDir: place.logDir })).findings).toEqual([])
  })

  test("an operation that this log recorded itself gets nothing added", async () => {
    const audit = new AuditTrail("live", { logDir: place.logDir })
    await audit.close()
    const id = audit.operationId
    writeLines(`${source}/live_${id}.log`, [pythonLine(id, { event_type: "step" })])
    expect(await run()).toMatchObject({ imported: 0, damage: [{ line: 1, code: "own_operation" }] })
    expect(await getAuditLogs({ logDir: place.logDir, operationId: id })).toHaveLength(2)
  })

  test("no caller can write the mark of an import, nor can a line bring one", async () => {
    const mark = { $secureml: "imported", from: "python-secureml", file: FILE, line: 1, commitment: "x" }
    const audit = new AuditTrail("live", { logDir: place.logDir, context: { imported: mark } })
    audit.logEvent("step", { context: { imported: mark } })
    await audit.close()
    writeLines(`${source}/${FILE}`, [pythonLine(ID, entry(1, { imported: mark, context: { imported: mark } }))])
    expect(await run()).toMatchObject({ imported: 1, damaged: 0 })
    expect(await run()).toMatchObject({ imported: 0, known: 1 })
    const [record] = await getAuditLogs({ logDir: place.logDir, operationId: ID })
    const { $secureml: tag, ...rest } = mark
    expect(record!.details["imported"]).toEqual({ $$secureml: tag, ...rest })
  })
})

describe("once", () => {
  const lines = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, n) => pythonLine(ID, entry(from + n)))

  test("the same again adds nothing, not even an event about it", async () => {
    writeLines(`${source}/${FILE}`, lines(0, 20))
    await run()
    const before = await getAuditLogs({ logDir: place.logDir })
    await restart(place)
    expect(await run()).toMatchObject({ imported: 0, known: 20, checkpoint: null })
    expect(await getAuditLogs({ logDir: place.logDir })).toEqual(before)
    expect(before.filter(({ event_type }) => event_type === "audit_imported")).toHaveLength(1)
  })

  test("a file that has grown gives its new lines, numbered on", async () => {
    writeLines(`${source}/${FILE}`, lines(0, 3))
    fs.appendFileSync(`${source}/${FILE}`, pythonLine(ID, entry(3)).slice(0, 50))
    expect(await run()).toMatchObject({ imported: 3, damage: [{ line: 4, code: "unfinished" }] })
    writeLines(`${source}/${FILE}`, lines(0, 6))
    expect(await run()).toMatchObject({ imported: 3, known: 3, damaged: 0 })
    const found = await getAuditLogs({ logDir: place.logDir, operationId: ID })
    expect(found.map(({ sequence, details }) => [sequence, details["n"]])).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => [n, n]),
    )
    expect((await verifyAuditLog({ logDir: place.logDir })).findings).toEqual([])
  })

  test("a line that was changed after its import is told, and neither added nor taken for known", async () => {
    writeLines(`${source}/${FILE}`, lines(0, 3))
    await run()
    writeLines(`${source}/${FILE}`, [...lines(0, 1), pythonLine(ID, entry(99)), ...lines(2, 3)])
    for (const dryRun of [true, false]) {
      expect(await run({ dryRun })).toMatchObject({ imported: 0, known: 2, damage: [{ line: 2, code: "changed" }] })
    }
  })

  test("two imports at once: one of them waits for another time", async () => {
    writeLines(`${source}/${FILE}`, lines(0, 600))
    const both = await Promise.allSettled([run(), run()])
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    expect(both.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "IMPORT_BUSY" } })
    expect(await imported()).toHaveLength(600)
  })

  test("without the import key nothing is imported twice", async () => {
    writeLines(`${source}/${FILE}`, lines(0, 3))
    await run()
    fs.rmSync(`${place.logDir}/.state/import.key`)
    await expect(run()).rejects.toMatchObject({ code: "IMPORT_KEY_MISSING" })
    fs.writeFileSync(`${place.logDir}/.state/import.key`, "short\n")
    await expect(run()).rejects.toMatchObject({ code: "IMPORT_KEY_MISSING" })
    expect(await imported()).toHaveLength(3)
  })

  test("a dry run changes nothing, and makes no log", async () => {
    writeLines(`${source}/${FILE}`, lines(0, 3))
    expect(await run({ dryRun: true })).toMatchObject({ dryRun: true, imported: 3, checkpoint: null })
    expect(fs.existsSync(place.logDir)).toBe(false)
  })
})

describe("files", () => {
  test("links, directories and other things are told and not read; what is no log is counted", async () => {
    writeLines(`${place.directory}/secret.log`, [pythonLine(ID, entry(1))])
    fs.symlinkSync(`${place.directory}/secret.log`, `${source}/link.log`)
    fs.symlinkSync("/nowhere", `${source}/broken.log`)
    fs.mkdirSync(`${source}/directory.log`)
    fs.writeFileSync(`${source}/notes.txt`, "x")
    fs.writeFileSync(`${source}/empty.log`, "")
    const { unreadable, ...counts } = await run()
    expect(counts).toMatchObject({ files: 4, otherFiles: 1, lines: 0, imported: 0 })
    expect(unreadable).toEqual([
      { file: "broken.log", why: "is a symbolic link, which is not followed" },
      { file: "directory.log", why: "is no regular file" },
      { file: "link.log", why: "is a symbolic link, which is not followed" },
    ])
  })

  test("a directory that is not there is an error that names it", async () => {
    fs.rmdirSync(source)
    await expect(run()).rejects.toMatchObject({
      code: "IMPORT_SOURCE_UNREADABLE",
      message: expect.stringContaining(source),
    })
    fs.writeFileSync(source, "")
    await expect(run()).rejects.toMatchObject({ code: "IMPORT_SOURCE_UNREADABLE" })
  })

  test.skipIf(process.platform !== "linux")("names that are no text stay apart", async () => {
    for (const byte of [0xfe, 0xff]) {
      const path = Buffer.concat([Buffer.from(`${source}/a`), Buffer.from([byte]), Buffer.from(`_${ID}.log`)])
      fs.writeFileSync(path, `${pythonLine(ID, entry(byte))}\n`)
    }
    expect(await run()).toMatchObject({ imported: 2, damaged: 0 })
    expect((await imported()).map(({ operation_name }) => operation_name)).toEqual(["a\\xfe", "a\\xff"])
  })
})
