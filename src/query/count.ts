/**
 * How many records match, in all or by day and some property. The unsealed records count too.
 * @module
 */
import type { AuditEntry } from "../event/index.ts"
import type { Environment } from "../ledger/index.ts"
import { type DailyCount, findLogDirectory } from "../store/index.ts"
import { type AuditFilters, checkCounted, compileFilter, type Filter } from "./filter.ts"
import { ODD_DAY } from "./index-build.ts"
import { bucketsOf, HISTOGRAM_KEYS, type HistogramKey } from "./index-terms.ts"
import { filterIn } from "./personal.ts"
import { countSealed, indexFor, quietly, sealedMatches } from "./sealed.ts"
import { type Snapshot, takeSnapshot } from "./snapshot.ts"

const DAY_MS = 86_400_000

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
export async function countRecords(query: AuditFilters, logDir: string, environment: Environment): Promise<number> {
  compileFilter(query)
  const root = findLogDirectory(logDir)
  if (root === undefined) return 0
  const filter = await filterIn(root, query, environment)
  const snapshot = await takeSnapshot(root)
  const tail = snapshot.tail.filter(({ entry }) => filter.test(entry)).length
  return (await countSealed(snapshot, filter)) + tail
}

/** Counts them by day and value; days in order, the most frequent value of a day first. */
export async function histogramOf(
  query: HistogramQuery,
  logDir: string,
  environment: Environment,
): Promise<HistogramBucket[]> {
  const { by = "day", ...filters } = query
  compileFilter(filters)
  const root = findLogDirectory(logDir)
  if (root === undefined) return []
  const filter = await filterIn(root, filters, environment)
  const snapshot = await takeSnapshot(root)
  const counts = new Counts()
  const position = await addDays(counts, snapshot, filter, by)
  for await (const { entry } of sealedMatches(snapshot, filter, "asc", position, snapshot.treeSize))
    counts.add(entry, by)
  for (const { entry } of snapshot.tail) if (filter.test(entry)) counts.add(entry, by)
  return counts.buckets()
}

/**
 * Adds what the index has counted already, which it has for whole days and no other filter; of days that are cut by the
 * times it adds the entries themselves. Returns the index behind what was added.
 */
async function addDays(counts: Counts, snapshot: Snapshot, filter: Filter, by: HistogramKey): Promise<number> {
  const { isIndexed, terms, fromMs, toMs } = filter
  const index = isIndexed && terms.length === 0 ? await indexFor(snapshot, filter, true) : undefined
  const rows = quietly(() => index?.open.daily(HISTOGRAM_KEYS.indexOf(by)).map(parsed))
  // Somebody may have added to it since, and what they added is counted in the rows.
  const position = quietly(() => index?.open.state?.position)
  if (index === undefined || rows === undefined) return 0
  if (position !== index.position) return position! > snapshot.treeSize ? 0 : addDays(counts, snapshot, filter, by)
  const isCut = fromMs !== Number.NEGATIVE_INFINITY || toMs !== Number.POSITIVE_INFINITY
  // Their entries are tested one by one.
  if (isCut && rows.some(({ day }) => day.startsWith(ODD_DAY))) return 0
  const cut = new Set<number>()
  for (const { day, value, count } of rows) {
    const dayMs = Date.parse(day)
    if (isCut && (dayMs + DAY_MS <= fromMs || dayMs > toMs)) continue
    if (!isCut) counts.addMany(day.replace(ODD_DAY, ""), value, count)
    else if (dayMs >= fromMs && dayMs + DAY_MS - 1 <= toMs) counts.addMany(day, value, count)
    else cut.add(dayMs)
  }
  for (const dayMs of cut) {
    const times = {
      startTime: new Date(Math.max(dayMs, fromMs)),
      endTime: new Date(Math.min(dayMs + DAY_MS - 1, toMs)),
    }
    for await (const { entry } of sealedMatches(snapshot, compileFilter(times), "asc", 0, index.position))
      counts.add(entry, by)
  }
  return index.position
}

/** A row of the index, which has values as JSON: as text, SQLite would end one at a NUL. */
function parsed({ day, value, count }: DailyCount): HistogramBucket {
  return { day, value: value === "" ? null : (JSON.parse(value) as string), count }
}

/** Counts by day and value. */
class Counts {
  readonly #days = new Map<string, Map<string | null, number>>()

  add(entry: AuditEntry, by: HistogramKey): void {
    for (const value of bucketsOf(entry, by)) this.addMany(entry.timestamp.slice(0, 10), value, 1)
  }

  addMany(day: string, value: string | null, count: number): void {
    const counts = this.#days.get(day) ?? new Map<string | null, number>()
    this.#days.set(day, counts)
    counts.set(value, (counts.get(value) ?? 0) + count)
  }

  buckets(): HistogramBucket[] {
    return [...this.#days]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([day, counts]) =>
        [...counts]
          .sort(([a, m], [b, n]) => n - m || ((a ?? "") < (b ?? "") ? -1 : 1))
          .map(([value, count]) => ({ day, value, count })),
      )
  }
}
