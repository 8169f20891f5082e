import * as fs from "node:fs"
import { beforeEach, describe, expect, test } from "vitest"
import { type AuditRecord, AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { type ImportReport, importLogs } from "../../src/import/index.ts"
import { usePlace } from "../place.ts"

const place = usePlace()
let source = ""
beforeEach(() => {
  source = `${place.directory}/events.jsonl`
})

function run(lines: readonly (object | string)[], options: { timezone?: string } = {}): Promise<ImportReport> {
  fs.writeFileSync(source, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""))
  return importLogs({ from: "jsonl", source, logDir: place.logDir, ...options })
}

async function imported(): Promise<AuditRecord[]> {
  const records = await getAuditLogs({ logDir: place.logDir })
  return records.filter(({ context }) => context?.["imported"] !== undefined)
}

const mark = (line: number, more: object = {}): object => ({
  $secureml: "imported",
  from: "jsonl",
  file: "events.jsonl",
  line,
  commitment: expect.stringMatching(/^[\w+/]{43}=$/),
  ...more,
})

describe("a line of JSON", () => {
  test("keeps what has a place in an entry, and the rest beside it", async () => {
    const line = {
      ...{ event_type: "data_access", timestamp: "2026-11-24T02:11:00Z", operation_id: "run 7", operation_name: "etl" },
      ...{
        actor: { id: "ds1", type: "user" },
        regulations: ["gdpr"],
        parent_operation_id: "run 6",
        trace_id: "t",
        span_id: "s",
      },
      ...{ details: { dataset_name: "patients" }, context: { environment: "test" }, host: "a" },
    }
    expect(await run([line])).toMatchObject({ imported: 1, damaged: 0, naiveTimes: 0 })
    const [record] = await getAuditLogs({ logDir: place.logDir, operationId: "run 7", user: "ds1", regulation: "GDPR" })
    expect(record).toMatchObject({
      ...{ event_type: "data_access", occurred_at: "2026-11-24T02:11:00.000Z", operation_name: "etl", sequence: 0 },
      ...{ actor: line.actor, regulations: ["GDPR"], parent_operation_id: "run 6", trace_id: "t", span_id: "s" },
    })
    expect(record!.details).toEqual({ dataset_name: "patients" })
    expect(record!.context).toEqual({ imported: mark(1, { other: { host: "a" } }), environment: "test" })
    expect((await verifyAuditLog({ logDir: place.logDir })).findings).toEqual([])
  })

  test("without details is flat: the rest is its details; without an operation it gets one of the file's", async () => {
    await run([
      { event_type: "step", n: 1, actor: "ds1" },
      { event_type: "step", n: 2, operation_name: "etl" },
      { event_type: "step", n: 3, timestamp: null, operation_id: null },
    ])
    const found = await imported()
    expect(found.map(({ details }) => details)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(found.map(({ operation_name, sequence }) => [operation_name, sequence])).toEqual([
      ["imported", 0],
      ["etl", 0],
      ["imported", 1],
    ])
    expect(found[0]!.actor).toEqual({ id: "ds1" })
    expect(found[0]!.operation_id).toBe(found[2]!.operation_id)
    expect(found[0]!.operation_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(found.every(({ occurred_at }) => occurred_at === undefined)).toBe(true)
  })

  test("that cannot be used is told by number and by field", async () => {
    const report = await run([
      { event_type: "step", details: {} },
      [1],
      "{",
      "",
      { details: {} },
      { event_type: " audit_closed" },
      { event_type: "step", details: [] },
      { event_type: "step", timestamp: 1_700_000_000 },
      { event_type: "step", actor: { id: "" } },
      { event_type: "step", regulations: "GDPR" },
      { event_type: "step", operation_id: "x".repeat(257) },
      { event_type: "step", operation_name: " " },
      { event_type: `audit_${"x".repeat(245)}` },
      { event_type: "step", context: "x" },
    ])
    expect(report).toMatchObject({ lines: 13, imported: 1, damaged: 12 })
    expect(report.damage.map(({ line, code, why }) => [line, code, /has a (\w+) that/.exec(why)?.[1]])).toEqual([
      [2, "not_a_line", undefined],
      [3, "not_json", undefined],
      // Lines 5 and 6.
      [5, "no_event_type", undefined],
      [7, "bad_field", "details"],
      [8, "bad_field", "timestamp"],
      [9, "bad_field", "actor"],
      [10, "bad_field", "regulations"],
      [11, "bad_field", "operation_id"],
      [12, "bad_field", "operation_name"],
      [13, "no_event_type", undefined],
      [14, "bad_field", "context"],
    ])
  })

  test("has the zone that the import was given, unless it has one of its own", async () => {
    const times = ["2026-11-24T02:11:00", "2026-11-24T02:11:00Z", "2026-11-24T02:11:00.5+01:00"]
    const lines = times.map((timestamp) => ({ event_type: "step", timestamp }))
    expect(await run(lines, { timezone: "+02:00" })).toMatchObject({ naiveTimes: 1 })
    expect((await imported()).map(({ occurred_at }) => occurred_at)).toEqual([
      "2026-11-24T00:11:00.000Z",
      "2026-11-24T02:11:00.000Z",
      "2026-11-24T01:11:00.500Z",
    ])
  })
})

describe("records of another log of ours", () => {
  async function otherLog(): Promise<AuditRecord[]> {
    const logDir = `${place.directory}/other`
    const audit = new AuditTrail("model_training", { logDir, context: { environment: "test" }, actor: { id: "ds1" } })
    audit.logEvent("step", { loss: Number.NaN }, { occurredAt: "2026-01-01" })
    await audit.close()
    return getAuditLogs({ logDir })
  }

  test("keep operation, order and times; what they were there stands beside them", async () => {
    const records = await otherLog()
    expect(await run(records)).toMatchObject({ imported: 3, damaged: 0 })
    const found = await getAuditLogs({ logDir: place.logDir, operationId: records[0]!.operation_id })
    expect(found.map(({ event_type }) => event_type)).toEqual([
      "imported_audit_started",
      "step",
      "imported_audit_closed",
    ])
    for (const [n, record] of records.entries()) {
      const { v, event_id, sequence, writer, index, sealed, timestamp, occurred_at } = record
      expect(found[n]!.occurred_at).toBe(occurred_at ?? timestamp)
      const other = {
        v,
        event_id,
        ...(occurred_at === undefined ? {} : { timestamp }),
        sequence,
        writer,
        index,
        sealed,
      }
      expect(found[n]!.context).toEqual({ imported: mark(n + 1, { other }), environment: "test" })
    }
    // A marker of the other log claims nothing in this one.
    expect(found[1]!.details["loss"]).toEqual({ $$secureml: "number", value: "NaN" })
  })

  test("imported there, they are imported once more here, and their mark is no mark of ours", async () => {
    await run(await otherLog())
    const second = `${place.directory}/third`
    fs.writeFileSync(source, `${(await imported()).map((record) => JSON.stringify(record)).join("\n")}\n`)
    expect(await importLogs({ from: "jsonl", source, logDir: second })).toMatchObject({ imported: 3, damaged: 0 })
    const found = await getAuditLogs({ logDir: second, eventType: "imported_audit_started" })
    const context = found[0]!.context as { imported: { other: { context: { imported: object } } } }
    expect(context.imported).toMatchObject(mark(1))
    expect(context.imported.other.context.imported).toMatchObject({ $$secureml: "imported", line: 1 })
  })

  test("of this very log are refused: it recorded them itself", async () => {
    await new AuditTrail("live", { logDir: place.logDir }).close()
    const records = await getAuditLogs({ logDir: place.logDir })
    expect(await run(records)).toMatchObject({ imported: 0, damaged: 2, damage: [{ code: "own_operation" }] })
    expect(await getAuditLogs({ logDir: place.logDir })).toEqual(records)
  })
})

describe("once", () => {
  const step = (n: number): object => ({ event_type: "step", details: { n } })

  test("the same file again, grown, or another one of the same name", async () => {
    expect(await run([step(0), step(1)])).toMatchObject({ imported: 2, known: 0 })
    expect(await run([step(0), step(1), step(2)])).toMatchObject({ imported: 1, known: 2 })
    expect(await run([step(9), step(1), step(8)])).toMatchObject({ imported: 2, known: 1, damaged: 0 })
    expect(await run([step(0), step(1), step(2)])).toMatchObject({ imported: 0, known: 3 })
    expect(await run([step(9), step(1), step(8)])).toMatchObject({ imported: 0, known: 3 })
    expect((await imported()).map(({ details, sequence }) => [details["n"], sequence])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [9, 3],
      [8, 4],
    ])
    expect((await verifyAuditLog({ logDir: place.logDir })).findings).toEqual([])
  })

  test("a context and other fields that are too large are cut, and the mark stays whole", async () => {
    const large = Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`key_${n}`, "x".repeat(100)]))
    const line = { ...step(0), context: large, host: large, details: { text: "y".repeat(200_000) } }
    expect(await run([line])).toMatchObject({ imported: 1, cut: 1 })
    const [{ context }] = (await imported()) as unknown as [{ context: { imported: object } }]
    expect(Object.keys(context)).toEqual(["imported"])
    expect(context.imported).toMatchObject({
      ...mark(1),
      context: { $secureml: "omitted" },
      other: { host: { $secureml: "omitted" } },
    })
    expect(await run([line])).toMatchObject({ imported: 0, known: 1 })
  })
})
