/**
 * Checks of single fields that callers give, and the guess behind "did you mean". Pure.
 * @module
 */
import { readField } from "./exotic.ts"
import { isPersonal } from "./personal.ts"
import { isArray, keysOf, nameInMessage } from "./shape.ts"

/** Throws TypeError or RangeError naming `field`, what it may be, and the way out. */
export type FieldCheck = (value: unknown, field: string) => void

/** A named argument of a method and the key under `details` that it becomes. */
export interface Field {
  readonly argument: string
  readonly key: string
  readonly check: FieldCheck
  /** Omitted, undefined or null: absent from the details. */
  readonly optional: boolean
}

const MAX_SUGGESTED_CHARS = 64

/** A non-empty string. */
export function text(value: unknown, field: string): void {
  if (typeof value !== "string") throw new TypeError(`${field} must be a non-empty string; ${given(value)}`)
  if (value.trim() === "") throw new RangeError(`${field} must not be empty: name it, so that the event can be found`)
}

/** A whole number from 0 on. */
export function count(value: unknown, field: string): void {
  if (typeof value !== "number") throw new TypeError(`${field} must be a number; ${given(value)}`)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${field} must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}; give 0 when none apply`)
  }
}

/** An array of strings; it may be empty. */
export function names(value: unknown, field: string): void {
  if (!isArray(value)) {
    throw new TypeError(`${field} must be an array of strings, such as ["age"]; ${given(value)}`)
  }
  for (let i = 0; i < value.length; i++) {
    const name = readField(value, i)
    if (typeof name !== "string") throw new TypeError(`${field}[${i}] must be a string; ${given(name)}`)
  }
}

/** A number from 0 to 1. */
export function probability(value: unknown, field: string): void {
  if (typeof value !== "number") throw new TypeError(`${field} must be a number from 0 to 1; ${given(value)}`)
  if (!(value >= 0 && value <= 1)) {
    throw new RangeError(`${field} must be from 0 to 1: divide a percentage by 100, leave out what is not known`)
  }
}

/** A boolean, or a non-empty string such as "pass". */
export function verdict(value: unknown, field: string): void {
  if (typeof value === "boolean") return
  if (typeof value !== "string") {
    throw new TypeError(`${field} must be true, false, or a string such as "pass"; ${given(value)}`)
  }
  text(value, field)
}

/** Anything but undefined. */
export function anything(value: unknown, field: string): void {
  if (value === undefined) throw new TypeError(`${field} is missing: give any value, null when there is none`)
}

/** An object of any kind: keys are looked for in it later. */
export function structure(value: unknown, field: string): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`${field} must be an object; ${given(value)}`)
  }
}

// The type alone: messages never carry content.
function given(value: unknown): string {
  return value === undefined || value === null ? "it is missing" : `it is a ${typeof value}`
}

/**
 * @throws TypeError for a key that is none of the arguments, suggesting the nearest one.
 */
export function checkNoUnknownKeys(args: object, fields: readonly Field[], method: string): void {
  for (const key of keysOf(args, `${method}: its first argument`)) {
    if (fields.some((field) => field.argument === key)) continue
    const hint = nearest(key, fields)
    const known = fields.map((field) => field.argument).join(", ")
    throw new TypeError(
      `${method} has no argument ${nameInMessage(key)}` +
        (hint === undefined ? `; it has ${known}; other facts go into options.evidence` : `; did you mean ${hint}?`),
    )
  }
}

function nearest(key: string, fields: readonly Field[]): string | undefined {
  const folded = fold(key)
  const same = fields.find((field) => fold(field.argument) === folded)
  if (same !== undefined) return same.argument
  if (key.length > MAX_SUGGESTED_CHARS) return undefined
  const near = fields
    .map(({ argument }) => ({ argument, edits: editDistance(folded, fold(argument)) }))
    .sort((a, b) => a.edits - b.edits)[0]
  return near !== undefined && near.edits <= Math.max(2, Math.floor(key.length / 3)) ? near.argument : undefined
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "")
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

/**
 * Reads each argument once, checks it and puts it under its key, in the order of the fields.
 *
 * @throws TypeError or RangeError naming the argument.
 */
export function detailsFrom(args: object, fields: readonly Field[]): Record<string, unknown> {
  const details: Record<string, unknown> = {}
  for (const { argument, key, check, optional } of fields) {
    const value = readField(args, argument)
    if (optional && (value === undefined || value === null)) continue
    check(isPersonal(value) ? value.reveal() : value, argument)
    details[key] = value
  }
  return details
}
