/**
 * Tracing a decision: which links are found, how certain they are said to be, and what is said to be missing.
 * @module
 */
import { describe, expect, test } from "vitest"
import { AuditTrail, type DecisionTrace, type TraceLink, traceDecision } from "../src/audit.ts"
import { trainingLog } from "./cli/logs.ts"
import { usePlace } from "./place.ts"

const place = usePlace()
type Evidence = Readonly<Record<string, unknown>>
const open = (name: string, options = {}): AuditTrail => new AuditTrail(name, { logDir: place.logDir, ...options })
const trace = (eventId: string): Promise<DecisionTrace> => traceDecision({ logDir: place.logDir, eventId })

/** Each hop in a word, in the order given. */
const said = (links: readonly TraceLink[] | null): string[] =>
  (links ?? []).map(
    ({ certainty, conflicts, record }) =>
      `${record.details["mark"] ?? record.event_type} ${certainty}${conflicts.map((field) => ` !${field}`).join("")}`,
  )
const hops = ({ missing }: DecisionTrace): string[] => missing.map(({ hop }) => hop)
const chosen = (links: readonly (TraceLink & { isChosen: boolean })[]): unknown =>
  links.filter(({ isChosen }) => isChosen).map(({ record }) => record.details["mark"])

function train(audit: AuditTrail, mark: string, evidence: Evidence = {}, datasetName = "patients") {
  return audit.logModelTraining(
    { modelType: "forest", datasetName, parameters: {} },
    { evidence: { mark, ...evidence } },
  )
}
function access(audit: AuditTrail, mark: string, evidence: Evidence = {}, datasetName = "patients") {
  const read = { datasetName, columnsAccessed: ["age"], numRecords: 9, purpose: "triage" }
  return audit.logDataAccess(read, { evidence: { mark, ...evidence } })
}
function transform(audit: AuditTrail, mark: string, inputData: unknown, outputData: unknown) {
  return audit.logDataTransformation(
    { transformationType: "t", inputData, outputData, parameters: {} },
    { evidence: { mark } },
  )
}
function check(audit: AuditTrail, mark: string, result: boolean | string, details: object, evidence: Evidence = {}) {
  return audit.logComplianceCheck(
    { checkType: "fairness", regulation: "GDPR", result, details },
    { evidence: { mark, ...evidence } },
  )
}
function decide(audit: AuditTrail, evidence: Evidence = {}, modelId = "m1"): string {
  return audit.logModelInference({ modelId, inputData: { age: 3 }, output: "ill" }, { evidence }).eventId
}

describe("a decision is traced", () => {
  test("over digests, through operations of their own, with nothing missing", async () => {
    access(open("load"), "read", { dataset_sha256: "d1" })
    transform(open("clean"), "clean", { sha256: "d1" }, { sha256: "d2" })
    train(open("train"), "train", { training_data_sha256: "d2", model_digest: "w1" }, "other name")
    check(open("review"), "check", true, { model_digest: "w1" })
    const serve = open("serve", { context: { model_version: "3" } })
    const traced = await trace(decide(serve, { model_digest: "w1" }))
    expect(traced.model).toEqual({ id: "m1", version: "3", digest: "w1" })
    expect(said(traced.trainings)).toEqual(["train digest"])
    expect(said(traced.trainings[0]!.data)).toEqual(["read digest", "clean digest"])
    expect(said(traced.approvals)).toEqual(["check digest"])
    expect([traced.rejections, traced.missing]).toEqual([[], []])
    expect(traced.trainings[0]!.matched).toEqual(["details.model_digest"])
    expect(traced.trainings[0]!.data![0]!.matched).toEqual(["details.dataset_sha256"])
    expect(traced.approvals[0]!.matched).toEqual(["details.details.model_digest"])
  })

  test("the same whether its events are sealed or not, by id or by index", async () => {
    const audit = open("all")
    access(audit, "read")
    train(audit, "train", { model_id: "m1" })
    const eventId = decide(audit)
    const before = await trace(eventId)
    await audit.flush()
    const after = await trace(eventId)
    expect([before.decision.index, after.decision.index]).toEqual([null, 3])
    expect(said(after.trainings)).toEqual(said(before.trainings))
    expect(said(after.trainings[0]!.data)).toEqual(["read operation"])
    expect(after.trainings[0]).toMatchObject({ index: 2, eventId: after.trainings[0]!.record.event_id, isChosen: true })
    expect(await traceDecision({ logDir: place.logDir, index: 3 })).toEqual(after)
  })

  test("only by its operation, where the training names no model: and what is missing is said", async () => {
    await trainingLog(place.logDir)
    const traced = await traceDecision({ logDir: place.logDir, index: 3 })
    expect(said(traced.trainings)).toEqual(["model_training operation"])
    expect(said(traced.trainings[0]!.data)).toEqual(["data_access operation"])
    expect(traced.trainings[0]!.data![0]!.matched).toEqual(["operation_id", "details.dataset_name"])
    // The check of the same operation comes after the decision.
    expect([traced.approvals, traced.rejections]).toEqual([[], []])
    expect(traced.missing).toEqual([
      { hop: "model_version", reason: expect.stringContaining("model_version") },
      { hop: "approval", reason: expect.stringContaining("1 stand only behind the decision") },
    ])
  })

  test("from an event of a caller's own type that names a model, and from nothing else", async () => {
    const audit = open("own")
    train(audit, "train", { model_id: "m1" })
    const { eventId } = audit.logEvent("loan_decided", { model_id: "m1", granted: true })
    expect(said((await trace(eventId)).trainings)).toEqual(["train id"])
    const other = train(audit, "late", { model_id: "m1" })
    await expect(trace(other.eventId)).rejects.toMatchObject({ code: "NOT_A_DECISION" })
    const none = open("none", { context: { model_id: "m1" } }).logEvent("note", {})
    await expect(trace(none.eventId)).rejects.toMatchObject({ code: "NOT_A_DECISION" })
  })
})

