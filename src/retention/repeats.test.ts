import { expect, test } from "vitest"
import type { AuditEntry } from "../event/index.ts"
import { repeatsValueOf } from "./repeats.ts"

const entry = {
  event_type: "data_access",
  operation_name: "loans",
  regulations: ["EU AI Act"],
  context: { branch: "Springfield" },
  actor: { id: "jane@example.org" },
  details: {
    purpose: "loan of Homer Simpson, SSN 078-05-1120",
    account: 1234567,
    marker: { $secureml: "personal", commitment: "c0ffee" },
    regulation: "EU AI Act",
    short: "abcde",
  },
} as unknown as AuditEntry

test.each([
  "SSN 078-05-1120",
  "078 05 1120 was there",
  "number 078051120",
  "part 05-1120 of it: 05 11 20",
  "account 1234567",
  "of jane@example.org",
  "in SPRINGFIELD",
  "loan of Homer Simpson, SSN 078-05-1120",
])("%s repeats what the entry says", (reason) => expect(repeatsValueOf(entry, reason)).toBe(true))

test.each([
  "a number in purpose, ticket 4711",
  "personal data by mistake",
  "as the EU AI Act asks",
  "abcde",
  "ordered on 2026-11-24",
])("%s does not", (reason) => expect(repeatsValueOf(entry, reason)).toBe(false))

test("what it cannot recognise: a name inside a sentence", () => {
  expect(repeatsValueOf(entry, "Homer Simpson")).toBe(false)
})
