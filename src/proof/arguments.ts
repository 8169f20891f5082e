/**
 * Checks of what a caller hands in: the wrong kind of value is a TypeError or RangeError that names the field, while
 * a hash of the wrong length is data and has its own code. Pure.
 * @module
 */

import { fromBase64 } from "../bytes.ts"
import { AuditError, type AuditErrorCode } from "../errors.ts"

/** A 32-byte hash, raw or in standard padded base64 (as in a checkpoint). */
export type HashInput = Uint8Array | string

/** @throws TypeError when `value` is not a Uint8Array (a Buffer is one, of whichever realm). */
export function assertBytes(value: unknown, field: string): asserts value is Uint8Array {
  if (value instanceof Uint8Array) return
  // Another realm (a test runner's sandbox, an iframe) has a Uint8Array class of its own.
  if (Object.prototype.toString.call(value) === "[object Uint8Array]") return
  throw new TypeError(`${field} must be a Uint8Array`)
}

/** @throws TypeError when `value` is not a string. */
export function assertString(value: unknown, field: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${field} must be a string`)
}

/** @throws TypeError or RangeError when `value` is not a whole number from 0 to 2^53 - 1. */
export function assertCount(value: unknown, field: string): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`${field} must be a number`)
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${field} must be a whole number, 0 or more`)
}

/** The 32 bytes of a hash. @throws AuditError `code` when it is not exactly 32 bytes, or not canonical base64. */
export function hashBytes(value: HashInput, field: string, code: AuditErrorCode): Uint8Array {
  if (typeof value !== "string") assertBytes(value, field)
  const bytes = typeof value === "string" ? fromBase64(value) : value
  if (bytes?.length !== 32) throw new AuditError(code, `${field} is not a 32-byte hash`)
  return bytes
}

/** True when a string holds no lone surrogate, so that its UTF-8 bytes say exactly the same. */
export function isWellFormedText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

/** The number a plain decimal spells, or undefined for any other spelling and from 2^53 on. */
export function parseDecimal(text: string): number | undefined {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= 0 && String(value) === text ? value : undefined
}
