import { describe, expect, test } from "vitest"
import type { AuditRecord, JsonObject } from "../audit.ts"
import { pipeCells, terminalCells, whatOf, whoOf } from "./record-row.ts"

function record(event_type: string, details: JsonObject, more: Partial<AuditRecord> = {}): AuditRecord {
  return {
    v: 1,
    event_id: "019ab38e-5ef3-7000-8000-2f9d6d1c0a55",
    event_type,
    timestamp: "2026-11-24T02:11:00.123Z",
    operation_id: "1f0b5a3e-0000-4000-8000-000000000000",
    operation_name: "train",
    sequence: 3,
    writer: { id: "1f0b5a3e-0000-4000-8000-000000000001", seq: 3 },
    details,
    index: 41,
    sealed: true,
    ...more,
  }
}

describe("what happened", () => {
  const rows: readonly (readonly [string, JsonObject, string])[] = [
    [
      "data_access",
      { dataset_name: "p", columns_accessed: ["a", "b"], num_records: 3, purpose: "x", user: "u" },
      "p num_records=3 columns_accessed=a,b purpose=x",
    ],
    [
      "model_inference",
      { model_id: "m", input_data: { a: 1 }, output: { label: "ill" }, confidence: 0.5 },
      "m output=label:ill confidence=0.5",
    ],
    ["error", { error_type: "TypeError", message: "no" }, "TypeError no"],
    ["own_type", { b: null, a: [1, { c: 2 }], user: "u" }, 'b=null a=[1,{"c":2}]'],
    ["own_type", {}, ""],
    ["audit_started", { start_time: "…", regulations: [] }, ""],
    ["audit_closed", { status: "completed", end_time: "…" }, "status=completed"],
  ]
  test.each(rows)("%s %j", (type, details, what) => {
    expect(whatOf(record(type, details))).toBe(what)
  })

  test("stays short, and cuts no pair of surrogates in two", () => {
    const long = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`key${n}`, "👩".repeat(100)]))
    const what = whatOf(record("own_type", long))
    expect(what.length).toBeLessThanOrEqual(400)
    expect(/\p{Cs}/u.test(what)).toBe(false)
  })

  test("details of the wrong shape are shown, not trusted", () => {
    const hostile = JSON.parse(
      '{"__proto__":{"dataset_name":"x"},"num_records":{"a":[]},"columns_accessed":7}',
    ) as JsonObject
    expect(whatOf(record("data_access", hostile))).toBe('num_records={"a":[]} columns_accessed=7')
  })
})

test("who acted: the user in the details, else the actor", () => {
  expect(whoOf(record("x", { user: "u" }, { actor: { id: "a" } }))).toBe("u")
  expect(whoOf(record("x", { user: 7 }, { actor: { id: "a" } }))).toBe("a")
  expect(whoOf(record("x", {}))).toBe("")
})

test("cells of a terminal and of a pipe", () => {
  const row = record("note", { text: "\u001b[2J" }, { index: null, sealed: false, operation_name: "a\tb" })
  expect(terminalCells(row)).toEqual(["-", "2026-11-24 02:11:00", "note", "a\\tb", "", "text=\\u001b[2J"])
  expect(pipeCells(row)).toEqual(["-", row.timestamp, "note", "a\tb", "", "text=\u001b[2J", row.event_id])
})
