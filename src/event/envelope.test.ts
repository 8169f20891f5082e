import { describe, expect, test } from "vitest"
import {
  canonicalRegulation,
  checkEventType,
  checkOccurredAt,
  checkOperationName,
  checkRegulations,
  encodeActor,
  encodeContext,
  isReservedEventType,
  KNOWN_REGULATIONS,
} from "./index.ts"

const REFUSED: readonly (readonly [string, () => unknown, ErrorConstructor, RegExp])[] = [
  ["no operation name", () => checkOperationName(undefined), TypeError, /^operationName/],
  ["a blank operation name", () => checkOperationName(" \n"), TypeError, /^operationName/],
  [
    "1,025 bytes of operation name",
    () => checkOperationName(`${"é".repeat(512)}x`),
    RangeError,
    /operationName .*1025.*1024.*context/,
  ],
  ["no event type", () => checkEventType(undefined), TypeError, /^eventType/],
  ["an empty event type", () => checkEventType(""), TypeError, /^eventType/],
  ["a line break in an event type", () => checkEventType("a\nb"), TypeError, /^eventType/],
  ["an escape in an event type", () => checkEventType("a\u001b[31m"), TypeError, /^eventType/],
  ["a lone surrogate in an event type", () => checkEventType("a\ud800"), TypeError, /^eventType/],
  ["a blank around an event type", () => checkEventType(" audit_closed"), TypeError, /^eventType/],
  ["257 bytes of event type", () => checkEventType("x".repeat(257)), RangeError, /eventType .*257.*256/],
  ["a context that is no object", () => encodeContext("prod", undefined), TypeError, /^context/],
  ["a context that is a list", () => encodeContext([], undefined), TypeError, /^context/],
  [
    "a large context",
    () => encodeContext({ a: "x".repeat(16_384) }, undefined),
    RangeError,
    /^context .*16384.*details/,
  ],
  ["an actor that is text", () => encodeActor("ds1"), TypeError, /^actor/],
  ["an actor without id", () => encodeActor({ type: "user" }), TypeError, /^actor\.id/],
  ["an actor's empty role", () => encodeActor({ id: "a", role: "" }), TypeError, /^actor\.role/],
  [
    "an unknown field of an actor",
    () => encodeActor({ id: "a", name: "b" }),
    TypeError,
    /"name"; it has id, type and role/,
  ],
  ["a long actor id", () => encodeActor({ id: "x".repeat(1025) }), RangeError, /^actor\.id .*1024/],
  ["regulations as text", () => checkRegulations("GDPR"), TypeError, /^regulations/],
  ["an empty regulation", () => checkRegulations(["GDPR", " "]), TypeError, /^regulations/],
  ["65 regulations", () => checkRegulations(Array.from({ length: 65 }, (_, i) => `r${i}`)), RangeError, /65.*64/],
  ["a long regulation", () => checkRegulations(["x".repeat(257)]), RangeError, /257.*256/],
]

test.each(REFUSED)("%s is refused", (_, act, type, message) => {
  expect(act).toThrow(type)
  expect(act).toThrow(message)
})

test("limits are inclusive, and what is given is kept", () => {
  expect(checkOperationName("é".repeat(512))).toHaveLength(512)
  expect(checkOperationName("../../etc/passwd")).toBe("../../etc/passwd")
  expect(checkEventType("x".repeat(256))).toHaveLength(256)
  expect(encodeActor({ id: "ds1", role: "analyst", type: undefined })).toBe('{"id":"ds1","role":"analyst"}')
  expect(encodeContext({ at: new Date(0) }, undefined)).toContain('"$secureml":"date"')
})

describe("event types: nobody can log a fake erasure or a fake gap", () => {
  test.each([
    "audit_started",
    "audit_closed",
    "audit_anything",
    "AUDIT_closed",
    "function_call",
    "function_return",
    "events_lost",
    "erasure",
    "erasure_completed",
    "prune",
    "hold_placed",
    "key_rotated",
    "redact",
    "redaction",
    "restriction_lifted",
    "correction_recorded",
  ])("%s is ours alone", (type) => {
    expect(isReservedEventType(type)).toBe(true)
  })

  test.each([
    "data_access",
    "error",
    "model_pruned",
    "pruning_step",
    "holdout_evaluated",
    "keyword_found",
    "auditor_hired",
    "user_request",
    "restrictions_reviewed",
  ])("%s is free", (type) => {
    expect(isReservedEventType(type)).toBe(false)
  })
})

test("regulations match whatever their case, unknown ones are kept and listed, doubles dropped", () => {
  expect(
    checkRegulations(["gdpr", "GDPR", "eu-ai-act", "ccpa/cpra", "iso/iec 42001", " Mars Law ", "Mars Law"]),
  ).toEqual({
    regulations: ["GDPR", "EU AI Act", "CCPA/CPRA", "ISO/IEC 42001", "Mars Law"],
    unknown: ["Mars Law"],
  })
  for (const name of KNOWN_REGULATIONS) expect(canonicalRegulation(name.toLowerCase())).toBe(name)
  expect(checkRegulations(["法律", "规则"]).regulations).toEqual(["法律", "规则"])
})

test.each([
  [new Date(0), "1970-01-01T00:00:00.000Z"],
  ["2026-11-24", "2026-11-24T00:00:00.000Z"],
  ["2026-11-24T02:11", "2026-11-24T02:11:00.000Z"],
  ["2026-11-24 02:11:00", "2026-11-24T02:11:00.000Z"],
  ["2026-11-24T02:11:00Z", "2026-11-24T02:11:00.000Z"],
  ["2026-11-24T03:11:00.5+01:00", "2026-11-24T02:11:00.500Z"],
  ["2026-11-23T21:11:00,123456-0500", "2026-11-24T02:11:00.123456Z"],
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
])("occurredAt %s is stored as %s", (time, stored) => {
  expect(checkOccurredAt(time)).toBe(stored)
})

test.each([
  ["yesterday", TypeError],
  ["", TypeError],
  ["24.11.2026", TypeError],
  [1_700_000_000, TypeError],
  [null, TypeError],
  [{}, TypeError],
  ["2026-02-30", RangeError],
  ["2026-13-01", RangeError],
  ["2026-11-24T24:00:00Z", RangeError],
  ["2026-11-24T02:61:00Z", RangeError],
  ["2026-11-24T02:11:00+25:00", RangeError],
  [new Date(Number.NaN), RangeError],
  [new Date(8.64e15), RangeError],
])("occurredAt %s is refused", (time, type) => {
  expect(() => checkOccurredAt(time)).toThrow(type)
  expect(() => checkOccurredAt(time)).toThrow(/^occurredAt/)
})
