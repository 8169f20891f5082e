/**
 * Counts as bars of text, as wide as there is room for. Pure.
 * @module
 */
import type { DayCount } from "./statistics.ts"
import { padText, textWidth } from "./width.ts"

const DAY_MS = 86_400_000
/** Blocks that fill one to eight eighths of a column. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
const GAP = "  "

/** A row: what it is of, and how many. */
export interface Bar {
  readonly label: string
  readonly count: number
  /** Of many things together: it gets no bar, which would dwarf all others. */
  readonly sum?: boolean
}

/** A row as text: the label, the bar, the count. */
export interface BarLine {
  readonly label: string
  readonly bar: string
  readonly count: string
}

/**
 * Lines of bars, labels to the left and counts to the right of them. Labels must be escaped; they get up to a third of
 * the columns.
 *
 * @example
 * ```ts
 * barLines([{ label: "a", count: 2 }, { label: "b", count: 1 }], 9)
 * // [{ label: "a", bar: "███", count: "2" }, { label: "b", bar: "█▌ ", count: "1" }]
 * ```
 */
export function barLines(bars: readonly Bar[], columns: number): BarLine[] {
  const widest = Math.max(0, ...bars.map(({ label }) => textWidth(label)))
  const labelColumns = Math.min(widest, Math.max(10, Math.floor(columns / 3)))
  const most = bars.reduce((max, { count, sum }) => (sum === true ? max : Math.max(max, count)), 0)
  const countColumns = Math.max(...bars.map(({ count }) => String(count).length))
  const barColumns = Math.max(0, columns - labelColumns - countColumns - 2 * GAP.length)
  return bars.map(({ label, count, sum }) => ({
    label: padText(label, labelColumns),
    bar: padText(sum === true ? "" : barOf(count, most, barColumns), barColumns),
    count: String(count).padStart(countColumns),
  }))
}

/** A count that is not zero is seen, however small it is beside the largest. */
function barOf(count: number, most: number, columns: number): string {
  if (count === 0 || most === 0 || columns === 0) return ""
  const eighths = Math.max(1, Math.round((count / most) * columns * 8))
  return "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
}

/**
 * Bars over time: one for each day, or for as many days together as it takes to have no more than `rows` of them. Days
 * without records are there, so that gaps are seen.
 *
 * @example
 * ```ts
 * dayBars([{ day: "2026-11-24", count: 3 }, { day: "2026-11-26", count: 1 }], 31)
 * // [{ label: "2026-11-24", count: 3 }, { label: "2026-11-25", count: 0 }, { label: "2026-11-26", count: 1 }]
 * ```
 */
export function dayBars(days: readonly DayCount[], rows: number): Bar[] {
  const known = days.map(({ day, count }) => ({ dayMs: Date.parse(day), count }))
  // A hostile log can name a day that no calendar has.
  const dated = known.filter(({ dayMs }) => !Number.isNaN(dayMs))
  if (dated.length === 0) return []
  const firstMs = Math.min(...dated.map(({ dayMs }) => dayMs))
  const lastMs = Math.max(...dated.map(({ dayMs }) => dayMs))
  const spanDays = Math.round((lastMs - firstMs) / DAY_MS) + 1
  const stepMs = stepDays(spanDays, rows) * DAY_MS
  const counts = new Array<number>(Math.ceil((spanDays * DAY_MS) / stepMs)).fill(0)
  for (const { dayMs, count } of dated) counts[Math.floor((dayMs - firstMs) / stepMs)]! += count
  return counts.map((count, n) => ({ label: new Date(firstMs + n * stepMs).toISOString().slice(0, 10), count }))
}

/** Days in a row: one, a week, four weeks, or whatever it takes. */
function stepDays(spanDays: number, rows: number): number {
  return [1, 7, 28].find((days) => Math.ceil(spanDays / days) <= rows) ?? Math.ceil(spanDays / rows)
}
