/**
 * How far long work has come, on the terminal behind standard error: nothing for the first second, then one line that
 * is replaced, and taken away at the end.
 * @module
 */
import type { Output } from "./output.ts"

/** Work is quiet for this long. */
const QUIET_MS = 1_000
/** The line is not written anew more often than this. */
const STEP_MS = 100

/** The progress of one piece of work. Owned by the command that does it. */
export class Progress {
  readonly #output: Output
  #shownMs = performance.now() + QUIET_MS - STEP_MS
  #shown = false

  constructor(output: Output) {
    this.#output = output
  }

  /** Tells how far it is, if it is time to. */
  tell(text: () => string): void {
    if (!this.#output.noteTerminal || performance.now() - this.#shownMs < STEP_MS) return
    this.#shownMs = performance.now()
    this.#shown = true
    this.#output.progress(text())
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) this.#output.progress("")
    this.#shown = false
  }
}
