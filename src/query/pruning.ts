/**
 * Where a log begins that was pruned: an entry of it says so, under the same root as every other. The file that names
 * that entry is only a way to find it. Reads only.
 * @module
 */
import { equalBytes } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type AuditEntry, parseEntry } from "../event/index.ts"
import { readBundle, readPruneNote, readTile } from "../ledger/index.ts"
import { leafHash, TILE_WIDTH, tileAt, tilePath } from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"

/** What an entry says about what was pruned. */
export interface Pruning {
  /** Entries below it may be gone; a multiple of 256. */
  readonly minimumIndex: number
  /** Index of the entry that says so. */
  readonly record: number
  readonly entry: AuditEntry
}

/** Bytes without which an entry is no prune record. */
const PRUNED = Buffer.from('"event_type":"pruned"')

/**
 * The newest prune record of a tree; undefined for a log that was never pruned. Where the file that names it is gone,
 * and the beginning of the log too, the log is searched.
 */
export async function findPruning(blobs: BlobStore, treeSize: number): Promise<Pruning | undefined> {
  if (treeSize <= TILE_WIDTH) return undefined
  const note = await readPruneNote(blobs)
  if (note !== undefined && note.record < treeSize) {
    const found = await pruningAt(blobs, note.record, treeSize)
    if (found?.minimumIndex === note.minimumIndex) return found
  }
  const isWhole = (await blobs.get(tilePath({ level: 0, index: 0, width: TILE_WIDTH }))) !== undefined
  return isWhole ? undefined : newestRecord(blobs, treeSize)
}

/** The newest prune record that can be read, whether anything was removed because of it or not. */
export async function newestRecord(blobs: BlobStore, treeSize: number): Promise<Pruning | undefined> {
  for (let bundle = Math.ceil(treeSize / TILE_WIDTH) - 1; bundle >= 0; bundle--) {
    const entries = await readBundle(blobs, bundle, treeSize).catch((error: unknown) => {
      if (error instanceof AuditError) return undefined
      throw error
    })
    // The log ends here, seen from its newest entry; verification says whether it may.
    if (entries === undefined) return undefined
    for (let n = entries.length - 1; n >= 0; n--) {
      const bytes = entries[n]!
      if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(PRUNED)) continue
      const found = await pruningAt(blobs, bundle * TILE_WIDTH + n, treeSize)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** What the entry at an index says, if it is a prune record, and the one that the tree has there. */
async function pruningAt(blobs: BlobStore, index: number, treeSize: number): Promise<Pruning | undefined> {
  try {
    const bundle = Math.floor(index / TILE_WIDTH)
    const bytes = (await readBundle(blobs, bundle, treeSize))[index % TILE_WIDTH]
    const entry = bytes === undefined ? undefined : parseEntry(bytes)
    const minimumIndex = entry?.event_type === "pruned" ? entry.details["minimum_index"] : undefined
    if (entry === undefined || !isMinimum(minimumIndex, index)) return undefined
    const at = (index % TILE_WIDTH) * 32
    const hash = (await readTile(blobs, tileAt(0, bundle, treeSize)!)).subarray(at, at + 32)
    return equalBytes(leafHash(bytes!), hash) ? { minimumIndex, record: index, entry } : undefined
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** Nothing says of itself that it is gone. */
function isMinimum(value: unknown, record: number): value is number {
  return (
    Number.isSafeInteger(value) &&
    (value as number) > 0 &&
    (value as number) % TILE_WIDTH === 0 &&
    (value as number) <= record
  )
}
