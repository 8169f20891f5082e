import { describe, expect, test } from "vitest"
import type { AuditEntry } from "../event/index.ts"
import { holdsParts, partsOf, wordsOf } from "./words.ts"

const entry = (details: AuditEntry["details"]): AuditEntry => ({
  v: 1,
  event_id: "0190",
  event_type: "note",
  timestamp: "2026-11-24T00:00:00.000Z",
  operation_id: "op",
  operation_name: "nightly-run",
  sequence: 0,
  writer: { id: "w", seq: 0 },
  details,
})
const holds = (text: string, details: AuditEntry["details"]): boolean => holdsParts(entry(details), partsOf(text))

test("words are runs of letters, marks and digits; without spaces each character is one", () => {
  expect(wordsOf("loan_type-7 é 山田 हिन्दी")).toEqual(["loan", "type", "7", "é", "山", "田", "हिन्दी"])
})

describe("a part stands in a text from the beginning of a word to the end of one", () => {
  test.each([
    ["loan", { kind: "loan_type" }, true],
    ["loan", { kind: "loans" }, false],
    ["LOAN Officer", { kind: "loan", by: "the officer" }, true],
    ["loan-officer", { kind: "a loan-officer" }, true],
    ["loan-officer", { kind: "loan", by: "officer" }, false],
    ["- after -", { kind: "before - after" }, true],
    ["a@b.org", { mail: ["x", { y: "A@B.org" }] }, true],
    ["0.25", { rate: 0.25 }, true],
    ["true", { done: true }, true],
    ["done", { done: null }, true],
    // Half a character is in none.
    ["\udc00abc", { name: "\u{1d400}abc" }, false],
    ["abc\ud835", { name: "abc\u{1d400}" }, false],
    ["nightly", {}, true],
    ["山田", { name: "山田太郎" }, true],
    ["é", { name: "é" }, true],
    ["e", { name: "é" }, false],
    ["x\u{1d4d0}", { name: "x\u{1d4d0}y" }, false],
  ] as const)("%s in %j: %s", (text, details, expected) => {
    expect(holds(text, details)).toBe(expected)
  })
})
