/**
 * One decorator for both worlds: TC39 (a value and a context) and legacy (a target, a key and a descriptor).
 * @module
 */
import { type AuditableFunction, planFor, type Settings } from "./plan.ts"
import { wrapFunction } from "./wrap-function.ts"

/** The part of a TC39 decorator context that matters here. */
export interface MemberContext<Kind extends string> {
  readonly kind: Kind
  readonly name: string | symbol | undefined
}

/** What `auditFunction(options)` returns. */
export interface AuditDecorator {
  /** As a wrapper, and as a legacy decorator of a class. */
  <F extends AuditableFunction>(fn: F): F
  /** TC39: method, getter, setter, class. */
  <F extends AuditableFunction>(fn: F, context: MemberContext<"method" | "getter" | "setter" | "class">): F
  /** TC39: a field that holds a function. */
  (value: undefined, context: MemberContext<"field">): <F extends AuditableFunction>(initial: F) => F
  /** TC39: an auto-accessor. */
  <This, Value>(
    accessor: ClassAccessorDecoratorTarget<This, Value>,
    context: MemberContext<"accessor">,
  ): ClassAccessorDecoratorResult<This, Value>
  /** Legacy: method, getter, setter. */
  <T>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): TypedPropertyDescriptor<T>
}

/** Makes the decorator; its settings are checked already. */
export function decoratorFor(settings: Settings): AuditDecorator {
  const decorate = (first: unknown, second?: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (isContext(second)) return decorateMember(settings, first, second)
    if (typeof second === "string" || typeof second === "symbol") return decorateLegacy(settings, second, descriptor)
    return wrapped(settings, first, undefined)
  }
  return decorate as AuditDecorator
}

function isContext(value: unknown): value is MemberContext<string> {
  return typeof value === "object" && value !== null && "kind" in value
}

function decorateMember(settings: Settings, value: unknown, context: MemberContext<string>): unknown {
  const name = context.name === undefined ? undefined : memberName(context.name)
  switch (context.kind) {
    case "method":
    case "getter":
    case "setter":
    case "class":
      return wrapped(settings, value, name)
    case "field":
      return (initial: unknown) => wrapped(settings, initial, name)
    case "accessor": {
      const { get, set } = value as ClassAccessorDecoratorTarget<unknown, unknown>
      return { get: wrapped(settings, get, name), set: wrapped(settings, set, name) }
    }
    default:
      throw new TypeError(`auditFunction cannot decorate a ${context.kind}`)
  }
}

function decorateLegacy(
  settings: Settings,
  key: string | symbol,
  descriptor: PropertyDescriptor | undefined,
): PropertyDescriptor {
  const name = memberName(key)
  const { value, get, set } = descriptor ?? {}
  if (get === undefined && set === undefined) return { ...descriptor, value: wrapped(settings, value, name) }
  return {
    ...descriptor,
    ...(get && { get: wrapped(settings, get, name) as () => unknown }),
    ...(set && { set: wrapped(settings, set, name) as (value: unknown) => void }),
  }
}

function wrapped(settings: Settings, value: unknown, name: string | undefined): AuditableFunction {
  if (typeof value === "function") return wrapFunction(value as AuditableFunction, planFor(settings, value, name))
  const what = name === undefined ? "auditFunction()" : `${JSON.stringify(name)} decorated with auditFunction()`
  throw new TypeError(`${what} must hold a function; legacy decorators cannot audit a field, so wrap its value instead`)
}

function memberName(name: string | symbol): string {
  return typeof name === "string" ? name : `[${name.description ?? "symbol"}]`
}
