/**
 * How many terminal columns text takes, and cutting it to some. An approximation of what terminals do: wide East
 * Asian characters and emoji take two columns, combining marks none. Expects text that was escaped. Pure.
 * @module
 */

const PLAIN = /^[\x20-\x7e]*$/
const MARK = /^[\p{Mn}\p{Me}]$/u
const EMOJI = /^\p{Emoji_Presentation}$/u
const ELLIPSIS = "…"

/** First and last code points of wide ranges (Unicode 16 EastAsianWidth W and F, joined across unassigned gaps). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18dff],
  [0x1aff0, 0x1b2ff],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
]

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })

/**
 * Columns that text takes.
 *
 * @example
 * ```ts
 * textWidth("患者") // 4
 * ```
 */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

/**
 * Text cut to a number of columns; the last one is an ellipsis when something was cut off. Never cuts a character in
 * two.
 *
 * @example
 * ```ts
 * truncateText("患者記録", 5) // "患者…"
 * ```
 */
export function truncateText(text: string, columns: number): string {
  if (text.length <= columns && PLAIN.test(text)) return text
  if (columns <= 0) return ""
  let [width, fitting] = [0, ""]
  for (const { segment } of graphemes.segment(text)) {
    width += graphemeWidth(segment)
    if (width > columns) return fitting + ELLIPSIS
    if (width < columns) fitting += segment
    else if (fitting.length + segment.length === text.length) return text
  }
  return fitting
}

/** Text filled with blanks to a number of columns, cut when it is longer. */
export function padText(text: string, columns: number, align: "left" | "right" = "left"): string {
  const cut = truncateText(text, columns)
  const blanks = " ".repeat(Math.max(0, columns - textWidth(cut)))
  return align === "left" ? cut + blanks : blanks + cut
}

/** A joined emoji or a conjoined syllable is one glyph of two columns at most. */
function graphemeWidth(grapheme: string): number {
  let width = 0
  for (const character of grapheme) width += characterWidth(character)
  return Math.min(2, width)
}

function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x300) return 1
  if (MARK.test(character)) return 0
  return EMOJI.test(character) || WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1
}
