/**
 * The wrapped function: a Proxy, so that everything but calling it is the function itself.
 * @module
 */
import { auditedCall, auditedConstruction } from "./audited-call.ts"
import type { AuditableFunction, Plan } from "./plan.ts"

/** Wraps a function or class. */
export function wrapFunction<F extends AuditableFunction>(fn: F, plan: Plan): F {
  const wrapped: F = new Proxy(fn, {
    apply: (target, self: unknown, args: unknown[]) =>
      auditedCall(plan, self, args, () => Reflect.apply(target as CallableFunction, self, args)),
    construct: (target, args: unknown[], newTarget) => {
      // A class that compares new.target with itself must not meet the wrapper.
      const made = newTarget === wrapped ? target : newTarget
      return auditedConstruction(plan, args, () => Reflect.construct(target as CallableFunction, args, made) as object)
    },
  })
  copyMetadata(fn, wrapped)
  return wrapped
}

/** What `reflect-metadata` adds to Reflect. */
interface MetadataReflect {
  readonly getOwnMetadataKeys?: (target: object) => readonly unknown[]
  readonly getOwnMetadata?: (key: unknown, target: object) => unknown
  readonly defineMetadata?: (key: unknown, value: unknown, target: object) => void
}

/** Frameworks with legacy decorators find their metadata by the function's identity, which is another one now. */
function copyMetadata(from: object, to: object): void {
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as MetadataReflect
  if (getOwnMetadataKeys === undefined || getOwnMetadata === undefined || defineMetadata === undefined) return
  for (const key of getOwnMetadataKeys(from)) defineMetadata(key, getOwnMetadata(key, from), to)
}
