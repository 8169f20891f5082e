/**
 * What may be pruned, and of everything else why not: a look at every entry, against the policy and the holds. Reads
 * only; the clock is passed in.
 * @module
 */
import { type AuditEntry, isBlank } from "../event/index.ts"
import { TILE_WIDTH } from "../proof/index.ts"
import { readEntries, type Snapshot, tryParse } from "../query/index.ts"
import { Slices } from "../store/index.ts"
import { type EntryRule, EntryRules, endOf, type KeepReason, overdueBy } from "./entry-rule.ts"
import type { HoldTest } from "./holds.ts"
import type { RetentionPolicy } from "./policy.ts"

/** Entries that have the same classes, and what becomes of them. */
export interface ClassDecision {
  /** Ids of the classes, joined by "+"; "default" where only the policy's default applies, "none" where nothing does. */
  readonly classes: string
  readonly entries: number
  readonly oldest: string
  readonly newest: string
  /** Entries whose time is over, whether or not they can go yet. */
  readonly due: number
  /** Entries that this prune takes. */
  readonly pruned: number
  /** Entries that stay, by reason; "behind": due, behind an entry that has to stay. */
  readonly kept: Readonly<Partial<Record<KeepReason | "behind", number>>>
  /** When the oldest and the newest of them may go; null where nothing says. */
  readonly mayGo: { readonly first: string; readonly last: string } | null
  /** Provisions that the dates come from, or that keep them. */
  readonly sources: readonly string[]
  /** Entries older than a maximum allows that stay all the same. */
  readonly overdue: number
}

/** An entry that has to stay, and why. */
export interface Keeper {
  readonly index: number
  readonly eventType: string
  readonly reason: KeepReason
  /** The provision, or the hold. */
  readonly source: string
  /** From when on it may go; null where nothing says. */
  readonly until: string | null
}

/** What a prune would do. */
export interface PrunePlan {
  /** Below this nothing would be kept. */
  readonly minimumIndex: number
  /** Below this nothing is kept now. */
  readonly prunedBelow: number
  readonly treeSize: number
  /** Entries that would go. */
  readonly entries: number
  readonly oldest: string | null
  readonly newest: string | null
  readonly classes: readonly ClassDecision[]
  /** Holds in force, and how many entries each covers. */
  readonly holds: readonly { readonly id: string; readonly entries: number }[]
  /** The first entry that has to stay; null where none has. */
  readonly stopsAt: Keeper | null
}

/** How far a prune may go at most. */
export interface PruneLimit {
  readonly below?: number | undefined
  readonly beforeMs?: number | undefined
}

/** Looks at every sealed entry that is left. */
export async function planPrune(
  snapshot: Snapshot,
  policy: RetentionPolicy,
  holds: readonly HoldTest[],
  nowMs: number,
  limit: PruneLimit = {},
): Promise<PrunePlan & { readonly asked: number }> {
  const look = new Look(new EntryRules(policy), holds, nowMs, limit)
  const { blobs, treeSize, pruning } = snapshot
  const prunedBelow = pruning?.minimumIndex ?? 0
  const slices = new Slices()
  for await (const { index, bytes } of readEntries(blobs, prunedBelow, treeSize)) {
    look.see(index, tryParse(bytes))
    if (index % TILE_WIDTH === 0) await slices.turn()
  }
  return look.plan(prunedBelow, treeSize)
}

/** Counts of entries with the same classes. */
class Tally {
  entries = 0
  due = 0
  oldest = ""
  newest = ""
  overdue = 0
  readonly kept = new Map<KeepReason, number>()
  readonly sources = new Set<string>()
  firstMs = Number.POSITIVE_INFINITY
  lastMs = Number.NEGATIVE_INFINITY
  /** Due entries by bundle, since only whole bundles go. */
  readonly dueIn = new Map<number, { count: number; overdue: number }>()
}

class Look {
  readonly #rules: EntryRules
  readonly #holds: readonly (HoldTest & { entries: number })[]
  readonly #nowMs: number
  readonly #limit: PruneLimit
  readonly #tallies = new Map<string, Tally>()
  readonly #times = new Map<number, { oldest: string; newest: string }>()
  #stopsAt: Keeper | null = null
  /** The first entry that nobody asked to prune. */
  #asked = Number.POSITIVE_INFINITY

  constructor(rules: EntryRules, holds: readonly HoldTest[], nowMs: number, limit: PruneLimit) {
    this.#rules = rules
    this.#nowMs = nowMs
    this.#limit = limit
    this.#holds = holds.map((hold) => ({ ...hold, entries: 0 }))
    if (limit.below !== undefined) this.#asked = limit.below
  }

