/**
 * The index made anew, or brought up, as an operator asks for it.
 * @module
 */
import { AuditError } from "../errors.ts"
import { indexBytes, LocalMutex, type RootDirectory } from "../store/index.ts"
import { bringUpIndex } from "./index-build.ts"
import { takeSnapshot } from "./snapshot.ts"

/** What the index holds now. */
export interface IndexReport {
  /** Sealed entries, and how many of them the index has: those of full bundles. */
  readonly treeSize: number
  readonly indexed: number
  /** Bytes on the disk. */
  readonly bytes: number
}

/**
 * Makes the index of a log anew, from what is published.
 *
 * @param onProgress - Told of the entries done, and of all.
 * @throws {@link AuditError} `INDEX_UNAVAILABLE` where somebody else is at it, or no SQLite is installed.
 */
export async function reindexLog(
  root: RootDirectory,
  onProgress?: (done: number, total: number) => void,
): Promise<IndexReport> {
  const snapshot = await takeSnapshot(root)
  const indexed = await bringUpIndex(root, snapshot, {
    rebuild: true,
    ...(onProgress === undefined ? {} : { onProgress }),
  })
  if (indexed !== undefined) return { treeSize: snapshot.treeSize, indexed, bytes: indexBytes(root) }
  const lock = LocalMutex.open(root)
  lock?.close()
  const why = lock === undefined ? "no SQLite is installed (npm install libsql)" : "somebody else is making it"
  throw new AuditError(
    "INDEX_UNAVAILABLE",
    `the index cannot be made: ${why}; queries work without it, by reading the log`,
  )
}
