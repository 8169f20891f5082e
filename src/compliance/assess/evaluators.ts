/**
 * Named evaluators: what no combination of predicates says. A catalogue names them and cannot define any.
 * @module
 */
import type { TestOf } from "../catalogue/types.ts"
import type { EvaluatorName } from "../evaluator-names.ts"
import { namesOver, textsOf } from "./condition.ts"
import { identifiersIn } from "./identifiers.ts"
import { fieldOf, type Item, refOf, WITHHELD } from "./item.ts"
import { requestMetrics } from "./metrics.ts"
import type { EventRef, TestResult } from "./outcome.ts"
import type { TestContext } from "./scope.ts"

type Evaluator = (context: TestContext, spec: TestOf<"evaluator">) => (item: Item) => TestResult

/** Events that a finding tells; the rest are counted. */
const MAX_EVENTS = 100

const EVALUATOR_OF: Readonly<Record<EvaluatorName, Evaluator>> = {
  clear_identifiers: clearIdentifiers,
  operations_closed: operationsClosed,
  every_state_notified: everyStateNotified,
  request_metrics: requestMetrics,
  version_changes_recorded: versionChangesRecorded,
}

/** One of them, made ready. */
export function evaluatorTest(spec: TestOf<"evaluator">, context: TestContext): (item: Item) => TestResult {
  return EVALUATOR_OF[spec.name as EvaluatorName](context, spec)
}

/** Events with a number that looks like an identifier of a person and has a right check digit, or an e-mail address. */
function clearIdentifiers({ scope }: TestContext): () => TestResult {
  const kinds = new Set<string>()
  const events: EventRef[] = []
  let [read, found] = [0, 0]
  scope.watch(["*"], (record, timeMs) => {
    if (timeMs > scope.given.toMs || timeMs < (scope.given.fromMs ?? timeMs)) return
    read += 1
    const here = identifiersIn(record)
    if (here.length === 0) return
    found += 1
    for (const kind of here) kinds.add(kind)
    if (events.length < MAX_EVENTS) events.push(refOf(record))
  })
  return () => {
    if (read === 0) return { outcome: "not_evidenced", reason: "no event was read" }
    if (found === 0) return { outcome: "pass", reason: `no identifier of the known kinds in ${read} events` }
    return {
      outcome: "fail",
      reason: `${found} of ${read} events have ${[...kinds].sort().join(", ")} in clear`,
      events,
    }
  }
}

/** Every operation was closed, or is no older than the profile says one may be. */
function operationsClosed({ scope }: TestContext): () => TestResult {
  const open = new Map<string, EventRef>()
  scope.watch(["audit_started"], (record) => open.set(record.operation_id, refOf(record)))
  scope.watch(["audit_closed"], (record) => open.delete(record.operation_id))
  return () => {
    if (open.size === 0) return { outcome: "pass", reason: "no operation is open" }
    const hours = scope.profile.facts?.["max_operation_hours"]
    const events = [...open.values()]
    if (typeof hours !== "number") {
      const reason = `${open.size} operations are open, and the fact max_operation_hours is not declared`
      return { outcome: "needs_review", reason, events: events.slice(0, MAX_EVENTS) }
    }
    const old = events.filter(({ recorded_at }) => scope.given.asOfMs - Date.parse(recorded_at) > hours * 3_600_000)
    if (old.length === 0)
      return { outcome: "pass", reason: `${open.size} operations are open, none for over ${hours} h` }
    return {
      outcome: "fail",
      reason: `${old.length} operations are open for over ${hours} h`,
      events: old.slice(0, MAX_EVENTS),
    }
  }
}

/** A notification for each state that an incident names, or names with more than so many people. */
function everyStateNotified(
  { scope }: TestContext,
  { with: given = {} }: TestOf<"evaluator">,
): (item: Item) => TestResult {
  const field = String(given["state"])
  const where = [{ field: "audience", in: [String(given["audience"])] }]
  const join = scope.join({ event: ["notification"], on: { incident_id: "incident_id" }, where }, [field])
  return (item) => {
    const value = item.get(String(given["states"]))
    if (value === undefined || value === WITHHELD)
      return { outcome: "not_evidenced", reason: `${given["states"]} is missing` }
    const states = typeof given["over"] === "number" ? namesOver(value, given["over"]) : textsOf(value)
    const told = join.find(item).facts.flatMap(({ values }) => {
      const state = values.get(field)
      return state === undefined || state === WITHHELD ? [] : textsOf(state)
    })
    const left = states.filter((state) => !told.includes(state))
    if (left.length === 0) return { outcome: "pass", reason: `notified in ${states.join(", ")}` }
    const outcome = item.get("closed_at") === undefined ? "pending" : "fail"
    return { outcome, reason: `no notification that names ${field} ${left.join(", ")}` }
  }
}

/** A model's version changes between two inferences only with a system_change in between. */
function versionChangesRecorded({ scope }: TestContext): () => TestResult {
  const versions = new Map<string, string>()
  const announced = new Set<string>()
  const events: EventRef[] = []
  let [read, unversioned, silent] = [0, 0, 0]
  const change = (record: Parameters<typeof fieldOf>[0]): void => {
    const to = fieldOf(record, "to_version")
    if (typeof to === "string") announced.add(to)
  }
  scope.watch(["system_change"], change)
  scope.watch(["model_inference"], (record) => {
    const [model, version] = [fieldOf(record, "model_id"), fieldOf(record, "model_version")]
    read += 1
    if (typeof model !== "string" || typeof version !== "string") {
      unversioned += 1
      return
    }
    const before = versions.get(model)
    versions.set(model, version)
    if (before === undefined || before === version || announced.has(version)) return
    silent += 1
    if (events.length < MAX_EVENTS) events.push(refOf(record))
  })
  return () => {
    if (silent > 0)
      return { outcome: "fail", reason: `${silent} changes of a model's version without a system_change`, events }
    if (unversioned > 0)
      return { outcome: "not_evidenced", reason: `${unversioned} of ${read} inferences name no model_version` }
    if (read === 0) return { outcome: "not_evidenced", reason: "no inference is recorded" }
    return { outcome: "pass", reason: `no silent change of a version in ${read} inferences` }
  }
}
