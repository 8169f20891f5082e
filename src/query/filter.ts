/**
 * What a query asks: validated once, then a plain test of one entry. Pure.
 * @module
 */
import { type AuditEntry, type AuditEventMap, checkSubject, type EventRecord, isArray } from "../event/index.ts"
import { checkArgument, checkLogDir } from "./door-arguments.ts"
import { EXACT_FIELDS, type ExactField, valuesOf, wantedValue } from "./fields.ts"
import { parseTimeBound } from "./time-bound.ts"
import { holdsParts, partsOf, wordsOf } from "./words.ts"

/** One value, or several of which any will do. */
export type OneOf<V> = V | readonly V[]

/** Filters that compare a whole value. */
export interface ExactFilters<T extends string = string> {
  readonly operationId?: OneOf<string>
  readonly operationName?: OneOf<string>
  readonly parentOperationId?: OneOf<string>
  readonly traceId?: OneOf<string>
  readonly eventType?: OneOf<T>
  /** `details.user` or `actor.id`. */
  readonly user?: OneOf<string>
  readonly datasetName?: OneOf<string>
  readonly modelId?: OneOf<string>
  /** In the entry's `regulations`, or `details.regulation`; case does not matter. */
  readonly regulation?: OneOf<string>
  readonly status?: OneOf<string>
  /** `details.result`, as a check has it. */
  readonly result?: OneOf<string | boolean>
  readonly requestId?: OneOf<string>
}

/** Which records to ask about. All filters are optional and all must hold. */
export interface AuditFilters<T extends string = string> extends ExactFilters<T> {
  /** Default: `$SECUREML_AUDIT_DIR`, else "secureml_audit_logs". */
  readonly logDir?: string
  /** Inclusive. `Date` or ISO 8601; without a zone it means UTC. */
  readonly startTime?: Date | string
  /** Inclusive; a time without a fraction means its whole second, a date alone the whole day. */
  readonly endTime?: Date | string
  /**
   * Each part of it, white space between them, stands in some text of the entry, from the beginning of a word to the
   * end of one; case does not matter. Texts are the keys and values of details and context, the type, the operation's
   * name and the actor.
   */
  readonly text?: string
  /** Records with personal values of this person. The vault is asked: without it there are none. */
  readonly subject?: string
  /** Records for which none of these holds. */
  readonly not?: ExactFilters
}

/** Which records to read, and in which order. */
export interface AuditQuery<T extends string = string> extends AuditFilters<T> {
  /** Ledger order, or the newest first. Default "asc". */
  readonly order?: "asc" | "desc"
  /** Most records to return. */
  readonly limit?: number
  /** Where an earlier page stopped. */
  readonly cursor?: string
}

/** Records that a query with this event type gives. */
export type RecordOf<T extends string> = T extends keyof AuditEventMap ? EventRecord<T> : never

const FILTER_FIELDS: readonly string[] = ["logDir", ...EXACT_FIELDS, "startTime", "endTime", "text", "subject", "not"]
const QUERY_FIELDS: readonly string[] = [...FILTER_FIELDS, "order", "limit", "cursor"]

/** What an entry must have in one field, any of the values. */
export interface ExactTerm {
  readonly field: ExactField
  readonly values: readonly string[]
}

/** A query made ready. */
export interface Filter {
  /** Whether an entry is asked for. */
  readonly test: (entry: AuditEntry) => boolean
  /** JSON texts of which, in each group, at least one stands in the bytes of a matching entry; bundles without are skipped. */
  readonly needles: readonly (readonly Buffer[])[]
  /** What the index can look for: every matching entry has these values, these words, and a time in these bounds. */
  readonly terms: readonly ExactTerm[]
  readonly words: readonly string[]
  readonly fromMs: number
  readonly toMs: number
  /** Whether terms and times are all that is asked: then nothing has to be looked up in an entry that has them. */
  readonly isIndexed: boolean
  /** The events that may match, where they are known; and their times, in order. */
  readonly events?: { readonly ids: ReadonlySet<string>; readonly timesMs: readonly number[] }
}

/** @throws TypeError, RangeError: names the field. */
export function checkQuery(query: AuditQuery, extraFields: readonly string[] = []): void {
  checkArgument(
    query,
    [...QUERY_FIELDS, ...extraFields],
    'query must be an object, such as { eventType: "data_access" }',
  )
  checkFilters(query)
  const { limit, order, cursor } = query
  if (cursor !== undefined && typeof cursor !== "string") throw new TypeError("cursor must be a string")
  const { proofs } = query as { proofs?: unknown }
  if (proofs !== undefined && typeof proofs !== "boolean") throw new TypeError("proofs must be true or false")
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1))
    throw new RangeError("limit must be a whole number from 1")
  if (order !== undefined && order !== "asc" && order !== "desc") throw new RangeError('order must be "asc" or "desc"')
}

