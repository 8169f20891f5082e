/**
 * Values that may not be kept as long as their entries: they go, the entries stay. Decide, record, seal, and only then
 * delete. Call it holding the retention lock.
 * @module
 */
import { recordAct } from "../capture/index.ts"
import { type Expiry, type ExpiryRule, noteExpiries, readEntries, type Snapshot, tryParse } from "../query/index.ts"
import { countPayloads, type RootDirectory } from "../store/index.ts"
import { Bindings } from "./binding.ts"
import type { HoldTest } from "./holds.ts"
import { addPeriod } from "./period.ts"
import { classesOf, type RetentionClass, type RetentionPolicy } from "./policy.ts"
import { removeValues } from "./remove.ts"

/** Values whose own time is over. */
export interface Expired {
  readonly values: number
  /** Event id of the record; null where nothing went. */
  readonly record: string | null
}

/** Entries whose values go in one transaction. */
const AT_ONCE = 1_000
/** Bytes without which an entry has no value beside it. */
const MARKER = Buffer.from('{"$secureml":"')

/** Counts the values that would go. */
export async function countExpired(
  root: RootDirectory,
  snapshot: Snapshot,
  policy: RetentionPolicy,
  holds: readonly HoldTest[],
  nowMs: number,
): Promise<number> {
  let values = 0
  for await (const ids of dueIn(snapshot, policy, holds, nowMs)) values += countPayloads(root, ids)
  return values
}

/** Deletes the values whose own time is over, and says so in the log first. */
export async function expireValues(
  root: RootDirectory,
  snapshot: Snapshot,
  policy: RetentionPolicy,
  holds: readonly HoldTest[],
  nowMs: number,
): Promise<Expired> {
  const values = await countExpired(root, snapshot, policy, holds, nowMs)
  if (values === 0) return { values, record: null }
  const rules = expiringClasses(policy).map((one) => ruleOf(one, nowMs))
  const { id, digest } = policy
  const details = { policy: { id, digest }, values, rules }
  const receipt = recordAct({
    logDir: root.path,
    operationName: "audit_prune",
    eventType: "retention_expired",
    details,
  })
  await receipt.sealed()
  await noteExpiries(
    root,
    rules.map((rule): Expiry => ({ ...rule, by: receipt.eventId })),
  )
  for await (const ids of dueIn(snapshot, policy, holds, nowMs)) await removeValues(root, ids)
  return { values, record: receipt.eventId }
}

function expiringClasses({ classes }: RetentionPolicy): RetentionClass[] {
  return classes.filter(({ valuesMaximum }) => valuesMaximum !== null)
}

function ruleOf({ id, eventTypes, regulations, valuesMaximum }: RetentionClass, nowMs: number): ExpiryRule {
  const before = new Date(lastDue(valuesMaximum!, nowMs)).toISOString()
  return { class: id, event_types: eventTypes, regulations, before }
}

/** The time before which everything is older than a period. */
function lastDue(period: string, nowMs: number): number {
  let [old, young] = [0, nowMs]
  // Months differ in length, so that the period cannot be subtracted.
  while (young - old > 1) {
    const middle = Math.floor((old + young) / 2)
    if (addPeriod(middle, period) < nowMs) old = middle
    else young = middle
  }
  return addPeriod(old, period) < nowMs ? young : old
}

/** Ids of the entries whose values are due, some at a time. */
async function* dueIn(
  { blobs, treeSize, pruning }: Snapshot,
  policy: RetentionPolicy,
  holds: readonly HoldTest[],
  nowMs: number,
): AsyncGenerator<readonly string[]> {
  if (expiringClasses(policy).length === 0) return
  const bindings = new Bindings(policy, holds, nowMs)
  let ids: string[] = []
  for await (const { bytes } of readEntries(blobs, pruning?.minimumIndex ?? 0, treeSize)) {
    if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(MARKER)) continue
    const entry = tryParse(bytes)
    if (entry === undefined) continue
    const timeMs = Date.parse(entry.timestamp)
    const isDue = classesOf(policy, entry.event_type, entry.regulations ?? []).some(
      ({ valuesMaximum }) => valuesMaximum !== null && addPeriod(timeMs, valuesMaximum) < nowMs,
    )
    if (!isDue || bindings.of(entry) !== undefined) continue
    ids.push(entry.event_id)
    if (ids.length < AT_ONCE) continue
    yield ids
    ids = []
  }
  if (ids.length > 0) yield ids
}
