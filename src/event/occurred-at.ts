/**
 * The time that a caller claims for an event. Pure.
 * @module
 */

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/
const WAY_OUT = "give a Date or ISO 8601 text such as 2026-11-24T02:11:00Z"

/**
 * A claimed time as stored: ISO 8601 in UTC with `Z`, at least milliseconds, up to the nanoseconds that were given.
 * Text without a zone means UTC, a date alone its first moment.
 *
 * @throws TypeError for anything but a Date or text of that form.
 * @throws RangeError for an invalid Date, a day that does not exist, or a year outside 0 to 9999.
 * @example
 * ```ts
 * checkOccurredAt("2026-11-24T03:11:00.5+01:00") // "2026-11-24T02:11:00.500Z"
 * ```
 */
export function checkOccurredAt(time: unknown): string {
  if (typeof time === "string") return fromText(time)
  return stored(timeOf(time), "")
}

/** The time of a Date, of any realm; what is none, or cannot be asked, throws in the intrinsic. */
function timeOf(time: unknown): number {
  try {
    return Date.prototype.getTime.call(time)
  } catch (error) {
    throw new TypeError(`occurredAt is no time: ${WAY_OUT}`, { cause: error })
  }
}

function fromText(text: string): string {
  const match = ISO.exec(text)
  if (match === null) throw new TypeError(`occurredAt is no time: ${WAY_OUT}`)
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = "Z"] = match
  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // Some engines roll 30 February over to March.
  if (Number.isNaN(local) || new Date(local).getUTCDate() !== Number(day) || Number(hour) > 23) {
    throw new RangeError(`occurredAt names a day or time that does not exist: ${WAY_OUT}`)
  }
  return stored(local - offsetMs(zone), fraction)
}

function offsetMs(zone: string): number {
  if (zone === "Z" || zone === "z") return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(":", ""))
  if (hours > 23 || minutes > 59) throw new RangeError(`occurredAt has a zone that does not exist: ${WAY_OUT}`)
  return (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

function stored(ms: number, fraction: string): string {
  if (!(ms >= -62_167_219_200_000 && ms < 253_402_300_800_000)) {
    throw new RangeError(`occurredAt must be a valid time in the years 0 to 9999: ${WAY_OUT}`)
  }
  const text = new Date(ms).toISOString()
  return fraction === "" ? text : `${text.slice(0, 20)}${fraction.padEnd(3, "0")}Z`
}
