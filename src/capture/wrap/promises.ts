/**
 * Promises and thenables, watched without waiting for them.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { types } from "node:util"
import { runIn } from "../current.ts"
import type { Call } from "./call.ts"
import { shadow } from "./shadow.ts"

/** Receives what a promise was fulfilled with. */
export type WatchValue = (call: Call, value: unknown) => void

const { setImmediate: soon } = globalThis

/** Watches a promise; returns the one for the caller. */
export function watchPromise(call: Call, promise: Promise<unknown>, watchValue: WatchValue): Promise<unknown> {
  if (isPlain(promise)) return alike(call, promise, watchValue)
  const decidesItself = hasOwnThen(promise)
  const heard = watchThenable(call, promise, watchValue)
  if (decidesItself) return promise
  // A subclass that runs at once, whether it is awaited or not.
  Promise.prototype.then.call(
    promise,
    (value) => watchValue(call, value),
    (error: unknown) => {
      call.failed(error)
      // Somebody may begin to listen in the same turn. Else it is unhandled, as it would be without us.
      soon(() => {
        if (!heard()) void Promise.reject(error)
      })
    },
  )
  return promise
}

/** Of no subclass, of whatever realm. `await` uses such a promise without calling its `then`. */
function isPlain(promise: Promise<unknown>): boolean {
  if (Object.hasOwn(promise, "then") || Object.hasOwn(promise, "constructor")) return false
  const proto: object | null = Object.getPrototypeOf(promise)
  const base: object | null = proto === null ? null : Object.getPrototypeOf(proto)
  return base !== null && Object.getPrototypeOf(base) === null
}

function alike(call: Call, promise: Promise<unknown>, watchValue: WatchValue): Promise<unknown> {
  const derived = promise.then(
    (value) => {
      watchValue(call, value)
      return value
    },
    (error: unknown) => {
      call.failed(error)
      throw error
    },
  )
  // For `promise.cancel` and the like.
  return Object.defineProperties(derived, Object.getOwnPropertyDescriptors(promise))
}

/** A `then` of the object's own kind decides when it runs: on demand, like a query, so that nobody else may call it. */
function hasOwnThen(promise: Promise<unknown>): boolean {
  for (let owner: object | null = promise; owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (!Object.hasOwn(owner, "then")) continue
    const base: object | null = Object.getPrototypeOf(owner)
    return base === null || Object.getPrototypeOf(base) !== null
  }
  return true
}

/**
 * Watches what its consumer does with a thenable. It runs when the consumer awaits it, as often as the consumer does;
 * its first outcome is recorded. Returns whether anybody listened so far.
 */
export function watchThenable(call: Call, thenable: object, watchValue: WatchValue): () => boolean {
  if (!Object.isExtensible(thenable)) {
    call.returned(thenable)
    return () => true
  }
  let heard = false
  shadow(thenable, "then", (original, self, [onFulfilled, onRejected, ...rest]) => {
    heard = true
    if (call.ended) return original(self, [onFulfilled, onRejected, ...rest])
    const outside = AsyncLocalStorage.snapshot()
    const fulfilled = (value: unknown): unknown => {
      outside(watchValue, call, value)
      return typeof onFulfilled === "function" ? outside(onFulfilled as (value: unknown) => unknown, value) : value
    }
    const rejected = (error: unknown): unknown => {
      outside(() => call.failed(error))
      if (typeof onRejected === "function") return outside(onRejected as (error: unknown) => unknown, error)
      throw error
    }
    return runIn(call.trail, () => original(self, [fulfilled, rejected, ...rest]))
  })
  if (!types.isPromise(thenable)) watchShortcuts(call, thenable, watchValue)
  return () => heard
}

/** `catch` and `finally` may run the thing without calling its `then`, as Prisma's do. */
function watchShortcuts(call: Call, thenable: object, watchValue: WatchValue): void {
  const seen = (outcome: unknown): unknown => (types.isPromise(outcome) ? alike(call, outcome, watchValue) : outcome)
  shadow(thenable, "catch", (original, self, args) => {
    if (call.ended) return original(self, args)
    const outside = AsyncLocalStorage.snapshot()
    const handler = args.at(-1)
    const rejected = (error: unknown): unknown => {
      outside(() => call.failed(error))
      return outside(handler as (error: unknown) => unknown, error)
    }
    const handlers = typeof handler === "function" ? [...args.slice(0, -1), rejected] : args
    return seen(runIn(call.trail, () => original(self, handlers)))
  })
  shadow(thenable, "finally", (original, self, args) => {
    if (call.ended) return original(self, args)
    const outside = AsyncLocalStorage.snapshot()
    const handlers = args.map((handler) =>
      typeof handler === "function" ? () => outside(handler as () => unknown) : handler,
    )
    return seen(runIn(call.trail, () => original(self, handlers)))
  })
}
