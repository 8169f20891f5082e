/**
 * Operations: one run's whole story, and the list of those that some records belong to.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { AuditRecord, JsonObject } from "../event/index.ts"
import type { AuditFilters, AuditQuery } from "./filter.ts"
import { closingStatus, type MissingEvents, type OperationFacts, OperationTally } from "./operation-tally.ts"
import { streamRecords } from "./read.ts"

/** An operation that ran within another. */
export interface ChildOperation {
  readonly operationId: string
  readonly operationName: string
  /** As its `audit_closed` says, else "unfinished". */
  readonly status: string
}

/** One operation with all that the log says of it as a whole. */
export interface AuditOperation extends OperationFacts {
  /** Operations that were opened directly within it, in the order in which they began. */
  readonly children: readonly ChildOperation[]
  /** Holes in the numbers of its events. What is missing behind the last event that is there cannot be seen. */
  readonly missing: readonly MissingEvents[]
}

/**
 * One operation's story.
 * @throws {@link AuditError} `OPERATION_NOT_FOUND`.
 */
export async function operationOf(logDir: string, operationId: string): Promise<AuditOperation> {
  const tally = (await tallyAll([operationId], logDir)).get(operationId)
  if (tally === undefined) {
    throw new AuditError("OPERATION_NOT_FOUND", `there is no operation ${JSON.stringify(operationId)} in ${logDir}`)
  }
  const children = (await childrenOf([operationId], logDir)).get(operationId) ?? []
  return { ...tally.facts, children, missing: await explain(tally.holes, operationId, logDir) }
}

/** Adds up all records of some operations. */
export async function tallyAll(operationIds: readonly string[], logDir: string): Promise<Map<string, OperationTally>> {
  const tallies = new Map<string, OperationTally>()
  for await (const record of records({ operationId: operationIds }, logDir)) {
    const tally = tallies.get(record.operation_id) ?? new OperationTally(record)
    tallies.set(record.operation_id, tally)
    tally.see(record)
  }
  return tallies
}

/** The operations that were opened directly within some others, by the other's id. */
export async function childrenOf(
  operationIds: readonly string[],
  logDir: string,
): Promise<Map<string, readonly ChildOperation[]>> {
  const children = new Map<string, Map<string, ChildOperation>>()
  const query = { parentOperationId: operationIds, eventType: ["audit_started", "audit_closed"] }
  for await (const record of records(query, logDir)) {
    const { operation_id: operationId, operation_name: operationName, parent_operation_id: parent = "" } = record
    const siblings = children.get(parent) ?? new Map<string, ChildOperation>()
    children.set(parent, siblings)
    const status = record.event_type === "audit_closed" ? closingStatus(record) : "unfinished"
    siblings.set(operationId, { operationId, operationName, status })
  }
  return new Map([...children].map(([parent, siblings]) => [parent, [...siblings.values()]]))
}

/** Says of each hole whether a recovery declared it as lost. */
async function explain(
  holes: readonly { readonly from: number; readonly to: number }[],
  operationId: string,
  logDir: string,
): Promise<MissingEvents[]> {
  if (holes.length === 0) return []
  const missing: { from: number; to: number; explainedBy: string | null }[] = holes.map((hole) => ({
    ...hole,
    explainedBy: null,
  }))
  for await (const { event_id, event_type, details } of records({ eventType: ["audit_recovered", "pruned"] }, logDir)) {
    const next = lostUpTo(details, operationId)
    const beginsAnywhere = event_type === "pruned" || isSuccessor(details)
    for (const hole of missing) if (hole.to < next || (hole.from === 0 && beginsAnywhere)) hole.explainedBy ??= event_id
  }
  return missing
}

/** The number that counts next, as a recovery says of an operation; what is missing below is lost. */
function lostUpTo({ operations }: JsonObject, operationId: string): number {
  if (typeof operations !== "object" || operations === null || !Object.hasOwn(operations, operationId)) return 0
  const next = (operations as JsonObject)[operationId]
  return typeof next === "number" ? next : 0
}

/** In the log that follows another, operations may begin at any number. */
function isSuccessor({ kind }: JsonObject): boolean {
  return kind === "successor"
}

function records(query: AuditFilters | AuditQuery, logDir: string): AsyncGenerator<AuditRecord> {
  return streamRecords<string>(query, logDir) as unknown as AsyncGenerator<AuditRecord>
}
