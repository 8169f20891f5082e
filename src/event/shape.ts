/**
 * What kind of thing a caller gave: questions that never throw. A Proxy that was revoked, or whose traps throw, makes
 * `Array.isArray` and `Object.keys` throw errors that name nothing. Pure.
 * @module
 */

/** Whether a value is an array. A Proxy that cannot be asked is none. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

/** Whether a value is an object and no array. A Proxy that cannot be asked is none. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  try {
    return typeof value === "object" && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/**
 * The keys of an object.
 * @throws TypeError that begins with `what`, when they cannot be listed.
 */
export function keysOf(value: object, what: string): readonly string[] {
  try {
    return Object.keys(value)
  } catch (error) {
    throw new TypeError(`${what} must be an object whose keys can be listed`, { cause: error })
  }
}

const PLAIN_NAME = /^(?!.*[A-Z]{13})[A-Za-z_$]{1,40}\d{0,2}$/

/** A name that a caller gave, for a message: in quotation marks, or not at all when it may be content. */
export function nameInMessage(name: string): string {
  return PLAIN_NAME.test(name) ? JSON.stringify(name) : "(its name is not shown)"
}
