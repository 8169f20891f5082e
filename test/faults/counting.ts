/**
 * Child processes that log numbered events and print each number once the call has returned; and what must hold of
 * what they logged.
 * @module
 */
import { onTestFinished } from "vitest"
import type { AuditRecord } from "../../src/audit.ts"
import { type Child, childEnvironment, startModule } from "../children.ts"
import type { Place } from "../place.ts"

/** How a child counts. */
export interface Counting {
  /** How many events; until it is killed or gets SIGUSR2 where this is not said. */
  readonly events?: number
  /** A pause comes after so many events, of a millisecond where nothing else is said. */
  readonly pauseEvery?: number
  readonly pauseMs?: number
  /** Everything is sealed after so many events, besides what the background does. */
  readonly flushEvery?: number
  readonly environment?: Readonly<Record<string, string>>
}

/** Starts a process that counts in a trail called `name`, and closes it. */
export function startCounting(place: Place, name: string, counting: Counting = {}): Child {
  const { events = Number.MAX_SAFE_INTEGER, pauseEvery = 500, pauseMs = 1, flushEvery = 0, environment = {} } = counting
  const code = `
    import * as fs from "node:fs"
    const audit = new AuditTrail(${JSON.stringify(name)}, { logDir: ${JSON.stringify(place.logDir)} })
    let counting = true
    if (process.platform !== "win32") process.once("SIGUSR2", () => { counting = false })
    for (let n = 0; n < ${events} && counting; n++) {
      audit.logEvent("step", { n })
      fs.writeSync(1, n + "\\n")
      if (n % ${pauseEvery} === 0) await new Promise((resolve) => setTimeout(resolve, ${pauseMs}))
      if (${flushEvery} > 0 && n % ${flushEvery} === ${flushEvery - 1}) await audit.flush()
    }
    await audit.close()`
  return endWithTest(startModule(code, childEnvironment(place.stateDir, environment)))
}

/** Sees to it that no child outlives a test that failed: one that is stopped would stay for good. */
export function endWithTest(child: Child): Child {
  onTestFinished(() => {
    child.process.kill("SIGKILL")
  })
  return child
}

/** How many events a child has been told are recorded; the last piece of its output may be half a line. */
export function acknowledged(child: Child): number {
  return child.stdout().split("\n").length - 1
}

/** Numbers by operation name, in the order of the records. */
export function numbersByName(records: readonly AuditRecord[]): Map<string, number[]> {
  const numbers = new Map<string, number[]>()
  for (const { operation_name, details } of records) {
    const seen = numbers.get(operation_name)
    if (seen === undefined) numbers.set(operation_name, [details["n"] as number])
    else seen.push(details["n"] as number)
  }
  return numbers
}

/** Whether numbers are 0, 1, 2, … */
export function isCounting(numbers: readonly number[]): boolean {
  return numbers.every((number, n) => number === n)
}

export function wait(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}
