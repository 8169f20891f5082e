/**
 * Whether something happens as often as it has to: reviews, monitoring, a system's own events. Kept per thing: the last
 * time and the gaps, so that any number of events will do.
 * @module
 */
import type { AuditRecord } from "../../event/index.ts"
import type { DeclaredList, TestOf } from "../catalogue/types.ts"
import { declaredIn } from "../profile.ts"
import { allHold, textsOf } from "./condition.ts"
import { fieldOf, type Item, type Seen, WITHHELD } from "./item.ts"
import type { TestResult } from "./outcome.ts"
import type { TestContext } from "./scope.ts"

const HOURS = { W: 168, D: 24, H: 1 } as const
const HOUR_MS = 3_600_000
/** Gaps that are told; the rest are counted. */
const MAX_GAPS = 20

interface Gap {
  readonly fromMs: number
  readonly toMs: number
}

/** Times of one thing, in the order in which they come. */
class Beat {
  readonly #cadenceMs: number
  #lastMs: number | undefined
  count = 0
  readonly gaps: Gap[] = []

  constructor(startMs: number | undefined, cadenceMs: number) {
    this.#lastMs = startMs
    this.#cadenceMs = cadenceMs
  }

  at(timeMs: number): void {
    this.count += 1
    this.reach(timeMs)
  }

  reach(timeMs: number): void {
    const lastMs = this.#lastMs
    if (lastMs !== undefined && timeMs - lastMs > this.#cadenceMs && this.gaps.length < MAX_GAPS)
      this.gaps.push({ fromMs: lastMs, toMs: timeMs })
    this.#lastMs = Math.max(lastMs ?? timeMs, timeMs)
  }
}

/** A test of one cadence, made ready. Things are those of the profile's list, or the log as a whole. */
export function noGapTest(
  spec: TestOf<"no_gap">,
  context: TestContext,
  list: DeclaredList | undefined,
): (item: Item) => TestResult {
  const { scope } = context
  const [pair] = Object.entries(spec.on)
  const beats = new Map<string, Beat>()
  const things = list === undefined ? [{}] : (declaredIn(scope.profile, list) ?? [])
  for (const thing of things) {
    const cadenceMs = cadenceOf(spec, scope.profile.facts ?? {}, thing)
    const name = pair === undefined ? "" : String(thing[pair[1] as keyof typeof thing])
    const startMs = spec.from === undefined ? scope.given.fromMs : startOf(thing[spec.from as keyof typeof thing])
    if (cadenceMs !== undefined) beats.set(name, new Beat(startMs, cadenceMs))
  }
  scope.watch(spec.event, (record, recordedMs, event) => {
    const timeMs = spec.field === undefined ? recordedMs : timeOf(record, spec.field)
    if (Number.isNaN(timeMs) || timeMs > scope.given.toMs || timeMs < (scope.given.fromMs ?? timeMs)) return
    if (spec.where !== undefined && allHold(spec.where, event, scope.profile) !== true) return
    for (const name of namesOf(record, pair?.[0])) beats.get(name)?.at(timeMs)
  })
  return (item) => judge(item, spec, context, beats)
}

function judge(
  item: Item,
  spec: TestOf<"no_gap">,
  { scope }: TestContext,
  beats: ReadonlyMap<string, Beat>,
): TestResult {
  const [pair] = Object.entries(spec.on)
  const name = pair === undefined ? "" : String(item.get(pair[1]) as string)
  const beat = beats.get(name)
  const what = spec.event.includes("*") ? "events" : spec.event.join(" or ")
  if (beat === undefined) {
    return "fact" in spec.cadence
      ? { outcome: "needs_review", reason: `the fact ${spec.cadence.fact} is not declared as a period such as "P30D"` }
      : { outcome: "not_evidenced", reason: `${spec.cadence.declared} is not declared, such as "P1D"` }
  }
  if (beat.count === 0) {
    const outcome = spec.event.includes("*") ? "fail" : "not_evidenced"
    return {
      outcome,
      reason: `no ${what} of ${item.label} ${outcome === "fail" ? "in the whole window" : "are recorded"}`,
    }
  }
  const end = spec.until === undefined ? undefined : item.get(spec.until)
  beat.reach(typeof end === "string" ? Math.min(Date.parse(end), scope.given.toMs) : scope.given.toMs)
  if (beat.gaps.length === 0) return { outcome: "pass", reason: `${beat.count} ${what}, no gap that is too long` }
  const told = beat.gaps.map(({ fromMs, toMs }) => `${isoOf(fromMs)} to ${isoOf(toMs)}`)
  return { outcome: "fail", reason: `no ${what} of ${item.label} from ${told.join(", from ")}` }
}

function cadenceOf(
  { cadence }: TestOf<"no_gap">,
  facts: Readonly<Record<string, unknown>>,
  thing: Readonly<Record<string, unknown>>,
): number | undefined {
  const text = "fact" in cadence ? facts[cadence.fact] : thing[cadence.declared]
  const match = typeof text === "string" ? /^P(?:T(?=\d+H))?(\d{1,5})([WDH])$/.exec(text) : null
  return match === null ? undefined : Number(match[1]) * HOURS[match[2] as keyof typeof HOURS] * HOUR_MS
}

function startOf(value: unknown): number | undefined {
  const timeMs = typeof value === "string" ? Date.parse(value) : Number.NaN
  return Number.isNaN(timeMs) ? undefined : timeMs
}

function timeOf(record: AuditRecord, field: string): number {
  const value: Seen = fieldOf(record, field)
  return typeof value === "string" ? Date.parse(value) : Number.NaN
}

function namesOf(record: AuditRecord, field: string | undefined): readonly string[] {
  if (field === undefined) return [""]
  const value = fieldOf(record, field)
  return value === undefined || value === WITHHELD ? [] : textsOf(value)
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z")
}
