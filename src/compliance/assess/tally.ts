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
/** The kinds of results that wait for the end of the log. */
const MAX_DEFERRED = 1_000

/** Results of one control. */
export class Tally {
  readonly #counts = new Map<Outcome, number>()
  readonly exceptions: ItemResult[] = []
  readonly passes: ItemResult[] = []
  readonly #deferred = new Map<Seen, ItemResult[]>()
  readonly #deferredCounts = new Map<Seen, number>()

  add(item: Item, result: TestResult): void {
    const { outcome, reason, open, failsIf, events = [] } = result
    const told: ItemResult = {
      item: item.label,
      outcome,
      reason,
      events: unique([...item.events, ...events]),
      ...(open === undefined ? {} : { open }),
    }
    if (failsIf === undefined) this.#count(told)
    else this.#defer(failsIf, told)
  }

  /** How many have which outcome, once the log was read. */
  counts(): OutcomeCounts {
    for (const [failsIf, waiting] of this.#deferred) {
      const outcome = failsIf.isSeen ? "fail" : "not_evidenced"
      for (const told of waiting) this.#count({ ...told, outcome })
      const untold = this.#deferredCounts.get(failsIf)! - waiting.length
      this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + untold)
    }
    this.#deferred.clear()
    return Object.fromEntries(OUTCOMES.map((one) => [one, this.#counts.get(one) ?? 0])) as OutcomeCounts
  }

  #count(told: ItemResult): void {
    this.#counts.set(told.outcome, (this.#counts.get(told.outcome) ?? 0) + 1)
    if (told.outcome !== "pass") {
      if (this.exceptions.length < MAX_EXCEPTIONS) this.exceptions.push(told)
    } else if (this.passes.length < MAX_PASSES) this.passes.push(told)
  }

  #defer(failsIf: Seen, told: ItemResult): void {
    const waiting = this.#deferred.get(failsIf) ?? []
    if (waiting.length < MAX_DEFERRED) waiting.push(told)
    this.#deferred.set(failsIf, waiting)
    this.#deferredCounts.set(failsIf, (this.#deferredCounts.get(failsIf) ?? 0) + 1)
  }
}

function unique(events: readonly EventRef[]): readonly EventRef[] {
  return [...new Map(events.map((event) => [event.event_id, event])).values()]
}
