import { expect, test } from "vitest"
import type { AuditEntry } from "../event/index.ts"
import { Bindings } from "./binding.ts"
import { parsePolicy } from "./policy.ts"

const entry = { event_id: "e", event_type: "claim", timestamp: "2024-01-31T10:00:00.000Z" } as AuditEntry
const NOW = Date.parse("2024-06-01T00:00:00Z")

function bindingOf(...classes: readonly object[]) {
  const whole = classes.map((one, n) => ({
    id: `c${n}`,
    event_types: ["claim"],
    minimum: null,
    maximum: null,
    source: { provision: `Act ${n}` },
    ...one,
  }))
  return new Bindings(parsePolicy({ v: 1, id: "p", extends: null, classes: whole }), [], NOW).of(entry)
}

test("of several periods the last one counts, to the end of its day", () => {
  expect(bindingOf({ minimum: "P1Y" }, { minimum: "P6Y" }, { minimum: "P1M" })).toEqual({
    until: "2030-02-01T00:00:00.000Z",
    holds: [],
    classes: [],
    // The one that is over binds no more.
    sources: ["P1Y, Act 0 [c0]", "P6Y, Act 1 [c1]"],
  })
})

test("a period runs from the day that is declared, where that is later", () => {
  const until = (from: string) => bindingOf({ minimum: "P1Y", runs_from: "declared", from })?.until
  expect(until("2025-03-01")).toBe("2026-03-01T00:00:00.000Z")
  expect(until("2020-01-01")).toBe("2025-02-01T00:00:00.000Z")
})

test("nobody can say when a period is over that has no declared beginning", () => {
  expect(bindingOf({ minimum: "P1Y", runs_from: "declared" }, { minimum: "P6Y" })).toMatchObject({
    until: null,
    classes: ["c0"],
  })
})

test("a time that cannot be read is never over", () => {
  const policy = parsePolicy({
    v: 1,
    id: "p",
    extends: null,
    classes: [{ id: "c", event_types: ["claim"], minimum: "P1D", maximum: null, source: { provision: "Act" } }],
  })
  expect(new Bindings(policy, [], NOW).of({ ...entry, timestamp: "soon" })).toMatchObject({ until: null })
})
