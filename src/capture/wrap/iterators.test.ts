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
  SdkStream,
  slowLetters,
  takeOne,
  whole,
} from "../../../test/decorators/sources.ts"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"
import { currentAuditTrail } from "../current.ts"

let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

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
  for (const row of rows) recordedAs(row, () => log)

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

  test.each([
    ["Generator", letters],
    ["AsyncGenerator", slowLetters],
  ])("a result says which class it is: %s", async (name, make) => {
    for await (const _ of audited<AsyncGenerator | Generator>(make));
    expect((await log.detailsOf("function_return"))["result"]).toMatchObject({ class: name })
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
  for (const row of rows) recordedAs(row, () => log)

  test("it keeps its members and identity, and its failure", async () => {
    const made = sdk(true)
    const given = audited(() => made)
    expect(given).toBe(made)
    expect(given.controller.signal.aborted).toBe(false)
    await expect(drain(given)).rejects.toBe(failure)
    expect(await log.typesOf("source")).toEqual(FAILED)
  })
})
