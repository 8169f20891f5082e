/**
 * Sources that arrive in pieces, and consumers of them: what a function may give back.
 * @module
 */
import { expect, test } from "vitest"
import { auditFunction } from "../../src/audit.ts"
import type { TemporaryLog } from "./temporary-log.ts"

export const BEGUN: readonly string[] = ["audit_started", "function_call"]
export const WHOLE: readonly string[] = [...BEGUN, "function_return", "audit_closed"]
export const FAILED: readonly string[] = [...BEGUN, "error", "audit_closed"]
/** What a source throws after its first chunk, if it is to fail. */
export const failure: Error = new Error("it broke")
export const CHUNKS: readonly string[] = ["a", "bc", "d"]

/** A way to consume a source, and what `function_return` then says. */
export interface Row {
  readonly name: string
  readonly use: () => unknown
  readonly expected: Readonly<Record<string, unknown>>
}

/** All of {@link CHUNKS} was taken. */
export const whole: Readonly<Record<string, unknown>> = { chunks: 3, bytes: 4, completed: true }
/** The first chunk was taken. */
export const left: Readonly<Record<string, unknown>> = { chunks: 1, bytes: 1, completed: false }

export function* letters(fail = false): Generator<string, string> {
  for (const chunk of CHUNKS) {
    yield chunk
    if (fail) throw failure
  }
  return "the end"
}
export async function* slowLetters(fail = false): AsyncGenerator<string> {
  for (const chunk of CHUNKS) {
    await null
    yield chunk
    if (fail) throw failure
  }
}
export function webLetters(fail = false): ReadableStream<string> {
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
export class SdkStream {
  readonly controller: AbortController = new AbortController()
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

export async function drain(source: AsyncIterable<unknown> | Iterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const chunk of source) all.push(chunk)
  return all
}
export async function takeOne(source: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  for await (const _ of source) break
}
export async function readAll(reader: ReadableStreamDefaultReader<unknown>): Promise<void> {
  while (!(await reader.read()).done);
}
/** What an audited function that runs this gives back. */
export function audited<R>(run: () => R): R {
  return auditFunction({ operationName: "source" })(run)()
}

/** A test that the row's consumption is recorded as it says. */
export function recordedAs({ name, use, expected }: Row, log: () => TemporaryLog): void {
  test(name, async () => {
    await use()
    expect(await log().typesOf("source")).toEqual(WHOLE)
    expect(await log().detailsOf("function_return")).toMatchObject({ status: "success", ...expected })
  })
}
