/**
 * Node streams, watched through what they emit: no listener of ours, which could make a stream flow, or hide an error
 * that nobody handles.
 * @module
 */
import type { Branch } from "./flow.ts"
import { methodOf, shadow } from "./shadow.ts"

/** Whether a value is a stream as Node knows them, of this process's `node:stream` or another's. */
export function isNodeStream(value: object): boolean {
  return ["pipe", "on", "emit"].every((name) => methodOf(value, name) !== undefined)
}

/** Properties of a stream that tell how far it is. */
interface StreamState {
  readonly readable?: unknown
  readonly readableEnded?: unknown
  readonly writableFinished?: unknown
  readonly closed?: unknown
  readonly errored?: unknown
}

/** Watches a stream until it has ended, failed or closed before its end. Where it can be read, its end is what counts. */
export function watchNodeStream(branch: Branch, stream: object): void {
  const state = stream as StreamState
  // Of Writable and its like only the finish is to be seen.
  const endEvent = methodOf(stream, "read") === undefined && state.readable === undefined ? "finish" : "end"
  const alreadyEnded = endEvent === "end" ? state.readableEnded : state.writableFinished
  if (alreadyEnded === true) branch.completed()
  else if (state.closed === true && state.errored instanceof Error) branch.failed(state.errored)
  else if (state.closed === true) branch.abandoned()
  else watchEvents(branch, stream, endEvent)
}

function watchEvents(branch: Branch, stream: object, endEvent: string): void {
  shadow(stream, "emit", (original, self, args) => {
    const [event, value] = args
    if (branch.open) {
      if (event === "data") branch.chunk(value)
      else if (event === endEvent) branch.completed()
      else if (event === "error" && isAbort(value)) branch.abandoned()
      else if (event === "error") branch.failed(value)
      else if (event === "close") branch.abandoned()
    }
    return original(self, args)
  })
}

/** Node destroys a stream with this error when a loop over it is left early, or its signal aborted. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "ABORT_ERR"
}
