/**
 * Web streams, watched through the methods by which a stream is consumed. The stream stays the same object, so that
 * `new Response(stream)` and everything else that knows streams takes it.
 * @module
 */
import type { ReadableStreamReadResult, ReadableWritablePair, StreamPipeOptions } from "node:stream/web"
import type { Branch } from "./flow.ts"
import { noteStep, observed, watchIterator } from "./iterators.ts"
import { type Method, methodOf, shadow } from "./shadow.ts"

/** Whether a value is a web stream that can be read, of this realm or another. */
export function isWebStream(value: object): boolean {
  return (
    Object.prototype.toString.call(value) === "[object ReadableStream]" && methodOf(value, "getReader") !== undefined
  )
}

/** Watches a web stream until it has been read to its end, failed, or was cancelled. */
export function watchWebStream(branch: Branch, stream: object): void {
  const getReader = methodOf(stream, "getReader")!
  let busy = false
  /** A method may use another one; only the outermost call is the consumer's. */
  const consumed = (name: PropertyKey, make: (original: Method, args: readonly unknown[]) => unknown): void => {
    shadow(stream, name, (original, self, args) => {
      if (busy || !branch.open) return original(self, args)
      busy = true
      try {
        return make((_, given) => original(self, given), args)
      } finally {
        busy = false
      }
    })
  }
  consumed("getReader", (original, args) => watchReader(branch, original(stream, args) as object))
  for (const name of [Symbol.asyncIterator, "values"]) {
    consumed(name, (original, args) => {
      const iterator = original(stream, args) as object
      const { preventCancel } = (args[0] ?? {}) as { preventCancel?: unknown }
      watchIterator(branch, iterator, { releases: Boolean(preventCancel) })
      return iterator
    })
  }
  consumed("cancel", (original, args) => cancelled(branch, () => original(stream, args)))
  consumed("tee", (original, args) => {
    const parts = original(stream, args) as readonly [object, object]
    const branches = branch.split()
    watchWebStream(branches[0], parts[0])
    watchWebStream(branches[1], parts[1])
    return parts
  })
  consumed("pipeTo", (_, [destination, options]) => {
    const piped = counted(branch, getReader(stream, []) as Reader)
    return piped.stream.pipeTo(destination as WritableStream, options as StreamPipeOptions).finally(piped.release)
  })
  consumed("pipeThrough", (_, [pair, options]) => {
    const piped = counted(branch, getReader(stream, []) as Reader)
    try {
      return piped.stream.pipeThrough(pair as ReadableWritablePair, options as StreamPipeOptions)
    } catch (error) {
      piped.release()
      throw error
    }
  })
}

type Reader = ReadableStreamDefaultReader<unknown>

function watchReader(branch: Branch, reader: object): object {
  let released = false
  shadow(reader, "releaseLock", (original, self, args) => {
    released = true
    return original(self, args)
  })
  shadow(reader, "read", (original, self, args) => {
    if (!branch.open) return original(self, args)
    const outcome = branch.run(() => original(self, args)) as Promise<unknown>
    return outcome.then(
      (step) => {
        noteStep(branch, step)
        return step
      },
      (error: unknown) => {
        // A reader given back rejects what it was asked for; the stream goes on.
        if (!released) branch.failed(error)
        throw error
      },
    )
  })
  shadow(reader, "cancel", (original, self, args) => cancelled(branch, () => original(self, args)))
  return reader
}

/** What cancelling sets off belongs to the call still; then it is over. */
function cancelled(branch: Branch, cancel: () => unknown): unknown {
  return observed(branch, cancel, () => branch.abandoned())
}

/** A stream in the place of another one. */
interface Counted {
  readonly stream: ReadableStream<unknown>
  /** Gives the source back; nothing happens when it was given back before. */
  readonly release: () => void
}

/** The same chunks in a stream that takes one only when one is wanted, and gives the source back at the end. */
function counted(branch: Branch, reader: Reader): Counted {
  const release = (): void => reader.releaseLock()
  const read = async (): Promise<ReadableStreamReadResult<unknown>> => {
    const step = await (observed(
      branch,
      () => reader.read(),
      (outcome) => noteStep(branch, outcome),
    ) as ReturnType<Reader["read"]>)
    if (step.done) release()
    return step
  }
  const pull = async (controller: ReadableStreamDefaultController<unknown>): Promise<void> => {
    const { done, value } = await read()
    if (done) controller.close()
    else controller.enqueue(value)
  }
  const cancel = async (reason: unknown): Promise<void> => {
    await cancelled(branch, () => reader.cancel(reason))
    release()
  }
  return { stream: new ReadableStream<unknown>({ pull, cancel }, { highWaterMark: 0 }), release }
}
