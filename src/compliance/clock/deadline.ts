/**
 * Deadlines by the law's own calendars. Pure: no clock; the libraries are passed in.
 *
 * - `eu-1182-71`: Regulation (EEC, Euratom) No 1182/71. The day of the event is not counted (Art. 3(1)); months and
 *   years end on the same date, else on the last day of that month (3(2)(c)); a last day that is a Saturday, Sunday or
 *   public holiday moves to the next working day (3(4)); a period of two days or more has at least two working days
 *   (3(5)); holidays are those of the member state in which the act is due (2(1)).
 * - `eu-1182-71-hours`: periods in hours, which 3(4) does not move. Counted strictly from the event.
 * - `us-hipaa`: calendar days after the trigger. No rule that moves a last day was found in 45 CFR Parts 160 and 164.
 * - `us-ca-calendar`: calendar days after receipt; told one day early, as 11 CCR 7021(b) also says that the period
 *   begins on the day of receipt.
 * - `us-ca-business`: Monday to Friday without the state's holidays. The regulations do not define a business day; told
 *   early by a count in which Saturdays are business days (Civ. Code 7, 9).
 * @module
 */
import type { CalendarLibraries } from "./libraries.ts"
import { type Assumption, type Place, startOf, type Trigger, WorkingDays } from "./place.ts"

/** The calendars that catalogues may name. */
export const CALENDARS = ["eu-1182-71", "eu-1182-71-hours", "us-hipaa", "us-ca-calendar", "us-ca-business"] as const
/** How a law counts. */
export type CalendarId = (typeof CALENDARS)[number]

/** Units of a {@link Period}. */
export const PERIOD_UNITS = ["hour", "day", "business_day", "month", "year"] as const

/** How long, in the words of the provision. */
export interface Period {
  /** A whole number from 1. */
  readonly value: number
  readonly unit: (typeof PERIOD_UNITS)[number]
}

/** Time that may not count: from an act until the answer to it, both RFC 3339 or `YYYY-MM-DD`. */
export interface Suspension {
  readonly from: string
  readonly until: string
}

/** What to compute. */
export interface DeadlineQuery {
  readonly calendar: CalendarId
  readonly period: Period
  /** What starts the clock: RFC 3339 with an offset, or a date alone. */
  readonly trigger: string
  /** "year_end": the clock starts on 31 December of the trigger's year. Default "event". */
  readonly startsAt?: "event" | "year_end"
  /** A second period, once it was validly claimed. */
  readonly extension?: Period
  readonly suspensions?: readonly Suspension[]
  readonly place: Place
}

/** A deadline, and how it was found. */
export interface Deadline {
  /** The last day, `YYYY-MM-DD`, in the controller's zone. */
  readonly dueOn: string
  /** The end of it: of a day, the midnight that follows; of hours, the last moment. RFC 3339 with the zone's offset. */
  readonly dueBy: string
  readonly unit: "day" | "hour"
  /** Before weekends and holidays moved it. */
  readonly nominal: string
  /** When to be done under the strictest reading, `YYYY-MM-DD`; absent where it is `dueOn`. */
  readonly alertOn?: string
  /** The last moment under the most lenient reading, for clocks in hours. */
  readonly latestArguable?: string
  /** What moved it, each step with its provision. */
  readonly steps: readonly string[]
  readonly assumed: readonly Assumption[]
}

/**
 * @returns The deadline, or undefined where the trigger or a suspension is no time that can be counted from.
 * @example
 * ```ts
 * deadlineOf({ calendar: "eu-1182-71", period: { value: 1, unit: "month" }, trigger: "2026-01-31",
 *              place: { timeZone: "Europe/Berlin", country: "DE" } }, libraries)?.dueOn // "2026-03-02"
 * ```
 */
export function deadlineOf(query: DeadlineQuery, libraries: CalendarLibraries): Deadline | undefined {
  const trigger = startOf(query.trigger, query.place, libraries)
  if (trigger === undefined) return undefined
  if (query.period.unit === "hour") return hoursAfter(query.period.value, trigger, query.suspensions ?? [])
  const suspended = suspendedDays(query.suspensions ?? [], query.place, libraries)
  if (suspended === undefined) return undefined
  const days = new WorkingDays(query.place, libraries, query.calendar === "us-ca-business" ? "US-CA" : undefined)
  const from = query.startsAt === "year_end" ? trigger.date.with({ month: 12, day: 31 }) : trigger.date
  const found = lastDay(query, from, suspended, days)
  const assumed = new Set<Assumption>(trigger.assumed)
  if (query.calendar === "eu-1182-71" && query.place.country === undefined) assumed.add("public_holidays")
  return {
    dueOn: found.due.toString(),
    dueBy: endOfDay(found.due, trigger),
    unit: "day",
    nominal: found.nominal.toString(),
    ...(found.alert === undefined ? {} : { alertOn: found.alert.toString() }),
    steps: found.steps,
    assumed: [...assumed],
  }
}

/** A day that is named and not computed; undefined for what is no date. */
export function dayOf(date: string, place: Place, libraries: CalendarLibraries): Deadline | undefined {
  const day = startOf(date, place, libraries)
  if (day === undefined) return undefined
  const text = day.date.toString()
  return { dueOn: text, dueBy: endOfDay(day.date, day), unit: "day", nominal: text, steps: [], assumed: day.assumed }
}

/**
 * Whether something was done in time; undefined where a date alone does not say it.
 *
 * @param done - RFC 3339 with an offset, or a date alone, which counts in the zone of the deadline.
 */
