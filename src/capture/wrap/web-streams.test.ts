import { Readable } from "node:stream"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import {
  audited,
  CHUNKS,
  drain,
  FAILED,
  failure,
  left,
  type Row,
  readAll,
  recordedAs,
  takeOne,
  WHOLE,
  webLetters,
  whole,
} from "../../../test/decorators/sources.ts"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"

let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

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
  for (const row of rows) recordedAs(row, () => log)

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
