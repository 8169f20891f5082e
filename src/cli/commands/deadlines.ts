/**
 * `secureml audit deadlines`: clocks that laws started and nothing has stopped, overdue ones first.
 * @module
 */
import { type Command, Option } from "commander"
import type { AssessmentReport } from "../../compliance.ts"
import { type AssessmentFlags, addAssessmentFlags, runAssessment } from "../assessment.ts"
import { escapeText } from "../escape.ts"
import { EXIT } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { parseAge } from "../query-flags.ts"
import type { Session } from "../session.ts"
import { type Column, joinCells, layOut, tabLine, tableLine } from "../table.ts"

interface DeadlinesFlags extends AssessmentFlags {
  readonly within?: number
}

/** A clock that runs, as the command tells it. */
interface Due {
  readonly state: "overdue" | "start unknown" | "due"
  readonly due_on: string
  readonly due_by: string
  readonly alert_on: string | null
  readonly control: string
  readonly provision: string
  readonly item: string
  readonly action: string
  readonly assumed: readonly string[]
}

/** Overdue first, then those of which nobody knows when they started. */
const ORDER: readonly Due["state"][] = ["overdue", "start unknown", "due"]

const COLUMNS: readonly Column[] = [
  { title: "STATE", least: 13, most: 13 },
  { title: "DUE", least: 10, most: 10 },
  { title: "ITEM", least: 8, most: 30 },
  { title: "CONTROL", least: 8, most: 26 },
  { title: "WHAT", least: 12, most: 12 },
]

/** Adds the command. */
export function addDeadlines(audit: Command, session: Session): void {
  const command = audit
    .command("deadlines")
    .description("Lists what laws want done and nothing in the log says was done, overdue first.")
    .addOption(
      new Option("--within <age>", "only what is overdue or due in that time, for example 7d").argParser(parseAge),
    )
  addAssessmentFlags(command, "a list of clocks as JSON")
    .addHelpText("after", EXAMPLES)
    .action((flags: DeadlinesFlags) => runDeadlines(flags, session))
}

const EXAMPLES = `
Exit codes: 0 nothing is overdue, 21 something is, 1 it could not run, 2 wrong usage.
"start unknown": nobody recorded when it was received; it is due then at the latest.
In a pipe: state, end of the last day or hour, item, control, provision and what is due, with tabs between them.

Examples:
  $ secureml audit deadlines --regulation GDPR --profile acme.json --within 7d
  $ secureml audit deadlines --regulation HIPAA --profile acme.json --json | jq -r '.[].item'`

async function runDeadlines(flags: DeadlinesFlags, session: Session): Promise<void> {
  const { output } = session
  const report = await runAssessment(flags)
  const untilMs = flags.within === undefined ? Number.POSITIVE_INFINITY : Date.parse(report.as_of) + flags.within
  const list = duesOf(report).filter(({ due_by }) => Date.parse(due_by) <= untilMs)
  if (list.some(({ due_by }) => Date.parse(due_by) <= Date.parse(report.as_of))) session.exitCode = EXIT.overdue
  if (flags.json === true) return output.data(jsonLine(list))
  if (list.length === 0) return output.note(`nothing is due, as of ${report.as_of}`)
  await output.data(output.terminal ? tableOf(list, output) : list.map(pipeLine).join(""))
}

function duesOf({ findings, as_of }: AssessmentReport): Due[] {
  const nowMs = Date.parse(as_of)
  const all = findings.flatMap(({ control, provision, open_clocks }) =>
    open_clocks.map(({ item, action, due, at_the_latest }): Due => {
      const isOverdue = Date.parse(due.dueBy) <= nowMs
      return {
        state: isOverdue ? "overdue" : at_the_latest === true ? "start unknown" : "due",
        due_on: due.dueOn,
        due_by: due.dueBy,
        alert_on: due.alertOn ?? null,
        control,
        provision,
        item,
        action,
        assumed: due.assumed,
      }
    }),
  )
  return all.sort(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || Date.parse(a.due_by) - Date.parse(b.due_by),
  )
}

function pipeLine({ state, due_by, item, control, provision, action }: Due): string {
  return tabLine([state, due_by, item, control, provision, action])
}

function tableOf(list: readonly Due[], output: Output): string {
  const rows = list.map(({ state, due_on, item, control, action }) =>
    [state, due_on, item, control, action].map(escapeText),
  )
  const layout = layOut(COLUMNS, rows, output.columns)
  const titles = COLUMNS.map(({ title }) => title)
  const lines = rows.map((cells, n) => {
    const line = tableLine(COLUMNS, layout, cells)
    if (list[n]!.state !== "due") line[0] = output.styled(list[n]!.state === "overdue" ? "red" : "yellow", line[0]!)
    return joinCells(line)
  })
  return `${[output.styled("dim", joinCells(tableLine(COLUMNS, layout, titles))), ...lines].join("\n")}\n`
}