export function isInTime(deadline: Deadline, done: string): boolean | undefined {
  if (/^\d{4}-\d{2}-\d{2}$/.test(done)) {
    if (deadline.unit === "hour" && done === deadline.dueOn) return undefined
    return done <= deadline.dueOn
  }
  const doneMs = Date.parse(done)
  if (Number.isNaN(doneMs)) return undefined
  return isBefore(deadline, doneMs)
}

/** Whether a deadline is over at a moment, in milliseconds since 1970. */
export function isOver(deadline: Deadline, nowMs: number): boolean {
  return !isBefore(deadline, nowMs)
}

function isBefore({ dueBy, unit }: Deadline, timeMs: number): boolean {
  // A day ends with the midnight that begins the next one; an hour includes its last moment.
  return unit === "day" ? timeMs < Date.parse(dueBy) : timeMs <= Date.parse(dueBy)
}

interface Found {
  readonly due: Temporal.PlainDate
  readonly nominal: Temporal.PlainDate
  readonly alert?: Temporal.PlainDate
  readonly steps: readonly string[]
}

function lastDay(query: DeadlineQuery, from: Temporal.PlainDate, suspended: number, days: WorkingDays): Found {
  const steps: string[] = suspended === 0 ? [] : [`${suspended} days of suspension added`]
  if (query.calendar === "us-ca-business") {
    const total = query.period.value + (query.extension?.value ?? 0)
    const due = days.after(from, total).add({ days: suspended })
    return { due, nominal: due, alert: days.withSaturdays().after(from, total).add({ days: suspended }), steps }
  }
  const nominal = nominalDay(query, from, steps).add({ days: suspended })
  if (query.calendar === "us-ca-calendar") return { due: nominal, nominal, alert: nominal.subtract({ days: 1 }), steps }
  if (query.calendar === "us-hipaa") return { due: nominal, nominal, steps }
  const due = moved(nominal, from, isTwoDaysOrMore(query.period), days, steps)
  // The strictest reader does not wait for Monday.
  return due.equals(nominal) ? { due, nominal, steps } : { due, nominal, alert: nominal, steps }
}

function nominalDay(query: DeadlineQuery, from: Temporal.PlainDate, steps: string[]): Temporal.PlainDate {
  const first = from.add(durationOf(query.period))
  if (query.extension === undefined) return first
  const chained = first.add(durationOf(query.extension))
  if (query.period.unit !== query.extension.unit) return chained
  const whole = from.add(durationOf({ unit: query.period.unit, value: query.period.value + query.extension.value }))
  if (whole.equals(chained)) return whole
  // Two readings of an extension in months differ after a short month; neither is settled, so the earlier counts.
  const earlier = whole.since(chained).sign < 0 ? whole : chained
  steps.push(`extension: the earlier of ${whole} (from receipt) and ${chained} (from the end of the first period)`)
  return earlier
}

/** Art. 3(4), then 3(5). */
function moved(
  nominal: Temporal.PlainDate,
  from: Temporal.PlainDate,
  needsTwo: boolean,
  days: WorkingDays,
  steps: string[],
): Temporal.PlainDate {
  let due = nominal
  while (days.whyOff(due) !== undefined) {
    steps.push(`Reg. 1182/71 Art. 3(4): ${due} is ${days.whyOff(due)}`)
    due = due.add({ days: 1 })
  }
  while (needsTwo && days.between(from, due, 2) < 2) {
    steps.push(`Reg. 1182/71 Art. 3(5): fewer than two working days until ${due}`)
    do due = due.add({ days: 1 })
    while (days.whyOff(due) !== undefined)
  }
  return due
}

function isTwoDaysOrMore({ value, unit }: Period): boolean {
  return unit !== "day" || value >= 2
}

function hoursAfter(value: number, trigger: Trigger, suspensions: readonly Suspension[]): Deadline {
  const start = trigger.moment
  const due = start.add({ hours: value })
  const nextHour = start.round({ smallestUnit: "hour", roundingMode: "floor" }).add({ hours: 1 })
  const assumed = new Set<Assumption>(trigger.assumed)
  if (trigger.isDateAlone) assumed.add("time_of_day")
  const suspendedMs = suspensions.reduce((sum, { from, until }) => {
    const ms = Date.parse(until) - Date.parse(from)
    return ms > 0 ? sum + ms : sum
  }, 0)
  const end = due.add({ milliseconds: suspendedMs })
  return {
    dueOn: end.toPlainDate().toString(),
    dueBy: instantText(end),
    unit: "hour",
    nominal: end.toPlainDate().toString(),
    latestArguable: instantText(nextHour.add({ hours: value, milliseconds: suspendedMs })),
    steps: ["Reg. 1182/71 Art. 3(4): a period in hours is not moved by weekends or holidays"],
    assumed: [...assumed],
  }
}

function durationOf({ value, unit }: Period): Temporal.DurationLike {
  if (unit === "month") return { months: value }
  return unit === "year" ? { years: value } : { days: value }
}

function endOfDay(day: Temporal.PlainDate, trigger: Trigger): string {
  return instantText(day.add({ days: 1 }).toZonedDateTime(trigger.endsInZone))
}

function instantText(moment: Temporal.ZonedDateTime): string {
  return moment.toString({ timeZoneName: "never", smallestUnit: "second" })
}

/** Undefined where one of them is no time, or ends before it began. */
function suspendedDays(list: readonly Suspension[], place: Place, libraries: CalendarLibraries): number | undefined {
  let days = 0
  for (const { from, until } of list) {
    const first = startOf(from, place, libraries)?.date
    const last = startOf(until, place, libraries)?.date
    if (first === undefined || last === undefined) return undefined
    const count = first.until(last).days
    if (count < 0) return undefined
    days += count
  }
  return days
}
