/**
 * JSON text of what needs no walk, and the markers that are always the same. Pure. Format: value.ts.
 * @module
 */
import { readField } from "./exotic.ts"
import type { KeyRule } from "./redactor.ts"

/** An element that a sparse array does not have. */
export const HOLE_JSON = '{"$secureml":"hole"}'
/** A value whose reading threw. */
export const UNREADABLE_JSON = '{"$secureml":"unreadable"}'
/** An element, or the whole value, that is undefined. */
export const UNDEFINED_JSON = '{"$secureml":"undefined"}'

const NAME_CHARS = 128

/** Whether a rule takes a value: that there is a password is no secret, so null and booleans stay. */
export function hides(rule: KeyRule, value: unknown): boolean {
  if (value === null || typeof value === "boolean") return false
  return !rule.keepsNumbers || (typeof value !== "number" && typeof value !== "bigint")
}

/** A number, tagged when JSON has no spelling for it. */
export function numberJson(value: number): string {
  if (value - value !== 0 || (value === 0 && 1 / value < 0)) {
    return `{"$secureml":"number","value":"${value === 0 ? "-0" : value}"}`
  }
  return `${value}`
}

/** The name of a function, shortened to 128 characters. */
export function functionName(value: object): string {
  const name = readField(value, "name")
  return typeof name === "string" ? name.slice(0, NAME_CHARS) : ""
}