/** The same for what counts records: it has no order and no pages. */
export function checkCounted(query: AuditFilters, extraFields: readonly string[] = []): void {
  checkArgument(
    query,
    [...FILTER_FIELDS, ...extraFields],
    'query must be an object, such as { eventType: "data_access" }',
  )
  checkFilters(query)
}

function checkFilters(query: AuditFilters): void {
  checkLogDir(query.logDir)
  for (const field of EXACT_FIELDS) checkExact(query[field], field, field)
  if (query.text !== undefined && (typeof query.text !== "string" || query.text.trim() === ""))
    throw new TypeError("text must be a string, and not blank")
  if (query.subject !== undefined) checkSubject(query.subject, "subject")
  if (query.not === undefined) return
  checkArgument(query.not, EXACT_FIELDS, 'not must be an object, such as { eventType: "function_call" }')
  for (const field of EXACT_FIELDS) checkExact(query.not[field], field, `not.${field}`)
}

function checkExact(value: unknown, field: ExactField, name: string): void {
  if (value === undefined) return
  const values: readonly unknown[] = isArray(value) ? value : [value]
  const isResult = field === "result"
  if (values.length > 0 && values.every((one) => typeof one === "string" || (isResult && typeof one === "boolean")))
    return
  const kinds = isResult ? "a string or true or false" : "a string"
  throw new TypeError(`${name} must be ${kinds}, or an array of some, not empty`)
}

/** The millisecond that a UUIDv7 begins with; NaN for what is none. */
export function timeOf(eventId: string): number {
  return Number.parseInt(eventId.slice(0, 13).replace("-", ""), 16)
}

/**
 * Makes a query ready.
 * @param ids - The only events that may match.
 */
export function compileFilter(query: AuditFilters, ids?: ReadonlySet<string>): Filter {
  const filter = compiled(query)
  if (ids === undefined) return filter
  const timesMs = Float64Array.from([...ids].map(timeOf).filter((time) => !Number.isNaN(time))).sort()
  return {
    ...filter,
    test: (entry) => ids.has(entry.event_id) && filter.test(entry),
    isIndexed: false,
    events: { ids, timesMs: [...timesMs] },
  }
}

function compiled(query: AuditFilters): Filter {
  const tests: ((entry: AuditEntry) => boolean)[] = []
  const terms = termsOf(query)
  for (const term of terms) tests.push((entry) => holds(entry, term))
  for (const term of termsOf(query.not ?? {})) tests.push((entry) => !holds(entry, term))
  const indexed = query.not === undefined && query.text === undefined
  const parts = query.text === undefined ? [] : partsOf(query.text)
  if (parts.length > 0) tests.push((entry) => holdsParts(entry, parts))
  const fromMs = query.startTime === undefined ? -Infinity : parseTimeBound(query.startTime, "startTime").firstMs
  const toMs = query.endTime === undefined ? Infinity : parseTimeBound(query.endTime, "endTime").lastMs
  if (fromMs !== -Infinity) tests.push((entry) => Date.parse(entry.timestamp) >= fromMs)
  if (toMs !== Infinity) tests.push((entry) => Date.parse(entry.timestamp) <= toMs)
  return {
    test: (entry) => tests.every((test) => test(entry)),
    needles: terms.filter(({ field }) => !FOLDED.has(field)).map(({ values }) => values.map(needleOf)),
    terms,
    words: parts.flatMap(wordsOf),
    fromMs,
    toMs,
    isIndexed: indexed,
  }
}

/** Fields whose values are not written in the entry as they are compared. */
const FOLDED: ReadonlySet<ExactField> = new Set(["regulation", "result"])

function needleOf(value: string): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function termsOf(filters: ExactFilters): ExactTerm[] {
  return EXACT_FIELDS.flatMap((field) => {
    const wanted = filters[field]
    if (wanted === undefined) return []
    const values = (isArray(wanted) ? wanted : [wanted]) as readonly (string | boolean)[]
    return [{ field, values: values.map((value) => wantedValue(field, value)) }]
  })
}

function holds(entry: AuditEntry, { field, values }: ExactTerm): boolean {
  return valuesOf(entry, field).some((value) => values.includes(value))
}

/** Whether entries in some bytes may match; false only when none can. */
export function mayMatch(bytes: Uint8Array, needles: readonly (readonly Buffer[])[]): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  // These escapes can spell a text in another way, so bytes with one are always looked at.
  const isThere = needles.every((any) => any.some((needle) => buffer.includes(needle)))
  return isThere || buffer.includes("\\u") || buffer.includes("\\/")
}
