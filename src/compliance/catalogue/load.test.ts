import { describe, expect, test } from "vitest"
import { builtInCatalogues, cataloguesFor, parseCatalogue } from "./load.ts"
import type { Catalogue, Control } from "./types.ts"

const [gdpr] = builtInCatalogues() as readonly [Catalogue]
const control = gdpr.controls.find(({ id }) => id === "gdpr-12-3-respond")!

function withControl(change: object): unknown {
  return { ...gdpr, controls: [{ ...control, ...change }] }
}

describe("what is refused, with its place", () => {
  const [check] = control.checks
  const within = { is: "within", clock: "nobody" }
  for (const [name, value, says] of [
    ["no object", 7, "it must be of type object"],
    ["another version", { ...gdpr, v: 2 }, "v must be 1"],
    ["an unknown key", { ...gdpr, more: 1 }, 'it has an unknown key "more"'],
    ["an unknown key of a control", withControl({ more: 1 }), 'controls[0] has an unknown key "more"'],
    [
      "an unknown severity",
      withControl({ severity: "awful" }),
      'controls[0].severity must be one of "critical", "high"',
    ],
    ["no checks", withControl({ checks: [] }), "controls[0].checks must have 1 or more"],
    [
      "an unknown predicate",
      withControl({ checks: [{ ...check, tests: [{ is: "eval", code: "1" }] }] }),
      "controls[0].checks[0].tests[0] has none of the forms that are allowed here",
    ],
    [
      "a predicate without what it needs",
      withControl({ checks: [{ ...check, tests: [{ is: "present" }] }] }),
      'controls[0].checks[0].tests[0] has no "fields"',
    ],
    [
      "a clock that is none",
      withControl({ checks: [{ ...check, tests: [within] }] }),
      'controls[0].checks[0].tests[0].clock "nobody" is none of the control\'s clocks',
    ],
    [
      "a clock that is none, inside another test",
      withControl({ checks: [{ ...check, tests: [{ is: "any", tests: [within, within] }] }] }),
      "controls[0].checks[0].tests[0].tests[0].clock",
    ],
    [
      "an evaluator that is none",
      withControl({ checks: [{ ...check, tests: [{ is: "evaluator", name: "guess" }] }] }),
      "controls[0].checks[0].tests[0].name must be one of clear_identifiers",
    ],
    ["one id twice", { ...gdpr, controls: [control, control] }, 'controls[1].id "gdpr-12-3-respond" is there twice'],
    [
      "a date that is none",
      withControl({ applies_from: [{ when: null, from: "2026-02-30", certainty: "settled" }] }),
      "controls[0].applies_from[0].from is no date",
    ],
    [
      "a text that was read in no version",
      withControl({ text_check: { ...control.text_check, version: null } }),
      "controls[0].text_check.version must name the version",
    ],
    [
      "a condition that compares with nothing",
      withControl({
        checks: [{ items: { each: "event", types: ["a"], where: [{ field: "x" }] }, tests: check!.tests }],
      }),
      "controls[0].checks[0].items.where[0] compares with nothing",
    ],
  ] as const) {
    test(name, () => {
      expect(() => parseCatalogue(value)).toThrow(
        expect.objectContaining({ code: "CATALOGUE_MALFORMED", message: expect.stringContaining(says) }),
      )
    })
  }
})

describe("catalogues for regulations", () => {
  test.each([
    ["gdpr", "GDPR"],
    ["hipaa", "HIPAA"],
    ["CCPA", "CCPA/CPRA"],
    ["cpra", "CCPA/CPRA"],
    ["ccpa/cpra", "CCPA/CPRA"],
    ["eu-ai-act", "EU AI Act"],
  ])("%s is %s", (name, regulation) => {
    expect(cataloguesFor([name], []).map((one) => one.regulation)).toEqual([regulation])
  })

  test("one of your own takes the place of ours", () => {
    const own = { ...gdpr, id: "acme/gdpr" }
    expect(cataloguesFor(["GDPR", "HIPAA"], [own]).map(({ id }) => id)).toEqual(["acme/gdpr", "secureml/hipaa"])
  })

  test("one that nobody has is said, with those that there are", () => {
    expect(() => cataloguesFor(["Mars Law"], [])).toThrow(
      'the catalogue cannot be used: it is missing for "Mars Law"; there are GDPR, HIPAA, CCPA/CPRA, EU AI Act',
    )
  })
})

describe("the built-in catalogues", () => {
  const rows: readonly Control[] = builtInCatalogues().flatMap(({ controls }) => controls)

  test("have 83 controls, each with a provision, a source and what was read of it", () => {
    expect(rows).toHaveLength(83)
    for (const { id, source_url, text_check } of rows) {
      expect(URL.canParse(source_url), id).toBe(true)
      expect(text_check.detail, id).not.toBe("")
    }
  })

  test("name the version that was read and where it is, or that no copy of it is known", () => {
    const readIn = rows.filter(({ text_check }) => text_check.level === "text_read")
    expect(readIn.length).toBeGreaterThan(40)
    for (const { id, text_check } of readIn) {
      expect(text_check.version, id).toMatch(/as published, OJ L/)
      expect(URL.canParse(text_check.url ?? ""), id).toBe(true)
    }
  })

  test("never say that anybody complies", () => {
    expect(JSON.stringify(rows.map(({ title, duty }) => [title, duty]))).not.toMatch(/\bcompliant\b/i)
  })
})
