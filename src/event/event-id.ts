/**
 * Event ids (UUIDv7, RFC 9562 section 5.7) and time stamps. Pure: time and randomness are passed in.
 * @module
 */

/** Makes UUIDv7s in order for one writer: 48 bits of time, a 12-bit counter within a millisecond, 62 random bits. */
export class EventIdSource {
  private lastMs = -1
  private timeHex = ""
  private counter = 0

  /**
   * The next id. The time is used as it is: after a backward step of the clock, ids go back too.
   *
   * @param nowMs - Milliseconds since 1970.
   * @param randomTail - Variant bits and 62 random ones, as the last two groups of a UUID.
   * @example
   * ```ts
   * new EventIdSource().next(1_700_000_000_000, "9c22-186b2a5ed793")
   * // "018bcfe5-6800-7000-9c22-186b2a5ed793"
   * ```
   */
  next(nowMs: number, randomTail: string): string {
    if (nowMs !== this.lastMs) {
      this.lastMs = nowMs
      const hex = Math.max(0, Math.trunc(nowMs)).toString(16).padStart(12, "0")
      this.timeHex = `${hex.slice(0, 8)}-${hex.slice(8)}-7`
      this.counter = 0
    }
    // Past 4,096 ids in one millisecond the counter starts over: order within it is lost, uniqueness is not.
    const count = (this.counter++ & 0xfff).toString(16)
    return `${this.timeHex}${count.length === 3 ? count : count.padStart(3, "0")}-${randomTail}`
  }
}

let cachedMs = Number.NaN
let cachedText = ""

/**
 * ISO 8601 in UTC with milliseconds, as written in entries. The last answer is kept: events come in bursts.
 *
 * @example
 * ```ts
 * isoTimestamp(0) // "1970-01-01T00:00:00.000Z"
 * ```
 */
export function isoTimestamp(ms: number): string {
  if (ms !== cachedMs) {
    cachedText = new Date(ms).toISOString()
    cachedMs = ms
  }
  return cachedText
}
