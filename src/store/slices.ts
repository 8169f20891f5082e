/**
 * Long work in short slices, so that the thread's event loop turns in between and whoever logs meanwhile is served.
 * Reads a clock.
 * @module
 */

/** A slice may take this long; with the one piece of work that was under way when it ended, a little more. */
const SLICE_MS = 2

// Taken when the module is loaded, so that fake timers of a test never hold anything back.
const { setImmediate: nextTurn } = globalThis
const monotonic = performance.now.bind(performance)

/** The slices of one long piece of work; owned by it. */
export class Slices {
  #endMs = monotonic() + SLICE_MS

  /** Resolves at once while the slice lasts, else after a turn of the event loop. */
  async turn(): Promise<void> {
    if (monotonic() < this.#endMs) return
    await new Promise<void>((resolve) => nextTurn(resolve))
    this.#endMs = monotonic() + SLICE_MS
  }
}
