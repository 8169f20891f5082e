/**
 * What an assessment says of an item and of a control. Pure.
 * @module
 */
import type { Deadline } from "../clock/deadline.ts"

/** Outcomes, worst first; a control takes the worst of its items. */
export const OUTCOMES = ["fail", "not_evidenced", "needs_review", "pending", "pass", "not_applicable"] as const

/**
 * - `pass`: the evidence is consistent with the provision.
 * - `fail`: an item contradicts the duty.
 * - `not_evidenced`: events, fields or configuration are missing; says nothing about the facts.
 * - `needs_review`: only a person can say.
 * - `pending`: a clock runs and nothing has failed yet.
 * - `not_applicable`: a fact is declared that leaves it out, or it does not apply yet.
 */
export type Outcome = (typeof OUTCOMES)[number]

/** How many items have which outcome. */
export type OutcomeCounts = Readonly<Record<Outcome, number>>

/** An event behind a finding. */
export interface EventRef {
  readonly index: number
  readonly event_id: string
  readonly event_type: string
  /** When it was recorded. */
  readonly recorded_at: string
}

/** A clock that runs, or ran out with nothing done. */
export interface OpenClock {
  readonly action: string
  readonly due: Deadline
  /** Nobody recorded when the clock started: it was, at the latest, when the first event was recorded. */
  readonly at_the_latest?: true
}

/** What one test says of one item. */
export interface TestResult {
  readonly outcome: Outcome
  readonly reason: string
  readonly events?: readonly EventRef[]
  readonly open?: OpenClock
  /** Asked at the end of the log: if it was seen by then, this is a failure. */
  readonly failsIf?: { readonly isSeen: boolean }
}

/** The worst of some results: its outcome, and what all as bad as it say. */
export function worstOf(results: readonly TestResult[]): TestResult | undefined {
  if (results.length <= 1) return results[0]
  const outcome = OUTCOMES.find((one) => results.some((result) => result.outcome === one))
  if (outcome === undefined) return undefined
  const telling = results.filter((result) => result.outcome === outcome)
  const events = telling.flatMap((result) => result.events ?? [])
  const open = results.find((result) => result.open !== undefined)?.open
  const failsIf = outcome === "fail" ? undefined : results.find((result) => result.failsIf !== undefined)?.failsIf
  return {
    outcome,
    reason: [...new Set(telling.map(({ reason }) => reason))].join("; "),
    events,
    ...(open === undefined ? {} : { open }),
    ...(failsIf === undefined ? {} : { failsIf }),
  }
}

/** The best of some results, where any one is enough. */
export function bestOf(results: readonly TestResult[]): TestResult | undefined {
  const ranks = results.map(({ outcome }) => OUTCOMES.indexOf(outcome))
  return results[ranks.indexOf(Math.max(...ranks))]
}
