import { EventEmitter, once } from "node:events"
import { PassThrough, Readable, Writable } from "node:stream"
import { finished, pipeline } from "node:stream/promises"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"
import { currentAuditTrail } from "../current.ts"
import { auditFunction } from "./index.ts"

let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

const BEGUN = ["audit_started", "function_call"]
const WHOLE = [...BEGUN, "function_return", "audit_closed"]
const FAILED = [...BEGUN, "error", "audit_closed"]
const failure = new Error("it broke")
const CHUNKS = ["a", "bc", "d"]

/** How a consumer may use a source; `fails` says that the source fails after its first chunk. */
interface Row {
  readonly name: string
  readonly use: () => unknown
  readonly expected: Readonly<Record<string, unknown>>
}

const whole = { chunks: 3, bytes: 4, completed: true }
const left = { chunks: 1, bytes: 1, completed: false }

function* letters(fail = false) {
  for (const chunk of CHUNKS) {
    yield chunk
    if (fail) throw failure
  }
  return "the end"
}
async function* slowLetters(fail = false) {
  for (const chunk of CHUNKS) {
    await null
    yield chunk
    if (fail) throw failure
  }
}
function webLetters(fail = false): ReadableStream<string> {
  const source = slowLetters(fail)
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}
/** As SDKs of model providers have them. */
class SdkStream {
  readonly controller = new AbortController()
  readonly #iterate: () => AsyncIterator<string>
  constructor(iterate: () => AsyncIterator<string>) {
    this.#iterate = iterate
  }
  [Symbol.asyncIterator](): AsyncIterator<string> {
    return this.#iterate()
  }
  tee(): [SdkStream, SdkStream] {
    const source = this.#iterate()
    const waiting: [Promise<IteratorResult<string>>[], Promise<IteratorResult<string>>[]] = [[], []]
    const side = (i: 0 | 1): SdkStream =>
      new SdkStream(() => ({
        next: () => {
          if (waiting[i].length === 0) {
            const step = source.next()
            for (const list of waiting) list.push(step)
          }
          return waiting[i].shift()!
        },
      }))
    return [side(0), side(1)]
  }
}

const drain = async (source: AsyncIterable<unknown> | Iterable<unknown>): Promise<unknown[]> => {
  const all: unknown[] = []
  for await (const chunk of source) all.push(chunk)
  return all
}
const takeOne = async (source: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> => {
  for await (const _ of source) break
}
const readAll = async (reader: ReadableStreamDefaultReader<unknown>): Promise<void> => {
  while (!(await reader.read()).done);
}
const audited = <R>(run: () => R): R => auditFunction({ operationName: "source" })(run)()

function recordedAs({ name, use, expected }: Row): void {
  test(name, async () => {
    await use()
    expect(await log.typesOf("source")).toEqual(WHOLE)
    expect(await log.detailsOf("function_return")).toMatchObject({ status: "success", ...expected })
  })
}

describe("generators", () => {
  const rows: readonly Row[] = [
    {
      name: "to the end",
      use: () => expect([...audited(() => letters())]).toEqual(CHUNKS),
      expected: { ...whole, result: { type: "generator", returned: { type: "string" } } },
    },
    {
      name: "left early",
      use: () => {
        for (const _ of audited(() => letters())) break
      },
      expected: left,
    },
    {
      name: "left before the start",
      use: () => audited(() => letters()).return("x"),
      expected: { chunks: 0, completed: false },
    },
    {
      name: "delegated to",
      use: () => [
        ...(function* () {
          yield* audited(() => letters())
        })(),
      ],
      expected: whole,
    },
    {
      name: "async, to the end",
      use: async () => expect(await drain(audited(() => slowLetters()))).toEqual(CHUNKS),
      expected: { ...whole, result: { type: "async_generator" } },
    },
    { name: "async, left early", use: () => takeOne(audited(() => slowLetters())), expected: left },
    { name: "out of a promise", use: async () => drain(await audited(async () => slowLetters())), expected: whole },
    {
      name: "numbers have no bytes",
      use: () => [
        ...audited(function* () {
          yield 1
          yield 2
        }),
      ],
      expected: { chunks: 2, completed: true },
    },
  ]
  for (const row of rows) recordedAs(row)

  test("a failure is the consumer's, and recorded with what was taken", async () => {
    expect(() => [...audited(() => letters(true))]).toThrow(failure)
    await expect(drain(audited(() => slowLetters(true)))).rejects.toBe(failure)
    expect(await log.typesOf("source")).toEqual([...FAILED, ...FAILED])
    expect(await log.detailsOf("error")).toMatchObject({ message: "it broke", details: left })
  })

  test("throw() reaches the generator, which may go on", async () => {
    const generator = audited(function* () {
      try {
        yield 1
      } catch {
        yield 2
      }
    })
    expect([generator.next().value, generator.throw(failure).value, generator.next().done]).toEqual([1, 2, true])
    expect(await log.detailsOf("function_return")).toMatchObject({ chunks: 2, completed: true })
  })

  test("one that is never finished leaves an open trail", async () => {
    const generator = audited(() => letters())
    generator.next()
    expect(await log.typesOf("source")).toEqual(BEGUN)
  })

  test("the trail is the current one inside, whoever consumes it, and not outside", async () => {
    const named = async function* () {
      yield currentAuditTrail()?.operationName
      await null
      try {
        yield currentAuditTrail()?.operationName
      } finally {
        currentAuditTrail()?.logEvent("cleaned_up", {})
      }
    }
    const seen: unknown[] = []
    for await (const name of audited(named)) {
      seen.push(name, currentAuditTrail())
      if (seen.length === 4) break
    }
    expect(seen).toEqual(["source", undefined, "source", undefined])
    expect(await log.typesOf("source")).toEqual([...BEGUN, "cleaned_up", "function_return", "audit_closed"])
  })

  test("it stays the same generator", () => {
    const made = letters()
    const given = audited(() => made)
    expect(given).toBe(made)
    expect(given[Symbol.iterator]()).toBe(given)
    expect(Object.keys(given)).toEqual([])
  })
})

describe("SDK streams", () => {
  const sdk = (fail = false): SdkStream => new SdkStream(() => slowLetters(fail))
  const rows: readonly Row[] = [
    {
      name: "to the end",
      use: async () => expect(await drain(audited(() => sdk()))).toEqual(CHUNKS),
      expected: { ...whole, result: { type: "async_iterable", class: "SdkStream" } },
    },
    { name: "left early", use: () => takeOne(audited(() => sdk())), expected: left },
    {
      name: "split, both read",
      use: () =>
        Promise.all(
          audited(() => sdk())
            .tee()
            .map(drain),
        ),
      expected: whole,
    },
    {
      name: "split, one left early",
      use: async () => {
        const [a, b] = audited(() => sdk()).tee()
        await takeOne(a)
        await drain(b)
      },
      expected: whole,
    },
    {
      name: "split, both left early",
      use: () =>
        Promise.all(
          audited(() => sdk())
            .tee()
            .map(takeOne),
        ),
      expected: left,
    },
    {
      name: "an iterator without return, left early",
      use: () =>
        takeOne(
          audited(() => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: "a" }) }) })),
        ),
      expected: left,
    },
  ]
  for (const row of rows) recordedAs(row)

  test("it keeps its members and identity, and its failure", async () => {
    const made = sdk(true)
    const given = audited(() => made)
    expect(given).toBe(made)
    expect(given.controller.signal.aborted).toBe(false)
    await expect(drain(given)).rejects.toBe(failure)
    expect(await log.typesOf("source")).toEqual(FAILED)
  })
})

