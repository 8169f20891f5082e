/**
 * The calendars, ready to be asked: the door to the clocks. An interface, so that no declaration names `Temporal`, which
 * few compilers know yet.
 * @module
 */
import { type Deadline, type DeadlineQuery, dayOf, deadlineOf } from "./deadline.ts"
import { loadCalendars } from "./libraries.ts"
import type { Place } from "./place.ts"

/** Computes deadlines; get one from {@link openCalendars}. */
export interface LegalCalendars {
  /** Name and version of the table of public holidays, for whoever has to do the sum again. */
  readonly holidayTable: string

  /** Whether the table has this country (ISO 3166 alpha-2), and this region of it where one is given. */
  knowsPlace(country: string, region?: string): boolean

  /** Whether a text is the name of a time zone. */
  knowsZone(timeZone: string): boolean

  /**
   * When something is due, and why then.
   *
   * @returns undefined where the trigger or a suspension is no time that can be counted from.
   * @example
   * ```ts
   * calendars.deadline({
   *   calendar: "eu-1182-71",
   *   period: { value: 1, unit: "month" },
   *   trigger: "2026-01-31",
   *   place: { timeZone: "Europe/Berlin", country: "DE" },
   * })?.dueOn // "2026-03-02": there is no 31 February, and the 28th is a Saturday
   * ```
   */
  deadline(query: DeadlineQuery): Deadline | undefined

  /** A date that a provision or a record names itself, `YYYY-MM-DD`; undefined for what is no date. */
  day(date: string, place: Place): Deadline | undefined
}

/**
 * Loads the optional peers `temporal-polyfill` and `date-holidays`.
 *
 * @throws {@link AuditError} `CALENDAR_LIBRARY_MISSING`: says what to install.
 */
export async function openCalendars(): Promise<LegalCalendars> {
  const libraries = await loadCalendars()
  return {
    holidayTable: libraries.holidayTable,
    knowsPlace: libraries.knowsPlace,
    knowsZone: (timeZone) => isZone(timeZone, libraries.temporal),
    deadline: (query) => deadlineOf(query, libraries),
    day: (date, place) => dayOf(date, place, libraries),
  }
}

function isZone(timeZone: string, temporal: typeof Temporal): boolean {
  try {
    temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
