/**
 * Whether an act was done in time. The clock starts with the first time that was recorded and stops with the first act.
 * @module
 */
import type { ClockSpec, TestOf } from "../catalogue/types.ts"
import { type Deadline, type DeadlineQuery, isInTime, isOver, type Suspension } from "../clock/deadline.ts"
import { placeOf } from "../profile.ts"
import { type Item, type Seen, WITHHELD } from "./item.ts"
import type { Join } from "./join.ts"
import type { EventRef, OpenClock, TestResult } from "./outcome.ts"
import type { TestContext } from "./scope.ts"

/** A time, and the event that says it. */
interface Told {
  readonly time: string
  readonly event: EventRef | undefined
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** An undeclared zone or table of holidays moves a deadline by less than this. */
const SLACK_MS = 14 * DAY_MS
/** Clocks differ by less. */
const SKEW_MS = 60_000

/** A test of one clock, made ready. */
export function withinTest(spec: TestOf<"within">, context: TestContext): (item: Item) => TestResult {
  const clock = context.control.clocks.find(({ id }) => id === spec.clock)!
  const { until } = clock
  const stops = "event" in until ? context.scope.join(until, [until.field, ...(clock.late_with ?? [])]) : undefined
  const excuses = spec.excused_by === undefined ? undefined : context.scope.join(spec.excused_by, [])
  return (item) => new ClockTest(spec, clock, item, context, stops).result(excuses)
}

/** One clock of one item. */
class ClockTest {
  readonly #spec: TestOf<"within">
  readonly #clock: ClockSpec
  readonly #item: Item
  readonly #context: TestContext
  readonly #stops: Join | undefined

  constructor(spec: TestOf<"within">, clock: ClockSpec, item: Item, context: TestContext, stops: Join | undefined) {
    this.#spec = spec
    this.#clock = clock
    this.#item = item
    this.#context = context
    this.#stops = stops
  }

  result(excuses: Join | undefined): TestResult {
    if (excuses !== undefined && excuses.find(this.#item).facts.length > 0)
      return { outcome: "pass", reason: "a hold is in force" }
    const start = this.#start()
    if ("outcome" in start) return start
    const deadline = this.#deadline(start.time)
    if ("outcome" in deadline) return deadline
    const done = this.#done()
    if (done !== undefined && "outcome" in done) return done
    return done === undefined ? this.#notDone(deadline) : this.#judged(start, done, deadline)
  }

  #start(): Told | TestResult {
    const { from, due_field, fixed } = this.#clock
    if (fixed !== undefined) return { time: fixed, event: undefined }
    const field = from ?? due_field!
    const { value, event } = this.#item.first(field)
    if (typeof value === "string") return { time: value, event }
    const latest = this.#atTheLatest()
    const reason = `${field} ${missing(value)}, so no deadline can be computed`
    return { ...notEvidenced(reason), ...(latest === undefined ? {} : { open: latest }) }
  }

  /** A clock started, at the latest, when the first event of the item was recorded. */
  #atTheLatest(): OpenClock | undefined {
    const [first] = this.#item.events
    if (first === undefined || this.#clock.from === undefined || this.#done() !== undefined) return undefined
    const due = this.#deadline(first.recorded_at)
    return "outcome" in due ? undefined : { action: this.#clock.action, due, at_the_latest: true }
  }

  #deadline(trigger: string): Deadline | TestResult {
    const { calendars, profile } = this.#context.scope.given
    const { period, calendar, starts_at } = this.#clock
    const place = placeOf(profile)
    const unread = notEvidenced(`${JSON.stringify(trigger)} is no time with an offset and no date`)
    if (period === undefined) return calendars.day(trigger.slice(0, 10), place) ?? unread
    const length = "fact" in period ? profile.facts?.[period.fact] : period.value
    if (typeof length !== "number" || !(Number.isSafeInteger(length) && length >= 1)) {
      const fact = "fact" in period ? period.fact : ""
      return { outcome: "needs_review", reason: `the fact ${fact} is not declared as a whole number` }
    }
    const query: DeadlineQuery = {
      calendar,
      trigger,
      place,
      period: { value: length, unit: period.unit },
      ...(starts_at === undefined ? {} : { startsAt: starts_at }),
    }
    const statutory = this.#clock.suspension?.counts === "statute" ? this.#suspensions() : []
    const base = calendars.deadline({ ...query, suspensions: statutory })
    return base === undefined ? unread : this.#extended(base, { ...query, suspensions: statutory })
  }

  /** The deadline after a valid extension; the same one where there is none. */
  #extended(base: Deadline, query: DeadlineQuery): Deadline | TestResult {
    const { extension } = this.#clock
    const notice = extension === undefined ? undefined : this.#item.first(extension.notice).value
    if (extension === undefined || typeof notice !== "string" || isInTime(base, notice) !== true) return base
    const lacking = extension.needs.filter((field) => this.#item.get(field) === undefined)
    if (lacking.length > 0 && !this.#isDoneBy(base))
      return notEvidenced(`an extension was notified without ${lacking.join(", ")}`)
    if (lacking.length > 0) return base
    return this.#context.scope.given.calendars.deadline({ ...query, extension: extension.period }) ?? base
  }

  #isDoneBy(deadline: Deadline): boolean {
    const done = this.#done()
    return done !== undefined && !("outcome" in done) && isInTime(deadline, done.time) === true
  }

  #suspensions(): readonly Suspension[] {
    const { suspension } = this.#clock
    if (suspension === undefined) return []
    const from = this.#item.first(suspension.from).value
    const until = this.#item.get(suspension.until) ?? new Date(this.#context.scope.given.asOfMs).toISOString()
    return typeof from === "string" && typeof until === "string" ? [{ from, until }] : []
  }

