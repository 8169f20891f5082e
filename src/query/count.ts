/**
 * How many records match, in all or by day and some property. The unsealed records count too.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import { type AuditFilters, checkCounted } from "./filter.ts"
import { bucketsOf, HISTOGRAM_KEYS, type HistogramKey } from "./index-terms.ts"
import { streamRecords } from "./read.ts"

/** Which records to count, and by what. */
export interface HistogramQuery<T extends string = string> extends AuditFilters<T> {
  /** Default: "day". */
  readonly by?: HistogramKey
}

/** Records of one day with one value. */
export interface HistogramBucket {
  /** A day in UTC, such as "2026-11-24". */
  readonly day: string
  /** The type, name, user, regulation or outcome; null where the record has none, and when counting by day alone. */
  readonly value: string | null
  /** Records; one with several values (a user and an actor, two regulations) counts once for each. */
  readonly count: number
}

/** @throws TypeError, RangeError: names the field. */
export function checkHistogram(query: HistogramQuery): void {
  checkCounted(query, ["by"])
  if (query.by !== undefined && !HISTOGRAM_KEYS.includes(query.by))
    throw new RangeError(`by must be one of ${HISTOGRAM_KEYS.join(", ")}`)
}

/** Counts the records that match. */
export async function countRecords(query: AuditFilters, logDir: string): Promise<number> {
  let count = 0
  for await (const _ of streamRecords(query, logDir)) count += 1
  return count
}

/** Counts them by day and value; days in order, the most frequent value of a day first. */
export async function histogramOf(query: HistogramQuery, logDir: string): Promise<HistogramBucket[]> {
  const { by = "day", ...filters } = query
  const days = new Map<string, Map<string | null, number>>()
  for await (const record of streamRecords<string>(filters, logDir) as AsyncGenerator<AuditRecord>) {
    const day = record.timestamp.slice(0, 10)
    const counts = days.get(day) ?? new Map<string | null, number>()
    days.set(day, counts)
    for (const value of bucketsOf(record, by)) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([day, counts]) =>
      [...counts]
        .sort(([a, m], [b, n]) => n - m || ((a ?? "") < (b ?? "") ? -1 : 1))
        .map(([value, count]) => ({ day, value, count })),
    )
}
