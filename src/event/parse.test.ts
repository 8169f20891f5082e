import { expect, test } from "vitest"
import { utf8 } from "../bytes.ts"
import { parseEntry } from "./index.ts"

const VALID: Readonly<Record<string, unknown>> = {
  v: 1,
  event_id: "018bcfe5-6800-7000-9c22-186b2a5ed793",
  event_type: "data_access",
  timestamp: "2026-11-24T02:11:00.123Z",
  operation_id: "0b8f4c1e-3f0e-4f7e-9d55-2f1c7a0e6a11",
  operation_name: "o",
  sequence: 0,
  writer: { id: "w", seq: 0 },
  actor: { id: "a", type: "user" },
  occurred_at: "2026-11-24T02:11:00.123456Z",
  regulations: ["GDPR"],
  context: {},
  details: {},
}

function bytesOf(change: Readonly<Record<string, unknown>>): Uint8Array {
  return utf8(JSON.stringify({ ...VALID, ...change }))
}

test("a valid entry is returned as parsed, further keys included", () => {
  expect(parseEntry(bytesOf({ later: 1 }))).toEqual({ ...VALID, later: 1 })
})

const FIELDS: readonly (readonly [string, readonly unknown[]])[] = [
  ["v", [undefined, 0, 2, "1", null]],
  ["event_id", [undefined, "", 1, "018BCFE5-6800-7000-9c22-186b2a5ed793", "018bcfe5"]],
  ["event_type", [undefined, "", 1, null, {}]],
  ["timestamp", [undefined, "2026-11-24", "2026-11-24T02:11:00.123", "2026-11-24T02:11:00.123+01:00", 5]],
  ["operation_id", [undefined, "", 5]],
  ["operation_name", [undefined, "", []]],
  ["sequence", [undefined, -1, 1.5, "0", 2 ** 53]],
  [
    "writer",
    [undefined, null, [], { id: "w" }, { id: "", seq: 0 }, { id: "w", seq: -1 }, { id: "w", seq: 0, continues: 1 }],
  ],
  ["details", [undefined, null, [], "x"]],
  ["actor", [null, {}, { id: 1 }, { id: "a", role: 1 }]],
  ["occurred_at", ["yesterday", 1, null]],
  ["parent_operation_id", ["", 1]],
  ["trace_id", [1, null]],
  ["span_id", [1, null]],
  ["regulations", ["GDPR", [1], null]],
  ["context", [null, [], 1]],
]

test.each(FIELDS)("a wrong %s is refused by name", (field, values) => {
  for (const value of values) {
    expect(() => parseEntry(bytesOf({ [field]: value }))).toThrow(
      expect.objectContaining({ code: "ENTRY_MALFORMED", message: expect.stringContaining(field) }),
    )
  }
})

const BROKEN: readonly (readonly [string, Uint8Array])[] = [
  ["nothing", utf8("")],
  ["no JSON", utf8("{")],
  ["a list", utf8("[]")],
  ["null", utf8("null")],
  ["a number", utf8("1")],
  ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d])],
  ["a byte order mark", utf8(`\ufeff${JSON.stringify(VALID)}`)],
  ["65,536 bytes", bytesOf({ operation_name: "x".repeat(65_535) })],
  ["a hundred thousand brackets", utf8("[".repeat(60_000))],
]

test.each(BROKEN)("%s is refused", (_, bytes) => {
  expect(() => parseEntry(bytes)).toThrow(expect.objectContaining({ code: "ENTRY_MALFORMED" }))
})

test("every prefix of an entry is refused", () => {
  const bytes = bytesOf({})
  for (let end = 0; end < bytes.length; end++) {
    expect(() => parseEntry(bytes.subarray(0, end))).toThrow(expect.objectContaining({ code: "ENTRY_MALFORMED" }))
  }
})

test("a `__proto__` key in hostile JSON must not lend an entry its fields", () => {
  const lent = utf8(`{"__proto__":${JSON.stringify(VALID)}}`)
  expect(() => parseEntry(lent)).toThrow(/has no valid v/)
  const details = parseEntry(
    utf8(JSON.stringify(VALID).replace('"details":{', '"details":{"__proto__":{"polluted":1}')),
  ).details
  expect(Object.keys(details)).toEqual(["__proto__"])
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
})

test("messages never carry what the entry holds", () => {
  const hostile = bytesOf({ operation_name: "s3cr3t", sequence: "s3cr3t" })
  expect(() => parseEntry(hostile)).toThrow(/^(?!.*s3cr3t)/)
})
