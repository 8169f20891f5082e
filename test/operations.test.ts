/**
 * Operations: one run's story, and the list of them.
 * @module
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, auditFunction, getAuditLogs, getOperation, withAuditTrail } from "../src/audit.ts"
import { recordAct, recoverLog } from "../src/capture/index.ts"
import { listOperations, type OperationQuery } from "../src/query/index.ts"
import { formatLine, parseLines } from "../src/store/index.ts"
import { cutHole, trainingLog } from "./cli/logs.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const open = (name: string, options = {}): AuditTrail => new AuditTrail(name, { logDir: place.logDir, ...options })
const story = (operationId: string) => getOperation({ logDir: place.logDir, operationId })

async function operationIdOf(operationName: string): Promise<string> {
  const [record] = await getAuditLogs({ logDir: place.logDir, operationName, limit: 1 })
  return record!.operation_id
}

async function list(query: OperationQuery = {}): Promise<string[]> {
  const found: string[] = []
  for await (const { operationName, status } of listOperations(query, place.logDir))
    found.push(`${operationName} ${status}`)
  return found
}

describe("the story of an operation", () => {
  test("says when it ran, who ran it, how it ended, and what it recorded", async () => {
    await trainingLog(place.logDir)
    const told = await story(await operationIdOf("model_training"))
    const times = (await getAuditLogs({ logDir: place.logDir })).map(({ timestamp }) => timestamp)
    expect(told).toMatchObject({
      operationName: "model_training",
      status: "completed",
      startedAt: times[0],
      endedAt: times[8],
      lastEventAt: times[8],
      durationMs: Date.parse(times[8]!) - Date.parse(times[0]!),
      eventCount: 9,
      actor: { id: "ds1", type: "user" },
      regulations: ["GDPR"],
      context: null,
      parent: null,
      children: [],
      isSealed: true,
      indexes: { first: 0, last: 8 },
      missing: [],
    })
    expect(told.events).toMatchObject({ audit_started: 1, data_access: 1, error: 1, 患者登録: 1, audit_closed: 1 })
    expect(told.errors).toEqual([
      expect.objectContaining({ index: 7, errorType: "Error", message: "out of memory", timestamp: times[7] }),
    ])
  })

  test("an operation without an end is unfinished, whether it is sealed or not", async () => {
    const audit = open("left", { context: { model_version: "2" } })
    audit.logEvent("step", {})
    const unsealed = { status: "unfinished", endedAt: null, durationMs: null, isSealed: false, indexes: null }
    expect(await story(audit.operationId)).toMatchObject({ ...unsealed, context: { model_version: "2" } })
    await audit.flush()
    audit.logEvent("step", {})
    const partly = { status: "unfinished", isSealed: false, indexes: { first: 0, last: 1 }, eventCount: 3 }
    expect(await story(audit.operationId)).toMatchObject(partly)
    await audit.close("failed")
    expect(await story(audit.operationId)).toMatchObject({ status: "failed", isSealed: true, eventCount: 4 })
  })

  test("names the operations that ran within it, and the one that it ran in", async () => {
    const add = auditFunction(function add(a: number) {
      if (a < 0) throw new Error("negative")
      return a + 1
    })
    let outer = ""
    await withAuditTrail("batch", { logDir: place.logDir }, (audit) => {
      outer = audit.operationId
      add(1)
      expect(() => add(-1)).toThrow("negative")
    })
    const { children, parent } = await story(outer)
    expect(parent).toBeNull()
    expect(children.map(({ operationName, status }) => `${operationName} ${status}`)).toEqual([
      "add completed",
      "add error",
    ])
    expect(await story(children[0]!.operationId)).toMatchObject({ parent: outer, children: [] })
  })

  test("names the holes in its numbers", async () => {
    const audit = open("holed")
    for (let n = 0; n < 4; n++) audit.logEvent("step", { k: n })
    await renumber(
      new Map([
        [2, 3],
        [3, 7],
        [4, 6],
      ]),
    )
    const missing = [
      { from: 2, to: 2, explainedBy: null },
      { from: 4, to: 5, explainedBy: null },
    ]
    expect((await story(audit.operationId)).missing).toEqual(missing)
    await cutHole(place.logDir)
    await recoverLog({ logDir: place.logDir, reason: "a line of another operation is gone" })
    expect((await story(audit.operationId)).missing).toEqual(missing)
  })

  test("names the recovery that declared the numbers of a hole as lost", async () => {
    await cutHole(place.logDir)
    await recoverLog({ logDir: place.logDir, reason: "a line is gone" })
    const [recovery] = await getAuditLogs({ logDir: place.logDir, eventType: "audit_recovered" })
    const { missing } = await story(await operationIdOf("holed"))
    expect(missing).toEqual([{ from: 3, to: 3, explainedBy: recovery!.event_id }])
  })

  test("what is recorded about an act on the log is no unfinished operation", async () => {
    recordAct({ logDir: place.logDir, operationName: "audit_export", eventType: "audit_exported", details: {} })
    expect(await story(await operationIdOf("audit_export"))).toMatchObject({ status: "act", endedAt: null })
  })

  test("an operation that is not there is an error with a code", async () => {
    await expect(story(randomUUID())).rejects.toMatchObject({ code: "OPERATION_NOT_FOUND" })
    await trainingLog(place.logDir)
    await expect(story(randomUUID())).rejects.toMatchObject({ code: "OPERATION_NOT_FOUND" })
  })

  test.each([[undefined], [""], [7], [null]])("operationId %j is refused by name", async (operationId) => {
    await expect(story(operationId as never)).rejects.toThrow(/^operationId must be/)
  })
})

describe("the list of operations", () => {
  test("has the one with the newest record first, and those with a matching record alone", async () => {
    const first = open("first", { actor: { id: "ds1" } })
    await open("second", { actor: { id: "ds2" } }).close("failed")
    expect(await list()).toEqual(["second failed", "first unfinished"])
    first.logEvent("step", {})
    await first.flush()
    expect(await list()).toEqual(["first unfinished", "second failed"])
    expect(await list({ user: "ds2" })).toEqual(["second failed"])
    expect(await list({ eventType: "step" })).toEqual(["first unfinished"])
    expect(await list({ eventType: "none" })).toEqual([])
  })

  test("unfinished ones alone, with filters and without", async () => {
    const left = open("left", { actor: { id: "ds1" } })
    await open("done", { actor: { id: "ds1" } }).close()
    open("other", { actor: { id: "ds2" } })
    recordAct({ logDir: place.logDir, operationName: "audit_export", eventType: "audit_exported", details: {} })
    expect(await list({ unfinished: true })).toEqual(["other unfinished", "left unfinished"])
    expect(await list({ unfinished: true, user: "ds1" })).toEqual(["left unfinished"])
    expect(await list({ unfinished: true, operationId: left.operationId })).toEqual(["left unfinished"])
    await left.close()
    expect(await list({ unfinished: true, user: "ds1" })).toEqual([])
  })

  test("more of them than are added up in one go are all there, each once", async () => {
    const names = Array.from({ length: 250 }, (_, n) => `op${n}`)
    for (const name of names) open(name)
    expect(await list()).toEqual(names.map((name) => `${name} unfinished`).reverse())
    expect(await list({ unfinished: true })).toHaveLength(250)
  })
})

/** Gives some events of the only journal other numbers within their operation. */
async function renumber(numbers: ReadonlyMap<number, number>): Promise<void> {
  await restart(place)
  const [name] = fs.readdirSync(`${place.logDir}/.state/journal`)
  const path = `${place.logDir}/.state/journal/${name}`
  const lines = parseLines(fs.readFileSync(path), 0).lines.map(({ seq, entry }) => {
    const text = Buffer.from(entry).toString()
    return formatLine(
      seq,
      text.replace(/"sequence":(\d+)/, (_, n) => `"sequence":${numbers.get(Number(n)) ?? n}`),
    )
  })
  fs.writeFileSync(path, lines.join(""))
}
