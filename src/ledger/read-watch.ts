/**
 * Who wants to be told of reads of a log directory in this thread. It stands this low because the side that reads tells
 * and the side that writes listens. Kept on `globalThis`, so that two copies of the package see each other's.
 * @module
 */
import { findLogDirectory } from "../store/index.ts"

const REGISTRY = Symbol.for("secureml.audit.reads.1")

/** What was read, without anything by which a person could be told. */
export interface ReadNote {
  /** Name of the public function. */
  readonly function: string
  /** What was asked for. */
  readonly filters: object
  /** How much came back: records, buckets, values, or the number that was counted. */
  readonly records: number
  /** False when the reader left before the end, or the read failed. */
  readonly completed: boolean
  /** Code or name of the failure. */
  readonly error?: string
}

/** Listens for reads of one directory. */
export interface ReadWatcher {
  /** Whether the running code is the watcher's own: of several it comes first. */
  readonly isCurrent: () => boolean
  /** Must not throw. */
  readonly tell: (note: ReadNote) => void
}

/**
 * Listens for reads of a directory until the function returned is called.
 * @param directory - Its real path.
 */
export function watchReads(directory: string, watcher: ReadWatcher): () => void {
  const watchers = registry()
  watchers.set(directory, [...(watchers.get(directory) ?? []), watcher])
  return () => {
    const left = (watchers.get(directory) ?? []).filter((one) => one !== watcher)
    if (left.length === 0) watchers.delete(directory)
    else watchers.set(directory, left)
  }
}

/** Whom to tell of a read that begins now: whose code it is, else who came last. Costs nothing while nobody listens. */
export function readWatcher(logDir: string): ReadWatcher | undefined {
  const watchers = registry()
  if (watchers.size === 0) return undefined
  const path = findLogDirectory(logDir)?.path
  const here = path === undefined ? undefined : watchers.get(path)
  return here?.findLast(({ isCurrent }) => isCurrent()) ?? here?.at(-1)
}

/** Watchers of this thread by real path of the directory, the last to come at the end. */
function registry(): Map<string, readonly ReadWatcher[]> {
  const host = globalThis as { [REGISTRY]?: Map<string, readonly ReadWatcher[]> }
  host[REGISTRY] ??= new Map()
  return host[REGISTRY]
}
