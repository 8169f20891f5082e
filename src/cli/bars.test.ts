import { describe, expect, test } from "vitest"
import { barLines, dayBars } from "./bars.ts"
import { textWidth } from "./width.ts"

const widths = [20, 40, 80, 120]

describe("bars", () => {
  test("fill the room in proportion, and a small count is still seen", () => {
    const lines = barLines(
      [
        { label: "many", count: 1_000 },
        { label: "half", count: 500 },
        { label: "one", count: 1 },
        { label: "none", count: 0 },
      ],
      40,
    )
    expect(lines.map(({ label, bar, count }) => `${label}|${bar.trimEnd()}|${count}`)).toEqual([
      `many|${"█".repeat(28)}|1000`,
      `half|${"█".repeat(14)}| 500`,
      "one |▏|   1",
      "none||   0",
    ])
  })

  test.each(widths)("keep to %i columns, wide characters and long labels too", (columns) => {
    const bars = [
      { label: "患者登録".repeat(10), count: 7 },
      { label: "x".repeat(300), count: 123_456 },
      { label: "(9 others)", count: 9_999_999, sum: true },
    ]
    for (const { label, bar, count } of barLines(bars, columns))
      expect(textWidth(`${label}  ${bar}  ${count}`)).toBeLessThanOrEqual(Math.max(columns, 21))
  })

  test("what is many things together has no bar, and does not dwarf the others", () => {
    const [one, others] = barLines(
      [
        { label: "one", count: 2 },
        { label: "others", count: 900, sum: true },
      ],
      30,
    )
    expect([one!.bar.trimEnd().length, others!.bar.trim(), others!.count]).toEqual([17, "", "900"])
  })

  test("of nothing are none", () => {
    expect(barLines([], 80)).toEqual([])
    expect(dayBars([], 31)).toEqual([])
  })
})

describe("bars over time", () => {
  const dayOf = (n: number): string => new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10)
  const daily = (days: number) => Array.from({ length: days }, (_, n) => ({ day: dayOf(n), count: 1 }))

  test("days without records are there", () => {
    const days = [0, 3].map((n) => ({ day: dayOf(n), count: 5 }))
    expect(dayBars(days, 31).map(({ label, count }) => [label, count])).toEqual([
      ["2026-01-01", 5],
      ["2026-01-02", 0],
      ["2026-01-03", 0],
      ["2026-01-04", 5],
    ])
  })

  test.each([
    [1, 1],
    [31, 31],
    [32, 5],
    [217, 31],
    [218, 8],
    [3_650, 31],
  ])("%i days take %i rows, and no record is left out", (days, rows) => {
    const bars = dayBars(daily(days), 31)
    expect([bars.length, bars.reduce((sum, { count }) => sum + count, 0)]).toEqual([rows, days])
  })

  test("a day that no calendar has, and days millennia apart, do no harm", () => {
    const bars = dayBars(
      [
        { day: "2026-99-99", count: 1 },
        { day: "0001-01-01", count: 2 },
        { day: "9999-12-31", count: 3 },
      ],
      31,
    )
    expect(bars.length).toBeLessThanOrEqual(31)
    expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(5)
  })
})
