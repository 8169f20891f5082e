/**
 * Logs for the tests of the command line, made with real trails.
 * @module
 */
import * as fs from "node:fs"
import { AuditTrail, type Checkpoint } from "../../src/audit.ts"
import { closeLedgersUnder } from "../../src/ledger/index.ts"

/** Text that could steer a terminal, reorder or hide what is read; each with how it must arrive. */
export const HOSTILE: readonly { readonly name: string; readonly text: string; readonly escaped: string }[] = [
  { name: "ANSI colour", text: "\u001b[31mred", escaped: "\\u001b[31mred" },
  { name: "OSC title", text: "\u001b]0;pwned\u0007", escaped: "\\u001b]0;pwned\\u0007" },
  { name: "OSC 8 link", text: "\u001b]8;;http://x\u001b\\", escaped: "\\u001b]8;;http://x\\u001b" },
  { name: "C1 control sequence", text: "\u009b2J", escaped: "\\u009b2J" },
  { name: "carriage return", text: "safe\rEVIL", escaped: "safe\\rEVIL" },
  { name: "line break and tab", text: "a\nb\tc", escaped: "a\\nb\\tc" },
  { name: "backspace, bell, NUL, DEL", text: "\b\u0007\u0000\u007f", escaped: "\\u0007\\u0000\\u007f" },
  { name: "bidi override", text: "\u202egnp.exe", escaped: "\\u202egnp.exe" },
  { name: "bidi isolates and marks", text: "\u2066x\u2069\u200f\u061c", escaped: "\\u2066x\\u2069\\u200f\\u061c" },
  { name: "line and paragraph separators", text: "x\u2028y\u2029z", escaped: "x\\u2028y\\u2029z" },
  {
    name: "zero-width",
    text: "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    escaped: "a\\u200bb\\u200cc\\u200dd\\u2060e\\ufefff",
  },
  { name: "tag characters", text: "x\u{e0041}", escaped: "x\\udb40\\udc41" },
]

/** Every character that must never reach anybody's terminal as it is; line breaks and tabs of the layout aside. */
export const FORBIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u

/** A sealed log of one training run: nine events. */
export async function trainingLog(logDir: string): Promise<Checkpoint> {
  const audit = new AuditTrail("model_training", { logDir, regulations: ["GDPR"], actor: { id: "ds1", type: "user" } })
  const columnsAccessed = ["age", "diagnosis"]
  audit.logDataAccess({ datasetName: "patients", columnsAccessed, numRecords: 1000, purpose: "training", user: "ds2" })
  audit.logModelTraining({ modelType: "forest", datasetName: "patients", parameters: { trees: 100 } })
  audit.logModelInference({ modelId: "m1", inputData: { age: 3 }, output: "ill", confidence: 0.9 })
  audit.logComplianceCheck({ checkType: "consent", regulation: "HIPAA", result: false, details: {} })
  audit.logUserRequest({ requestType: "access", userId: "u1", details: {}, status: "open" })
  audit.logEvent("患者登録", { 名前: "山田太郎" })
  audit.logError(new Error("out of memory"))
  return (await audit.close())!
}

/** A sealed log whose every event carries hostile text in each place that a caller can fill. */
export async function hostileLog(logDir: string): Promise<void> {
  const closed: Promise<unknown>[] = []
  for (const { text } of HOSTILE) {
    const audit = new AuditTrail(`op ${text}`, {
      logDir,
      actor: { id: `who ${text}` },
      context: { [`key ${text}`]: text },
    })
    audit.logEvent("note", { text, [`detail ${text}`]: text })
    audit.logDataAccess({ datasetName: text, columnsAccessed: [text], numRecords: 1, purpose: text, user: text })
    audit.logError({ errorType: `E ${text}`, message: text })
    closed.push(audit.close(text))
  }
  await Promise.all(closed)
}

/** A decision, its training, data and approval with hostile text all over; gives the decision's event id. */
export async function hostileDecision(logDir: string): Promise<string> {
  const text = HOSTILE.map((one) => one.text).join(" ")
  const audit = new AuditTrail(text, { logDir, actor: { id: text }, context: { model_version: text } })
  const evidence = { model_digest: text, approved_by: text }
  audit.logDataAccess({ datasetName: text, columnsAccessed: [text], numRecords: 1, purpose: text, user: text })
  audit.logModelTraining({ modelType: text, datasetName: text, parameters: { [text]: text } }, { evidence })
  audit.logComplianceCheck(
    { checkType: text, regulation: text, result: true, details: { model_id: text } },
    { evidence },
  )
  audit.logComplianceCheck(
    { checkType: text, regulation: text, result: text, details: { model_id: text } },
    { evidence },
  )
  const { eventId } = audit.logModelInference({ modelId: text, inputData: text, output: text }, { evidence })
  await audit.close()
  return eventId
}

/** Records five steps, then takes the third one's line out of the journal. Nothing of it is sealed. */
export async function cutHole(logDir: string): Promise<void> {
  const trail = new AuditTrail("holed", { logDir })
  for (let n = 0; n < 5; n++) trail.logEvent("step", { n })
  await closeLedgersUnder(logDir)
  const journal = `${logDir}/.state/journal`
  for (const name of fs.readdirSync(journal)) {
    const lines = fs.readFileSync(`${journal}/${name}`, "utf8").split("\n")
    const kept = lines.filter((line) => !line.includes('"n":2}'))
    if (kept.length < lines.length) fs.writeFileSync(`${journal}/${name}`, kept.join("\n"))
  }
}
