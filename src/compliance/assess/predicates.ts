/**
 * The predicates of catalogues, each made ready once and then asked of every item.
 * @module
 */
import type { Condition, DeclaredList, TestOf, TestSpec } from "../catalogue/types.ts"
import { allHold, declaredValue, isAmong, textsOf, type Unknown } from "./condition.ts"
import { evaluatorTest } from "./evaluators.ts"
import { noGapTest } from "./gaps.ts"
import { type Item, type Seen, WITHHELD } from "./item.ts"
import { distinctTest, joinedTest, noneJoinedTest, personJoinedTest } from "./joined.ts"
import { bestOf, type TestResult } from "./outcome.ts"
import { notKeptBeyondTest, notPrunedBeforeTest } from "./retained.ts"
import type { TestContext } from "./scope.ts"
import { withinTest } from "./within.ts"

/** A test made ready; undefined where it has nothing to say of an item. */
export type Test = (item: Item) => TestResult | undefined

/** Makes one ready. `list`: what the items are, where the profile declares them. */
export function testOf(spec: TestSpec, context: TestContext, list: DeclaredList | undefined): Test {
  const test = bareTest(spec, context, list)
  const when = spec.when
  return when === undefined ? test : (item) => conditional(when, test, item, context)
}

function conditional(
  when: readonly Condition[],
  test: Test,
  item: Item,
  { scope }: TestContext,
): TestResult | undefined {
  const truth = allHold(when, item, scope.profile)
  if (truth === true) return test(item)
  return truth === false ? undefined : untold(truth)
}

/** What follows where a condition cannot be told. */
export function untold({ lacks, because }: Unknown): TestResult {
  return { outcome: lacks === "evidence" ? "not_evidenced" : "needs_review", reason: because }
}

function bareTest(spec: TestSpec, context: TestContext, list: DeclaredList | undefined): Test {
  switch (spec.is) {
    case "present":
      return (item) => present(spec, item)
    case "in":
      return (item) => inValues(spec, item, context)
    case "contains":
      return (item) => contains(spec, item)
    case "subset_of":
      return (item) => subsetOf(spec, item, context)
    case "order":
      return (item) => inOrder(spec, item)
    case "within":
      return withinTest(spec, context)
    case "joined":
      return joinedTest(spec, context)
    case "none_joined":
      return noneJoinedTest(spec, context)
    case "distinct":
      return distinctTest(spec, context)
    case "no_gap":
      return noGapTest(spec, context, list)
    case "not_pruned_before":
      return notPrunedBeforeTest(spec, context)
    case "not_kept_beyond":
      return notKeptBeyondTest(spec, context)
    case "verifies":
      return () => verifies(context)
    case "person_joined":
      return personJoinedTest(spec, context)
    case "evaluator":
      return evaluatorTest(spec, context)
    case "any":
      return anyOf(spec, context, list)
  }
}

function anyOf({ tests }: TestOf<"any">, context: TestContext, list: DeclaredList | undefined): Test {
  const ready = tests.map((one) => testOf(one, context, list))
  return (item) => bestOf(ready.map((test) => test(item)).filter((result) => result !== undefined))
}

function present({ fields, missing = "not_evidenced" }: TestOf<"present">, item: Item): TestResult {
  // A withheld value is one: that it is there is all that is asked.
  const lacking = fields.filter((field) => !field.split("|").some((one) => item.get(one) !== undefined))
  if (lacking.length === 0) return { outcome: "pass", reason: `${fields.join(", ")} recorded` }
  const are = lacking.length === 1 ? "is" : "are"
  return {
    outcome: missing,
    reason: `${lacking.map((field) => field.replaceAll("|", " or ")).join(", ")} ${are} missing`,
  }
}

function inValues({ field, values, not, facts }: TestOf<"in">, item: Item, { scope }: TestContext): TestResult {
  const value = readable(field, item.get(field))
  if ("outcome" in value) return value
  const further = facts === undefined ? undefined : scope.profile.facts?.[facts]
  const all = further === undefined ? values : [...values, ...textsOf(further)]
  const text = JSON.stringify(value.value)
  if (isAmong(value.value, all) !== (not === true)) return { outcome: "pass", reason: `${field} is ${text}` }
  return {
    outcome: "fail",
    reason: `${field} is ${text}, ${not === true ? "which it may not be" : `none of ${all.join(", ")}`}`,
  }
}

function contains({ field, values }: TestOf<"contains">, item: Item): TestResult {
  const value = readable(field, item.get(field))
  if ("outcome" in value) return value
  const lacking = values.filter((one) => !textsOf(value.value).includes(one))
  if (lacking.length === 0) return { outcome: "pass", reason: `${field} has all ${values.length}` }
  return { outcome: "fail", reason: `${field} lacks ${lacking.join(", ")}` }
}

function subsetOf({ field, of }: TestOf<"subset_of">, item: Item, { scope }: TestContext): TestResult {
  const value = readable(field, item.get(field))
  if ("outcome" in value) return value
  const allowed = declaredValue(of, item, scope.profile)
  if (allowed === undefined || allowed === WITHHELD) {
    const keys = Object.values(of.match).map((mine) => `${mine} ${JSON.stringify(plain(item.get(mine)))}`)
    return {
      outcome: "not_evidenced",
      reason: `the profile's ${of.list} declare no ${of.field} for ${keys.join(" and ")}`,
    }
  }
  const outside = textsOf(value.value).filter((one) => !textsOf(allowed).includes(one))
  if (outside.length === 0) return { outcome: "pass", reason: `${field} is within what the profile declares` }
  return { outcome: "fail", reason: `${field} has ${outside.join(", ")}, outside what the profile declares` }
}

function inOrder({ first, then }: TestOf<"order">, item: Item): TestResult {
  const [earlier, later] = [item.get(first), item.get(then)].map((one) =>
    typeof one === "string" ? Date.parse(one) : Number.NaN,
  )
  if (Number.isNaN(earlier) || Number.isNaN(later))
    return { outcome: "not_evidenced", reason: `${first} or ${then} is no time` }
  if (earlier! <= later!) return { outcome: "pass", reason: `${first} is not after ${then}` }
  return { outcome: "fail", reason: `${first} is after ${then}` }
}

/** Findings that say that something is wrong, as opposed to something that could not be checked. */
const WRONG = ["corrupt", "rewritten", "wrong_key", "truncated", "payload_damaged", "gap"]

function verifies({ scope }: TestContext): TestResult {
  const { verdict, treeSize } = scope.integrity
  const reason = `verification found the log ${verdict}`
  if (["intact", "unsealed_tail"].includes(verdict))
    return { outcome: "pass", reason: `${reason}, ${treeSize} entries` }
  return { outcome: WRONG.includes(verdict) ? "fail" : "not_evidenced", reason }
}

function readable(
  field: string,
  value: Seen,
): { readonly value: Exclude<Seen, typeof WITHHELD | undefined> } | TestResult {
  if (value === undefined) return { outcome: "not_evidenced", reason: `${field} is missing` }
  if (value === WITHHELD) return { outcome: "not_evidenced", reason: `${field} is not in the log in clear` }
  return { value }
}

function plain(value: Seen): unknown {
  return value === WITHHELD ? "withheld" : value
}
