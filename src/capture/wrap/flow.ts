/**
 * How far a generator or stream got, by what its consumer took. A stream that is split has a branch for each consumer:
 * the first one to reach the end, or to fail, ends the flow; it is abandoned once all branches are.
 * @module
 */
import { classNameOf } from "../../event/index.ts"
import { runIn } from "../current.ts"
import type { Call } from "./call.ts"

/** One result that arrives in pieces. */
export class Flow {
  readonly call: Call
  /** The consumer of the whole. */
  readonly branch: Branch
  readonly #kind: { readonly type: string; readonly class: string }
  #openBranches = 1

  constructor(call: Call, type: string, source: object) {
    this.call = call
    this.#kind = { type, class: classNameOf(source) }
    this.branch = new Branch(this)
  }

  branchOpened(): void {
    this.#openBranches++
  }

  branchClosed(): boolean {
    this.#openBranches--
    return this.#openBranches === 0
  }

  end(counts: Counts, completed: boolean, returned?: { readonly value: unknown }): void {
    this.call.flowed(this.#kind, { ...counts, completed }, returned)
  }
}

interface Counts {
  readonly chunks: number
  readonly bytes?: number
}

/** What one consumer took. */
export class Branch {
  readonly #flow: Flow
  #chunks: number
  /** Undefined once a chunk was neither text nor bytes. */
  #bytes: number | undefined
  #open = true

  constructor(
    flow: Flow,
    taken: { readonly chunks: number; readonly bytes: number | undefined } = { chunks: 0, bytes: 0 },
  ) {
    this.#flow = flow
    this.#chunks = taken.chunks
    this.#bytes = taken.bytes
  }

  /** Whether anything that happens here still matters. */
  get open(): boolean {
    return this.#open && !this.#flow.call.ended
  }

  /** Runs code of the source with the call's trail as the current one, as while the function ran. */
  run<R>(code: () => R): R {
    return this.open ? runIn(this.#flow.call.trail, code) : code()
  }

  chunk(value: unknown): void {
    if (!this.open) return
    this.#chunks++
    const bytes = sizeOf(value)
    this.#bytes = bytes === undefined || this.#bytes === undefined ? undefined : this.#bytes + bytes
  }

  completed(returned?: { readonly value: unknown }): void {
    if (this.#close()) this.#flow.end(this.#counts(), true, returned)
  }

  failed(error: unknown): void {
    if (this.#close()) this.#flow.call.failed(error, { ...this.#counts(), completed: false })
  }

  abandoned(): void {
    if (this.#close() && this.#flow.branchClosed()) this.#flow.end(this.#counts(), false)
  }

  /** Two consumers in place of this one; each goes on where this one stopped. */
  split(): readonly [Branch, Branch] {
    const taken = { chunks: this.#chunks, bytes: this.#bytes }
    if (this.#close()) this.#flow.branchOpened()
    return [new Branch(this.#flow, taken), new Branch(this.#flow, taken)]
  }

  #counts(): Counts {
    // Nothing is known about bytes where there were no chunks.
    return this.#bytes === undefined || this.#chunks === 0
      ? { chunks: this.#chunks }
      : { chunks: this.#chunks, bytes: this.#bytes }
  }

  #close(): boolean {
    const was = this.open
    this.#open = false
    return was
  }
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === "string") return Buffer.byteLength(value)
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? value.byteLength : undefined
}
