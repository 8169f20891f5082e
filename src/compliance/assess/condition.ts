/**
 * Conditions: whether something holds of an item, does not, or cannot be told. Pure.
 * @module
 */
import { isRecord, type JsonObject, type JsonValue } from "../../event/index.ts"
import type { Comparison, Condition, DeclaredRef, Scalar } from "../catalogue/types.ts"
import { declaredIn, type Profile } from "../profile.ts"
import { type Item, type Seen, WITHHELD } from "./item.ts"

/** Why something cannot be told: the log lacks it, or the profile does. */
export interface Unknown {
  readonly lacks: "evidence" | "declaration"
  readonly because: string
}

/** Holds, does not, or cannot be told. */
export type Truth = boolean | Unknown

/** Holds where all hold; one that does not settles it, whatever is unknown. */
export function allHold(conditions: readonly Condition[], item: Item, profile: Profile): Truth {
  let whole: Truth = true
  for (const condition of conditions) {
    const truth = holds(condition, item, profile)
    if (truth === false) return false
    if (whole === true) whole = truth
  }
  return whole
}

/** Whether one condition holds of an item. */
export function holds(condition: Condition, item: Item, profile: Profile): Truth {
  if ("any" in condition) {
    const truths = condition.any.map((one) => holds(one, item, profile))
    if (truths.includes(true)) return true
    return truths.find((truth) => truth !== false) ?? false
  }
  if ("fact" in condition) {
    const fact = profile.facts?.[condition.fact]
    return fact === undefined
      ? { lacks: "declaration", because: `the fact ${condition.fact} is not declared` }
      : compares(fact, condition)
  }
  const isField = "field" in condition
  const seen = isField ? item.get(condition.field) : declaredValue(condition.declared, item, profile)
  if (condition.present !== undefined) return (seen !== undefined) === condition.present
  if (seen !== undefined && seen !== WITHHELD) return compares(seen, condition)
  const missing = condition.missing ?? "unknown"
  if (seen === undefined && missing !== "unknown") return missing === "yes"
  const name = isField ? condition.field : `${condition.declared.field} in the profile's ${condition.declared.list}`
  return { lacks: "evidence", because: `${name} is ${seen === WITHHELD ? "not in the log in clear" : "missing"}` }
}

/** The field of the entry of a declared list that matches an item; undefined where none does or it lacks the field. */
export function declaredValue({ list, match, field }: DeclaredRef, item: Item, profile: Profile): Seen {
  const entry = declaredIn(profile, list)?.find((one) =>
    Object.entries(match).every(([theirs, mine]) => {
      const value = item.get(mine)
      return value !== undefined && value !== WITHHELD && one[theirs] === value
    }),
  )
  return entry?.[field] ?? undefined
}

/** Whether a text, or any element of a list, is one of some values. */
export function isAmong(value: JsonValue, values: readonly Scalar[]): boolean {
  return Array.isArray(value)
    ? value.some((one) => values.some((wanted) => isSame(one, wanted)))
    : values.some((wanted) => isSame(value, wanted))
}

/** Texts of a value: itself, or its elements. */
export function textsOf(value: JsonValue): readonly string[] {
  if (typeof value === "string") return [value]
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : []
}

function isSame(value: JsonValue, wanted: Scalar): boolean {
  if (typeof wanted === "string" && wanted.endsWith("*"))
    return typeof value === "string" && value.startsWith(wanted.slice(0, -1))
  return value === wanted
}

function compares(value: JsonValue, wanted: Comparison): Truth {
  if (wanted.in !== undefined && !isAmong(value, wanted.in)) return false
  if (wanted.not_in !== undefined && isAmong(value, wanted.not_in)) return false
  if (wanted.overlaps !== undefined && !wanted.overlaps.some((one) => textsOf(value).includes(one))) return false
  if (wanted.contains_all !== undefined && !wanted.contains_all.every((one) => textsOf(value).includes(one)))
    return false
  if (wanted.any_over !== undefined && !overIn(value, wanted.any_over)) return false
  if (wanted.at_least === undefined && wanted.below === undefined) return true
  if (typeof value !== "number") return { lacks: "evidence", because: "a number is expected" }
  return value >= (wanted.at_least ?? value) && value < (wanted.below ?? Number.POSITIVE_INFINITY)
}

/** Names in an object of numbers whose number is above a limit. */
export function namesOver(value: JsonValue, limit: number): readonly string[] {
  if (!isRecord(value) || Array.isArray(value)) return []
  return Object.entries(value as JsonObject)
    .filter(([, count]) => typeof count === "number" && count > limit)
    .map(([name]) => name)
}

function overIn(value: JsonValue, limit: number): boolean {
  return namesOver(value, limit).length > 0
}
