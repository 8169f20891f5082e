/**
 * The calendars, ready to be asked: the door to the clocks.
 * @module
 */
import { type Deadline, type DeadlineQuery, deadlineOf } from "./deadline.ts"
import { type CalendarLibraries, loadCalendars } from "./libraries.ts"

/** Computes deadlines; get one from {@link openCalendars}. */
export class LegalCalendars {
  readonly #libraries: CalendarLibraries

  constructor(libraries: CalendarLibraries) {
    this.#libraries = libraries
  }

  /** Name and version of the table of public holidays, for whoever has to do the sum again. */
  get holidayTable(): string {
    return this.#libraries.holidayTable
  }

  /** Whether the table has this country (ISO 3166 alpha-2), and this region of it where one is given. */
  knowsPlace(country: string, region?: string): boolean {
    return this.#libraries.knowsPlace(country, region)
  }

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
  deadline(query: DeadlineQuery): Deadline | undefined {
    return deadlineOf(query, this.#libraries)
  }
}

/**
 * Loads the optional peers `temporal-polyfill` and `date-holidays`.
 *
 * @throws {@link AuditError} `CALENDAR_LIBRARY_MISSING`: says what to install.
 */
export async function openCalendars(): Promise<LegalCalendars> {
  return new LegalCalendars(await loadCalendars())
}
