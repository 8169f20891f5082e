/**
 * Generators and async iterables, watched through the methods that a consumer calls. The code behind them runs with
 * the call's trail as the current one; the rest of the context stays the consumer's, as without the wrapper.
 * @module
 */
import { types } from "node:util"
import type { Branch } from "./flow.ts"
import { isContainer, type Method, methodOf, shadow } from "./shadow.ts"

/** Generators, and iterators that can be left early, as those compiled from generators are. Arrays and maps are none. */
export function isGenerator(value: object): boolean {
  if (methodOf(value, "next") === undefined || methodOf(value, "return") === undefined) return false
  return methodOf(value, Symbol.iterator) !== undefined || methodOf(value, Symbol.asyncIterator) !== undefined
}

/** Streams of SDKs and the like. */
export function isAsyncIterable(value: object): boolean {
  return methodOf(value, Symbol.asyncIterator) !== undefined
}

/**
 * Watches `next`, `return` and `throw` of an iterator.
 * @param options.releases - Leaving early only gives the source back, as with `preventCancel`.
 */
export function watchIterator(branch: Branch, iterator: object, options: { readonly releases?: boolean } = {}): void {
  const watched = (leaves: boolean) => (original: Method, self: unknown, args: readonly unknown[]) =>
    observed(
      branch,
      () => original(self, args),
      (step) => noteStep(branch, step, leaves && options.releases !== true),
    )
  shadow(iterator, "next", watched(false))
  shadow(iterator, "throw", watched(false))
  if (options.releases !== true) shadow(iterator, "return", watched(true))
}

/** Runs a step of a source and looks at its outcome, now or when it is there. */
export function observed(branch: Branch, step: () => unknown, note: (outcome: unknown) => void): unknown {
  if (!branch.open) return step()
  let outcome: unknown
  try {
    outcome = branch.run(step)
  } catch (error) {
    branch.failed(error)
    throw error
  }
  if (types.isPromise(outcome)) {
    return outcome.then(
      (value) => {
        note(value)
        return value
      },
      (error: unknown) => {
        branch.failed(error)
        throw error
      },
    )
  }
  note(outcome)
  return outcome
}

/** Notes what an iterator or reader gave. */
export function noteStep(branch: Branch, step: unknown, leaves = false): void {
  if (!isContainer(step)) return
  const { done, value } = step as { done?: unknown; value?: unknown }
  if (done !== true) branch.chunk(value)
  else if (leaves) branch.abandoned()
  else branch.completed({ value })
}

/** Watches an object that is iterated, its `tee` included; whatever else it can do stays as it is. */
export function watchAsyncIterable(branch: Branch, source: object): void {
  if (methodOf(source, "next") !== undefined) {
    watchLeaving(branch, source)
    return
  }
  let busy = false
  const unlessBusy =
    (make: (original: Method, self: unknown, args: readonly unknown[]) => unknown) =>
    (original: Method, self: unknown, args: readonly unknown[]): unknown => {
      // Its own methods may use one another; only the outermost is the consumer's.
      if (busy || !branch.open) return original(self, args)
      busy = true
      try {
        return make(original, self, args)
      } finally {
        busy = false
      }
    }
  shadow(
    source,
    Symbol.asyncIterator,
    unlessBusy((original, self, args) => {
      const iterator = branch.run(() => original(self, args))
      if (isContainer(iterator) && Object.isExtensible(iterator)) watchLeaving(branch, iterator)
      return iterator
    }),
  )
  shadow(
    source,
    "tee",
    unlessBusy((original, self, args) => {
      const parts = branch.run(() => original(self, args))
      if (Array.isArray(parts) && parts.length === 2 && parts.every(isPart)) {
        const branches = branch.split()
        for (const [i, part] of parts.entries()) watchAsyncIterable(branches[i]!, part)
      }
      return parts
    }),
  )
}

function isPart(part: unknown): part is object {
  return isContainer(part) && Object.isExtensible(part) && isAsyncIterable(part)
}

/** An iterator without `return` gets one, or leaving the loop early could not be seen. */
function watchLeaving(branch: Branch, iterator: object): void {
  watchIterator(branch, iterator)
  if (methodOf(iterator, "return") !== undefined) return
  const leave = (value: unknown): Promise<unknown> => {
    branch.abandoned()
    return Promise.resolve({ done: true, value })
  }
  Object.defineProperty(iterator, "return", { value: leave, writable: true, configurable: true, enumerable: false })
}
