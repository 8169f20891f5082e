/**
 * Counts the results of one control's items and keeps those that somebody will ask about. Memory is bounded by the limits
 * here, whatever the number of items.
 * @module
 */
import type { Item } from "./item.ts"
import {
  type EventRef,
  type OpenClock,
  OUTCOMES,
  type Outcome,
  type OutcomeCounts,
  type TestResult,
} from "./outcome.ts"

/** One item, as a finding tells it. */
export interface ItemResult {
  readonly item: string
  readonly outcome: Outcome
  readonly reason: string
  readonly events: readonly EventRef[]
  readonly open?: OpenClock
}

type Seen = NonNullable<TestResult["failsIf"]>

/** Exceptions that are told; the rest are counted. */
const MAX_EXCEPTIONS = 1_000
const MAX_PASSES = 5

/** Results of one control. */
export class Tally {
  readonly #counts = new Map<Outcome, number>()
  readonly exceptions: ItemResult[] = []
  readonly passes: ItemResult[] = []
  readonly #deferred = new Map<Seen, { count: number; readonly told: ItemResult[] }>()

  add(item: Item, result: TestResult): void {
    const { outcome, failsIf } = result
    if (failsIf !== undefined) {
      this.#defer(failsIf, item, result)
      return
    }
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1)
    if (this.#list(outcome).length < this.#limit(outcome)) this.#list(outcome).push(toldOf(item, result))
  }

  /** How many have which outcome, once the log was read. */
  counts(): OutcomeCounts {
    for (const [failsIf, { count, told }] of this.#deferred) {
      const outcome = failsIf.isSeen ? "fail" : "not_evidenced"
      this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + count)
      const left = this.#limit(outcome) - this.exceptions.length
      this.exceptions.push(...told.slice(0, Math.max(0, left)).map((one) => ({ ...one, outcome }) as const))
    }
    this.#deferred.clear()
    return Object.fromEntries(OUTCOMES.map((one) => [one, this.#counts.get(one) ?? 0])) as OutcomeCounts
  }

  #list(outcome: Outcome): ItemResult[] {
    return outcome === "pass" ? this.passes : this.exceptions
  }

  #limit(outcome: Outcome): number {
    return outcome === "pass" ? MAX_PASSES : MAX_EXCEPTIONS
  }

  #defer(failsIf: Seen, item: Item, result: TestResult): void {
    const waiting = this.#deferred.get(failsIf) ?? { count: 0, told: [] }
    this.#deferred.set(failsIf, waiting)
    waiting.count += 1
    if (waiting.told.length < MAX_EXCEPTIONS) waiting.told.push(toldOf(item, result))
  }
}

function toldOf(item: Item, { outcome, reason, open, events = [] }: TestResult): ItemResult {
  const all = unique([...item.events, ...events])
  return { item: item.label, outcome, reason, events: all, ...(open === undefined ? {} : { open }) }
}

function unique(events: readonly EventRef[]): readonly EventRef[] {
  return [...new Map(events.map((event) => [event.event_id, event])).values()]
}
