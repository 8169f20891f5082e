/**
 * An operation as text: in a table, in a pipe, and in full. Pure; everything in it is untrusted.
 * @module
 */

import type { AuditOperation, OperationSummary } from "../audit.ts"
import { durationText } from "./duration.ts"
import { escapeText } from "./escape.ts"
import type { Style } from "./output.ts"
import { actorName } from "./record-row.ts"
import type { Column } from "./table.ts"

/** Columns on a terminal. An id that is cut is of no use, so it never is. */
export const OPERATION_COLUMNS: readonly Column[] = [
  { title: "OPERATION ID", least: 36, most: 36 },
  { title: "STARTED", least: 11, most: 19 },
  { title: "STATUS", least: 6, most: 12 },
  { title: "TOOK", least: 6, most: 8, align: "right" },
  { title: "EVENTS", least: 6, most: 9, align: "right" },
  { title: "NAME", least: 5, most: 5 },
]

/** Cells for a terminal, escaped. */
export function operationCells(operation: OperationSummary): string[] {
  const { operationId, startedAt, status, durationMs, eventCount, operationName } = operation
  const started = startedAt.slice(0, 19).replace("T", " ")
  const duration = durationMs === null ? "-" : durationText(durationMs)
  return [operationId, started, status, duration, String(eventCount), operationName].map(escapeText)
}

/** Cells for a pipe. Not escaped. */
export function operationPipeCells(operation: OperationSummary): string[] {
  const { operationId, startedAt, endedAt, status, durationMs, eventCount, operationName } = operation
  const duration = durationMs === null ? "-" : String(durationMs)
  return [operationId, startedAt, endedAt ?? "-", status, duration, String(eventCount), operationName]
}

/** The style of a status, where it says something. */
export function statusStyle(status: string): Style | undefined {
  if (status === "unfinished" || status === "disposed") return "yellow"
  if (status === "act") return "dim"
  return /error|fail/i.test(status) ? "red" : undefined
}

/** What there is to say of an operation, its errors and children aside. */
export function operationFacts(
  operation: AuditOperation,
  parentName: string | undefined,
): (readonly [string, string])[] {
  const { actor, parent, regulations, context, durationMs, endedAt } = operation
  const facts: (readonly [string, string | undefined])[] = [
    ["operation", operation.operationName],
    ["id", operation.operationId],
    ["status", endedAt === null ? openStatus(operation) : operation.status],
    ["started", operation.startedAt],
    ["ended", endedAt ?? undefined],
    ["duration", durationMs === null ? undefined : durationText(durationMs)],
    ["who", actor === null ? undefined : [actorName(actor), actor.type, actor.role].filter(Boolean).join(", ")],
    ["regulations", regulations.length === 0 ? undefined : regulations.join(", ")],
    ["context", context === null ? undefined : JSON.stringify(context)],
    ["parent", parent === null ? undefined : `${parentName ?? "not in this log"} (${parent})`],
    ["events", eventsText(operation)],
    ["entries", entriesText(operation)],
    ["missing", missingText(operation)],
  ]
  return facts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]))
}

function openStatus({ status, lastEventAt }: AuditOperation): string {
  return status === "act" ? "act: something done with the log" : `${status}: its last event is of ${lastEventAt}`
}

function eventsText({ eventCount, events }: AuditOperation): string {
  return `${eventCount}: ${Object.entries(events)
    .sort(([, a], [, b]) => b - a)
    .map(([type, count]) => `${count} ${type}`)
    .join(", ")}`
}

function entriesText({ indexes, isSealed }: AuditOperation): string {
  if (indexes === null) return "none sealed yet"
  const places = indexes.first === indexes.last ? `${indexes.first}` : `${indexes.first} to ${indexes.last}`
  return `${places}, ${isSealed ? "all sealed" : "and some not sealed yet"}`
}

function missingText({ missing }: AuditOperation): string | undefined {
  if (missing.length === 0) return undefined
  return missing
    .map(({ from, to, explainedBy }) => {
      const numbers = from === to ? `number ${from}` : `numbers ${from} to ${to}`
      return `${numbers} (${explainedBy === null ? "nothing explains it" : `lost, says the recovery ${explainedBy}`})`
    })
    .join(", ")
}
