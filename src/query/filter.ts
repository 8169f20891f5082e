/**
 * What a query asks: validated once, then a plain test of one entry. Pure.
 * @module
 */
import type { AuditEntry, AuditEventMap, EventRecord, JsonValue } from "../event/index.ts"
import { checkArgument, checkLogDir } from "./door-arguments.ts"
import { parseTimeBound } from "./time-bound.ts"

/** Which records to read. All filters are optional and all must hold. */
export interface AuditQuery<T extends string = string> {
  /** Default: `$SECUREML_AUDIT_DIR`, else "secureml_audit_logs". */
  readonly logDir?: string
  readonly operationId?: string
  readonly operationName?: string
  /** Inclusive. `Date` or ISO 8601; without a zone it means UTC. */
  readonly startTime?: Date | string
  /** Inclusive; a time without a fraction means its whole second, a date alone the whole day. */
  readonly endTime?: Date | string
  readonly eventType?: T
  /** `details.user` or `actor.id`. */
  readonly user?: string
  readonly datasetName?: string
  readonly modelId?: string
  /** In the entry's `regulations`, or `details.regulation`; case does not matter. */
  readonly regulation?: string
  readonly status?: string
  readonly requestId?: string
  /** Contained in any text of the entry; case does not matter. */
  readonly text?: string
  /** Ledger order, or the newest first. Default "asc". */
  readonly order?: "asc" | "desc"
  /** Most records to return. */
  readonly limit?: number
  /** Where an earlier page stopped. */
  readonly cursor?: string
}

/** Records that a query with this event type gives. */
export type RecordOf<T extends string> = T extends keyof AuditEventMap ? EventRecord<T> : never

const FIELDS: readonly (keyof AuditQuery)[] = [
  "logDir",
  "operationId",
  "operationName",
  "startTime",
  "endTime",
  "eventType",
  "user",
  "datasetName",
  "modelId",
  "regulation",
  "status",
  "requestId",
  "text",
  "order",
  "limit",
  "cursor",
]

/** A query made ready. */
export interface Filter {
  /** Whether an entry is asked for. */
  readonly test: (entry: AuditEntry) => boolean
  /** JSON texts that must all stand in the bytes of a matching entry; bundles without one are skipped unparsed. */
  readonly needles: readonly Buffer[]
}

/** @throws TypeError, RangeError: names the field. */
export function checkQuery(query: AuditQuery, extraFields: readonly string[] = []): void {
  checkArgument(query, [...FIELDS, ...extraFields], 'query must be an object, such as { eventType: "data_access" }')
  for (const field of FIELDS) {
    const value = query[field]
    if (value === undefined || field === "limit" || field === "startTime" || field === "endTime") continue
    if (typeof value !== "string") throw new TypeError(`${field} must be a string`)
  }
  const { logDir, limit, order } = query
  checkLogDir(logDir)
  const { proofs } = query as { proofs?: unknown }
  if (proofs !== undefined && typeof proofs !== "boolean") throw new TypeError("proofs must be true or false")
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1))
    throw new RangeError("limit must be a whole number from 1")
  if (order !== undefined && order !== "asc" && order !== "desc") throw new RangeError('order must be "asc" or "desc"')
}

/** Makes a query ready. */
export function compileFilter(query: AuditQuery): Filter {
  const tests: ((entry: AuditEntry) => boolean)[] = []
  const needles: Buffer[] = []
  const exact = (value: string | undefined, read: (entry: AuditEntry) => readonly unknown[]): void => {
    if (value === undefined) return
    needles.push(Buffer.from(JSON.stringify(value)))
    tests.push((entry) => read(entry).includes(value))
  }
  exact(query.operationId, (entry) => [entry.operation_id])
  exact(query.operationName, (entry) => [entry.operation_name])
  exact(query.eventType, (entry) => [entry.event_type])
  exact(query.user, (entry) => [entry.details["user"], entry.actor?.id])
  exact(query.datasetName, (entry) => [entry.details["dataset_name"]])
  exact(query.modelId, (entry) => [entry.details["model_id"]])
  exact(query.status, (entry) => [entry.details["status"]])
  exact(query.requestId, (entry) => [entry.details["request_id"]])
  if (query.regulation !== undefined) tests.push(regulationTest(query.regulation))
  if (query.text !== undefined) tests.push(textTest(query.text))
  tests.push(...timeTests(query))
  return { test: (entry) => tests.every((test) => test(entry)), needles }
}

function timeTests({ startTime, endTime }: AuditQuery): ((entry: AuditEntry) => boolean)[] {
  const tests: ((entry: AuditEntry) => boolean)[] = []
  if (startTime !== undefined) {
    const from = parseTimeBound(startTime, "startTime").firstMs
    tests.push((entry) => Date.parse(entry.timestamp) >= from)
  }
  if (endTime !== undefined) {
    const to = parseTimeBound(endTime, "endTime").lastMs
    tests.push((entry) => Date.parse(entry.timestamp) <= to)
  }
  return tests
}

function regulationTest(regulation: string): (entry: AuditEntry) => boolean {
  const wanted = regulation.toLowerCase()
  return ({ regulations, details }) =>
    [...(regulations ?? []), details["regulation"]].some(
      (name) => typeof name === "string" && name.toLowerCase() === wanted,
    )
}

function textTest(text: string): (entry: AuditEntry) => boolean {
  const wanted = text.toLowerCase()
  return (entry) => holdsText(entry as unknown as JsonValue, wanted)
}

/** Whether any text in a value, keys included, contains the wanted one. Entries are at most 64 KiB, so depth is bounded. */
function holdsText(value: JsonValue, wanted: string): boolean {
  if (typeof value === "string") return value.toLowerCase().includes(wanted)
  if (typeof value === "number" || typeof value === "boolean") return String(value) === wanted
  if (value === null) return false
  if (Array.isArray(value)) return value.some((item: JsonValue) => holdsText(item, wanted))
  return Object.entries(value).some(([key, item]) => key.toLowerCase().includes(wanted) || holdsText(item, wanted))
}

/** Whether entries in some bytes may match; false only when none can. */
export function mayMatch(bytes: Uint8Array, needles: readonly Buffer[]): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  // An escape can spell any text in another way, so bytes with one are always looked at.
  return needles.every((needle) => buffer.includes(needle)) || buffer.includes("\\u")
}
