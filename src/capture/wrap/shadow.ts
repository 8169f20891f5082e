/**
 * Methods shadowed on one object: the object keeps its identity, its class and every other member.
 * @module
 */

/** Objects and functions: whatever can have members. */
export function isContainer(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function"
}

/** A method, its owner given at each call. */
export type Method = (self: unknown, args: readonly unknown[]) => unknown

/** A member that is a function, or undefined. */
export function methodOf(owner: object, name: PropertyKey): Method | undefined {
  const member: unknown = (owner as Record<PropertyKey, unknown>)[name]
  if (typeof member !== "function") return undefined
  return (self, args) => Reflect.apply(member, self, args) as unknown
}

/**
 * Puts a method of the object's own before the one it has; nothing happens when it has none.
 *
 * @param make - Called with each call's own `this`, so that another object that inherits from this one is not mixed up.
 */
export function shadow(
  owner: object,
  name: PropertyKey,
  make: (original: Method, self: unknown, args: readonly unknown[]) => unknown,
): void {
  const original = methodOf(owner, name)
  if (original === undefined) return
  const value = function (this: unknown, ...args: unknown[]): unknown {
    return this === owner ? make(original, this, args) : original(this, args)
  }
  Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable: false })
}
