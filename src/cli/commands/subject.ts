/**
 * `secureml audit subject`: everything that a log holds of one person.
 * @module
 */
import type { Command } from "commander"
import { type AuditRecord, type SubjectReport, subjectReport } from "../../audit.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { escapeJson, escapeText } from "../escape.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { recordOrTell } from "../record-act.ts"
import { actorName } from "../record-row.ts"
import type { Session } from "../session.ts"
import { readSubject } from "../standard-input.ts"

/** Adds the command. */
export function addSubject(audit: Command, session: Session): void {
  audit
    .command("subject")
    .description("Shows everything the log holds of a person. The identifier is read from standard input.")
    .argument("<subject>", "-: the identifier comes on standard input")
    .addOption(logDirOption())
    .addOption(jsonOption("the report as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((argument: string, flags: CommonFlags) => runSubject(argument, flags, session.output))
}

const EXAMPLES = `
Values of other persons in the same events stay withheld. What was logged without being declared personal is there as it
is, also where it names others: read the report before you hand it out. That it was made is recorded, without the person.

Examples:
  $ printf %s customer-17 | secureml audit subject -
  $ printf %s customer-17 | secureml audit subject - --json > answer.json`

async function runSubject(argument: string, flags: CommonFlags, output: Output): Promise<void> {
  const root = requireLog(flags)
  const subject = await readSubject(argument)
  const report = await subjectReport({ logDir: root.path, subject })
  const details = { function: "subject_report", filters: { subject: "given" }, records: report.records.length }
  const act = { operationName: "audit_read", eventType: "audit_read", details: { ...details, completed: true } }
  recordOrTell(root, act, "this report", output)
  await output.data(flags.json === true ? jsonLine(report) : reportText(report, output))
}

function reportText({ generatedAt, values, restricted, records }: SubjectReport, output: Output): string {
  if (records.length === 0) return "the log holds no personal values of this person\n"
  const head = `${values} personal values in ${records.length} events, as of ${generatedAt}\n`
  const kept = restricted.map(({ eventId, pointer, until }) => {
    const end = until === undefined ? "" : `, until ${until}`
    return `  restricted: ${escapeText(pointer)} of event ${escapeText(eventId)}${end}\n`
  })
  return head + kept.join("") + records.map((record) => `\n${recordText(record, output)}`).join("")
}

function recordText(record: AuditRecord, output: Output): string {
  const { index, timestamp, event_type, operation_name, actor, details, corrections } = record
  const place = index === null ? "not sealed yet" : `entry ${index}`
  const who = actor === undefined ? "" : `, by ${escapeText(actorName(actor))}`
  const title = `${escapeText(event_type)}  ${timestamp}  ${place}, in ${escapeText(operation_name)}${who}`
  // Line breaks of the layout are ours: JSON has none inside strings.
  const body = JSON.stringify(details, null, 2)
    .split("\n")
    .map((line) => `  ${escapeJson(line)}\n`)
  const later = (corrections ?? []).map((one) => `  corrected: ${escapeJson(JSON.stringify(one))}\n`)
  return `${output.styled("bold", title)}\n${body.join("")}${later.join("")}`
}
