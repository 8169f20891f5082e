/**
 * Where free text was found: the texts of a record that hold a part of what was asked for, cut to its surroundings.
 * Finds what the query finds. Pure; everything in a record is untrusted, so pieces are escaped here, one by one.
 * @module
 */
import type { AuditRecord } from "../audit.ts"
import { eachText, findPart, folded } from "../query/index.ts"
import { escapeText } from "./escape.ts"
import { textWidth, truncateText } from "./width.ts"

/** What is shown in front of the first place found, in UTF-16 units. */
const LEAD_CHARS = 24
const ELLIPSIS = "…"
const BETWEEN = " · "

/** A piece of a text, escaped. */
export interface Piece {
  readonly text: string
  /** It is what was asked for. */
  readonly found: boolean
}

/**
 * The texts of a record that hold what was asked for, one behind the other, within some columns. Each part is shown in
 * one text.
 */
export function foundPieces(record: AuditRecord, parts: readonly string[], columns: number): Piece[] {
  const missing = new Set(parts)
  const found: Piece[] = []
  eachText(record, (text) => {
    const here = [...missing].filter((part) => findPart(folded(text), part, 0) !== -1)
    if (here.length === 0) return
    for (const part of here) missing.delete(part)
    if (found.length > 0) found.push({ text: BETWEEN, found: false })
    found.push(...surroundings(text, parts))
  })
  return fitted(found, columns)
}

/** A text from a little before the first place on, in pieces. */
function surroundings(text: string, parts: readonly string[]): Piece[] {
  const pieces = piecesOf(text, parts)
  const [first, ...rest] = pieces
  if (first === undefined || first.found || first.text.length <= LEAD_CHARS) return pieces
  // From between two characters on, not from within one; an escape sequence cut in two says nothing wrong.
  const tail = first.text.slice(-LEAD_CHARS).replace(/^[\udc00-\udfff]/, "")
  return [{ text: ELLIPSIS + tail, found: false }, ...rest]
}

/**
 * A text in pieces, those that were asked for marked.
 *
 * @example
 * ```ts
 * piecesOf("Loan refused", ["refused"]) // [{ text: "Loan ", found: false }, { text: "refused", found: true }]
 * ```
 */
export function piecesOf(text: string, parts: readonly string[]): Piece[] {
  const searched = folded(text)
  // Folding can change how long a text is; then its places are not those of the text.
  if (searched.length !== text.length) return [{ text: escapeText(text), found: false }]
  const pieces: Piece[] = []
  let at = 0
  for (;;) {
    const next = nextPlace(searched, parts, at)
    const before = text.slice(at, next?.start ?? text.length)
    if (before !== "") pieces.push({ text: escapeText(before), found: false })
    if (next === undefined) return pieces
    pieces.push({ text: escapeText(text.slice(next.start, next.end)), found: true })
    at = next.end
  }
}

/** The first place of any part from some place on, the longest where several begin. */
function nextPlace(
  searched: string,
  parts: readonly string[],
  from: number,
): { readonly start: number; readonly end: number } | undefined {
  let best: { start: number; end: number } | undefined
  for (const part of parts) {
    const start = findPart(searched, part, from)
    const end = start + part.length
    if (start !== -1 && (best === undefined || start < best.start || (start === best.start && end > best.end)))
      best = { start, end }
  }
  return best
}

/** Pieces cut to some columns. */
function fitted(pieces: readonly Piece[], columns: number): Piece[] {
  const kept: Piece[] = []
  let left = columns
  for (const { text, found } of pieces) {
    if (left <= 0) break
    const cut = truncateText(text, left)
    kept.push({ text: cut, found })
    left -= cut === text ? textWidth(text) : left
  }
  return kept
}
