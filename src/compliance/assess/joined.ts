/**
 * Predicates over the events that belong to an item.
 * @module
 */
import type { JsonObject } from "../../event/index.ts"
import { isRecord } from "../../event/index.ts"
import type { JoinSpec, TestOf } from "../catalogue/types.ts"
import { type Item, type Seen, WITHHELD } from "./item.ts"
import type { Fact, Found } from "./join.ts"
import { bestOf, type TestResult } from "./outcome.ts"
import type { TestContext } from "./scope.ts"

/** Some event belongs to the item, has what it must have, and came in the right order. */
export function joinedTest(spec: TestOf<"joined">, { scope }: TestContext): (item: Item) => TestResult {
  const { order, fields = [] } = spec
  const join = scope.join(spec, [...fields, ...(order === undefined ? [] : [order.field])])
  const what = nameOf(spec)
  return (item) => {
    const found = join.find(item)
    const early = unlinked(found, what)
    if (early !== undefined) return early
    if (found.facts.length > 0) return bestOf(found.facts.map((fact) => judgeFact(fact, spec, item)))!
    const reason = `no ${what} is recorded that belongs to it`
    if (spec.absent !== "fail_if_recorded") return { outcome: spec.absent, reason }
    // An event of the type may still come: then the log does record such events, and this one was missing.
    return { outcome: "not_evidenced", reason, failsIf: join }
  }
}

function judgeFact({ values, event }: Fact, { order, fields = [] }: TestOf<"joined">, item: Item): TestResult {
  const events = [event]
  const lacking = fields.filter((field) => values.get(field) === undefined)
  if (lacking.length > 0)
    return { outcome: "not_evidenced", reason: `event ${event.index} lacks ${lacking.join(", ")}`, events }
  if (order === undefined) return { outcome: "pass", reason: `${event.event_type} is event ${event.index}`, events }
  const [theirs, mine] = [timeOf(values.get(order.field)), timeOf(item.get(order.than))]
  if (Number.isNaN(theirs) || Number.isNaN(mine))
    return {
      outcome: "not_evidenced",
      reason: `${order.field} of event ${event.index}, or ${order.than}, is no time`,
      events,
    }
  const isRight = order.is === "not_after" ? theirs <= mine : theirs >= mine
  const says = `${order.field} of event ${event.index} is ${isRight ? "" : "wrongly "}${theirs <= mine ? "not after" : "after"} ${order.than}`
  return { outcome: isRight ? "pass" : "fail", reason: says, events }
}

/** No event belongs to the item, or none in a stretch of time. */
export function noneJoinedTest(spec: TestOf<"none_joined">, { scope }: TestContext): (item: Item) => TestResult {
  const { field, after, until } = spec
  const join = scope.join(spec, field === undefined ? [] : [field])
  return (item) => {
    const found = join.find(item)
    const early = unlinked({ ...found, unsure: [] }, nameOf(spec))
    if (early !== undefined) return early
    const fromMs = after === undefined ? Number.NEGATIVE_INFINITY : timeOf(item.first(after).value)
    const end = until === undefined ? undefined : item.first(until).value
    const toMs = end === undefined ? Number.POSITIVE_INFINITY : timeOf(end)
    if (Number.isNaN(fromMs) || Number.isNaN(toMs))
      return { outcome: "not_evidenced", reason: `${after} or ${until} is no time` }
    const inside = found.facts.filter(({ values, event }) => {
      const timeMs = field === undefined ? Date.parse(event.recorded_at) : timeOf(values.get(field))
      return !(timeMs <= fromMs || timeMs >= toMs)
    })
    if (inside.length === 0 && found.unsure.length === 0)
      return { outcome: "pass", reason: `no ${nameOf(spec)} is recorded` }
    const events = (inside.length > 0 ? inside : found.unsure).map(({ event }) => event)
    const reason = `${nameOf(spec)} recorded: event ${events.map(({ index }) => index).join(", ")}`
    return { outcome: inside.length > 0 ? "fail" : "not_evidenced", reason, events }
  }
}

/** So many different values of a field among the events that belong to the item. */
export function distinctTest(spec: TestOf<"distinct">, { scope }: TestContext): (item: Item) => TestResult {
  const join = scope.join(spec, [spec.field])
  return (item) => {
    const found = join.find(item)
    const early = unlinked({ ...found, unsure: [] }, nameOf(spec))
    if (early !== undefined) return early
    const events = found.facts.map(({ event }) => event)
    const unread = found.facts.filter(({ values }) =>
      [undefined, WITHHELD].includes(values.get(spec.field) as undefined),
    )
    if (unread.length > 0) return { outcome: "not_evidenced", reason: `${spec.field} cannot be read`, events }
    const names = new Set(found.facts.map(({ values }) => JSON.stringify(values.get(spec.field))))
    const reason = `${names.size} different ${spec.field} of ${spec.at_least}`
    return { outcome: names.size >= spec.at_least ? "pass" : "fail", reason, events }
  }
}

/**
 * What only the link from persons to events could show. The log does not hold that link; an erasure, which has it while it
 * runs, may record what it found.
 */
export function personJoinedTest({ what }: TestOf<"person_joined">, context: TestContext): (item: Item) => TestResult {
  const { scope, control } = context
  const join = scope.join({ event: ["erasure_completed"], on: { request_id: "request_id" } }, ["person_checks"])
  return (item) => {
    const recorded = join.find(item).facts.map(({ values, event }) => ({ checks: values.get("person_checks"), event }))
    for (const { checks, event } of recorded) {
      if (!isRecord(checks)) continue
      const outcome = (checks as JsonObject)[control.id]
      if (outcome === "pass" || outcome === "fail")
        return { outcome, reason: `${what}: as the erasure found`, events: [event] }
    }
    return {
      outcome: "not_evidenced",
      reason: `${what}: the log does not link events to persons, and no erasure recorded it`,
    }
  }
}

function unlinked({ facts, unsure, lacks }: Found, what: string): TestResult | undefined {
  if (lacks !== undefined)
    return { outcome: "not_evidenced", reason: `${lacks} is missing, so no ${what} can be linked to it` }
  if (facts.length > 0 || unsure[0] === undefined) return undefined
  const { event, fits } = unsure[0]
  const because = typeof fits === "boolean" ? "" : fits.because
  return {
    outcome: "not_evidenced",
    reason: `event ${event.index} may be the ${what}, but ${because}`,
    events: [event],
  }
}

function nameOf({ event }: JoinSpec): string {
  return event.join(" or ")
}

function timeOf(value: Seen): number {
  return typeof value === "string" ? Date.parse(value) : Number.NaN
}
