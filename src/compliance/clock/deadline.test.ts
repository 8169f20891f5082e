import { beforeAll, describe, expect, test } from "vitest"
import rows from "../../../test/compliance/deadlines.json" with { type: "json" }
import { type Deadline, type DeadlineQuery, deadlineOf, isInTime, isOver } from "./deadline.ts"
import { type CalendarLibraries, loadCalendars } from "./libraries.ts"

let libraries: CalendarLibraries
beforeAll(async () => {
  libraries = await loadCalendars()
})

/** Every row was derived by hand from the provision it names, before the code ran; none is an official example. */
describe("worked deadlines", () => {
  test("there are at least 40, each with its provision and its derivation", () => {
    expect(rows.length).toBeGreaterThanOrEqual(40)
    for (const row of rows) expect(row.provision && row.derivation && row.source, row.name).toBeTruthy()
  })

  for (const { name, expect: expected, provision, derivation, source, ...query } of rows) {
    test(`${provision}: ${name}`, () => {
      const found = deadlineOf(query as unknown as DeadlineQuery, libraries)
      expect(found).toMatchObject({ assumed: [], ...expected })
    })
  }
})

const DAY: Deadline = {
  dueOn: "2026-03-02",
  dueBy: "2026-03-03T00:00:00+01:00",
  unit: "day",
  nominal: "2026-02-28",
  steps: [],
  assumed: [],
}
const HOUR: Deadline = { ...DAY, dueBy: "2026-03-02T14:30:00+01:00", unit: "hour" }

describe("in time", () => {
  for (const [deadline, done, expected] of [
    [DAY, "2026-03-02", true],
    [DAY, "2026-03-03", false],
    [DAY, "2026-03-02T23:59:59+01:00", true],
    [DAY, "2026-03-03T00:00:00+01:00", false],
    [DAY, "2026-03-02T22:59:59Z", true],
    [DAY, "2026-03-02T23:00:00Z", false],
    [HOUR, "2026-03-02T14:30:00+01:00", true],
    [HOUR, "2026-03-02T14:30:01+01:00", false],
    [HOUR, "2026-03-01", true],
    [HOUR, "2026-03-02", undefined],
    [HOUR, "2026-03-03", false],
    [DAY, "soon", undefined],
  ] as const) {
    test(`${done} for the ${deadline.unit} until ${deadline.dueBy}: ${expected}`, () => {
      expect(isInTime(deadline, done)).toBe(expected)
    })
  }

  test("a day is over with the midnight that follows it, an hour after its last moment", () => {
    expect(isOver(DAY, Date.parse(DAY.dueBy) - 1)).toBe(false)
    expect(isOver(DAY, Date.parse(DAY.dueBy))).toBe(true)
    expect(isOver(HOUR, Date.parse(HOUR.dueBy))).toBe(false)
    expect(isOver(HOUR, Date.parse(HOUR.dueBy) + 1)).toBe(true)
  })
})

describe("no deadline", () => {
  const query = { calendar: "eu-1182-71", period: { value: 1, unit: "month" }, place: {} } as const
  for (const trigger of ["", "soon", "2026-02-30", "2026-01-31T10:00:00", "31.01.2026", "2026-13-01T00:00:00Z"]) {
    test(`from ${JSON.stringify(trigger)}`, () => {
      expect(deadlineOf({ ...query, trigger }, libraries)).toBeUndefined()
    })
  }

  test("from a suspension that ends before it begins", () => {
    const suspensions = [{ from: "2026-06-10", until: "2026-06-03" }]
    expect(deadlineOf({ ...query, trigger: "2026-06-01", suspensions }, libraries)).toBeUndefined()
  })
})

test("what moved a deadline is said, each step with its provision", () => {
  const place = { timeZone: "Europe/Berlin", country: "DE" }
  const query = { calendar: "eu-1182-71", period: { value: 2, unit: "day" }, trigger: "2026-09-18", place } as const
  expect(deadlineOf(query, libraries)?.steps).toEqual([
    "Reg. 1182/71 Art. 3(4): 2026-09-20 is a Sunday",
    "Reg. 1182/71 Art. 3(5): fewer than two working days until 2026-09-21",
  ])
})

test("the table of holidays knows its places, and is named with its version", () => {
  expect(libraries.knowsPlace("DE", undefined)).toBe(true)
  expect(libraries.knowsPlace("DE", "BY")).toBe(true)
  expect(libraries.knowsPlace("DE", "XX")).toBe(false)
  expect(libraries.knowsPlace("XX", undefined)).toBe(false)
  expect(libraries.holidayTable).toMatch(/^date-holidays \d+\.\d+\.\d+$/)
})
