/**
 * What is tested: an event, a case of events with one key, something that the profile declares, or the log. Pure.
 * @module
 */
import { type AuditRecord, isRecord, type JsonObject, type JsonValue } from "../../event/index.ts"
import type { EventRef } from "./outcome.ts"

/** A value that the log does not have in clear: a personal one, or one that was cut. It is there, and cannot be read. */
export const WITHHELD: unique symbol = Symbol("withheld")

/** What is known of a field. */
export type Seen = JsonValue | typeof WITHHELD | undefined

/** Something to test. */
export interface Item {
  /** Such as `request_id "r-17"`. */
  readonly label: string
  /** The last value that a field was given. */
  get(field: string): Seen
  /** The first one, with the event that has it. */
  first(field: string): { readonly value: Seen; readonly event: EventRef | undefined }
  /** Whether a field was given different values. */
  differs(field: string): boolean
  readonly events: readonly EventRef[]
}

const ENVELOPE = new Set([
  "event_id",
  "event_type",
  "timestamp",
  "operation_id",
  "operation_name",
  "occurred_at",
  "actor",
])

/** Paths of the fields that catalogues name: few, and asked for with every event. */
const paths = new Map<string, readonly string[]>()

function pathOf(field: string): readonly string[] {
  const known = paths.get(field)
  if (known !== undefined) return known
  const path = field.split(".")
  paths.set(field, path)
  return path
}

/** The field of a record: of the envelope, else of its details, of the details in there, or of the trail's context. */
export function fieldOf(record: AuditRecord, field: string): Seen {
  const path = pathOf(field)
  if (ENVELOPE.has(path[0]!)) return at(record as unknown as JsonObject, path)
  const { details, context } = record
  const found = at(details, path)
  if (found !== undefined) return found
  const inner = details["details"]
  return (isRecord(inner) ? at(inner as JsonObject, path) : undefined) ?? (context && at(context, path))
}

/** Null is an answer of nobody: it counts as absent. An empty text and an empty list too. */
function at(object: JsonObject, path: readonly string[]): Seen {
  let value: JsonValue | undefined = object
  for (const key of path) {
    if (!isRecord(value) || Array.isArray(value)) return undefined
    if (Object.hasOwn(value, "$secureml")) return WITHHELD
    value = Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined
    if (value === undefined) return undefined
  }
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return undefined
  return isRecord(value) && Object.hasOwn(value, "$secureml") ? WITHHELD : value
}

/** Where a record is. */
export function refOf({ index, event_id, event_type, timestamp }: AuditRecord): EventRef {
  return { index: index ?? -1, event_id, event_type, recorded_at: timestamp }
}

/** One event. */
export class EventItem implements Item {
  readonly #record: AuditRecord

  constructor(record: AuditRecord) {
    this.#record = record
  }

  get label(): string {
    return `event ${this.#record.index}`
  }

  get events(): readonly EventRef[] {
    return [refOf(this.#record)]
  }

  get(field: string): Seen {
    return fieldOf(this.#record, field)
  }

  first(field: string): { value: Seen; event: EventRef } {
    return { value: this.get(field), event: refOf(this.#record) }
  }

  differs(): boolean {
    return false
  }
}

interface Told {
  readonly first: Seen
  readonly firstEvent: EventRef
  last: Seen
  differs: boolean
}

/** Events that are kept for a case; the last ones push older ones out. */
const MAX_CASE_EVENTS = 50

/** All events with one key; a later one completes and corrects the earlier ones. Only the fields asked for are kept. */
export class CaseItem implements Item {
  readonly label: string
  readonly #told = new Map<string, Told>()
  readonly #events: EventRef[] = []
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(label: string) {
    this.label = label
  }

  get events(): readonly EventRef[] {
    return this.#events
  }

  /** When its last event was recorded, in milliseconds. */
  get lastMs(): number {
    return this.#lastMs
  }

  add(record: AuditRecord, fields: Iterable<string>): void {
    const event = refOf(record)
    for (const field of fields) {
      const value = fieldOf(record, field)
      if (value === undefined) continue
      const told = this.#told.get(field)
      if (told === undefined) this.#told.set(field, { first: value, firstEvent: event, last: value, differs: false })
      else {
        told.differs ||= JSON.stringify(told.last) !== JSON.stringify(value)
        told.last = value
      }
    }
    this.#events.push(event)
    if (this.#events.length > MAX_CASE_EVENTS) this.#events.splice(1, 1)
    this.#lastMs = Math.max(this.#lastMs, Date.parse(record.timestamp))
  }

  get(field: string): Seen {
    return this.#told.get(field)?.last
  }

  first(field: string): { value: Seen; event: EventRef | undefined } {
    const told = this.#told.get(field)
    return { value: told?.first, event: told?.firstEvent }
  }

  differs(field: string): boolean {
    return this.#told.get(field)?.differs ?? false
  }
}

/** Something that the profile declares, or, with nothing in it, the log. */
export class DeclaredItem implements Item {
  readonly label: string
  readonly #entry: JsonObject
  readonly events: readonly EventRef[] = []

  constructor(label: string, entry: JsonObject) {
    this.label = label
    this.#entry = entry
  }

  get(field: string): Seen {
    return at(this.#entry, field.split("."))
  }

  first(field: string): { value: Seen; event: undefined } {
    return { value: this.get(field), event: undefined }
  }

  differs(): boolean {
    return false
  }
}
