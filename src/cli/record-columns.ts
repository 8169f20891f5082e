/**
 * A record as columns, for files that tables are made of: one column for each field of the envelope, and one each for
 * what is nested, as JSON. Nothing is lost: {@link recordOfColumns} is the way back. Pure.
 * @module
 */
import type { AuditRecord } from "../audit.ts"

/** How the cells of a column are written: as they are, as a number, as true or false, or as JSON. */
export type ColumnKind = "text" | "count" | "flag" | "json"

/** A column of an export. */
export interface RecordColumn {
  readonly name: string
  readonly kind: ColumnKind
  /** Where the value stands in a record. */
  readonly path: readonly [string] | readonly [string, string]
}

/** A cell; undefined where the record has no such field. */
export type Cell = string | number | boolean | undefined

function column(name: string, kind: ColumnKind, ...path: [] | [string, string]): RecordColumn {
  return { name, kind, path: path.length === 0 ? [name] : path }
}

/** The columns of every export, in their order. They are public: new ones come at the end. */
export const EXPORT_COLUMNS: readonly RecordColumn[] = [
  column("index", "count"),
  column("sealed", "flag"),
  column("event_id", "text"),
  column("event_type", "text"),
  column("timestamp", "text"),
  column("operation_id", "text"),
  column("operation_name", "text"),
  column("sequence", "count"),
  column("writer_id", "text", "writer", "id"),
  column("writer_seq", "count", "writer", "seq"),
  column("writer_continues", "json", "writer", "continues"),
  column("actor_id", "text", "actor", "id"),
  column("actor_type", "text", "actor", "type"),
  column("actor_role", "text", "actor", "role"),
  column("occurred_at", "text"),
  column("parent_operation_id", "text"),
  column("trace_id", "text"),
  column("span_id", "text"),
  column("regulations", "json"),
  column("context", "json"),
  column("details", "json"),
  column("more", "json"),
]

/** The only version of the format; it has no column. */
const VERSION = 1
/** Fields of the envelope that have a column, or several for what is in them. */
const PLACED = new Set(["v", ...EXPORT_COLUMNS.filter(({ name }) => name !== "more").map(({ path }) => path[0])])

/**
 * The cells of a record, in the order of {@link EXPORT_COLUMNS}. Fields that no column is for stand together in `more`,
 * where they would stand in the record.
 */
export function cellsOf(record: AuditRecord): Cell[] {
  return EXPORT_COLUMNS.map(({ name, kind, path }) => {
    const value = name === "more" ? moreOf(record) : valueAt(record, path)
    // Of all fields only an index can be null: then the entry is not sealed, and has none.
    if (value === undefined || (name === "index" && value === null)) return undefined
    return kind === "json" ? JSON.stringify(value) : (value as Cell)
  })
}

/**
 * The record that some cells came from: the inverse of {@link cellsOf}.
 * @throws SyntaxError for a JSON cell that is none.
 */
export function recordOfCells(cells: readonly Cell[]): AuditRecord {
  const record: Record<string, unknown> = { v: VERSION, index: null }
  for (const [n, { name, kind, path }] of EXPORT_COLUMNS.entries()) {
    const cell = cells[n]
    if (cell === undefined) continue
    const value: unknown = kind === "json" ? JSON.parse(cell as string) : cell
    if (name === "more") addTo(record, value as object)
    else addTo(record, path[1] === undefined ? { [path[0]]: value } : { [path[0]]: { [path[1]]: value } })
  }
  return record as unknown as AuditRecord
}

function valueAt(record: AuditRecord, [outer, inner]: RecordColumn["path"]): unknown {
  const value = ownValue(record, outer)
  return inner === undefined ? value : ownValue(value, inner)
}

/** Own properties only: a `__proto__` key of a hostile log stays data. */
function ownValue(owner: unknown, key: string): unknown {
  return typeof owner === "object" && owner !== null && Object.hasOwn(owner, key)
    ? (owner as Record<string, unknown>)[key]
    : undefined
}

/** What no column is for; undefined when there is nothing. */
function moreOf(record: AuditRecord): object | undefined {
  const more = Object.entries(record).filter(([key]) => !PLACED.has(key))
  for (const owner of ["writer", "actor"] as const) {
    const known = EXPORT_COLUMNS.flatMap(({ path }) => (path[0] === owner ? [path[1]] : []))
    const rest = Object.entries(record[owner] ?? {}).filter(([key]) => !known.includes(key))
    if (rest.length > 0) more.push([owner, Object.fromEntries(rest)])
  }
  return more.length === 0 ? undefined : Object.fromEntries(more)
}

/** Adds fields to a record; those of a writer or an actor to what is there of them. */
function addTo(record: Record<string, unknown>, fields: object): void {
  for (const [key, value] of Object.entries(fields)) {
    const there = ownValue(record, key)
    const joined = typeof there === "object" && there !== null ? { ...there, ...(value as object) } : value
    // Assignment to `__proto__` would be none.
    Object.defineProperty(record, key, { value: joined, writable: true, enumerable: true, configurable: true })
  }
}
