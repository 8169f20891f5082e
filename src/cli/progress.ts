/**
 * Progress of long work, on a terminal alone, once it has taken a second.
 * @module
 */
import type { Output } from "./output.ts"

/** Work is quiet for this long before it shows progress. */
const QUIET_MS = 1_000
const STEP_MS = 100

/** One piece of work. */
export class Progress {
  readonly #output: Output
  readonly #text: (done: number) => string
  #shownMs: number = performance.now() + QUIET_MS - STEP_MS
  #shown = false

  constructor(output: Output, text: (done: number) => string) {
    this.#output = output
    this.#text = text
  }

  tell(done: number): void {
    if (performance.now() - this.#shownMs < STEP_MS) return
    this.#shownMs = performance.now()
    this.#shown = true
    this.#output.progress(this.#text(done))
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) this.#output.progress("")
  }
}
