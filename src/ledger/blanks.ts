/**
 * Blanks: bytes in a bundle that do not have the leaf hash of the tree, because the entry was redacted. An entry behind
 * it, under the same root, has to say so. What an entry says is not known here: whoever knows events brings the rules.
 * @module
 */
import { equalBytes } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { leafHash, TILE_WIDTH, tileAt } from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"
import { readBundle, readTile } from "./published.ts"

const HASH_BYTES = 32

/** What events say of redacted entries. */
export interface BlankRules {
  /** Index of the entry that some bytes name as their reason; undefined for bytes that are no blank. */
  readonly recordNamedBy: (bytes: Uint8Array) => number | undefined
  /** The bytes that, by an entry, stand in the place of the one at an index; undefined where it says nothing of it. */
  readonly blankFor: (
    record: Uint8Array,
    recordIndex: number,
    index: number,
    leafHash: Uint8Array,
  ) => Uint8Array | undefined
}

/** Bytes that stand at an index of a tree, and the leaf hash that the tree has for it. */
export interface Unhashed {
  readonly index: number
  readonly bytes: Uint8Array
  readonly leafHash: Uint8Array
}

/**
 * The index of the entry that explains why some bytes do not have their leaf hash; undefined where nothing does. That
 * entry has the hash which the tree has for it, and the bytes are, each of them, what it says.
 */
export async function explanationOf(
  blobs: Pick<BlobStore, "get">,
  rules: BlankRules,
  { index, bytes, leafHash: hash }: Unhashed,
  treeSize: number,
): Promise<number | undefined> {
  const named = rules.recordNamedBy(bytes)
  if (named === undefined || named >= treeSize || named <= index) return undefined
  try {
    const record = (await readBundle(blobs, Math.floor(named / TILE_WIDTH), treeSize))[named % TILE_WIDTH]!
    if (!equalBytes(leafHash(record), await leafHashAt(blobs, named, treeSize))) return undefined
    const blank = rules.blankFor(record, named, index, hash)
    return blank !== undefined && equalBytes(blank, bytes) ? named : undefined
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** The leaf hash that a tree has for an entry, from its level-0 tile. */
export async function leafHashAt(blobs: Pick<BlobStore, "get">, index: number, treeSize: number): Promise<Uint8Array> {
  const tile = await readTile(blobs, tileAt(0, Math.floor(index / TILE_WIDTH), treeSize)!)
  const at = (index % TILE_WIDTH) * HASH_BYTES
  return tile.slice(at, at + HASH_BYTES)
}
