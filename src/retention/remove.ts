/**
 * Removing what a prune record that is sealed says is gone. Done again from any point where it was cut off: values
 * kept beside the log go before the bundle that names them, bundles oldest first.
 * @module
 */
import { AuditError } from "../errors.ts"
import { blankParts, filesBelow, writePruneNote } from "../ledger/index.ts"
import {
  LocalBlobs,
  LocalIndexWriter,
  LocalJournal,
  PARTS_DIRECTORY,
  type RootDirectory,
  removePayloads,
} from "../store/index.ts"
import { whileNobodySeals } from "./lock.ts"
import { readEntriesOf } from "./removed-entries.ts"

/** Bundles whose values go in one transaction. */
const GROUPS_AT_ONCE = 64
const INDEX_PATIENCE_MS = 5_000
const STEP_MS = 20
const { setTimeout: startTimer } = globalThis

/** What went. */
export interface Removed {
  readonly files: number
  /** Values that were kept beside the log. */
  readonly payloads: number
}

/** Removes everything below a minimum index; `record` is the entry that says so. */
export async function removeBelow(root: RootDirectory, minimumIndex: number, record: number): Promise<Removed> {
  const blobs = new LocalBlobs(root)
  await tellReaders(root, minimumIndex, record)
  const groups = await filesBelow(blobs, minimumIndex)
  let [files, payloads] = [0, 0]
  for (let at = 0; at < groups.length; at += GROUPS_AT_ONCE) {
    const some = groups.slice(at, at + GROUPS_AT_ONCE)
    const ids: string[] = []
    for (const bundle of some.flatMap(({ bundles }) => bundles)) ids.push(...(await readEntriesOf(blobs, bundle)))
    payloads += await removeValues(root, ids)
    for (const { paths } of some) {
      await blobs.remove(paths)
      files += paths.length
    }
  }
  return { files, payloads }
}

/** Removes the values of some events, wherever they are by now; returns how many were in the store. */
export function removeValues(root: RootDirectory, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return Promise.resolve(0)
  return whileNobodySeals(root, async () => {
    await blankParts(new LocalJournal(root, PARTS_DIRECTORY), new Set(ids))
    return removePayloads(root, ids)
  })
}

/** The query index is made anew from where the log begins; nobody may add to it in between. */
async function tellReaders(root: RootDirectory, minimumIndex: number, record: number): Promise<void> {
  // Where somebody else has it, what they make does not fit the log any more.
  const index = await takeIndex(root)
  try {
    await index?.reset()
    await writePruneNote(root, { minimumIndex, record })
  } finally {
    index?.release()
  }
}

/** Undefined where no SQLite is installed, or somebody is at it all the time. */
export async function takeIndex(root: RootDirectory): Promise<LocalIndexWriter | undefined> {
  for (let waitedMs = 0; waitedMs < INDEX_PATIENCE_MS; waitedMs += STEP_MS) {
    try {
      const writer = LocalIndexWriter.take(root)
      if (writer !== undefined) return writer
    } catch (error) {
      if (error instanceof AuditError) throw error
    }
    await new Promise((resolve) => startTimer(resolve, STEP_MS))
  }
  return undefined
}
