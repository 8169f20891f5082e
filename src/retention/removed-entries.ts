/**
 * Which entries of a bundle may have values kept beside the log. Reads only.
 * @module
 */
import { AuditError } from "../errors.ts"
import { parseBundle, TILE_WIDTH, tilePath } from "../proof/index.ts"
import { tryParse } from "../query/index.ts"
import type { BlobStore } from "../store/index.ts"

/** Bytes without which an entry has no marker of ours. */
const MARKER = Buffer.from('{"$secureml":"')

/** Event ids of those entries; none where the bundle is gone, or is no bundle. */
export async function readEntriesOf(blobs: BlobStore, bundle: number): Promise<string[]> {
  const bytes = await blobs.get(tilePath({ level: "entries", index: bundle, width: TILE_WIDTH }))
  if (bytes === undefined || !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(MARKER)) return []
  try {
    return parseBundle(bytes, TILE_WIDTH).flatMap((entry) => {
      const isMarked = Buffer.from(entry.buffer, entry.byteOffset, entry.length).includes(MARKER)
      return isMarked ? (tryParse(entry)?.event_id ?? []) : []
    })
  } catch (error) {
    if (error instanceof AuditError) return []
    throw error
  }
}
