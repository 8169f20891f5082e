import { describe, expect, test } from "vitest"
import { AuditTrail, traceDecision } from "../../src/audit.ts"
import { restart } from "../place.ts"
import { FORBIDDEN, hostileDecision, trainingLog } from "./logs.ts"
import { HAS_TERMINAL, useCli } from "./run.ts"

const { place, audit, terminal } = useCli()
const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"

/** A model, from its data to a decision: entries 0 to 5. Gives the decision's event id. */
async function approvedModel(): Promise<string> {
  const context = { model_version: "3" }
  const trail = new AuditTrail("risk", { logDir: place.logDir, context, actor: { id: "ds1" } })
  trail.logDataAccess(
    { datasetName: "patients", columnsAccessed: ["age"], numRecords: 9, purpose: "triage", user: "ds2" },
    { evidence: { dataset_sha256: "d1" } },
  )
  const evidence = { model_id: "risk-7", model_sha256: "w1", dataset_sha256: "d1" }
  trail.logModelTraining({ modelType: "forest", datasetName: "patients", parameters: {} }, { evidence })
  trail.logComplianceCheck(
    { checkType: "fairness", regulation: "GDPR", result: true, details: { model_id: "risk-7" } },
    { evidence: { approved_by: "dpo" } },
  )
  const inference = { modelId: "risk-7", inputData: {}, output: { risk: "low" } }
  const { eventId } = trail.logModelInference(inference, { evidence: { model_sha256: "w1" } })
  await trail.close()
  await restart(place)
  return eventId
}

describe("trace", () => {
  test("is a tree of events, each with its index, why it is there, and how certain that is", async () => {
    await approvedModel()
    const { code, stdout, stderr } = await audit("trace", "4")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const lines = stdout.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "<time>").split("\n")
    expect(lines).toEqual([
      "decision  4  <time>  risk-7, version 3, digest w1, by ds1",
      "├─ training  2  <time>  forest patients parameters={}, by ds1  · by digest (details.model_sha256, details.model_id, context.model_version)  ← chosen",
      "│  └─ data access  1  <time>  patients num_records=9 columns_accessed=age purpose=triage, by ds2  · by digest (details.dataset_sha256, details.dataset_name)",
      "└─ approval  3  <time>  fairness regulation=GDPR result=true, by dpo  · by id (details.details.model_id, context.model_version)  ← chosen",
      "",
    ])
  })

  test("says what is missing, and what speaks against a link", async () => {
    await trainingLog(place.logDir)
    const bare = (await audit("trace", "3")).stdout
    expect(bare).toMatch(/├─ training {2}2 .* · by operation \(operation_id\) {2}← chosen\n/)
    expect(bare).toMatch(/├─ missing {2}model version: the decision names neither/)
    expect(bare).toMatch(/└─ missing {2}approval: no check that passed/)
    const late = new AuditTrail("late", { logDir: place.logDir, context: { model_version: "9" } })
    const old = new AuditTrail("old", { logDir: place.logDir, context: { model_version: "8" } })
    const training = { modelType: "forest", datasetName: "x", parameters: {} }
    old.logModelTraining(training, { evidence: { model_id: "m1" } })
    const { eventId } = late.logModelInference({ modelId: "m1", inputData: 1, output: 1 })
    await restart(place)
    expect((await audit("trace", eventId)).stdout).toMatch(
      /─ training .* · by id \(details.model_id\), against it: model_version\n/,
    )
  })

  test("--json is what the library gives", async () => {
    const eventId = await approvedModel()
    const { stdout } = await audit("trace", eventId, "--json")
    expect(JSON.parse(stdout)).toEqual(await traceDecision({ logDir: place.logDir, eventId }))
  })

  test("an event that is no decision could not run", async () => {
    await trainingLog(place.logDir)
    const { code, stdout, stderr } = await audit("trace", "1")
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(/\[NOT_A_DECISION\]\n$/)
    expect((await audit("trace", "99")).stderr).toMatch(/\[EVENT_NOT_FOUND\]\n$/)
  })

  test("of many events the latest are shown, and that there are more is said", async () => {
    const trail = new AuditTrail("nightly", { logDir: place.logDir })
    const access = { datasetName: "x", columnsAccessed: ["a"], numRecords: 1, purpose: "p" }
    for (let n = 0; n < 25; n++) trail.logDataAccess(access)
    trail.logModelTraining({ modelType: "f", datasetName: "x", parameters: {} }, { evidence: { model_id: "m1" } })
    const { eventId } = trail.logModelInference({ modelId: "m1", inputData: 1, output: 1 })
    await restart(place)
    const { stdout, stderr } = await audit("trace", eventId)
    expect(stdout.match(/data access/g)).toHaveLength(20)
    expect(stderr).toBe("5 more events are not shown; --json has them\n")
  })

  test("hostile text is escaped, in a pipe and as JSON", async () => {
    const eventId = await hostileDecision(place.logDir)
    for (const args of [[], ["--json"]]) {
      const { code, stdout, stderr } = await audit("trace", eventId, ...args)
      expect({ code, found: FORBIDDEN.exec(stdout + stderr) }).toEqual({ code: 0, found: null })
    }
    // The decision, its training with one access, an approval and a refusal.
    expect((await audit("trace", eventId)).stdout.match(/\n/g)).toHaveLength(5)
  })

  test.skipIf(!HAS_TERMINAL)(`in a terminal, in colour${inTerminal}`, async () => {
    await approvedModel()
    const { code, stdout } = await terminal(["trace", "4"])
    expect({ code, coloured: stdout.includes("\u001b[32mby digest") }).toEqual({ code: 0, coloured: true })
    expect((await terminal(["trace", "4"], 100, { NO_COLOR: "1" })).stdout).not.toContain("\u001b")
  })
})
