/**
 * What must not be erased yet: values in entries that a provision wants kept, or that a hold covers. It binds these, not
 * the person.
 * @module
 */
import type { AuditEntry } from "../event/index.ts"
import { EntryRules } from "./entry-rule.ts"
import type { HoldTest } from "./holds.ts"
import { addPeriod } from "./period.ts"
import { type RetentionClass, type RetentionPolicy, sourceText } from "./policy.ts"

/** Why values of an entry have to stay. */
export interface Binding {
  /** When the last period ends, ISO 8601: the end of that day; null while nobody can say. */
  readonly until: string | null
  /** Ids of the holds in force that cover the entry. */
  readonly holds: readonly string[]
  /** Ids of the classes whose period has no declared beginning. */
  readonly classes: readonly string[]
  /** Provisions and holds, as people read them. */
  readonly sources: readonly string[]
}

const DAY_MS = 86_400_000

/** Finds what binds the values of entries at a time. */
export class Bindings {
  readonly #rules: EntryRules
  readonly #holds: readonly HoldTest[]
  readonly #nowMs: number

  constructor(policy: RetentionPolicy, holds: readonly HoldTest[], nowMs: number) {
    this.#rules = new EntryRules(policy)
    this.#holds = holds
    this.#nowMs = nowMs
  }

  /**
   * Undefined where nothing binds.
   * @throws {@link AuditError} `RETENTION_CONFLICT`.
   */
  of(entry: AuditEntry): Binding | undefined {
    // The event of a hold in force says whom it holds.
    const holds = this.#holds.filter(({ id, test }) => id === entry.event_id || test(entry))
    const classes = this.#rules.of(entry).classes.filter(({ bindsErasure }) => bindsErasure)
    const open = classes.filter(({ runsFrom, from }) => runsFrom === "declared" && from === undefined)
    const running = classes.flatMap((one) => {
      const endMs = open.includes(one) ? undefined : endOf(one, Date.parse(entry.timestamp))
      return endMs === undefined || endMs < this.#nowMs ? [] : [{ one, endMs }]
    })
    if (holds.length + open.length + running.length === 0) return undefined
    const endMs = Math.max(...running.map((one) => one.endMs))
    const bound = [...open, ...running.map(({ one }) => one)]
    return {
      until: open.length > 0 || running.length === 0 ? null : endOfDay(endMs),
      holds: holds.map(({ id }) => id),
      classes: open.map(({ id }) => id),
      sources: [
        ...bound.map((one) => (one.minimum === null ? sourceText(one) : `${one.minimum}, ${sourceText(one)}`)),
        ...holds.map(({ source }) => source),
      ],
    }
  }
}

/** A time that cannot be read is never over. */
function endOf({ minimum, from }: RetentionClass, timeMs: number): number | undefined {
  if (minimum === null) return undefined
  if (Number.isNaN(timeMs)) return Number.MAX_SAFE_INTEGER
  return addPeriod(Math.max(timeMs, from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from)), minimum)
}

/** One key for all values that stay until the same day: never early, and not as many keys as events. */
function endOfDay(ms: number): string | null {
  const end = Math.ceil(ms / DAY_MS) * DAY_MS
  return end > 8.64e15 ? null : new Date(end).toISOString()
}
