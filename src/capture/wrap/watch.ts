/**
 * What a function gave back, watched until it is finished. The caller gets the same object, but for plain promises:
 * of those it gets one that settles alike, since listening to the promise itself would hide its unhandled rejection.
 * @module
 */
import { types } from "node:util"
import type { Call } from "./call.ts"
import { Flow } from "./flow.ts"
import { isAsyncIterable, isGenerator, watchAsyncIterable, watchIterator } from "./iterators.ts"
import { isNodeStream, watchNodeStream } from "./node-streams.ts"
import { watchPromise, watchThenable } from "./promises.ts"
import { isContainer, methodOf } from "./shadow.ts"
import { isWebStream, watchWebStream } from "./web-streams.ts"

/** Records the end of a call when there is one. Never throws. */
export function watchResult(call: Call, result: unknown): unknown {
  if (!isContainer(result)) {
    call.returned(result)
    return result
  }
  try {
    if (types.isPromise(result)) return watchPromise(call, result, watchSettled)
    if (methodOf(result, "then") !== undefined) {
      watchThenable(call, result, watchSettled)
      return result
    }
  } catch {
    // An object that refuses to be looked at is a value like any other.
    call.returned(result)
    return result
  }
  watchSettled(call, result)
  return result
}

/** The same for what is no promise, or came out of one. */
function watchSettled(call: Call, value: unknown): void {
  try {
    if (isContainer(value) && Object.isExtensible(value) && watchFlow(call, value)) return
  } catch {
    // As above.
  }
  call.returned(value)
}

function watchFlow(call: Call, value: object): boolean {
  if (isNodeStream(value)) watchNodeStream(new Flow(call, "node_stream", value).branch, value)
  else if (isWebStream(value)) watchWebStream(new Flow(call, "readable_stream", value).branch, value)
  else if (isGenerator(value)) {
    const kind = methodOf(value, Symbol.asyncIterator) === undefined ? "generator" : "async_generator"
    watchIterator(new Flow(call, kind, value).branch, value)
  } else if (isAsyncIterable(value)) watchAsyncIterable(new Flow(call, "async_iterable", value).branch, value)
  else return false
  return true
}
