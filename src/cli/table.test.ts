import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Column, joinCells, layOut, tabLine, tableLine } from "./table.ts"
import { padText, textWidth, truncateText } from "./width.ts"

describe("textWidth", () => {
  const rows: readonly (readonly [string, number])[] = [
    ["", 0],
    ["abc", 3],
    ["患者", 4],
    ["ｶﾅ", 2],
    ["全角！", 6],
    ["한국", 4],
    ["e\u0301", 1],
    ["👩", 2],
    ["👍🏽", 2],
    ["🇩🇪", 2],
    ["Ωя", 2],
    ["𠀀", 2],
  ]
  test.each(rows)("%s takes %i", (text, width) => {
    expect(textWidth(text)).toBe(width)
  })
})

describe("truncateText", () => {
  const rows: readonly (readonly [string, number, string])[] = [
    ["abc", 3, "abc"],
    ["abcd", 3, "ab…"],
    ["患者記録", 8, "患者記録"],
    ["患者記録", 7, "患者記…"],
    ["患者記録", 6, "患者…"],
    ["患者記録", 1, "…"],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
    ["abc", 0, ""],
  ]
  test.each(rows)("%s in %i columns", (text, columns, cut) => {
    expect(truncateText(text, columns)).toBe(cut)
  })

  test("never wider than asked for, and whole where it fits", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 30 })
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (given, columns) => {
        expect(textWidth(truncateText(given, columns))).toBeLessThanOrEqual(columns)
        expect(textWidth(padText(given, columns))).toBe(columns)
        if (textWidth(given) < columns) expect(truncateText(given, columns)).toBe(given)
      }),
    )
  })
})

describe("a table", () => {
  const columns: readonly Column[] = [
    { title: "N", least: 3, most: 6, align: "right" },
    { title: "NAME", least: 4, most: 10 },
    { title: "TEXT", least: 8, most: 8 },
  ]

  test("columns are as wide as their cells, and the last takes the rest", () => {
    expect(layOut(columns, [["1234", "ab", "x"]], 40)).toEqual([4, 4, 28])
    expect(layOut(columns, [["1", "a very long name", "x"]], 40)).toEqual([3, 10, 23])
  })

  test("a narrow terminal takes from the right first, down to the least", () => {
    expect(layOut(columns, [["123456", "a very long name", "x"]], 24)).toEqual([6, 6, 8])
    expect(layOut(columns, [["123456", "a very long name", "x"]], 10)).toEqual([3, 4, 8])
  })

  test("lines", () => {
    expect(joinCells(tableLine(columns, [3, 4, 8], ["7", "患者登録", "ok"]))).toBe("  7  患…   ok")
    expect(tabLine(["7", "a\tb", "c\nd"])).toBe("7\ta\\tb\tc\\nd\n")
  })
})