describe("trainings", () => {
  test("of several all are given, and of those that fit best the latest before the decision is chosen", async () => {
    for (const mark of ["first", "second"]) train(open("nightly"), mark, { model_id: "m1" })
    train(open("nightly"), "other", { model_id: "m2" })
    const eventId = decide(open("serve"))
    train(open("nightly"), "later", { model_id: "m1" })
    const traced = await trace(eventId)
    expect(said(traced.trainings)).toEqual(["first id", "second id"])
    expect(chosen(traced.trainings)).toEqual(["second"])
  })

  test("of another version or another digest are given with what speaks against them, and never chosen", async () => {
    train(open("v1", { context: { model_version: "1" } }), "v1", { model_id: "m1" })
    train(open("v2", { context: { model_version: "2" } }), "v2", { model_id: "m1" })
    train(open("any"), "w9", { model_id: "m1", model_digest: "w9" })
    const serve = open("serve", { context: { model_version: "1" } })
    const traced = await trace(decide(serve, { model_digest: "w1" }))
    expect(said(traced.trainings)).toEqual(["v1 id", "v2 id !model_version", "w9 id !model_digest"])
    expect(chosen(traced.trainings)).toEqual(["v1"])
    expect(traced.trainings.map(({ data }) => data === null)).toEqual([false, true, true])
    const none = await trace(decide(open("serve", { context: { model_version: "7" } })))
    expect(chosen(none.trainings)).toEqual(["w9"])
    const other = await trace(decide(open("serve", { context: { model_version: "7" } }), { model_digest: "w7" }))
    expect(chosen(other.trainings)).toEqual([])
    expect(other.missing[0]).toEqual({ hop: "training", reason: expect.stringContaining("each of the 3") })
  })

  test("by a digest before those by an id, by an id before those of the operation, by a name last", async () => {
    const serve = open("serve")
    train(open("a"), "digest", { model_sha256: "w1" })
    train(open("b"), "id", { model_id: "forest" })
    train(serve, "operation")
    train(open("c"), "name")
    const eventId = decide(serve, { model_sha256: "w1" }, "forest")
    const traced = await trace(eventId)
    expect(said(traced.trainings)).toEqual(["digest digest", "id id", "operation operation", "name name"])
    expect(chosen(traced.trainings)).toEqual(["digest"])
    expect(traced.trainings[3]!.matched).toEqual(["details.model_type"])
  })

  test("that only came after the decision, or none at all: said", async () => {
    const eventId = decide(open("serve"))
    expect((await trace(eventId)).missing).toContainEqual({
      hop: "training",
      reason: "no training of this model stands before the decision",
    })
    train(open("late"), "late", { model_id: "m1" })
    const { trainings, missing } = await trace(eventId)
    expect(trainings).toEqual([])
    expect(missing).toContainEqual({ hop: "training", reason: expect.stringContaining("1 stand only behind") })
  })

  test("in the operation around the decision's own belong to it", async () => {
    const outer = open("outer")
    train(outer, "outer")
    const { withAuditTrail } = await import("../src/audit.ts")
    let eventId = ""
    const { runIn } = await import("../src/capture/index.ts")
    await runIn(outer, () =>
      withAuditTrail("inner", { logDir: place.logDir }, (inner) => {
        eventId = decide(inner)
      }),
    )
    expect(said((await trace(eventId)).trainings)).toEqual(["outer operation"])
  })
})

