/**
 * Calendar arithmetic and public holidays from the optional peers `temporal-polyfill` and `date-holidays`, loaded only
 * when a deadline is asked for. Their shapes are described here, so that nobody needs them to compile.
 * @module
 */
import { AuditError } from "../../errors.ts"

/** What to install, both together. */
const ARITHMETIC = "temporal-polyfill"
const HOLIDAYS = "date-holidays"
const DAY_MS = 86_400_000

/** A row of `date-holidays`. */
interface HolidayRow {
  readonly date: string
  readonly start: Date
  readonly end: Date
  readonly type: string
  readonly substitute?: boolean
}

interface HolidayBook {
  getHolidays(year: number): readonly HolidayRow[]
  getCountries(): Readonly<Record<string, string>>
  getStates(country: string): Readonly<Record<string, string>> | undefined
}

type HolidayLibrary = new (country?: string, region?: string, options?: { readonly timezone?: string }) => HolidayBook

/** A public holiday, `YYYY-MM-DD`. `isSubstitute`: the day off given for one that falls on a weekend. */
export interface PublicHoliday {
  readonly date: string
  readonly isSubstitute: boolean
}

/** What deadlines are computed with. Holidays are remembered, per place and year. */
export interface CalendarLibraries {
  readonly temporal: typeof Temporal
  /** Whether the table has this country (ISO 3166 alpha-2), and this region of it where one is given. */
  readonly knowsPlace: (country: string, region?: string) => boolean
  /** Days designated as public holidays. Ask {@link knowsPlace} first: a place that is not in the table has none. */
  readonly publicHolidays: (country: string, region: string | undefined, year: number) => readonly PublicHoliday[]
  /** Name and version of the table of holidays, for whoever has to do the sum again. */
  readonly holidayTable: string
}

/**
 * Loads both libraries.
 *
 * @throws {@link AuditError} `CALENDAR_LIBRARY_MISSING`: says what to install. Nothing was assessed.
 */
export async function loadCalendars(): Promise<CalendarLibraries> {
  const { Temporal: temporal } = (await load(ARITHMETIC)) as { Temporal: typeof Temporal }
  const { default: Book } = (await load(HOLIDAYS)) as { default: HolidayLibrary }
  const { default: about } = (await load(`${HOLIDAYS}/package.json`, { with: { type: "json" } })) as {
    default: { version: string }
  }
  const known = new Map<string, readonly PublicHoliday[]>()
  const index = new Book()
  return {
    temporal,
    knowsPlace: (country, region) =>
      Object.hasOwn(index.getCountries(), country) &&
      (region === undefined || Object.hasOwn(index.getStates(country) ?? {}, region)),
    holidayTable: `${HOLIDAYS} ${about.version}`,
    publicHolidays: (country, region, year) => {
      const key = `${country}/${region ?? ""}/${year}`
      const days = known.get(key) ?? holidaysOf(new Book(country, region ?? "", { timezone: "UTC" }), year)
      known.set(key, days)
      return days
    },
  }
}

async function load(name: string, options?: ImportCallOptions): Promise<unknown> {
  try {
    // Not a literal: neither a bundler nor a compiler looks for what may be absent.
    return await import(name, options)
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error
    throw new AuditError(
      "CALENDAR_LIBRARY_MISSING",
      `deadlines need the packages ${ARITHMETIC} and ${HOLIDAYS}, which are not installed beside secureml: npm install ${ARITHMETIC} ${HOLIDAYS}`,
      { cause: error },
    )
  }
}

function holidaysOf(book: HolidayBook, year: number): PublicHoliday[] {
  return (book.getHolidays(year) ?? [])
    .filter(({ type }) => type === "public")
    .flatMap(({ date, start, end, substitute }) => {
      // Some last several days; one that begins at noon is a day as well.
      const days = Math.max(1, Math.round((end.getTime() - start.getTime()) / DAY_MS))
      const first = Date.parse(`${date.slice(0, 10)}T00:00:00Z`)
      return Array.from({ length: days }, (_, n) => ({
        date: new Date(first + n * DAY_MS).toISOString().slice(0, 10),
        isSubstitute: substitute === true,
      }))
    })
}
