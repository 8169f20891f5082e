/**
 * Pruning: decide, record, seal, and only then remove. A prune that was cut off behind its record is finished by the
 * next one.
 * @module
 */
import { toBase64 } from "../bytes.ts"
import { openLedger, recordAct, sealLog } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import type { JsonObject, JsonValue } from "../event/index.ts"
import { earlierRoot, filesBelow, readPruneNote } from "../ledger/index.ts"
import {
  newestRecord,
  type Pruning,
  parseTimeBound,
  readEntries,
  type Snapshot,
  takeSnapshot,
  tryParse,
  type Verdict,
  verifyLog,
} from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"
import { Eraser } from "./eraser.ts"
import { countExpired, type Expired, expireValues } from "./expire.ts"
import { type HoldTest, holdTests, listHolds } from "./holds.ts"
import { keptTests } from "./kept.ts"
import { locked, requireRoot } from "./lock.ts"
import { type Keeper, type PruneLimit, type PrunePlan, planPrune } from "./plan.ts"
import { loadPolicy, type RetentionPolicy } from "./policy.ts"
import { type Removed, removeBelow } from "./remove.ts"
import { restrictionTests } from "./restrict.ts"

/** What to prune. */
export interface PruneOptions {
  readonly logDir: string
  /** Default: the built-in policy, see {@link loadPolicy}. */
  readonly policy?: RetentionPolicy
  /** Only says what would go. */
  readonly dryRun?: boolean
  /** Prune exactly up to this index, to the whole bundle below it; refused where anything before it has to stay. */
  readonly below?: number
  /** The same for everything before the first entry that is not before this time. */
  readonly before?: Date | string
}

/** What was pruned, and why not more. */
export interface PruneReport extends PrunePlan {
  readonly dryRun: boolean
  readonly policy: { readonly id: string; readonly digest: string; readonly overrides: readonly string[] }
  /** Index of the prune record; null where nothing was pruned. */
  readonly record: number | null
  /** An earlier prune that had been cut off was finished. */
  readonly finished: boolean
  readonly removed: Removed
  /** Values beside entries that stay, whose own time was over. */
  readonly expired: Expired
}

/** Most earlier records that a record repeats; older ones are told as one. */
const MOST_EARLIER = 100
const MOST_HOLDS = 200
/** What is repeated of an earlier record. */
const REPEATED = ["first_index", "last_index", "entries", "root", "oldest", "newest", "policy"] as const
/** With these the log is not what was signed: what is wrong must not be pruned away. */
const NOT_AS_SIGNED: readonly Verdict[] = ["corrupt", "rewritten", "wrong_key", "truncated", "unverifiable"]
const NOTHING: Removed = { files: 0, payloads: 0 }

/**
 * Prunes a log as far as policy and holds allow: the beginning goes, in whole bundles of 256 entries, up to the first
 * entry that has to stay. What is left verifies as before, and its proofs stay valid. The `pruned` event that says so
 * is sealed before anything is removed.
 *
 * @throws {@link AuditError} `RETENTION_TOO_EARLY`, `RETENTION_HELD`: with `below` or `before`, something before it has
 *   to stay; nothing was removed, and the refusal is recorded.
 * @throws {@link AuditError} `RETENTION_CONFLICT`, `RETENTION_BUSY`; `LEDGER_CORRUPT` for a log that does not verify;
 *   `SEALING_UNAVAILABLE` without the log's key: nothing was removed.
 * @example
 * ```ts
 * const { entries, stopsAt } = await pruneLog({ logDir, policy: loadPolicy("retention.json") })
 * // 179_968, { index: 180_100, reason: "too_early", source: "P6M, EU AI Act, Art 19(1) [aia-19-1-provider-logs]", … }
 * ```
 */
export function pruneLog(options: PruneOptions): Promise<PruneReport> {
  return pruneAt(options, Date.now())
}

