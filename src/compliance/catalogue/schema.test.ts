/** Our reader of JSON Schema against ajv: what is shipped, and what is broken in many places, is judged alike. */
import Ajv2020 from "ajv/dist/2020.js"
import { describe, expect, test } from "vitest"
import schema from "../../../catalogues/catalogue.schema.json" with { type: "json" }
import ccpa from "../../../catalogues/ccpa.json" with { type: "json" }
import aiAct from "../../../catalogues/eu-ai-act.json" with { type: "json" }
import gdpr from "../../../catalogues/gdpr.json" with { type: "json" }
import hipaa from "../../../catalogues/hipaa.json" with { type: "json" }
import profileSchema from "../../../catalogues/profile.schema.json" with { type: "json" }
import { violationsOf } from "./schema.ts"

const ajv = new Ajv2020.default({ strict: false, allowUnionTypes: true })
const accepts = ajv.compile(schema)
const acceptsProfile = ajv.compile(profileSchema)

/** Every place of a value: a function that gives it a copy with the place changed. */
function* broken(value: unknown, wrap: (part: unknown) => unknown = (part) => part): Generator<unknown> {
  for (const other of [null, "", 7, [], {}, "zzz"]) yield wrap(other)
  if (Array.isArray(value)) {
    for (const [n, one] of value.slice(0, 2).entries()) yield* broken(one, (part) => wrap(value.with(n, part)))
  } else if (typeof value === "object" && value !== null) {
    yield wrap({ ...value, unknown_key: 1 })
    for (const [key, one] of Object.entries(value)) {
      const { [key]: _, ...rest } = value as Record<string, unknown>
      yield wrap(rest)
      yield* broken(one, (part) => wrap({ ...value, [key]: part }))
    }
  }
}

describe.each([gdpr, hipaa, ccpa, aiAct])("$id", (catalogue) => {
  test("fits the schema, by ajv and by ours", () => {
    expect(accepts(catalogue), JSON.stringify(accepts.errors)).toBe(true)
    expect(violationsOf(catalogue, schema)).toEqual([])
  })

  // Every control would take minutes and say the same.
  const rows = catalogue.controls.filter((_, n) => n % 5 === 0)
  test.each(rows)("$id, broken in every place: ours and ajv agree", (control) => {
    let refused = 0
    for (const changed of broken(control)) {
      const whole = { ...catalogue, controls: [changed] }
      const isFine = accepts(whole)
      expect(violationsOf(whole, schema).length === 0, JSON.stringify(changed)).toBe(isFine)
      if (!isFine) refused += 1
    }
    expect(refused).toBeGreaterThan(100)
  })
})

test("a profile, broken in every place: ours and ajv agree", () => {
  const profile = {
    v: 1,
    id: "acme",
    roles: ["controller"],
    country: "DE",
    holidays: { add: ["2026-01-01"] },
    systems: [{ id: "s1", max_silence: "P1D", high_risk: true }],
    facts: { a: true, b: ["x"] },
    controls: { exclude: [{ id: "c", reason: "r" }], severity: { c: "low" } },
    claimed_time_tolerance_hours: 2,
  }
  expect(violationsOf(profile, profileSchema)).toEqual([])
  for (const changed of broken(profile))
    expect(violationsOf(changed, profileSchema).length === 0, JSON.stringify(changed)).toBe(acceptsProfile(changed))
})

test("a schema that uses more than ours reads is an error of the schema", () => {
  expect(() => violationsOf({}, { maxProperties: 3 })).toThrow("uses maxProperties")
})
