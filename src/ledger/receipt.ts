/**
 * Receipts: the proof that an entry is in the tree under a checkpoint.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import { type Checkpoint, formatProof, parseBundle, TILE_WIDTH, tileAt, tilePath } from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"
import { firstBundle } from "./pruning.ts"
import { publishedInclusion, readBundle } from "./published.ts"
import type { WriterOf } from "./rebuild.ts"

/** Proof that an event is in the log. `entry` and `proof` verify together with the log's verifier key. */
export interface SealedReceipt {
  /** Ledger index, from 0. */
  readonly index: number
  readonly treeSize: number
  readonly checkpoint: Checkpoint
  /** The exact logged text. */
  readonly entry: string
  /** C2SP tlog-proof text. */
  readonly proof: string
}

/** An entry and its place. */
export interface PlacedEntry {
  readonly index: number
  readonly bytes: Uint8Array
}

/** The receipt of an entry under a head. */
export async function receiptFor(
  blobs: BlobStore,
  head: Checkpoint,
  { index, bytes }: PlacedEntry,
): Promise<SealedReceipt> {
  const proof = await proofTextFor(blobs, head, index)
  return { index, treeSize: head.treeSize, checkpoint: head, entry: utf8Text(bytes) ?? "", proof }
}

/** The tlog-proof of an index under a head. */
export async function proofTextFor(blobs: BlobStore, head: Checkpoint, index: number): Promise<string> {
  return formatProof({ index, hashes: await publishedInclusion(blobs, index, head.treeSize), checkpoint: head })
}

/** The last entry, not before an index, that begins with some bytes; bundles that do not hold them are not parsed. */
export async function findEntry(
  blobs: BlobStore,
  prefix: Uint8Array,
  fromIndex: number,
  treeSize: number,
): Promise<PlacedEntry | undefined> {
  const needle = Buffer.from(prefix)
  // A log that was recovered begins again below what this process remembers.
  if (fromIndex >= treeSize) return fromIndex === 0 ? undefined : findEntry(blobs, prefix, 0, treeSize)
  const first = await firstBundle(blobs)
  // What was recorded just now is asked for most.
  for (
    let bundle = Math.ceil(treeSize / TILE_WIDTH) - 1;
    (bundle + 1) * TILE_WIDTH > fromIndex && bundle >= first;
    bundle--
  ) {
    const id = tileAt("entries", bundle, treeSize)!
    const stored = await blobs.get(tilePath(id))
    if (stored !== undefined && !Buffer.from(stored.buffer, stored.byteOffset, stored.length).includes(needle)) continue
    const entries = stored === undefined ? await readBundle(blobs, bundle, treeSize) : parseBundle(stored, id.width)
    const n = entries.findIndex((entry) => needle.compare(entry, 0, Math.min(needle.length, entry.length)) === 0)
    if (n !== -1) return { index: bundle * TILE_WIDTH + n, bytes: entries[n]! }
  }
  return undefined
}

/**
 * The number behind the last one of a writer that is in a tree, 0 when it has none: looks through the whole tree. Of a
 * writer that is not in what a pruned log has kept, all was: its journal is only removed once it is published.
 */
export async function nextInTree(
  blobs: BlobStore,
  treeSize: number,
  writerId: string,
  writerOf: WriterOf,
): Promise<number> {
  const needle = Buffer.from(writerId)
  const first = await firstBundle(blobs)
  for (let bundle = Math.ceil(treeSize / TILE_WIDTH) - 1; bundle >= first; bundle--) {
    const entries = await readBundle(blobs, bundle, treeSize)
    for (const entry of entries.reverse()) {
      if (!Buffer.from(entry.buffer, entry.byteOffset, entry.length).includes(needle)) continue
      const writer = writerOf(entry)
      if (writer?.id === writerId) return writer.seq + 1
    }
  }
  return first === 0 ? 0 : Number.POSITIVE_INFINITY
}
