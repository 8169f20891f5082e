/**
 * Rows of text as a table that fits the terminal, or as tab-separated lines for a pipe. Pure.
 * @module
 */
import { escapeText } from "./escape.ts"
import { padText, textWidth } from "./width.ts"

/** A column of a table. */
export interface Column {
  readonly title: string
  /** It is never made narrower, whatever the terminal. */
  readonly least: number
  /** It is never made wider; the last column takes what is left. */
  readonly most: number
  readonly align?: "left" | "right"
}

/** Widths that were settled for a table, in terminal columns. */
export type Layout = readonly number[]

const GAP = "  "

/**
 * Widths for some rows: as wide as their cells within each column's limits, and the last column takes the rest of
 * the terminal. Cells must be escaped.
 */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  terminalColumns: number,
): Layout {
  const wanted = columns.map(({ title, least, most }, n) => {
    const widest = rows.reduce((width, row) => Math.max(width, textWidth(row[n] ?? "")), textWidth(title))
    return Math.min(most, Math.max(least, widest))
  })
  const gaps = GAP.length * (columns.length - 1)
  const last = columns.length - 1
  let missing = sum(wanted.slice(0, -1)) + columns[last]!.least + gaps - terminalColumns
  // The rightmost columns give way first: what is left of them can be read with `show`.
  for (let n = last - 1; n >= 0 && missing > 0; n--) {
    const given = Math.min(missing, wanted[n]! - columns[n]!.least)
    wanted[n]! -= given
    missing -= given
  }
  wanted[last] = Math.max(columns[last]!.least, terminalColumns - gaps - sum(wanted.slice(0, -1)))
  return wanted
}

/** One line of a table. Cells must be escaped. */
export function tableLine(columns: readonly Column[], layout: Layout, cells: readonly string[]): string[] {
  return columns.map(({ align }, n) => padText(cells[n] ?? "", layout[n]!, align))
}

/** Cells of a line joined as they stand on a terminal; blanks at its end are left out. */
export function joinCells(cells: readonly string[]): string {
  return cells.join(GAP).trimEnd()
}

/**
 * One line for a pipe: cells with tabs between them. Escaping leaves no tab or line break inside a cell.
 *
 * @example
 * ```ts
 * tabLine(["0", "a\tb"]) // "0\ta\\tb\n"
 * ```
 */
export function tabLine(cells: readonly string[]): string {
  return `${cells.map(escapeText).join("\t")}\n`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
