/**
 * Promises that tell when nobody listens: a rejection goes to whoever awaits it, else to one listener, and never to
 * `unhandledRejection`.
 * @module
 */

/** Receives a rejection that nobody awaited. */
export type UnheardListener = (error: unknown) => void

const { setImmediate: soon } = globalThis

/** A promise whose rejection is told to a listener when nobody awaits it. */
export class Settlement<T> extends Promise<T> {
  #heard = false

  /** `then`, `catch` and `await` give plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /** Wraps a promise. */
  static of<T>(promise: Promise<T>, onUnheard: UnheardListener): Settlement<T> {
    const settlement = new Settlement<T>((resolve, reject) => promise.then(resolve, reject))
    settlement.#listen(onUnheard)
    return settlement
  }

  #listen(onUnheard: UnheardListener): void {
    super.then(undefined, (error: unknown) => {
      // Somebody may begin to wait in the same turn.
      soon(() => {
        if (!this.#heard) onUnheard(error)
      })
    })
  }

  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#heard = true
    return super.then(onFulfilled, onRejected)
  }
}