  /** The first act that stops the clock. */
  #done(): Told | TestResult | undefined {
    const { until } = this.#clock
    if (this.#stops === undefined) {
      const { value, event } = this.#item.first(until.field)
      if (value === undefined) return undefined
      return typeof value === "string" ? { time: value, event } : notEvidenced(`${until.field} ${missing(value)}`)
    }
    const { facts, unsure, lacks } = this.#stops.find(this.#item)
    if (lacks !== undefined) return notEvidenced(`${lacks} is missing, so nothing can be linked to it`)
    const told = facts
      .map(({ values, event }) => ({ time: values.get(until.field), event }))
      .filter((one): one is { time: string; event: EventRef } => typeof one.time === "string")
      .sort((a, b) => Date.parse(a.time) - Date.parse(b.time))
    if (told[0] !== undefined) return told[0]
    const vague = facts[0] ?? unsure[0]
    return vague === undefined
      ? undefined
      : notEvidenced(`event ${vague.event.index} does not say its ${until.field}, or for whom it was`)
  }

  #notDone(deadline: Deadline): TestResult {
    const { asOfMs } = this.#context.scope.given
    const open = { action: this.#clock.action, due: deadline }
    const due = dueText(deadline)
    if (!isOver(deadline, asOfMs)) return { outcome: "pending", reason: `due ${due}: ${this.#clock.action}`, open }
    const reason = `was due ${due}, and nothing is recorded: ${this.#clock.action}`
    if (this.#spec.absent === "not_evidenced") return { ...notEvidenced(reason), open }
    return { ...this.#late(deadline, asOfMs, reason), open }
  }

  #judged(start: Told, done: Told, deadline: Deadline): TestResult {
    const events = done.event === undefined ? [] : [done.event]
    const due = dueText(deadline)
    const inTime = isInTime(deadline, done.time)
    if (inTime === undefined)
      return { ...notEvidenced(`${done.time} does not say whether it was before ${due}`), events }
    if (!inTime) {
      const late = this.#late(deadline, Date.parse(done.time), `done ${done.time}, due ${due}: ${this.#clock.action}`)
      return { ...late, events }
    }
    const doubt = this.#doubt(start, done)
    if (doubt !== undefined) return { outcome: "needs_review", reason: doubt, events }
    return { outcome: "pass", reason: `done ${done.time}, due ${due}`, events }
  }

  #late(deadline: Deadline, timeMs: number, reason: string): TestResult {
    const excuse = this.#clock.late_with?.every((field) => this.#says(field))
    if (excuse === true) return { outcome: "needs_review", reason: `${reason}; reasons for the delay are recorded` }
    if (this.#isInTimeIfSuspended(timeMs))
      return { outcome: "needs_review", reason: `${reason}; in time only if the suspension counts` }
    if (deadline.assumed.length > 0 && timeMs - Date.parse(deadline.dueBy) < SLACK_MS) {
      const assumed = deadline.assumed.join(" and ")
      return {
        outcome: "needs_review",
        reason: `${reason}; ${assumed} not known, so this is the earliest arguable deadline`,
      }
    }
    return { outcome: "fail", reason }
  }

  #says(field: string): boolean {
    if (this.#item.get(field) !== undefined) return true
    return this.#stops?.find(this.#item).facts.some(({ values }) => values.get(field) !== undefined) ?? false
  }

  #isInTimeIfSuspended(timeMs: number): boolean {
    const { suspension, period, calendar, from } = this.#clock
    if (suspension?.counts !== "arguable" || period === undefined || "fact" in period || from === undefined)
      return false
    const suspensions = this.#suspensions()
    const trigger = this.#item.first(from).value
    if (suspensions.length === 0 || typeof trigger !== "string") return false
    const { calendars, profile } = this.#context.scope.given
    const longer = calendars.deadline({ calendar, period, trigger, suspensions, place: placeOf(profile) })
    return longer !== undefined && !isOver(longer, timeMs)
  }

