import { describe, expect, test } from "vitest"
import type { AuditRecord, JsonObject } from "../audit.ts"
import { partsOf } from "../query/index.ts"
import { foundPieces, piecesOf } from "./highlight.ts"
import { textWidth } from "./width.ts"

const marked = (pieces: readonly { readonly text: string; readonly found: boolean }[]): string =>
  pieces.map(({ text, found }) => (found ? `[${text}]` : text)).join("")
const record = (details: JsonObject): AuditRecord =>
  ({ event_type: "note", operation_name: "train", details }) as unknown as AuditRecord

describe("pieces of a text", () => {
  test.each([
    ["Loan refused, loan_type b, loans", "loan", "[Loan] refused, [loan]_type b, loans"],
    ["out of memory", "memory out", "[out] of [memory]"],
    ["a b", "missing", "a b"],
    ["患者登録", "患者", "[患者]登録"],
    ["GRÖSSE grösse", "grösse", "[GRÖSSE] [grösse]"],
    // Folding makes this text longer: nothing is marked rather than the wrong place.
    ["İ loan", "loan", "İ loan"],
    ["\u001b[31mloan\u202e", "loan", "\\u001b[31mloan\\u202e"],
    ["-\u001bloan\u202e", "loan", "-\\u001b[loan]\\u202e"],
    ["", "loan", ""],
  ])("%j, asked for %j", (text, asked, expected) => {
    expect(marked(piecesOf(text, partsOf(asked)))).toBe(expected)
  })

  test("where one part is the beginning of another, the longer one is marked", () => {
    expect(marked(piecesOf("model-a", ["model", "model-a"]))).toBe("[model-a]")
  })
})

describe("where a record holds what was asked for", () => {
  test("each part is shown once, from a little before it on", () => {
    const purpose = "this is said at some length before anything about a diagnosis comes, and after"
    const pieces = foundPieces(record({ purpose, user: "train ds1" }), partsOf("diagnosis ds1"), 200)
    // Which text comes first is not promised.
    expect(marked(pieces).split(" · ").sort()).toEqual([
      "train [ds1]",
      "…before anything about a [diagnosis] comes, and after",
    ])
    const twice = foundPieces(record({ a: "a diagnosis", b: "a diagnosis" }), ["diagnosis"], 200)
    expect(marked(twice)).toBe("a [diagnosis]")
  })

  test.each([10, 40, 80])("it keeps to %i columns", (columns) => {
    const pieces = foundPieces(record({ text: `${"患者 ".repeat(40)}loan${" x".repeat(100)}` }), ["loan"], columns)
    expect(textWidth(pieces.map(({ text }) => text).join(""))).toBeLessThanOrEqual(columns)
  })

  test("nothing found, nothing shown", () => {
    expect(foundPieces(record({}), ["loan"], 80)).toEqual([])
  })
})
