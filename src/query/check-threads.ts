/**
 * The stretches of a tree, checked by several threads where that is worth it. Starts worker threads, and ends them.
 * @module
 */
import * as fs from "node:fs"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { TILE_WIDTH } from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"
import { checkBundles, type Stretch, type StretchCheck } from "./check-bundles.ts"

/** Bundles of one stretch: 16,384 entries. */
const STRETCH_BUNDLES = 64
/** A smaller tree is checked before a thread would have started. */
const LEAST_STRETCHES = 4
const MOST_THREADS = 4
/** Beside the bundled package; not there when it runs from its sources, or bundled into a program. */
const WORKER = new URL("./check-worker.js", import.meta.url)

/** Checks a tree from a bundle on and yields its stretches in order; ends behind one that is not complete. */
export async function* checkStretches(
  blobs: BlobStore,
  directory: string,
  { from: first, treeSize, wanted }: Pick<Stretch, "from" | "treeSize" | "wanted">,
): AsyncGenerator<StretchCheck> {
  const stretches: Stretch[] = []
  const bundles = Math.ceil(treeSize / TILE_WIDTH)
  for (let from = first; from < bundles; from += STRETCH_BUNDLES) {
    stretches.push({ from, to: Math.min(bundles, from + STRETCH_BUNDLES), treeSize, wanted })
  }
  const here = (stretch: Stretch): Promise<StretchCheck> => checkBundles((path) => blobs.get(path), stretch)
  const threads = threadsFor(stretches.length, directory)
  try {
    const pending: Promise<StretchCheck>[] = []
    for (let next = 0; next < stretches.length || pending.length > 0; ) {
      // One more than there are threads, so that none waits for this one to take a result.
      while (next < stretches.length && pending.length < threads.length * 2 + 1) {
        const stretch = stretches[next]!
        const thread = threads[next % Math.max(1, threads.length)]
        const check = thread === undefined ? here(stretch) : thread.check(stretch).catch(() => here(stretch))
        check.catch(() => undefined)
        pending.push(check)
        next += 1
        if (thread === undefined) break
      }
      const done = await pending.shift()!
      yield done
      if (!done.complete) return
    }
  } finally {
    for (const thread of threads) thread.end()
  }
}

function threadsFor(stretches: number, directory: string): CheckThread[] {
  const count = Math.min(MOST_THREADS, availableParallelism(), stretches)
  if (stretches < LEAST_STRETCHES || count < 2 || !fs.existsSync(fileURLToPath(WORKER))) return []
  return Array.from({ length: count }, () => new CheckThread(directory))
}

/** A thread that checks stretches one after the other. */
class CheckThread {
  readonly #worker: Worker
  readonly #waiting: { resolve: (check: StretchCheck) => void; reject: (error: unknown) => void }[] = []
  #failure: unknown

  constructor(directory: string) {
    this.#worker = new Worker(WORKER, { workerData: { directory } })
    this.#worker.on("message", (check: StretchCheck) => this.#waiting.shift()?.resolve(check))
    this.#worker.on("error", (error) => this.#fail(error))
    this.#worker.on("exit", () => this.#fail(new Error("the thread ended")))
  }

  /** Rejects when the thread cannot do it; whoever asked does it then. */
  check(stretch: Stretch): Promise<StretchCheck> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(stretch)
    })
  }

  end(): void {
    void this.#worker.terminate()
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
