/**
 * Numbers of a log: how many records, from when to when, and of what. Counted by the doors of the read side.
 * @module
 */
import { type AuditFilters, countAuditLogs, type HistogramKey, histogramAuditLogs, streamAuditLogs } from "../audit.ts"

/** Records with one value; null for those that have none. */
export interface ValueCount {
  readonly value: string | null
  readonly count: number
}

/** Records of one day, in UTC. */
export interface DayCount {
  readonly day: string
  readonly count: number
}

/** What is counted over the values that records have. */
type CountedName = "types" | "operations" | "users" | "regulations" | "outcomes"

/** What `stats --json` gives. Of each kind of value the most frequent first; a record with several counts once for each. */
export interface Statistics extends Readonly<Record<CountedName, readonly ValueCount[]>> {
  readonly records: number
  /** Time of the first and of the last record in ledger order; null when there is none. */
  readonly first: string | null
  readonly last: string | null
  /** Days in order; those without records are left out. */
  readonly days: readonly DayCount[]
}

/** What is counted by, in the order in which it is shown. */
export const COUNTED: readonly (readonly [CountedName, Exclude<HistogramKey, "day">])[] = [
  ["types", "type"],
  ["operations", "operation"],
  ["users", "user"],
  ["regulations", "regulation"],
  ["outcomes", "outcome"],
]

/**
 * Counts the records that match.
 * @param onStep - Called before each count, with what is counted.
 */
export async function statisticsOf(query: AuditFilters, onStep: (what: string) => void): Promise<Statistics> {
  onStep("records")
  const records = await countAuditLogs(query)
  const first = await timeAt(query, "asc")
  const last = await timeAt(query, "desc")
  onStep("days")
  const days = (await histogramAuditLogs({ ...query, by: "day" })).map(({ day, count }) => ({ day, count }))
  const counted = {} as Record<CountedName, ValueCount[]>
  for (const [name, by] of COUNTED) {
    onStep(name)
    counted[name] = await countsBy(query, by)
  }
  return { records, first, last, days, ...counted }
}

async function timeAt(query: AuditFilters, order: "asc" | "desc"): Promise<string | null> {
  for await (const { timestamp } of streamAuditLogs({ ...query, order, limit: 1 })) return timestamp
  return null
}

/** Over all days, the most frequent first. */
async function countsBy(query: AuditFilters, by: HistogramKey): Promise<ValueCount[]> {
  const counts = new Map<string | null, number>()
  for (const { value, count } of await histogramAuditLogs({ ...query, by }))
    counts.set(value, (counts.get(value) ?? 0) + count)
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || ((a.value ?? "") < (b.value ?? "") ? -1 : 1))
}