/** The same at a time that a test chooses. */
export async function pruneAt(options: PruneOptions, nowMs: number): Promise<PruneReport> {
  const { logDir, policy = loadPolicy(), dryRun = false } = options
  const limit = limitOf(options)
  const root = requireRoot(logDir)
  const holds = async (): Promise<HoldTest[]> => [
    ...(await holdTests(root, await listHolds({ logDir: root.path }))),
    ...(await restrictionTests(root)),
    ...(await keptTests(root, policy, nowMs)),
  ]
  if (dryRun) {
    const snapshot = await takeSnapshot(root)
    const now = await holds()
    const plan = await planPrune(snapshot, policy, now, nowMs, limit)
    const values = await countExpired(root, snapshot, policy, now, nowMs)
    return reportOf(plan, policy, { dryRun, expired: { values, record: null } })
  }
  return locked(root, async () => {
    // Without the key nothing could be removed, and the record would lie in the journal.
    await sealLog({ logDir: root.path })
    const finished = await finishEarlier(root, await holds())
    await new Eraser(openLedger(root.path, process.env), policy, nowMs, undefined).resume()
    const left = await holds()
    const expired = await expireValues(root, await takeSnapshot(root), policy, left, nowMs)
    const snapshot = await takeSnapshot(root)
    const plan = await planPrune(snapshot, policy, left, nowMs, limit)
    const isAsked = limit.below !== undefined || limit.beforeMs !== undefined
    if (isAsked && plan.stopsAt !== null && plan.stopsAt.index < plan.asked)
      throw refuse(root, policy, plan, plan.stopsAt)
    if (plan.entries === 0)
      return reportOf(plan, policy, { finished: finished !== undefined, removed: finished ?? NOTHING, expired })
    const verdict = await requireGood(root)
    const details = recordOf(
      plan,
      policy,
      verdict,
      await earlierOf(snapshot),
      await rootAt(snapshot, plan.minimumIndex),
    )
    const act = { logDir: root.path, operationName: "audit_prune", eventType: "pruned", details }
    const { index: record } = await recordAct(act).sealed()
    const removed = await removeBelow(root, plan.minimumIndex, record)
    return reportOf(plan, policy, {
      record,
      finished: finished !== undefined,
      removed: sum(removed, finished ?? NOTHING),
      expired,
    })
  })
}

function limitOf({ below, before }: PruneOptions): PruneLimit {
  if (below !== undefined && (!Number.isSafeInteger(below) || below < 0))
    throw new RangeError("below must be an index, a whole number from 0")
  return { below, beforeMs: before === undefined ? undefined : parseTimeBound(before, "before").firstMs }
}

/** Removes what a record says is gone and is not: the process that wrote it died. */
async function finishEarlier(root: RootDirectory, holds: readonly HoldTest[]): Promise<Removed | undefined> {
  const snapshot = await takeSnapshot(root)
  const { blobs, treeSize, pruning } = snapshot
  const last = await newestRecord(blobs, treeSize)
  if (last === undefined) return undefined
  const isTold = pruning?.record === last.record && (await readPruneNote(blobs))?.record === last.record
  if (isTold && (await filesBelow(blobs, last.minimumIndex)).length === 0) return undefined
  await refuseHeld(snapshot, last, holds)
  return removeBelow(root, last.minimumIndex, last.record)
}

/** A hold may have been added since the record was made. */
async function refuseHeld({ blobs, pruning }: Snapshot, last: Pruning, tests: readonly HoldTest[]): Promise<void> {
  if (tests.length === 0) return
  for await (const { index, bytes } of readEntries(blobs, pruning?.minimumIndex ?? 0, last.minimumIndex)) {
    const entry = tryParse(bytes)
    const held = tests.find(({ id, test }) => entry !== undefined && (entry.event_id === id || test(entry)))
    if (held === undefined) continue
    throw new AuditError(
      "RETENTION_HELD",
      `a prune up to index ${last.minimumIndex} was recorded and cut off, and ${held.source} now covers entry ${index}: nothing is removed until it is released`,
    )
  }
}