  see(index: number, entry: AuditEntry | undefined): void {
    if (entry === undefined) {
      this.#stop({
        index,
        eventType: "",
        reason: "time_unreadable",
        source: "it is no event of this format",
        until: null,
      })
      return
    }
    const timeMs = Date.parse(entry.timestamp)
    if (timeMs >= (this.#limit.beforeMs ?? Number.POSITIVE_INFINITY)) this.#asked = Math.min(this.#asked, index)
    this.#seeTime(index, entry.timestamp)
    const rule = this.#rules.of(entry)
    // Nothing of a redacted entry is left to keep; the event that says so stands behind it, and has a period of its own.
    const keeper = this.#held(index, entry) ?? (isBlank(entry) ? undefined : this.#keeper(rule, index, entry, timeMs))
    this.#count(rule, index, entry, timeMs, keeper)
    if (keeper !== undefined) this.#stop(keeper)
  }

  #stop(keeper: Keeper): void {
    this.#stopsAt ??= keeper
  }

  #seeTime(index: number, timestamp: string): void {
    const bundle = Math.floor(index / TILE_WIDTH)
    const times = this.#times.get(bundle) ?? { oldest: timestamp, newest: timestamp }
    this.#times.set(bundle, times)
    if (timestamp < times.oldest) times.oldest = timestamp
    if (timestamp > times.newest) times.newest = timestamp
  }

  #held(index: number, entry: AuditEntry): Keeper | undefined {
    let keeper: Keeper | undefined
    for (const held of this.#holds) {
      // The event of a hold in force is the hold: without it nothing would be held.
      const isItself = held.id === entry.event_id
      if (!isItself && !held.test(entry)) continue
      if (!isItself) held.entries += 1
      const reason = isItself ? "hold_in_force" : "held"
      keeper ??= { index, eventType: entry.event_type, reason, source: held.source, until: null }
    }
    return keeper
  }

  #keeper(rule: EntryRule, index: number, { event_type: eventType }: AuditEntry, timeMs: number): Keeper | undefined {
    if (Number.isNaN(timeMs))
      return { index, eventType, reason: "time_unreadable", source: "its time cannot be read", until: null }
    if (rule.blocked !== undefined) return { index, eventType, ...rule.blocked, until: null }
    const end = endOf(rule, timeMs)
    if (end === undefined || end.atMs < this.#nowMs) return undefined
    return { index, eventType, reason: "too_early", source: end.source, until: new Date(end.atMs).toISOString() }
  }

  #count(rule: EntryRule, index: number, { timestamp }: AuditEntry, timeMs: number, keeper: Keeper | undefined): void {
    const tally = this.#tallies.get(rule.name) ?? new Tally()
    this.#tallies.set(rule.name, tally)
    tally.entries += 1
    if (tally.oldest === "" || timestamp < tally.oldest) tally.oldest = timestamp
    if (timestamp > tally.newest) tally.newest = timestamp
    const end = rule.blocked === undefined && !Number.isNaN(timeMs) ? endOf(rule, timeMs) : undefined
    if (end !== undefined) {
      tally.firstMs = Math.min(tally.firstMs, end.atMs)
      tally.lastMs = Math.max(tally.lastMs, end.atMs)
      tally.sources.add(end.source)
    }
    if (keeper !== undefined) tally.sources.add(keeper.source)
    const isOverdue = overdueBy(rule, timeMs, this.#nowMs) !== undefined ? 1 : 0
    tally.overdue += isOverdue
    if (keeper !== undefined) {
      tally.kept.set(keeper.reason, (tally.kept.get(keeper.reason) ?? 0) + 1)
      return
    }
    tally.due += 1
    const bundle = Math.floor(index / TILE_WIDTH)
    const { count, overdue } = tally.dueIn.get(bundle) ?? { count: 0, overdue: 0 }
    tally.dueIn.set(bundle, { count: count + 1, overdue: overdue + isOverdue })
  }

  plan(prunedBelow: number, treeSize: number): PrunePlan & { readonly asked: number } {
    const asked = wholeBundles(Math.min(this.#asked, treeSize))
    const minimumIndex = Math.max(prunedBelow, Math.min(asked, wholeBundles(this.#stopsAt?.index ?? treeSize)))
    const times = [...this.#times].filter(([bundle]) => bundle * TILE_WIDTH < minimumIndex).map(([, one]) => one)
    return {
      minimumIndex,
      prunedBelow,
      treeSize,
      asked,
      entries: minimumIndex - prunedBelow,
      oldest: times.reduce<string | null>(
        (oldest, one) => (oldest === null || one.oldest < oldest ? one.oldest : oldest),
        null,
      ),
      newest: times.reduce<string | null>(
        (newest, one) => (newest === null || one.newest > newest ? one.newest : newest),
        null,
      ),
      classes: [...this.#tallies].map(([classes, tally]) => decisionOf(classes, tally, minimumIndex)),
      holds: this.#holds.map(({ id, entries }) => ({ id, entries })),
      stopsAt: this.#stopsAt,
    }
  }
}

function decisionOf(classes: string, tally: Tally, minimumIndex: number): ClassDecision {
  let [pruned, overdue] = [0, tally.overdue]
  for (const [bundle, due] of tally.dueIn) {
    if (bundle * TILE_WIDTH >= minimumIndex) continue
    pruned += due.count
    overdue -= due.overdue
  }
  const behind = tally.due - pruned
  return {
    classes,
    entries: tally.entries,
    oldest: tally.oldest,
    newest: tally.newest,
    due: tally.due,
    pruned,
    kept: { ...Object.fromEntries(tally.kept), ...(behind === 0 ? {} : { behind }) },
    mayGo:
      tally.firstMs > tally.lastMs
        ? null
        : { first: new Date(tally.firstMs).toISOString(), last: new Date(tally.lastMs).toISOString() },
    sources: [...tally.sources].slice(0, MOST_SOURCES),
    overdue,
  }
}

/** Sources of one class that are listed; holds can be many. */
const MOST_SOURCES = 20

/** Only whole bundles can go. */
function wholeBundles(index: number): number {
  return Math.floor(index / TILE_WIDTH) * TILE_WIDTH
}
