/**
 * `secureml audit stats`: how many records, when, and of what.
 * @module
 */
import type { Command } from "commander"
import { type Bar, barLines, dayBars } from "../bars.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { escapeText } from "../escape.ts"
import { factLines } from "../facts.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { Progress } from "../progress.ts"
import { addQueryFlags, type QueryFlags, queryOf } from "../query-flags.ts"
import type { Session } from "../session.ts"
import { COUNTED, type Statistics, statisticsOf, type ValueCount } from "../statistics.ts"
import { tabLine } from "../table.ts"

/** Rows of the histogram, and values shown of each kind, on a terminal. */
const DAY_ROWS = 31
const TOP_VALUES = 8
/** Wider bars say no more. */
const MOST_COLUMNS = 120
const NONE = "(none)"

interface StatsFlags extends CommonFlags, QueryFlags {}

/** Adds the command. */
export function addStats(audit: Command, session: Session): void {
  const stats = audit
    .command("stats")
    .description("Counts records: in all, by day, type, operation, user, regulation and outcome.")
    .addOption(logDirOption())
    .addOption(jsonOption("all counts as JSON"))
  addQueryFlags(stats)
    .addHelpText("after", EXAMPLES)
    .action((flags: StatsFlags) => runStats(flags, session.output))
}

const EXAMPLES = `
In a pipe: what is counted, the value, and the count, with tabs between them. A terminal shows the ${TOP_VALUES} most frequent
values. Days are in UTC.

Examples:
  $ secureml audit stats --since 90d
  $ secureml audit stats --event-type error --json | jq .days`

async function runStats(flags: StatsFlags, output: Output): Promise<void> {
  const root = requireLog(flags)
  const progress = new Progress(output)
  const query = { ...queryOf(flags, Date.now()), logDir: root.path }
  const statistics = await statisticsOf(query, (what) => progress.tell(() => `counting: ${what}`)).finally(() =>
    progress.end(),
  )
  if (flags.json === true) return output.data(jsonLine(statistics))
  await output.data(output.terminal ? terminalText(statistics, output) : pipeText(statistics))
}

function pipeText(statistics: Statistics): string {
  const { records, first, last, days } = statistics
  const lines = [
    tabLine(["records", "", String(records)]),
    tabLine(["first", first ?? "", ""]),
    tabLine(["last", last ?? "", ""]),
  ]
  for (const { day, count } of days) lines.push(tabLine(["day", day, String(count)]))
  for (const [name, kind] of COUNTED)
    for (const { value, count } of statistics[name]) lines.push(tabLine([kind, value ?? "", String(count)]))
  return lines.join("")
}

function terminalText(statistics: Statistics, output: Output): string {
  const { records, first, last, days } = statistics
  const head = factLines(
    [
      ["records", String(records)],
      ["first", first ?? "none"],
      ["last", last ?? "none"],
    ],
    output,
  )
  if (records === 0) return head
  const blocks = COUNTED.map(([name]) => block(name, valueBars(statistics[name]), output))
  return [head, block("days", dayBars(days, DAY_ROWS), output), ...blocks].filter((text) => text !== "").join("\n")
}

/** The most frequent, and the others together. Nothing where no record has a value. */
function valueBars(values: readonly ValueCount[]): Bar[] {
  if (values.every(({ value }) => value === null)) return []
  const bars = values.slice(0, TOP_VALUES).map(({ value, count }) => ({ label: escapeText(value ?? NONE), count }))
  const others = values.slice(TOP_VALUES)
  const count = others.reduce((sum, other) => sum + other.count, 0)
  return others.length === 0 ? bars : [...bars, { label: `(${others.length} others)`, count, sum: true }]
}

function block(title: string, bars: readonly Bar[], output: Output): string {
  if (bars.length === 0) return ""
  const lines = barLines(bars, Math.min(output.columns, MOST_COLUMNS)).map(
    ({ label, bar, count }) => `${label}  ${output.styled("cyan", bar)}  ${count}\n`,
  )
  return `${output.styled("bold", title)}\n${lines.join("")}`
}
