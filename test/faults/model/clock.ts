/**
 * The clocks of the model: a wall clock that can step, a monotonic one that only sleeping moves, and timers that fire
 * while it does. Every process of a run has them in common.
 * @module
 */

interface Timer {
  readonly dueMs: number
  readonly run: () => void
}

/** What Node's `setTimeout` gives, as far as the ledger uses it. */
export interface TimerHandle {
  unref(): TimerHandle
}

const START_MS = Date.UTC(2026, 10, 24)

/** Resolves when every promise that can go on has done so: nothing in the model waits for the system. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export class ModelClock {
  /** Milliseconds since 1970, as `Date.now` tells them. */
  wallMs = START_MS
  /** As `performance.now` tells them. */
  monotonicMs = 0
  #latestMs = START_MS
  #timers: Timer[] = []

  /** A clock for another run; timers of the last one never fire. */
  reset(): void {
    this.wallMs = START_MS
    this.#latestMs = START_MS
    this.monotonicMs = 0
    this.#timers = []
  }

  setTimeout(run: () => void, delayMs: number): TimerHandle {
    this.#timers.push({ dueMs: this.monotonicMs + delayMs, run })
    const handle: TimerHandle = { unref: () => handle }
    return handle
  }

  /** Time goes by for everyone. */
  async sleep(ms: number): Promise<void> {
    const end = this.monotonicMs + ms
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.splice(this.#timers.indexOf(next), 1)
      this.#moveTo(Math.max(next.dueMs, this.monotonicMs))
      next.run()
      await quiet()
    }
    this.#moveTo(end)
  }

  /** Somebody sets the wall clock. */
  step(ms: number): void {
    this.wallMs += ms
    this.#latestMs = Math.max(this.#latestMs, this.wallMs)
  }

  /** Somebody sets the wall clock to the latest time that it ever told. */
  catchUp(): void {
    this.wallMs = this.#latestMs
  }

  #next(endMs: number): Timer | undefined {
    return this.#timers.filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0]
  }

  #moveTo(monotonicMs: number): void {
    this.step(monotonicMs - this.monotonicMs)
    this.monotonicMs = monotonicMs
  }
}

/** The clock of the run that is under way. */
export const clock = new ModelClock()
