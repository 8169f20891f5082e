/**
 * `secureml audit assess`: what regulations ask of a log, and what it shows.
 * @module
 */
import type { Command } from "commander"
import type { AssessmentReport, ControlFinding, Outcome } from "../../compliance.ts"
import { type AssessmentFlags, addAssessmentFlags, runAssessment } from "../assessment.ts"
import { escapeText } from "../escape.ts"
import { EXIT } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output, Style } from "../output.ts"
import type { Session } from "../session.ts"
import { type Column, joinCells, layOut, tabLine, tableLine } from "../table.ts"

interface AssessFlags extends AssessmentFlags {
  readonly from?: string
  readonly to?: string
}

/** Outcomes that somebody has to look at; a clock that runs is none. */
const FINDINGS: readonly Outcome[] = ["fail", "not_evidenced", "needs_review"]

const STYLES: Readonly<Partial<Record<Outcome, Style>>> = {
  fail: "red",
  not_evidenced: "yellow",
  needs_review: "yellow",
  pass: "green",
  not_applicable: "dim",
}

const COLUMNS: readonly Column[] = [
  { title: "OUTCOME", least: 14, most: 14 },
  { title: "CONTROL", least: 12, most: 32 },
  { title: "ITEMS", least: 5, most: 9, align: "right" },
  { title: "WHY", least: 20, most: 20 },
]

/** Adds the command. */
export function addAssess(audit: Command, session: Session): void {
  const command = audit
    .command("assess")
    .description("Asks a log what regulations ask of it. Says what the log shows, never that anybody complies.")
    .option("--from <time>", "test only what was recorded from then on; clocks that still run are told all the same")
    .option("--to <time>", "test only what was recorded until then")
  addAssessmentFlags(command, "the report as JSON")
    .addHelpText("after", EXAMPLES)
    .action((flags: AssessFlags) => runAssess(flags, session))
}

const EXAMPLES = `
Exit codes: 0 no finding, 20 findings (fail, not_evidenced, needs_review), 1 it could not run, 2 wrong usage.
It needs the packages temporal-polyfill and date-holidays, and is not legal advice.
In a pipe: outcome, control, provision, number of items and why, with tabs between them.

Examples:
  $ secureml audit assess --regulation GDPR --profile acme.json
  $ secureml audit assess --regulation HIPAA --regulation CCPA --profile acme.json --from 2026-01-01
  $ secureml audit assess --regulation GDPR --profile acme.json --json | jq '.findings[] | select(.outcome == "fail")'`

async function runAssess(flags: AssessFlags, session: Session): Promise<void> {
  const { output } = session
  const { from, to } = flags
  const window = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  const report = await runAssessment(flags, window)
  if (report.findings.some(({ outcome }) => FINDINGS.includes(outcome))) session.exitCode = EXIT.findings
  if (flags.json === true) return output.data(jsonLine(report))
  await output.data(output.terminal ? tableOf(report.findings, output) : report.findings.map(pipeLine).join(""))
  await output.flush()
  output.note(summaryOf(report))
}

function pipeLine({ outcome, control, provision, population, reason }: ControlFinding): string {
  return tabLine([outcome, control, provision, String(population), reason])
}

function tableOf(findings: readonly ControlFinding[], output: Output): string {
  const rows = findings.map(({ outcome, control, population, reason }) =>
    [outcome, control, String(population), reason].map(escapeText),
  )
  const layout = layOut(COLUMNS, rows, output.columns)
  const titles = COLUMNS.map(({ title }) => title)
  const lines = rows.map((cells, n) => {
    const line = tableLine(COLUMNS, layout, cells)
    const style = STYLES[findings[n]!.outcome]
    if (style !== undefined) line[0] = output.styled(style, line[0]!)
    return joinCells(line)
  })
  return `${[output.styled("dim", joinCells(tableLine(COLUMNS, layout, titles))), ...lines].join("\n")}\n`
}

function summaryOf({ counts, log, as_of, catalogues }: AssessmentReport): string {
  const outcomes = Object.entries(counts).filter(([, count]) => count > 0)
  const laws = catalogues.map(({ id, version, law_as_of }) => `${id} ${version}, law as of ${law_as_of}`)
  return [
    `as of ${as_of}: ${outcomes.map(([outcome, count]) => `${count} ${outcome}`).join(", ")}`,
    `log ${log.verdict}: ${log.assessed} entries assessed, ${log.not_assessed} not assessed`,
    ...(log.stopped === undefined ? [] : [`reading stopped: ${log.stopped}`]),
    laws.join("; "),
  ].join("\n")
}
