/**
 * Where a deadline is counted: the controller's zone, and which days are working days there. Pure.
 * @module
 */
import type { CalendarLibraries, PublicHoliday } from "./libraries.ts"

/** Where an act is due. */
export interface Place {
  /** IANA name, such as "Europe/Berlin". Without it a deadline is the earliest that any zone gives. */
  readonly timeZone?: string
  /** ISO 3166 alpha-2 of the member state. Without it only weekends are off. */
  readonly country?: string
  /** A region of it that has holidays of its own, as `date-holidays` names it. */
  readonly region?: string
  /** Corrections of the table: days, `YYYY-MM-DD`, that are holidays, and days that are none. */
  readonly holidays?: { readonly add?: readonly string[]; readonly remove?: readonly string[] }
}

/** What had to be assumed because nobody said it; each makes the deadline the earliest arguable one. */
export type Assumption = "time_zone" | "public_holidays" | "time_of_day"

/** The event that starts a clock. */
export interface Trigger {
  readonly date: Temporal.PlainDate
  readonly moment: Temporal.ZonedDateTime
  /** In this zone the last day ends. */
  readonly endsInZone: string
  readonly isDateAlone: boolean
  readonly assumed: readonly Assumption[]
}

/** Where a date is over last, and where it is over first. */
const LAST_ZONE = "-12:00"
const FIRST_ZONE = "+14:00"

/** A time, read as strictly as entries write theirs; undefined for anything else, a time without an offset among it. */
export function startOf(text: string, place: Place, { temporal }: CalendarLibraries): Trigger | undefined {
  const isDateAlone = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const assumed: Assumption[] = place.timeZone === undefined ? ["time_zone"] : []
  const endsInZone = place.timeZone ?? FIRST_ZONE
  try {
    if (isDateAlone) {
      const date = temporal.PlainDate.from(text)
      return { date, moment: date.toZonedDateTime(endsInZone), endsInZone, isDateAlone, assumed }
    }
    const moment = temporal.Instant.from(text).toZonedDateTimeISO(place.timeZone ?? offsetOf(text))
    // The earliest date that the moment has anywhere gives the earliest deadline.
    const date = moment.withTimeZone(place.timeZone ?? LAST_ZONE).toPlainDate()
    return { date, moment, endsInZone, isDateAlone, assumed }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function offsetOf(text: string): string {
  return /[+-]\d{2}:\d{2}$/.exec(text)?.[0] ?? "UTC"
}

/** Which days are working days at a place. */
export class WorkingDays {
  readonly #place: Place
  readonly #libraries: CalendarLibraries
  readonly #state: "US-CA" | undefined
  readonly #saturdays: boolean

  /** @param state - Count by the holidays of California, wherever the place is. */
  constructor(place: Place, libraries: CalendarLibraries, state?: "US-CA", saturdays = false) {
    this.#place = place
    this.#libraries = libraries
    this.#state = state
    this.#saturdays = saturdays
  }

  /** The same, Saturdays being working days. */
  withSaturdays(): WorkingDays {
    return new WorkingDays(this.#place, this.#libraries, this.#state, true)
  }

  /** Why a day is none, in words that follow "is"; undefined for a working day. */
  whyOff(day: Temporal.PlainDate): string | undefined {
    if (day.dayOfWeek === 7) return "a Sunday"
    if (day.dayOfWeek === 6 && !this.#saturdays) return "a Saturday"
    return this.#isHoliday(day) ? "a public holiday" : undefined
  }

  /** The nth working day after a day. */
  after(day: Temporal.PlainDate, count: number): Temporal.PlainDate {
    let last = day
    for (let left = count; left > 0; ) {
      last = last.add({ days: 1 })
      if (this.whyOff(last) === undefined) left -= 1
    }
    return last
  }

  /** Working days after one day until another, this one included; counting stops at `enough`. */
  between(after: Temporal.PlainDate, until: Temporal.PlainDate, enough: number): number {
    let count = 0
    for (let day = after.add({ days: 1 }); day.until(until).sign >= 0 && count < enough; day = day.add({ days: 1 })) {
      if (this.whyOff(day) === undefined) count += 1
    }
    return count
  }

  #isHoliday(day: Temporal.PlainDate): boolean {
    const text = day.toString()
    const { add = [], remove = [] } = this.#place.holidays ?? {}
    if (remove.includes(text)) return false
    return add.includes(text) || this.#tableOf(day.year).some(({ date }) => date === text)
  }

  #tableOf(year: number): readonly PublicHoliday[] {
    if (this.#state === "US-CA") {
      // Gov. Code 6700 gives the Monday for a Sunday; the table's Friday for a Saturday is the federal rule.
      return this.#libraries
        .publicHolidays("US", "CA", year)
        .filter(({ date, isSubstitute }) => !(isSubstitute && new Date(`${date}T00:00:00Z`).getUTCDay() === 5))
    }
    const { country, region } = this.#place
    return country === undefined ? [] : this.#libraries.publicHolidays(country, region, year)
  }
}