  /** Times that are claimed long after themselves, or changed, or in a wrong order, are for a person to judge. */
  #doubt(start: Told, done: Told): string | undefined {
    const { from, until } = this.#clock
    const fields = [from, this.#stops === undefined ? until.field : undefined]
    const changed = fields.find((field) => field !== undefined && this.#item.differs(field))
    if (changed !== undefined) return `${changed} was recorded with different values; the first one was used`
    if (from !== undefined && Date.parse(done.time) < Date.parse(start.time) - DAY_MS)
      return `done ${done.time}, before the clock started ${start.time}`
    // A date on which something will be due is said in advance.
    const claims = from === undefined ? [done] : [start, done]
    return claims.map((told) => this.#claimDoubt(told)).find((doubt) => doubt !== undefined)
  }

  #claimDoubt({ time, event }: Told): string | undefined {
    if (event === undefined) return undefined
    const hours = this.#context.scope.profile.claimed_time_tolerance_hours ?? 24
    const isDate = time.length === "2026-01-31".length
    const recordedMs = Date.parse(event.recorded_at)
    // Of a date alone the whole day is meant.
    if (recordedMs - Date.parse(time) > hours * HOUR_MS + (isDate ? DAY_MS : 0))
      return `${time} is claimed by event ${event.index}, recorded ${event.recorded_at}, more than ${hours} h later`
    if (Date.parse(time) - recordedMs > (isDate ? DAY_MS : SKEW_MS))
      return `${time} is claimed by event ${event.index}, recorded ${event.recorded_at}, before that time`
    return undefined
  }
}

function notEvidenced(reason: string): TestResult {
  return { outcome: "not_evidenced", reason }
}

function missing(value: Seen): string {
  if (value === undefined) return "is missing"
  return value === WITHHELD ? "is not in the log in clear" : "is no text"
}

function dueText({ unit, dueOn, dueBy }: Deadline): string {
  return unit === "day" ? dueOn : dueBy
}
