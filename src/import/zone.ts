/**
 * Local times without a zone to UTC: by a fixed offset, or by a name of the IANA time zone database as the platform's
 * `Intl` knows it. Pure.
 * @module
 */
import { checkOccurredAt } from "../event/index.ts"

/** Offsets change at whole quarters of an hour. */
const QUARTER_MS = 900_000
const DAY_MS = 86_400_000
const HAS_ZONE = /(?:[Zz]|[T ]\d{2}:\d{2}.*[+-]\d{2}(?::?\d{2})?)$/

/** A time zone. */
export interface Zone {
  /** As it was asked for. */
  readonly name: string
  /** Milliseconds by which its clocks are ahead of UTC at a time. */
  readonly offsetMs: (utcMs: number) => number
}

/**
 * A zone by its name, such as `UTC`, `Europe/Berlin` or `+02:00`.
 *
 * @throws RangeError for a zone that is not known here.
 */
export function zoneOf(name: string): Zone {
  if (name === "UTC" || name === "Z") return { name, offsetMs: () => 0 }
  const fixed = /^([+-])(\d{2}):?(\d{2})?$/.exec(name)
  if (fixed !== null) {
    const [, sign, hours, minutes = "0"] = fixed
    if (Number(hours) > 23 || Number(minutes) > 59) throw unknownZone(name)
    const ms = (Number(hours) * 60 + Number(minutes)) * 60_000
    return { name, offsetMs: () => (sign === "-" ? -ms : ms) }
  }
  return { name, offsetMs: remembered(namedOffset(name)) }
}

function unknownZone(name: string, cause?: unknown): RangeError {
  const text = `${JSON.stringify(name)} is no time zone that is known here; give UTC, a name such as Europe/Berlin, or an offset such as +02:00`
  return new RangeError(text, { cause })
}

function namedOffset(name: string): (utcMs: number) => number {
  const format = formatOf(name)
  return (utcMs) => {
    const parts = new Map(format.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]))
    const [year, month, day] = [parts.get("year")!, parts.get("month")!, parts.get("day")!]
    const local = Date.UTC(year, month - 1, day, parts.get("hour")!, parts.get("minute")!, parts.get("second")!)
    return local - Math.floor(utcMs / 1_000) * 1_000
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const number = "numeric"
  const fields = { year: number, month: number, day: number, hour: number, minute: number, second: number } as const
  try {
    return new Intl.DateTimeFormat("en-US-u-ca-iso8601", { timeZone, hourCycle: "h23", ...fields })
  } catch (error) {
    throw unknownZone(timeZone, error)
  }
}

function remembered(offset: (utcMs: number) => number): (utcMs: number) => number {
  const known = new Map<number, number>()
  return (utcMs) => {
    const quarter = Math.floor(utcMs / QUARTER_MS)
    let ms = known.get(quarter)
    if (ms === undefined) {
      ms = offset(quarter * QUARTER_MS)
      if (known.size > 10_000) known.clear()
      known.set(quarter, ms)
    }
    return ms
  }
}

/**
 * The UTC time of a local one. Where clocks were set back and it was that time twice, the first of the two, as in
 * Python; where they were set forward and it never was, the time by the offset before.
 */
function utcOf(localMs: number, { offsetMs }: Zone): number {
  const offsets = [offsetMs(localMs - DAY_MS), offsetMs(localMs + DAY_MS)]
  const times = offsets.map((ms) => localMs - ms).filter((utcMs) => utcMs + offsetMs(utcMs) === localMs)
  return times.length > 0 ? Math.min(...times) : localMs - offsets[0]!
}

/** A time as an entry stores it, and whether a zone had to be assumed. */
export interface StoredTime {
  readonly text: string
  readonly naive: boolean
}

/**
 * A time of ISO 8601 text as an entry stores it, in UTC with all the digits of its fraction.
 *
 * @throws TypeError, RangeError for what is no time.
 * @example
 * ```ts
 * storedTime("2026-07-01T02:11:00.123456", zoneOf("Europe/Berlin")).text // "2026-07-01T00:11:00.123456Z"
 * ```
 */
export function storedTime(time: unknown, zone: Zone): StoredTime {
  if (typeof time !== "string") throw new TypeError("a time must be ISO 8601 text")
  if (HAS_ZONE.test(time)) return { text: checkOccurredAt(time), naive: false }
  const asUtc = checkOccurredAt(time)
  const local = Date.parse(`${asUtc.slice(0, 19)}Z`)
  const seconds = checkOccurredAt(new Date(utcOf(local, zone))).slice(0, 19)
  return { text: `${seconds}${asUtc.slice(19)}`, naive: true }
}