/** A refusal is worth knowing too: it is recorded with the provision. */
function refuse(
  root: RootDirectory,
  { id, digest }: RetentionPolicy,
  plan: PrunePlan & { asked: number },
  keeper: Keeper,
): AuditError {
  const { index, eventType, reason, source, until } = keeper
  const details = { asked_below: plan.asked, index, reason, source, until, policy: { id, digest } }
  recordAct({ logDir: root.path, operationName: "audit_prune", eventType: "prune_refused", details })
  const what = `entry ${index} (${eventType || "unreadable"}) must be kept${until === null ? "" : ` until ${until}`}: ${source}`
  const message = `nothing was pruned: ${what}. Entries below ${plan.minimumIndex} may go; prune --dry-run says more`
  if (reason === "held" || reason === "hold_in_force") return new AuditError("RETENTION_HELD", message)
  return new AuditError("RETENTION_TOO_EARLY", message)
}

async function requireGood(root: RootDirectory): Promise<Verdict> {
  const { verdict } = await verifyLog({ logDir: root.path }, process.env)
  if (!NOT_AS_SIGNED.includes(verdict)) return verdict
  throw new AuditError(
    "LEDGER_CORRUPT",
    `the log does not verify (${verdict}), and pruning would remove what shows it; nothing was pruned; run secureml audit verify`,
  )
}

async function rootAt({ blobs, treeSize }: Snapshot, minimumIndex: number): Promise<string> {
  return toBase64(await earlierRoot(blobs, minimumIndex, treeSize))
}

/** What earlier records said, the last one included: it may be pruned itself. */
async function earlierOf({
  blobs,
  treeSize,
}: Snapshot): Promise<{ readonly earlier: readonly JsonValue[]; readonly earlierDropped: number }> {
  const last = await newestRecord(blobs, treeSize)
  if (last === undefined) return { earlier: [], earlierDropped: 0 }
  const { details, timestamp } = last.entry
  const { earlier: before, earlier_dropped: dropped } = details
  const said = Object.fromEntries(REPEATED.map((name) => [name, details[name]!]))
  const row: JsonObject = { record: last.record, pruned_at: timestamp, ...said }
  const all: JsonValue[] = [...(Array.isArray(before) ? (before as JsonValue[]) : []), row]
  const cut = Math.max(0, all.length - MOST_EARLIER)
  return { earlier: all.slice(cut), earlierDropped: (typeof dropped === "number" ? dropped : 0) + cut }
}

function recordOf(
  plan: PrunePlan,
  { id, digest, overrides }: RetentionPolicy,
  verdict: Verdict,
  { earlier, earlierDropped }: Awaited<ReturnType<typeof earlierOf>>,
  root: string,
): object {
  const classes = plan.classes.filter(({ pruned }) => pruned > 0)
  return {
    minimum_index: plan.minimumIndex,
    first_index: plan.prunedBelow,
    last_index: plan.minimumIndex - 1,
    entries: plan.entries,
    root,
    oldest: plan.oldest,
    newest: plan.newest,
    policy: { id, digest, ...(overrides.length === 0 ? {} : { overrides }) },
    classes: Object.fromEntries(classes.slice(0, MOST_HOLDS).map(({ classes: name, pruned }) => [name, pruned])),
    holds_checked: plan.holds.slice(0, MOST_HOLDS).map((hold) => hold.id),
    holds: plan.holds.length,
    verdict,
    ...(earlier.length === 0 ? {} : { earlier }),
    ...(earlierDropped === 0 ? {} : { earlier_dropped: earlierDropped }),
  }
}

function reportOf(
  plan: PrunePlan,
  { id, digest, overrides }: RetentionPolicy,
  done: Partial<Pick<PruneReport, "dryRun" | "record" | "finished" | "removed" | "expired">>,
): PruneReport {
  const { asked: _, ...rest } = plan as PrunePlan & { asked?: number }
  const expired: Expired = { values: 0, record: null }
  const undone = { dryRun: false, record: null, finished: false, removed: NOTHING, expired }
  return { ...rest, policy: { id, digest, overrides }, ...undone, ...done }
}

function sum(one: Removed, other: Removed): Removed {
  return { files: one.files + other.files, payloads: one.payloads + other.payloads }
}
