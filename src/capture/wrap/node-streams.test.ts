import { EventEmitter, once } from "node:events"
import { PassThrough, Readable, Writable } from "node:stream"
import { finished, pipeline } from "node:stream/promises"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import {
  audited,
  BEGUN,
  CHUNKS,
  drain,
  FAILED,
  failure,
  left,
  letters,
  type Row,
  recordedAs,
  slowLetters,
  takeOne,
  WHOLE,
  whole,
} from "../../../test/decorators/sources.ts"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"

let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

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
  for (const row of rows) recordedAs(row, () => log)

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
