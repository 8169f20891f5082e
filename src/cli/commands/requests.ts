/**
 * `secureml audit requests`: what people asked for, how far it is, and what is due next. A request is the `user_request`
 * events with one `request_id`; they hold nothing of the person, so it is still told once the person was erased.
 * @module
 */
import type { Command } from "commander"
import type { AuditRecord, JsonValue } from "../../audit.ts"
import type { AssessmentReport } from "../../compliance.ts"
import { streamRecords } from "../../query/index.ts"
import { type AssessmentFlags, addAssessmentFlags, runAssessment } from "../assessment.ts"
import { requireLog } from "../directory.ts"
import { escapeText } from "../escape.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"
import { type Column, joinCells, layOut, tabLine, tableLine } from "../table.ts"

/** A clock of a request that runs. */
interface NextStep {
  readonly control: string
  readonly action: string
  readonly due_by: string
  readonly overdue: boolean
  readonly at_the_latest: boolean
}

/** One request, as the command tells it; what nobody recorded is null. */
interface RequestCase {
  readonly request_id: string
  readonly request_type: string | null
  readonly status: string | null
  readonly received_at: string | null
  readonly acknowledged_at: string | null
  readonly responded_at: string | null
  readonly response_nature: string | null
  /** Ledger indexes of its events; null for one that is not sealed. */
  readonly events: readonly (number | null)[]
  /** What is due, the first thing first. */
  readonly next: readonly NextStep[]
}

const FIELDS = ["request_type", "status", "received_at", "acknowledged_at", "responded_at", "response_nature"] as const

const COLUMNS: readonly Column[] = [
  { title: "REQUEST", least: 8, most: 24 },
  { title: "TYPE", least: 6, most: 18 },
  { title: "STATUS", least: 6, most: 12 },
  { title: "DUE", least: 10, most: 10 },
  { title: "NEXT", least: 12, most: 12 },
]

/** Adds the command. */
export function addRequests(audit: Command, session: Session): void {
  const command = audit
    .command("requests")
    .description("Lists what people asked for, how far it is, and what is due next.")
  addAssessmentFlags(command, "one request a line, as JSON")
    .addHelpText("after", EXAMPLES)
    .action((flags: AssessmentFlags) => runRequests(flags, session.output))
}

const EXAMPLES = `
A request is all user_request events with one request_id; an event without one is told on standard error.
In a pipe: request, type, status, when it was received, when answered, when the next thing is due and what, with tabs
between them; "-" where nobody recorded it or nothing is due.

Examples:
  $ secureml audit requests --regulation GDPR --profile acme.json
  $ secureml audit requests --regulation GDPR --profile acme.json --json | jq 'select(.next[0].overdue)'`

async function runRequests(flags: AssessmentFlags, output: Output): Promise<void> {
  const root = requireLog(flags)
  const report = await runAssessment(flags)
  const { cases, unnamed } = await casesOf(root.path, nextSteps(report), Date.parse(report.as_of))
  const isTable = output.terminal && flags.json !== true
  if (isTable && cases.length > 0) await output.data(tableOf(cases, output))
  if (!isTable) for (const one of cases) await output.data(flags.json === true ? jsonLine(one) : tabLine(cellsOf(one)))
  await output.flush()
  if (cases.length === 0) output.note("no request is recorded")
  if (unnamed > 0) output.note(`${unnamed} user_request events have no request_id and are not listed`)
}

/** Clocks that run, by the item that they belong to. */
function nextSteps({ findings, as_of }: AssessmentReport): ReadonlyMap<string, readonly NextStep[]> {
  const steps = new Map<string, NextStep[]>()
  for (const { control, open_clocks } of findings) {
    for (const { item, action, due, at_the_latest } of open_clocks) {
      const overdue = Date.parse(due.dueBy) <= Date.parse(as_of)
      const step = { control, action, due_by: due.dueBy, overdue, at_the_latest: at_the_latest === true }
      steps.set(item, [...(steps.get(item) ?? []), step])
    }
  }
  for (const list of steps.values()) list.sort((a, b) => Date.parse(a.due_by) - Date.parse(b.due_by))
  return steps
}

async function casesOf(
  logDir: string,
  steps: ReadonlyMap<string, readonly NextStep[]>,
  asOfMs: number,
): Promise<{ cases: readonly RequestCase[]; unnamed: number }> {
  const told = new Map<string, { readonly values: Map<string, string>; readonly events: (number | null)[] }>()
  let unnamed = 0
  for await (const record of streamRecords({ eventType: "user_request" }, logDir)) {
    if (Date.parse(record.timestamp) > asOfMs) continue
    const { index, details } = record as unknown as AuditRecord
    const id = textOf(details["request_id"])
    if (id === undefined) unnamed += 1
    else {
      const known = told.get(id) ?? { values: new Map<string, string>(), events: [] }
      told.set(id, known)
      known.events.push(index)
      for (const field of FIELDS) {
        const value = textOf(details[field])
        if (value !== undefined) known.values.set(field, value)
      }
    }
  }
  const cases = [...told].map(([request_id, { values, events }]): RequestCase => {
    const [type, status, received, acknowledged, responded, nature] = FIELDS.map((field) => values.get(field) ?? null)
    return {
      request_id,
      request_type: type ?? null,
      status: status ?? null,
      received_at: received ?? null,
      acknowledged_at: acknowledged ?? null,
      responded_at: responded ?? null,
      response_nature: nature ?? null,
      events,
      next: steps.get(`request_id ${JSON.stringify(request_id)}`) ?? [],
    }
  })
  return { cases, unnamed }
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined
}

function cellsOf({ request_id, request_type, status, received_at, responded_at, next: [step] }: RequestCase): string[] {
  const cells = [request_id, request_type, status, received_at, responded_at, step?.due_by, step?.action]
  return cells.map((cell) => cell ?? "-")
}

function tableOf(cases: readonly RequestCase[], output: Output): string {
  const rows = cases.map(({ request_id, request_type, status, next: [step] }) =>
    [request_id, request_type ?? "-", status ?? "-", step?.due_by.slice(0, 10) ?? "-", step?.action ?? "-"].map(
      escapeText,
    ),
  )
  const layout = layOut(COLUMNS, rows, output.columns)
  const titles = COLUMNS.map(({ title }) => title)
  const lines = rows.map((cells, n) => {
    const line = tableLine(COLUMNS, layout, cells)
    if (cases[n]!.next[0]?.overdue === true) line[3] = output.styled("red", line[3]!)
    return joinCells(line)
  })
  return `${[output.styled("dim", joinCells(tableLine(COLUMNS, layout, titles))), ...lines].join("\n")}\n`
}