describe("web streams", () => {
  const writable = (): WritableStream => new WritableStream()
  const rows: readonly Row[] = [
    {
      name: "by a reader",
      use: () => readAll(audited(() => webLetters()).getReader()),
      expected: { ...whole, result: { type: "readable_stream", class: "ReadableStream" } },
    },
    {
      name: "by iteration",
      use: async () => expect(await drain(audited(() => webLetters()))).toEqual(CHUNKS),
      expected: whole,
    },
    { name: "iteration left early", use: () => takeOne(audited(() => webLetters())), expected: left },
    {
      name: "cancelled",
      use: () => audited(() => webLetters()).cancel("enough"),
      expected: { chunks: 0, completed: false },
    },
    {
      name: "cancelled by a reader",
      use: async () => {
        const reader = audited(() => webLetters()).getReader()
        await reader.read()
        await reader.cancel()
      },
      expected: left,
    },
    { name: "piped", use: () => audited(() => webLetters()).pipeTo(writable()), expected: whole },
    {
      name: "piped through",
      use: async () =>
        expect((await drain(audited(() => webLetters()).pipeThrough(new TextEncoderStream()))).length).toBe(3),
      expected: whole,
    },
    {
      name: "split, both read",
      use: () =>
        Promise.all(
          audited(() => webLetters())
            .tee()
            .map(drain),
        ),
      expected: whole,
    },
    {
      name: "split, one cancelled",
      use: async () => {
        const [a, b] = audited(() => webLetters()).tee()
        void a.cancel()
        await drain(b)
      },
      expected: whole,
    },
    {
      name: "a reader given back, then another",
      use: async () => {
        const stream = audited(() => webLetters())
        const first = stream.getReader()
        await first.read()
        first.releaseLock()
        await readAll(stream.getReader())
      },
      expected: whole,
    },
    {
      name: "iteration that does not cancel, then the rest",
      use: async () => {
        const stream = audited(() => webLetters())
        for await (const _ of stream.values({ preventCancel: true })) break
        await drain(stream)
      },
      expected: whole,
    },
    {
      name: "as the body of a Response",
      use: async () =>
        expect(await new Response(audited(() => webLetters().pipeThrough(new TextEncoderStream()))).text()).toBe(
          "abcd",
        ),
      expected: whole,
    },
    {
      name: "out of a promise, as a Node stream",
      use: async () =>
        drain(Readable.fromWeb((await audited(async () => webLetters())) as Parameters<typeof Readable.fromWeb>[0])),
      expected: whole,
    },
  ]
  for (const row of rows) recordedAs(row)

  test("a pipe that was left with preventCancel gives the stream back", async () => {
    const stream = audited(() => webLetters())
    const broken = new WritableStream({ write: () => Promise.reject(failure) })
    await expect(stream.pipeTo(broken, { preventCancel: true })).rejects.toBe(failure)
    expect(stream.locked).toBe(false)
    await drain(stream)
    expect(await log.typesOf("source")).toEqual(WHOLE)
  })

  test("it stays the same stream, and its failure is the reader's", async () => {
    const made = webLetters(true)
    expect(audited(() => made)).toBe(made)
    await expect(made.pipeTo(writable())).rejects.toBe(failure)
    expect(await log.typesOf("source")).toEqual(FAILED)
    expect(await log.detailsOf("error")).toMatchObject({ details: left })
  })

  test("a stream that is locked refuses as before", () => {
    const stream = audited(() => webLetters())
    stream.getReader()
    expect(() => stream.getReader()).toThrow(TypeError)
    expect(() => stream.tee()).toThrow(TypeError)
    expect(() => stream.pipeThrough(new TextEncoderStream())).toThrow(TypeError)
  })
})

