/**
 * Catalogues: those that come with the package, and those of users. Parsed strictly; pure.
 * @module
 */
import catalogueSchema from "../../../catalogues/catalogue.schema.json" with { type: "json" }
import ccpa from "../../../catalogues/ccpa.json" with { type: "json" }
import aiAct from "../../../catalogues/eu-ai-act.json" with { type: "json" }
import gdpr from "../../../catalogues/gdpr.json" with { type: "json" }
import hipaa from "../../../catalogues/hipaa.json" with { type: "json" }
import { AuditError } from "../../errors.ts"
import { canonicalRegulation, isRecord } from "../../event/index.ts"
import { EVALUATORS } from "../evaluator-names.ts"
import { violationsOf } from "./schema.ts"
import type { Catalogue, Control, TestSpec } from "./types.ts"

const BUILT_IN: readonly unknown[] = [gdpr, hipaa, ccpa, aiAct]

/** The catalogues that come with the package. */
export function builtInCatalogues(): readonly Catalogue[] {
  return BUILT_IN.map(parseCatalogue)
}

/**
 * Checks a catalogue of one's own.
 *
 * @throws {@link AuditError} `CATALOGUE_MALFORMED` naming the place.
 * @example
 * ```ts
 * parseCatalogue(JSON.parse(text)).controls.length // 3
 * ```
 */
export function parseCatalogue(value: unknown): Catalogue {
  const [first] = violationsOf(value, catalogueSchema)
  if (first !== undefined) throw malformed(first.path, first.says)
  const catalogue = value as Catalogue
  const ids = new Set<string>()
  for (const [n, control] of catalogue.controls.entries()) {
    const place = `controls[${n}]`
    if (ids.has(control.id)) throw malformed(`${place}.id`, `${JSON.stringify(control.id)} is there twice`)
    ids.add(control.id)
    checkControl(control, place)
  }
  return catalogue
}

/** What a schema cannot say: names that must exist, dates that must be dates. */
function checkControl(control: Control, place: string): void {
  checkConditions(control, place)
  const clocks = new Set(control.clocks.map(({ id }) => id))
  if (clocks.size < control.clocks.length) throw malformed(`${place}.clocks`, "have one id twice")
  for (const [n, { tests }] of control.checks.entries()) {
    for (const [m, test] of tests.entries()) checkTest(test, clocks, `${place}.checks[${n}].tests[${m}]`)
  }
  for (const [n, { from }] of control.applies_from.entries()) {
    const time = Date.parse(`${from}T00:00:00Z`)
    if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(from))
      throw malformed(`${place}.applies_from[${n}].from`, "is no date")
  }
  const isChecked = ["text_read", "mirror"].includes(control.text_check.level)
  if (isChecked && control.text_check.version === null)
    throw malformed(`${place}.text_check.version`, "must name the version whose text was read")
}

const OPERATORS = ["in", "not_in", "overlaps", "contains_all", "present", "at_least", "below", "any_over"]

/** Conditions stand in lists of these names; one that compares with nothing would hold of everything. */
function checkConditions(value: unknown, place: string): void {
  if (Array.isArray(value)) for (const [n, one] of value.entries()) checkConditions(one, `${place}[${n}]`)
  if (!isRecord(value) || Array.isArray(value)) return
  for (const [key, one] of Object.entries(value)) {
    checkConditions(one, `${place}.${key}`)
    if (!["where", "when", "any", "applies_when"].includes(key)) continue
    for (const [n, condition] of [one].flat().entries()) {
      if (!isRecord(condition) || "any" in condition || OPERATORS.some((name) => name in condition)) continue
      throw malformed(Array.isArray(one) ? `${place}.${key}[${n}]` : `${place}.${key}`, "compares with nothing")
    }
  }
}

function checkTest(test: TestSpec, clocks: ReadonlySet<string>, place: string): void {
  if (test.is === "within" && !clocks.has(test.clock))
    throw malformed(`${place}.clock`, `${JSON.stringify(test.clock)} is none of the control's clocks`)
  if (test.is === "evaluator" && !EVALUATORS.some((name) => name === test.name))
    throw malformed(`${place}.name`, `must be one of ${EVALUATORS.join(", ")}`)
  if (test.is === "any") for (const [n, one] of test.tests.entries()) checkTest(one, clocks, `${place}.tests[${n}]`)
}

/**
 * The catalogues of some regulations, users' own first: one of theirs for a regulation takes the place of ours.
 *
 * @throws {@link AuditError} `CATALOGUE_MALFORMED`: there is none for a regulation.
 */
export function cataloguesFor(regulations: readonly string[], own: readonly Catalogue[]): readonly Catalogue[] {
  return regulations.map((name) => {
    const found = [...own, ...builtInCatalogues()].find(({ regulation }) => isSame(regulation, name))
    if (found !== undefined) return found
    const known = [...own, ...builtInCatalogues()].map(({ regulation }) => regulation)
    throw malformed("", `is missing for ${JSON.stringify(name)}; there are ${known.join(", ")}: give one of your own`)
  })
}

/** "CCPA" and "CPRA" are one catalogue. */
function isSame(regulation: string, name: string): boolean {
  const wanted = canonicalRegulation(name) ?? name
  return regulation === wanted || (regulation === "CCPA/CPRA" && ["CCPA", "CPRA"].includes(wanted))
}

function malformed(path: string, says: string): AuditError {
  return new AuditError(
    "CATALOGUE_MALFORMED",
    `the catalogue cannot be used: ${path || "it"} ${says}; nothing was assessed`,
  )
}
