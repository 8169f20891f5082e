/**
 * Times in a query, by the documented rules. Pure.
 * @module
 */

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/

/** The first and the last millisecond that a time names. */
export interface TimeBound {
  readonly firstMs: number
  readonly lastMs: number
}

/**
 * Reads a bound: a `Date`, or ISO 8601. Without a zone it means UTC. Without a fraction it names its whole second,
 * without seconds its minute, a date alone its whole day.
 *
 * @throws TypeError when it is no such time; names the field.
 * @example
 * ```ts
 * parseTimeBound("2026-11-24", "endTime").lastMs === Date.parse("2026-11-24T23:59:59.999Z") // true
 * ```
 */
export function parseTimeBound(value: Date | string, field: string): TimeBound {
  const timeMs = typeof value === "string" ? Number.NaN : timeOf(value, field)
  if (!Number.isNaN(timeMs)) return { firstMs: timeMs, lastMs: timeMs }
  const match = typeof value === "string" ? ISO.exec(value) : null
  if (match === null) throw notATime(field)
  const [, date, minutes = "00:00", seconds = "00", fraction = "", zone = "Z"] = match
  const firstMs = Date.parse(`${date}T${minutes}:${seconds}${fraction.slice(0, 4)}${zone}`)
  // Date.parse accepts 2026-02-30 and means March: compare what came out with what went in.
  const day = Date.parse(`${date}T00:00:00Z`)
  if (Number.isNaN(firstMs) || new Date(day).toISOString().slice(0, 10) !== date) throw notATime(field)
  const spanMs =
    match[2] === undefined ? 86_400_000 : match[3] === undefined ? 60_000 : match[4] === undefined ? 1_000 : 1
  return { firstMs, lastMs: firstMs + spanMs - 1 }
}

/** The time of a Date, of any realm; what is none, or cannot be asked, throws in the intrinsic. */
function timeOf(value: Date, field: string): number {
  try {
    return Date.prototype.getTime.call(value)
  } catch {
    throw notATime(field)
  }
}

function notATime(field: string): TypeError {
  return new TypeError(`${field} must be a Date or an ISO 8601 time such as "2026-11-24T02:11:00Z" or "2026-11-24"`)
}
