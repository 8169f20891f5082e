/**
 * One model, audited from end to end: real people, a real random forest, and a log that proves itself.
 * Writes nothing outside `demo_output/<time>`: log, key and state are all in there.
 *
 *   npm run demo
 * @module
 */
import * as fs from "node:fs"
import { join, relative, resolve } from "node:path"
import { RandomForestClassifier } from "ml-random-forest"
import { getAuditLogs, proveEvent, verifyAuditLog, withAuditTrail } from "secureml/audit"
import { verifyProof } from "secureml/verify"
import { digest, FEATURES, load, PROTECTED, prepare, selectionRate, split } from "./data.mjs"

const output = resolve("demo_output", new Date().toISOString().replaceAll(":", "-"))
const logDir = join(output, "secureml_audit_logs")
process.env.SECUREML_STATE_DIR = join(output, "state")
fs.mkdirSync(output, { recursive: true })

const say = (text = "") => process.stdout.write(`${text}\n`)
const step = (title) => say(`\n■ ${title}`)
const percent = (share) => `${(100 * share).toFixed(1)} %`

const MODEL = "wage-forest-1"
const decisions = []

say(`An audited model. Everything it writes is under ${relative(process.cwd(), output)}/`)
await withAuditTrail(
  "wage_model",
  {
    logDir,
    context: { model_version: "1.0", environment: "demo" },
    regulations: ["GDPR"],
    actor: { id: "data_scientist_1", type: "user" },
  },
  run,
)

async function run(audit) {
  step("Read the data, and say why")
  const workers = load()
  audit.logDataAccess(
    {
      datasetName: "cps_wages_1985",
      columnsAccessed: Object.keys(workers[0]),
      numRecords: workers.length,
      purpose: "predict whether a wage is above the median, to show an audited model",
    },
    { evidence: { sensitive_columns: PROTECTED, dataset_sha256: digest(workers) } },
  )
  say(`  ${workers.length} workers, ${Object.keys(workers[0]).length} columns; sensitive: ${PROTECTED.join(", ")}`)

  step("Drop what the model must not see")
  const rows = prepare(workers)
  audit.logDataTransformation({
    transformationType: "drop_protected_columns",
    inputData: { dataset: "cps_wages_1985", rows: workers.length, sha256: digest(workers) },
    outputData: { rows: rows.length, columns: FEATURES, sha256: digest(rows) },
    parameters: { dropped: [...PROTECTED, "wage", "occupation", "sector"], label: "wage above the median" },
  })
  say(`  kept ${FEATURES.join(", ")}`)

  step("Train a random forest")
  const { training, holdOut } = split(rows)
  const parameters = { nEstimators: 25, seed: 7, maxFeatures: 0.8, replacement: true }
  const forest = new RandomForestClassifier(parameters)
  forest.train(
    training.map(({ features }) => features),
    training.map(({ label }) => label),
  )
  const predictions = forest.predict(holdOut.map(({ features }) => features))
  const accuracy = holdOut.filter(({ label }, n) => label === predictions[n]).length / holdOut.length
  audit.logModelTraining(
    {
      modelType: "random_forest",
      datasetName: "cps_wages_1985",
      parameters,
      metrics: { accuracy, training_rows: training.length, hold_out_rows: holdOut.length },
    },
    { evidence: { model_id: MODEL, training_data_sha256: digest(training), model_sha256: digest(forest.toJSON()) } },
  )
  say(`  ${training.length} rows to train, ${holdOut.length} held out; accuracy ${percent(accuracy)}`)

  step("Decide about the people held out")
  holdOut.forEach(({ features }, n) => {
    const inputData = Object.fromEntries(FEATURES.map((name, k) => [name, features[k]]))
    decisions.push(
      audit.logModelInference({ modelId: MODEL, inputData, output: { above_median: predictions[n] === 1 } }),
    )
  })
  say(`  ${decisions.length} decisions logged, each with its input`)

  step("Check the decisions for fairness")
  const rates = Object.fromEntries(
    ["female", "male"].map((gender) => [gender, selectionRate(holdOut, predictions, gender)]),
  )
  const ratio = Math.min(rates.female, rates.male) / Math.max(rates.female, rates.male)
  const passed = ratio >= 0.8
  audit.logComplianceCheck({
    checkType: "selection_rate_by_gender",
    regulation: "GDPR",
    result: passed,
    details: { model_id: MODEL, selection_rates: rates, ratio, threshold: 0.8, rule: "four-fifths" },
  })
  say(
    `  women ${percent(rates.female)}, men ${percent(rates.male)}; ratio ${ratio.toFixed(2)}: ${passed ? "passed" : "NOT passed"} (four-fifths rule)`,
  )

  step("Answer a person who asked")
  audit.logUserRequest(
    {
      requestType: "access",
      userId: "worker-17",
      details: { decisions_found: 1, answered_by: "data_scientist_1" },
      status: "completed",
    },
    { evidence: { request_id: "R-1" } },
  )
  say("  request R-1 (access), completed")
}

step("Ask the log")
const byType = new Map()
for (const { event_type } of await getAuditLogs({ logDir })) byType.set(event_type, (byType.get(event_type) ?? 0) + 1)
for (const [type, count] of byType) say(`  ${String(count).padStart(4)}  ${type}`)
const [check] = await getAuditLogs({ logDir, eventType: "compliance_check", regulation: "gdpr" })
say(`  the fairness check says: result ${check.details.result}, ratio ${check.details.details.ratio.toFixed(2)}`)

step("Prove one decision to somebody who trusts only the key")
await decisions[16].sealed()
const receipt = await proveEvent({ logDir, eventId: decisions[16].eventId })
const publicKey = fs.readFileSync(join(logDir, "vkey"), "utf8").trim()
fs.writeFileSync(join(output, "decision.json"), receipt.entry)
fs.writeFileSync(join(output, "decision.tlog-proof"), receipt.proof)
const proven = await verifyProof(receipt.proof, receipt.entry, publicKey)
say(`  entry ${proven.index} of ${proven.treeSize} is in the log signed by`)
say(`  ${publicKey}`)

step("Verify the whole log")
const report = await verifyAuditLog({ logDir, publicKey })
say(`  ${report.verdict}: ${report.entriesChecked} entries, root ${report.rootHash}`)

step("Flip one bit in a copy, and verify that")
const copy = join(output, "tampered_copy")
fs.cpSync(logDir, copy, { recursive: true })
const bundle = join(
  copy,
  "tile",
  "entries",
  fs.readdirSync(join(copy, "tile", "entries")).includes("000") ? "000" : "000.p",
)
const file = fs.statSync(bundle).isDirectory() ? join(bundle, fs.readdirSync(bundle).sort((a, b) => b - a)[0]) : bundle
const bytes = fs.readFileSync(file)
const at = bytes.indexOf('"above_median":', bytes.indexOf(receipt.entry)) + '"above_median":'.length
bytes[at] ^= 1
fs.writeFileSync(file, bytes)
const tampered = await verifyAuditLog({ logDir: copy, publicKey })
say(`  ${tampered.verdict}: ${tampered.findings[0].message}`)

const told =
  report.verdict === "intact" && tampered.verdict === "corrupt" && tampered.findings[0].index === receipt.index
say(
  told
    ? `\nDone. Look around: npx secureml audit list --log-dir ${relative(process.cwd(), logDir)}`
    : "\nThis did not go as it should.",
)
process.exitCode = told ? 0 : 1
