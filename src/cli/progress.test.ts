import { PassThrough } from "node:stream"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { Output } from "./output.ts"
import { Progress } from "./progress.ts"

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }))
afterEach(() => void vi.useRealTimers())

/** What is written to a terminal, or to a pipe, while something tells its progress at some milliseconds. */
function shownAt(isTTY: boolean, timesMs: readonly number[]): string {
  const stderr = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream
  const output = new Output(new PassThrough() as unknown as NodeJS.WriteStream, stderr, {})
  const progress = new Progress(output)
  let nowMs = 0
  for (const timeMs of timesMs) {
    vi.advanceTimersByTime(timeMs - nowMs)
    nowMs = timeMs
    progress.tell(() => `at ${timeMs}`)
  }
  progress.end()
  return String((stderr as unknown as PassThrough).read() ?? "")
}

test("nothing is shown for a second, then one line ten times a second, which is taken away", () => {
  expect(shownAt(true, [0, 500, 999, 1_000, 1_050, 1_099, 1_100])).toBe("\r\u001b[Kat 1000\r\u001b[Kat 1100\r\u001b[K")
})

test("short work shows nothing at all, and neither does a pipe", () => {
  expect(shownAt(true, [0, 999])).toBe("")
  expect(shownAt(false, [0, 5_000])).toBe("")
})
