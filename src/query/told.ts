/**
 * Reads are told to whoever watches the directory: what was asked for, and how much came back. What was refused before
 * anything was read is not. Nothing is told, and nothing is done for it, while nobody watches.
 * @module
 */
import { AuditError } from "../errors.ts"
import { type ReadNote, type ReadWatcher, readWatcher } from "../ledger/index.ts"
import { askedFor } from "./asked.ts"

/** A stream that is told when it ends, fails, or is left; the stream itself while nobody watches. */
export function toldStream<R>(
  name: string,
  query: object,
  logDir: string,
  records: AsyncIterable<R>,
): AsyncIterable<R, void, undefined> {
  const watcher = readWatcher(logDir)
  return watcher === undefined ? records : counted(records, { function: name, filters: askedFor(query) }, watcher)
}

async function* counted<R>(
  records: AsyncIterable<R>,
  note: Pick<ReadNote, "function" | "filters">,
  watcher: ReadWatcher,
): AsyncGenerator<R, void, undefined> {
  let count = 0
  let completed = false
  let failure: unknown
  try {
    for await (const record of records) {
      count += 1
      yield record
    }
    completed = true
  } catch (error) {
    failure = error
    throw error
  } finally {
    if (count > 0 || !isRefusal(failure)) watcher.tell({ ...note, records: count, completed, ...errorOf(failure) })
  }
}

/**
 * Runs a read that answers at once; it is told when it ends or fails.
 * @param countOf - How much came back.
 */
export async function told<T>(
  name: string,
  query: object,
  logDir: string,
  read: () => Promise<T>,
  countOf: (answer: T) => number,
): Promise<T> {
  const watcher = readWatcher(logDir)
  if (watcher === undefined) return read()
  const note = { function: name, filters: askedFor(query) }
  try {
    const answer = await read()
    watcher.tell({ ...note, records: countOf(answer), completed: true })
    return answer
  } catch (error) {
    if (!isRefusal(error)) watcher.tell({ ...note, records: 0, completed: false, ...errorOf(error) })
    throw error
  }
}

/** A wrong argument: nothing was read. */
function isRefusal(failure: unknown): boolean {
  return failure instanceof TypeError || failure instanceof RangeError
}

function errorOf(failure: unknown): { readonly error?: string } {
  if (failure === undefined) return {}
  if (failure instanceof AuditError) return { error: failure.code }
  return { error: failure instanceof Error ? failure.name : "Error" }
}
