/**
 * Periods as ISO 8601 writes them: years, months, weeks and days, in UTC. Pure.
 * @module
 */

const PERIOD = /^P(?=\d)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/

/** Whether a text is a period, such as "P6Y", "P24M" or "P90D". */
export function isPeriod(text: unknown): text is string {
  return typeof text === "string" && PERIOD.test(text)
}

/**
 * The time a period later. A day that the last month does not have becomes one of the next: never early.
 *
 * @example
 * ```ts
 * new Date(addPeriod(Date.UTC(2024, 1, 29), "P1Y")).toISOString() // "2025-03-01T00:00:00.000Z"
 * ```
 */
export function addPeriod(timeMs: number, period: string): number {
  const [years = 0, months = 0, weeks = 0, days = 0] = (PERIOD.exec(period) ?? []).slice(1).map((n) => Number(n ?? 0))
  const time = new Date(timeMs)
  time.setUTCFullYear(time.getUTCFullYear() + years, time.getUTCMonth() + months, time.getUTCDate() + weeks * 7 + days)
  return time.getTime()
}

/** Whether one period ends after another that began at the same time. */
export function isLonger(period: string, other: string, fromMs: number): boolean {
  return addPeriod(fromMs, period) > addPeriod(fromMs, other)
}
