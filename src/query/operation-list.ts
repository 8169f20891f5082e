/**
 * The operations that some records belong to, the one with the newest such record first.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import type { AuditFilters } from "./filter.ts"
import { tallyAll } from "./operation.ts"
import type { OperationSummary } from "./operation-tally.ts"
import { streamRecords } from "./read.ts"

/** Operations that are added up in one go. */
const BATCH = 100
/** Operations that are asked for by their ids; of more, all matching records are read. */
const MOST_ASKED_FOR = 1_000

/** Which operations to list. */
export interface OperationQuery extends AuditFilters {
  /** Only those that were opened and not closed. */
  readonly unfinished?: boolean
}

/** Lists operations of which at least one record matches. Memory grows with their number, not with that of the records. */
export async function* listOperations(
  { unfinished = false, ...filters }: OperationQuery,
  logDir: string,
): AsyncGenerator<OperationSummary> {
  let batch: string[] = []
  const ids = unfinished ? unfinishedAmong(filters, logDir) : operationIds(filters, logDir)
  for await (const id of ids) {
    batch.push(id)
    if (batch.length < BATCH) continue
    yield* summaries(batch, unfinished, logDir)
    batch = []
  }
  if (batch.length > 0) yield* summaries(batch, unfinished, logDir)
}

async function* summaries(
  ids: readonly string[],
  unfinished: boolean,
  logDir: string,
): AsyncGenerator<OperationSummary> {
  const tallies = await tallyAll(ids, logDir)
  for (const id of ids) {
    const summary = tallies.get(id)?.summary
    // It may have ended since it was looked for.
    if (summary !== undefined && (!unfinished || summary.endedAt === null)) yield summary
  }
}

async function* operationIds(filters: AuditFilters, logDir: string): AsyncGenerator<string> {
  const seen = new Set<string>()
  for await (const { operation_id } of newestFirst(filters, logDir)) {
    if (seen.has(operation_id)) continue
    seen.add(operation_id)
    yield operation_id
  }
}

/** Beginnings and ends alone tell which are unfinished: far fewer records than there are. */
async function* unfinishedAmong(filters: AuditFilters, logDir: string): AsyncGenerator<string> {
  const [ended, open] = [new Set<string>(), new Set<string>()]
  for await (const record of newestFirst({ eventType: ["audit_closed", "audit_started"] }, logDir)) {
    if (record.event_type === "audit_closed") ended.add(record.operation_id)
    else if (!ended.has(record.operation_id)) open.add(record.operation_id)
  }
  if (open.size === 0) return
  const isFew = open.size <= MOST_ASKED_FOR && filters.operationId === undefined
  for await (const id of operationIds(isFew ? { ...filters, operationId: [...open] } : filters, logDir)) {
    if (!open.delete(id)) continue
    yield id
    if (open.size === 0) return
  }
}

function newestFirst(filters: AuditFilters, logDir: string): AsyncGenerator<AuditRecord> {
  return streamRecords<string>({ ...filters, order: "desc" }, logDir) as unknown as AsyncGenerator<AuditRecord>
}
