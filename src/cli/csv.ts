/**
 * CSV by RFC 4180 that no spreadsheet takes for formulas, and the way back. Lines end in CRLF, and no
 * cell holds a line break or another control character. Pure.
 *
 * A cell is written in three steps, each of which {@link cellValue} undoes:
 *   1. In text, a backslash is doubled, and what could steer a terminal or hide text becomes `\n`, `\r`, `\t` or `\uXXXX`.
 *      In JSON, such characters become `\uXXXX`, which means the same to whoever parses it.
 *   2. A cell that begins like a formula or with an apostrophe, and an empty text, get an apostrophe in front.
 *   3. Quotes are doubled, and the cell is quoted. A field that a record does not have is a cell with nothing in it.
 * @module
 */
import { escapeJson, escapeText } from "./escape.ts"
import { type Cell, EXPORT_COLUMNS, type RecordColumn } from "./record-columns.ts"

/**
 * Beginnings by which a spreadsheet takes a cell for a formula, the full-width forms included, which some of them fold
 * first; and the apostrophe itself, so that taking one away always gives back what was there.
 */
const UNSAFE_START = /^[=+\-@\t\r\n＝＋－＠']/
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\\\", "\\"],
  ["\\n", "\n"],
  ["\\r", "\r"],
  ["\\t", "\t"],
])

/** The first line. */
export function csvHead(): string {
  return csvRow(EXPORT_COLUMNS.map(({ name }) => name))
}

/** One line of cells, in the order of the columns. */
export function csvLine(cells: readonly Cell[]): string {
  return csvRow(EXPORT_COLUMNS.map(({ kind }, n) => cellAsWritten(kind, cells[n])))
}

/** What stands in a cell, before it is quoted. */
function cellAsWritten(kind: RecordColumn["kind"], cell: Cell): string {
  if (cell === undefined) return ""
  const text = String(cell)
  return guarded(kind === "json" ? escapeJson(text) : escapeText(text.replaceAll("\\", "\\\\")))
}

/** Text that no spreadsheet takes for a formula. An empty text is not nothing: it gets its apostrophe too. */
function guarded(text: string): string {
  return text === "" || UNSAFE_START.test(text) ? `'${text}` : text
}

function csvRow(cells: readonly string[]): string {
  return `${cells.map((text) => (text === "" ? "" : `"${text.replaceAll('"', '""')}"`)).join(",")}\r\n`
}

/**
 * The value that a cell was written from, once a CSV parser has taken its quotes away.
 *
 * @example
 * ```ts
 * cellValue("text", "'=1+1") // "=1+1"
 * ```
 */
export function cellValue(kind: RecordColumn["kind"], cell: string): Cell {
  if (cell === "") return undefined
  const text = cell.startsWith("'") ? cell.slice(1) : cell
  if (kind === "count") return Number(text)
  if (kind === "flag") return text === "true"
  return kind === "json" ? text : text.replace(/\\(?:u([0-9a-f]{4})|.)/g, unescaped)
}

function unescaped(written: string, hex: string | undefined): string {
  return hex === undefined ? (ESCAPES.get(written) ?? written) : String.fromCharCode(Number.parseInt(hex, 16))
}
