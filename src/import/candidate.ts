/**
 * What a line of a foreign log becomes before it is recorded, and why one cannot. Pure.
 * @module
 */
import { type ImportedEvent, importedEventType } from "../capture/index.ts"
import {
  type Actor,
  checkEventType,
  checkOperationName,
  checkRegulations,
  encodeActor,
  isRecord,
} from "../event/index.ts"

/** Why a line was not imported. */
export type DamageCode =
  | "not_utf8"
  | "too_long"
  | "not_a_line"
  | "not_json"
  | "unfinished"
  | "key_twice"
  | "too_deep"
  | "no_event_type"
  | "bad_field"
  | "text_log"
  | "own_operation"
  | "changed"

/** What each code means; never content of a line. */
export const DAMAGE_TEXT: Readonly<Record<DamageCode, string>> = {
  not_utf8: "is not UTF-8 text",
  too_long: "is longer than 16 MiB",
  not_a_line: "is not a line of such a log",
  not_json: "holds damaged JSON",
  unfinished: "stops in the middle; import again once it is whole",
  key_twice: "has one key twice in an object, so one of the two values would be lost",
  too_deep: "is nested deeper than 256 levels",
  no_event_type: "has no event_type that could be one",
  bad_field: "has a field that cannot be used",
  text_log: "is a line of this package's own text log, which is a view; import what list --json gives instead",
  own_operation: "claims an operation that this log recorded itself",
  changed: "is not what was imported from this place before",
}

/** Thrown where a line cannot be imported. */
export class LineDamage extends Error {
  override readonly name = "LineDamage"
  readonly code: DamageCode
  /** Field concerned, for "bad_field". */
  readonly field: string | undefined

  constructor(code: DamageCode, field?: string) {
    super(DAMAGE_TEXT[code])
    this.code = code
    this.field = field
  }
}

/** A record as read from a line; without a name or an id the importer names the operation. */
export interface Candidate extends Omit<ImportedEvent, "operationId" | "operationName" | "sequence" | "mark"> {
  readonly operationId: string | undefined
  readonly operationName: string | undefined
  /** Whether the time had no zone of its own. */
  readonly naive: boolean
}

/** Longest id of an operation, a trace or a span, in characters. */
const MAX_ID_CHARS = 256

/** @throws {@link LineDamage} `no_event_type`. */
export function readEventType(value: unknown): string {
  try {
    const type = checkEventType(value)
    // What it becomes has to be a type as well.
    checkEventType(importedEventType(type))
    return type
  } catch {
    throw new LineDamage("no_event_type")
  }
}

/** A field made by `read`, which throws for what it does not take; absent and null stay absent. */
export function readField<T>(record: Fields, field: string, read: (value: unknown) => T): T | undefined {
  const value = fieldOf(record, field)
  if (value === undefined || value === null) return undefined
  try {
    return read(value)
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new LineDamage("bad_field", field)
    throw error
  }
}

/** A JSON object of a line. */
export type Fields = Readonly<Record<string, unknown>>

/** An own property: a `__proto__` in hostile JSON lends nothing. */
export function fieldOf(record: Fields, field: string): unknown {
  return Object.hasOwn(record, field) ? record[field] : undefined
}

/** An id, as an entry can carry it. */
export function readId(value: unknown): string {
  if (typeof value === "string" && value.trim() !== "" && value.length <= MAX_ID_CHARS && !/\p{Cc}/u.test(value))
    return value
  throw new TypeError("no id")
}

export const readName = (value: unknown): string => checkOperationName(value)

/** An object. */
export function readObject(value: unknown): object {
  if (!isRecord(value)) throw new TypeError("no object")
  return value
}

/** An actor; text alone is its id. */
export function readActor(value: unknown): Actor {
  const actor = typeof value === "string" ? { id: value } : (value as Actor)
  return JSON.parse(encodeActor(actor)) as Actor
}

export const readRegulations = (value: unknown): readonly string[] => checkRegulations(value).regulations

/** Whether an object is an entry as this package writes it. */
export function isOwnEntry(record: Fields): boolean {
  return record["v"] === 1 && isRecord(record["writer"]) && typeof record["event_id"] === "string"
}
