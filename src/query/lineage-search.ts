/**
 * Finding events that belong to another: asked for by what they may share, kept when they do, each once.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import type { AuditFilters } from "./filter.ts"
import { CERTAINTIES, type Match } from "./lineage-clues.ts"
import { streamRecords } from "./read.ts"

/** Events of one kind that are kept, the newest. */
export const MOST_LINKS = 1_000

/** An event that was found, and why it belongs here. */
export interface Link extends Match {
  readonly record: AuditRecord
}

/** What was found. */
export interface Gathered {
  /** In ledger order. */
  readonly found: readonly Link[]
  /** There are more than are kept. */
  readonly isCut: boolean
}

/**
 * Gathers events.
 *
 * @param base - What all of them have.
 * @param sources - What they may have besides; each is asked for by itself, the newest first.
 * @param match - Looks at one closely; undefined leaves it out.
 */
export async function gather(
  base: AuditFilters,
  sources: readonly AuditFilters[],
  logDir: string,
  match: (record: AuditRecord) => Match | undefined,
): Promise<Gathered> {
  const seen = new Set<string>()
  const found: Link[] = []
  let isCut = false
  for (const source of sources) {
    let kept = 0
    const query = { ...base, ...source, order: "desc" } as const
    for await (const record of streamRecords<string>(query, logDir) as unknown as AsyncGenerator<AuditRecord>) {
      const place = placeOf(record)
      if (seen.has(place)) continue
      seen.add(place)
      const why = match(record)
      if (why === undefined) continue
      isCut ||= kept === MOST_LINKS
      if (kept === MOST_LINKS) break
      kept += 1
      found.push({ record, ...why })
    }
  }
  return { found: found.sort((a, b) => (isBefore(a.record, b.record) ? -1 : 1)), isCut }
}

/** The writer's number is part of it: a forged event with another's id hides nothing. */
export function placeOf({ event_id, writer }: AuditRecord): string {
  return `${event_id} ${writer.id} ${writer.seq}`
}

/** Whether an event stands before another. Those that are not sealed have no place yet; there the clock decides. */
export function isBefore(a: AuditRecord, b: AuditRecord): boolean {
  if (a.index !== null && b.index !== null) return a.index < b.index
  if (a.operation_id === b.operation_id) return a.sequence < b.sequence
  return a.timestamp === b.timestamp ? a.event_id < b.event_id : a.timestamp < b.timestamp
}

/** The most certain link without conflicts, and of several the latest. */
export function chosenAmong(links: readonly Link[]): Link | undefined {
  const sound = links.filter(({ conflicts }) => conflicts.length === 0)
  for (const certainty of CERTAINTIES) {
    const latest = sound.filter((link) => link.certainty === certainty).at(-1)
    if (latest !== undefined) return latest
  }
  return undefined
}

/** Ids of the operations that some events were recorded in, and of those that these ran in. */
export function operationsAround(...records: readonly (AuditRecord | undefined)[]): string[] {
  const ids = new Set<string>()
  for (const record of records) {
    if (record === undefined) continue
    ids.add(record.operation_id)
    if (record.parent_operation_id !== undefined) ids.add(record.parent_operation_id)
  }
  return [...ids]
}

/** The field by which an event belongs to one of some operations. */
export function operationFieldOf(
  { operation_id, parent_operation_id }: AuditRecord,
  operationIds: readonly string[],
): string | undefined {
  if (operationIds.includes(operation_id)) return "operation_id"
  return parent_operation_id !== undefined && operationIds.includes(parent_operation_id)
    ? "parent_operation_id"
    : undefined
}