describe("Node streams", () => {
  const node = (fail = false): Readable => Readable.from(slowLetters(fail), { objectMode: true })
  const closed = (stream: Readable): Promise<unknown> =>
    new Promise((resolve) => (stream.closed ? resolve(undefined) : stream.once("close", resolve)))
  const rows: readonly Row[] = [
    {
      name: "flowing",
      use: async () => {
        const s = audited(() => node())
        s.resume()
        await closed(s)
      },
      expected: { ...whole, result: { type: "node_stream", class: "Readable" } },
    },
    {
      name: "by iteration",
      use: async () => expect(await drain(audited(() => node()))).toEqual(CHUNKS),
      expected: whole,
    },
    {
      name: "iteration left early",
      use: async () => {
        const s = audited(() => node())
        await takeOne(s)
        await closed(s)
      },
      expected: left,
    },
    {
      name: "piped",
      use: () =>
        pipeline(
          audited(() => node()),
          new PassThrough().resume(),
        ),
      expected: whole,
    },
    {
      name: "destroyed",
      use: async () => {
        const s = audited(() => node())
        s.destroy()
        await closed(s)
      },
      expected: { chunks: 0, completed: false },
    },
    {
      name: "ended before it was given",
      use: async () => {
        const s = node().resume()
        await closed(s)
        audited(() => s)
      },
      expected: { completed: true },
    },
    {
      name: "closed before it was given",
      use: async () => {
        const s = node().destroy()
        await closed(s)
        audited(() => s)
      },
      expected: { completed: false },
    },
    {
      name: "a Writable that finishes",
      use: async () => {
        const s = audited(() => new Writable({ write: (_, __, done) => done() }))
        s.end("x")
        await finished(s)
      },
      expected: { completed: true },
    },
    {
      name: "a PassThrough",
      use: async () => {
        const s = audited(() => new PassThrough())
        s.end("abc")
        await drain(s)
      },
      expected: { chunks: 1, bytes: 3, completed: true },
    },
  ]
  for (const row of rows) recordedAs(row)

  test("nobody's listening makes it flow, and no listener is added", async () => {
    const stream = audited(() => node())
    await new Promise((resolve) => setImmediate(resolve))
    expect(stream.readableFlowing).toBeNull()
    expect(["data", "end", "error", "close", "readable"].map((event) => stream.listenerCount(event))).toEqual([
      0, 0, 0, 0, 0,
    ])
    expect(await log.typesOf("source")).toEqual(BEGUN)
  })

  test("its error reaches its listener, and is recorded", async () => {
    const stream = audited(() => node(true)).resume()
    expect(await once(stream, "error")).toEqual([failure])
    expect(await log.typesOf("source")).toEqual(FAILED)
  })

  test("an error that nobody listens to is still thrown by emit", () => {
    const stream = audited(() => new PassThrough())
    expect(() => stream.emit("error", failure)).toThrow(failure)
  })
})

describe("values that are no streams", () => {
  const values: readonly { readonly name: string; readonly value: unknown }[] = [
    { name: "an array", value: [1] },
    { name: "an array's iterator", value: [1].values() },
    { name: "a map", value: new Map([[1, 2]]) },
    { name: "an event emitter", value: new EventEmitter() },
    { name: "a frozen generator", value: Object.freeze(letters()) },
    { name: "a function", value: () => 1 },
    {
      name: "a Proxy that refuses everything",
      value: new Proxy(
        {},
        {
          get: () => {
            throw failure
          },
        },
      ),
    },
  ]
  for (const { name, value } of values) {
    test(`${name} is recorded at once, the same object`, async () => {
      expect(
        Object.is(
          audited(() => value),
          value,
        ),
      ).toBe(true)
      expect(await log.typesOf("source")).toEqual(WHOLE)
    })
  }
})
