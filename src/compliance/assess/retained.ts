/**
 * What was kept: nothing pruned before its time, nothing kept beyond it.
 * @module
 */
import type { AuditRecord } from "../../event/index.ts"
import type { TestOf } from "../catalogue/types.ts"
import type { Period } from "../clock/deadline.ts"
import { placeOf } from "../profile.ts"
import { fieldOf, refOf } from "./item.ts"
import type { EventRef, TestResult } from "./outcome.ts"
import type { Scope, TestContext } from "./scope.ts"

interface Prune {
  readonly event: EventRef
  readonly newest: string | undefined
  readonly when: string
  /** A prune of the log itself names no record class. */
  readonly isOfClass: boolean
}

/** A test of a floor, made ready. */
export function notPrunedBeforeTest(spec: TestOf<"not_pruned_before">, context: TestContext): () => TestResult {
  const { scope } = context
  const prunes: Prune[] = []
  scope.watch(["pruned"], (record) => prunes.push(pruneOf(record, "newest", false)))
  scope.watch(["retention_action"], (record) => {
    if (fieldOf(record, "action") === "prune" && fieldOf(record, "record_class") === spec.record_class)
      prunes.push(pruneOf(record, "newest_date", true))
  })
  return () => {
    for (const prune of prunes) {
      const found = judgePrune(prune, spec, scope)
      if (found !== undefined) return found
    }
    return began(spec, scope, prunes.length)
  }
}

function pruneOf(record: AuditRecord, field: string, isOfClass: boolean): Prune {
  const newest = fieldOf(record, field)
  const executed = fieldOf(record, "executed_at")
  return {
    event: refOf(record),
    newest: typeof newest === "string" ? newest : undefined,
    when: typeof executed === "string" ? executed : record.timestamp,
    isOfClass,
  }
}

function judgePrune(prune: Prune, spec: TestOf<"not_pruned_before">, scope: Scope): TestResult | undefined {
  const { newest, when, event, isOfClass } = prune
  const events = [event]
  if (newest === undefined) {
    return isOfClass
      ? { outcome: "not_evidenced", reason: `prune ${event.index} does not say its newest_date`, events }
      : undefined
  }
  const horizonMs = endOfPeriod(newest, spec.floor, scope)
  if (horizonMs !== undefined && horizonMs <= Date.parse(when)) return undefined
  const reason = `records from ${newest} were pruned at ${when}, before ${spec.floor} was over`
  // The log's own prune covers whatever lies in its way; whether any of it was of this kind it does not say.
  return isOfClass
    ? { outcome: "fail", reason, events }
    : {
        outcome: "needs_review",
        reason: `${reason}; whether ${spec.types.join(", ")} were among them, a person has to say`,
        events,
      }
}

/** The log has to reach back as far as the floor, or to its declared beginning. */
function began(spec: TestOf<"not_pruned_before">, scope: Scope, prunes: number): TestResult {
  const { firstMs } = scope
  if (firstMs === undefined) return { outcome: "not_evidenced", reason: "the log is empty" }
  const first = new Date(firstMs).toISOString().slice(0, 10)
  const horizonMs = endOfPeriod(first, spec.floor, scope)
  const declared = scope.profile.facts?.["log_started_on"]
  const isOldEnough = horizonMs !== undefined && horizonMs <= scope.given.asOfMs
  if (isOldEnough || (typeof declared === "string" && declared.slice(0, 10) >= first))
    return { outcome: "pass", reason: `no early prune among ${prunes}, and the log reaches back to ${first}` }
  const reason = `the log reaches back to ${first} only, less than ${spec.floor}`
  return { outcome: "not_evidenced", reason: `${reason}; declare the fact log_started_on if it began then` }
}

/** A test of a ceiling, made ready. */
export function notKeptBeyondTest(spec: TestOf<"not_kept_beyond">, context: TestContext): () => TestResult {
  const { scope } = context
  let oldest: AuditRecord | undefined
  scope.watch(spec.types, (record) => {
    oldest ??= record
  })
  return () => {
    if (oldest === undefined) return { outcome: "not_evidenced", reason: `no ${spec.types.join(" or ")} is in the log` }
    const horizonMs = endOfPeriod(oldest.timestamp, spec.ceiling, scope)
    const age = `the oldest ${oldest.event_type} is from ${oldest.timestamp}`
    if (horizonMs === undefined || horizonMs > scope.given.asOfMs) return { outcome: "pass", reason: age }
    const events = [refOf(oldest)]
    const reason = `${age}, longer than ${spec.ceiling}`
    return scope.profile.facts?.[spec.justified_by] === undefined
      ? { outcome: "fail", reason, events }
      : { outcome: "needs_review", reason: `${reason}; the fact ${spec.justified_by} gives a reason`, events }
  }
}

const UNITS = { Y: "year", M: "month", D: "day" } as const

function endOfPeriod(from: string, period: string, scope: Scope): number | undefined {
  const match = /^P(\d+)([YMD])$/.exec(period)
  if (match === null) return undefined
  const length: Period = { value: Number(match[1]), unit: UNITS[match[2] as keyof typeof UNITS] }
  const { calendars, profile } = scope.given
  // Calendar dates that nothing moves.
  const due = calendars.deadline({ calendar: "us-hipaa", period: length, trigger: from, place: placeOf(profile) })
  return due === undefined ? undefined : Date.parse(due.dueBy)
}
