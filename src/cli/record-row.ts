/**
 * A record on one line: index, time, type, operation, who, what. Pure; everything in a record is untrusted.
 * @module
 */
import type { Actor, AuditRecord, JsonObject, JsonValue } from "../audit.ts"
import { escapeText } from "./escape.ts"
import type { Column } from "./table.ts"

/** What a line says of details at most, in UTF-16 units; `show` and `--json` give all. */
const MAX_WHAT_CHARS = 400
const MAX_VALUE_CHARS = 80

/** Columns on a terminal. */
export const RECORD_COLUMNS: readonly Column[] = [
  { title: "INDEX", least: 5, most: 12, align: "right" },
  { title: "TIME (UTC)", least: 19, most: 19 },
  { title: "TYPE", least: 11, most: 22 },
  { title: "OPERATION", least: 9, most: 24 },
  { title: "WHO", least: 6, most: 20 },
  { title: "WHAT", least: 20, most: 20 },
]

/** Widths for records that are still to come. */
export const TYPICAL_CELLS: readonly string[] = ["", "", "data_transformation", "model_training", "data_scientist"]

/** Event types whose details read better in an order of their own. */
const SUMMARY_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ["audit_started", ["regulations"]],
  ["audit_closed", ["status"]],
  ["data_access", ["dataset_name", "num_records", "columns_accessed", "purpose"]],
  ["data_transformation", ["transformation_type", "parameters"]],
  ["model_training", ["model_type", "dataset_name", "metrics", "parameters"]],
  ["model_inference", ["model_id", "output", "confidence"]],
  ["compliance_check", ["check_type", "regulation", "result"]],
  ["user_request", ["request_type", "user_id", "status"]],
  ["error", ["error_type", "message"]],
  ["function_call", ["function"]],
  ["function_return", ["status", "execution_time"]],
  ["audit_read", ["function", "records", "filters"]],
  ["events_lost", ["count", "code", "first_at", "last_at"]],
])
/** Said by their place in the line. */
const UNNAMED: ReadonlySet<string> = new Set([
  "dataset_name",
  "transformation_type",
  "model_type",
  "model_id",
  "check_type",
  "request_type",
  "error_type",
  "message",
  "function",
])

/** Cells for a terminal, escaped. An unsealed record has no index yet. */
export function terminalCells(record: AuditRecord): string[] {
  const time = record.timestamp.slice(0, 19).replace("T", " ")
  const cells = [
    record.index === null ? "-" : String(record.index),
    time,
    record.event_type,
    record.operation_name,
    whoOf(record),
    whatOf(record),
  ]
  return cells.map(escapeText)
}

/** Cells for a pipe: the same, the time in full, and the event id at the end. Not escaped. */
export function pipeCells(record: AuditRecord): string[] {
  const { index, timestamp, event_type, operation_name, event_id } = record
  return [
    index === null ? "-" : String(index),
    timestamp,
    event_type,
    operation_name,
    whoOf(record),
    whatOf(record),
    event_id,
  ]
}

/** Who acted: the user in the details, else the actor. */
export function whoOf({ details, actor }: AuditRecord): string {
  const user = details["user"]
  return typeof user === "string" ? user : actor === undefined ? "" : actorName(actor)
}

/** What happened, in short: the details that matter most for the type of event. */
export function whatOf({ event_type, details }: AuditRecord): string {
  const keys = SUMMARY_KEYS.get(event_type) ?? Object.keys(details).filter((key) => key !== "user")
  const parts: string[] = []
  let chars = 0
  for (const key of keys) {
    const value = details[key]
    if (value === undefined || !Object.hasOwn(details, key) || (Array.isArray(value) && value.length === 0)) continue
    const part = UNNAMED.has(key) && SUMMARY_KEYS.has(event_type) ? shortValue(value) : `${key}=${shortValue(value)}`
    parts.push(part)
    chars += part.length
    if (chars > MAX_WHAT_CHARS) break
  }
  return cutAt(parts.join(" "), MAX_WHAT_CHARS)
}

function shortValue(value: JsonValue): string {
  if (typeof value === "string") return cutAt(value, MAX_VALUE_CHARS)
  if (typeof value !== "object" || value === null) return String(value)
  if (Array.isArray(value)) {
    return value.every((item) => typeof item === "string") ? cutAt(value.join(","), MAX_VALUE_CHARS) : cutJson(value)
  }
  const fields = Object.entries(value as JsonObject)
  const flat = fields.every(([, field]) => typeof field !== "object" || field === null)
  return flat && fields.length > 0
    ? cutAt(fields.map(([key, field]) => `${key}:${field}`).join(","), MAX_VALUE_CHARS)
    : cutJson(value)
}

function cutJson(value: JsonValue): string {
  return cutAt(JSON.stringify(value), MAX_VALUE_CHARS)
}

/** Cut text ends with an ellipsis; a pair of surrogates is not cut in two. */
function cutAt(text: string, chars: number): string {
  if (text.length <= chars) return text
  return `${text.slice(0, chars - 1).replace(/[\ud800-\udbff]$/, "")}…`
}

/** The actor's id; what became of it, where it is a personal value that cannot be shown. */
export function actorName({ id }: Actor): string {
  const marker = id as unknown as { readonly state?: unknown }
  return typeof id === "string" ? id : `(${typeof marker.state === "string" ? marker.state : "personal"})`
}
