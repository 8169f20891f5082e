/**
 * A trace as text: a small tree in which each line is an event, with the reason why it is there. Pure; everything that
 * an event says is untrusted.
 * @module
 */
import type { AuditRecord, DecisionTrace, MissingHop, TraceLink } from "../audit.ts"
import { escapeText } from "./escape.ts"
import type { Output, Style } from "./output.ts"
import { whatOf, whoOf } from "./record-row.ts"
import { type Branch, treeLines } from "./tree.ts"
import { truncateText } from "./width.ts"

/** Events of one kind that are shown under one line, the latest. */
const MOST_SHOWN = 20

/** Columns that a line takes beside what its event says, as a rule. */
const REST_COLUMNS = 90

const CERTAINTY: Readonly<Record<TraceLink["certainty"], readonly [string, Style]>> = {
  digest: ["by digest", "green"],
  id: ["by id", "green"],
  operation: ["by operation", "yellow"],
  name: ["by name only", "yellow"],
}

/** Names for the kinds of data events; other events are called by their place in the trace. */
const KIND: ReadonlyMap<string, string> = new Map([
  ["data_access", "data access"],
  ["data_transformation", "transformation"],
])

/** All lines of a trace. */
export function traceText(trace: DecisionTrace, output: Output): string {
  const { decision, model, trainings, approvals, rejections, missing } = trace
  const version = [
    model.version === null ? "" : `version ${model.version}`,
    model.digest === null ? "" : `digest ${model.digest}`,
  ]
  const named = [model.id ?? "a model without a name", ...version].filter((text) => text !== "").join(", ")
  const head = `${output.styled("bold", "decision")}  ${placeText(decision)}  ${escapeText(`${named}${byWhom(decision)}`)}`
  const below: Branch[] = [
    ...newest(trainings).map((one) => ({
      text: linkText("training", one, output, one.isChosen),
      branches: one.data === null ? [] : newest(one.data).map((link) => ({ text: linkText("data", link, output) })),
    })),
    ...newest(approvals).map((one) => ({ text: linkText("approval", one, output, one.isChosen) })),
    ...newest(rejections).map((one) => ({ text: linkText("rejection", one, output) })),
    ...missing.map((hop) => ({ text: missingText(hop, output) })),
  ]
  return `${[head, ...treeLines(below)].join("\n")}\n`
}

/** How many events of a trace are not shown as text. */
export function notShown({ trainings, approvals, rejections }: DecisionTrace): number {
  const lists = [trainings, approvals, rejections, ...trainings.map(({ data }) => data ?? [])]
  return lists.reduce((sum, list) => sum + Math.max(0, list.length - MOST_SHOWN), 0)
}

function newest<T>(links: readonly T[]): readonly T[] {
  return links.slice(-MOST_SHOWN)
}

function linkText(place: string, link: TraceLink, output: Output, isChosen = false): string {
  const { record, certainty, matched, conflicts } = link
  const kind = place === "data" ? (KIND.get(record.event_type) ?? record.event_type) : place
  const [how, style] = CERTAINTY[certainty]
  const why = escapeText(` (${matched.join(", ")})`)
  const against =
    conflicts.length === 0 ? "" : output.styled("red", `, against it: ${escapeText(conflicts.join(", "))}`)
  const chosen = isChosen ? output.styled("bold", "  ← chosen") : ""
  // On a terminal the reason, which stands behind it, must not be pushed off the screen.
  const said = escapeText(whatOf(record))
  const what = `${output.terminal ? truncateText(said, Math.max(20, output.columns - REST_COLUMNS)) : said}${escapeText(byWhom(record))}`
  return `${output.styled("bold", kind)}  ${placeText(record)}  ${what}  ${output.styled("dim", "·")} ${output.styled(style, how)}${why}${against}${chosen}`
}

function placeText({ index, timestamp }: AuditRecord): string {
  return `${index === null ? "-" : index}  ${escapeText(timestamp.slice(0, 19).replace("T", " "))}`
}

/** Who approved, as the evidence says, else who acted. */
function byWhom(record: AuditRecord): string {
  const approver = record.details["approved_by"]
  const who = typeof approver === "string" ? approver : whoOf(record)
  return who === "" ? "" : `, by ${who}`
}

function missingText({ hop, reason }: MissingHop, output: Output): string {
  return `${output.styled("yellow", "missing")}  ${hop.replace("_", " ")}: ${escapeText(reason)}`
}