describe("data", () => {
  const dataOf = async (audit: AuditTrail): Promise<string[]> => said((await trace(decide(audit))).trainings[0]!.data)

  test("is what was read before the training, in its operation or under the same name", async () => {
    access(open("elsewhere"), "same name")
    access(open("elsewhere"), "other name", {}, "wages")
    const audit = open("train")
    access(audit, "here", {}, "wages")
    train(audit, "train", { model_id: "m1" })
    access(audit, "after")
    expect(await dataOf(audit)).toEqual(["same name name", "here operation"])
  })

  test("goes back through transformations that made it, and not through others", async () => {
    access(open("x"), "raw", {}, "raw")
    access(open("x"), "unrelated", {}, "unrelated")
    transform(open("y"), "made it", "raw", "patients")
    const audit = open("train")
    transform(audit, "another", "unrelated", "elsewhere")
    train(audit, "train", { model_id: "m1" })
    expect(await dataOf(audit)).toEqual(["raw name", "made it name", "another operation"])
  })

  test("with another digest under the same name has that against it", async () => {
    access(open("x"), "old", { dataset_digest: "d0" })
    access(open("x"), "new", { dataset_digest: "d1" })
    const audit = open("train")
    train(audit, "train", { model_id: "m1", dataset_digest: "d1" })
    expect(await dataOf(audit)).toEqual(["old name !dataset_digest", "new digest"])
  })

  test("of which the training names a digest of its own split is not another data set for that", async () => {
    access(open("x"), "whole", { dataset_digest: "d0" })
    const audit = open("train")
    train(audit, "train", { model_id: "m1", training_data_digest: "half of it" })
    expect(await dataOf(audit)).toEqual(["whole name"])
  })

  test("with the id of the data set is certain by that", async () => {
    access(open("x"), "read", { dataset_id: "ds-7" }, "one name")
    const audit = open("train")
    train(audit, "train", { model_id: "m1", dataset_id: "ds-7" }, "another name")
    expect(await dataOf(audit)).toEqual(["read id"])
  })

  test("that is not there, or without a purpose, is said", async () => {
    const audit = open("train")
    train(audit, "train", { model_id: "m1" })
    expect(hops(await trace(decide(audit)))).toEqual(["model_version", "data", "approval"])
    const other = open("train")
    transform(other, "made it", "raw", "wages")
    train(other, "train", { model_id: "m2" }, "wages")
    expect(hops(await trace(decide(other, {}, "m2")))).toEqual(["model_version", "purpose", "approval"])
  })

  test("a circle of transformations comes to an end", async () => {
    transform(open("x"), "there", "a", "b")
    transform(open("x"), "back", "b", "a")
    const audit = open("train")
    train(audit, "train", { model_id: "m1" }, "b")
    expect(await dataOf(audit)).toEqual(["there name", "back name"])
  })
})

describe("approvals", () => {
  test("are checks that passed and approvals between training and decision; the others are told", async () => {
    const audit = open("review")
    check(audit, "early", true, { model_id: "m1" })
    train(audit, "train", { model_id: "m1" })
    check(audit, "failed", false, { model_id: "m1" })
    check(audit, "unclear", "needs another look", { model_id: "m1" })
    check(audit, "of another", true, { model_id: "m2" })
    check(audit, "passed", "pass", {}, { model_id: "m1" })
    audit.logEvent("model_approved", { mark: "approved", model_id: "m1", approved_by: "dpo" })
    audit.logEvent("approval", { mark: "refused", model_id: "m1", approved: false })
    audit.logEvent("model_rejected", { mark: "rejected", model_id: "m1" })
    const eventId = decide(open("serve"))
    check(audit, "late", true, { model_id: "m1" })
    const { approvals, rejections, missing } = await trace(eventId)
    expect(said(approvals)).toEqual(["early id !time", "passed id", "approved id"])
    expect(chosen(approvals)).toEqual(["approved"])
    expect(said(rejections)).toEqual(["failed id", "unclear id", "refused id", "rejected id"])
    expect(missing.map(({ hop }) => hop)).not.toContain("approval")
  })

  test("of another version are none, and that none is there is said with what there is", async () => {
    train(open("train"), "train", { model_id: "m1" })
    check(open("review", { context: { model_version: "1" } }), "old", true, { model_id: "m1" })
    check(open("review"), "failed", false, { model_id: "m1" })
    const { approvals, missing } = await trace(decide(open("serve", { context: { model_version: "2" } })))
    expect(said(approvals)).toEqual(["old id !model_version"])
    expect(chosen(approvals)).toEqual([])
    expect(missing.at(-1)).toEqual({
      hop: "approval",
      reason: expect.stringMatching(/each of the 1 that may be meant; 1 did not pass$/),
    })
  })

  test("by a digest count although they are older than the training's event", async () => {
    check(open("review"), "signed off", true, { model_digest: "w1" })
    train(open("train"), "train", { model_digest: "w1" })
    const { approvals } = await trace(decide(open("serve"), { model_digest: "w1" }))
    expect(said(approvals)).toEqual(["signed off digest"])
    expect(chosen(approvals)).toEqual(["signed off"])
  })

  test("in the operation of the training that name no model belong to it by the operation", async () => {
    const audit = open("train")
    train(audit, "train", { model_id: "m1" })
    check(audit, "check", true, {})
    expect(said((await trace(decide(open("serve")))).approvals)).toEqual(["check operation"])
  })
})

test("a decision that names no model says so", async () => {
  const { eventId } = open("serve").logEvent("model_inference", { output: 1 } as never)
  const traced = await trace(eventId)
  expect(traced.model).toEqual({ id: null, version: null, digest: null })
  expect(hops(traced)).toEqual(["model", "model_version", "training", "approval"])
})
