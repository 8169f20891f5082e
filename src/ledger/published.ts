/**
 * Reading what is published: tiles and bundles of a given tree size, each checked for its length and nothing else.
 * Whoever needs authenticity recomputes the root from them.
 * @module
 */
import { AuditError } from "../errors.ts"
import {
  consistencyProof,
  consistencyRanges,
  Frontier,
  frontierRanges,
  inclusionProof,
  inclusionRanges,
  parseBundle,
  type Range,
  rangeHashFromTiles,
  rootFromTiles,
  TILE_WIDTH,
  type TileId,
  tileAt,
  tilePath,
  tilesForRanges,
} from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"

/** The bytes of a tile or bundle; a partial one may since have become part of the full one. */
export async function readTile(blobs: Pick<BlobStore, "get">, id: TileId): Promise<Uint8Array> {
  const exact = await blobs.get(tilePath(id))
  if (exact !== undefined) return exact
  const full = id.width === TILE_WIDTH ? undefined : await blobs.get(tilePath({ ...id, width: TILE_WIDTH }))
  if (full === undefined) {
    throw new AuditError("LEDGER_CORRUPT", `${tilePath(id)} is missing; run secureml audit verify`)
  }
  return id.level === "entries" ? full : full.subarray(0, id.width * 32)
}

/** A bundle as it was read. */
export interface BundleBytes {
  readonly bytes: Uint8Array
  /** Entries in the bytes. */
  readonly width: number
  /** Entries of the tree that was asked about: fewer where the bundle has become full since. */
  readonly wanted: number
}

/** The bytes of one bundle of a tree. */
export async function readBundleBytes(
  blobs: Pick<BlobStore, "get">,
  index: number,
  treeSize: number,
): Promise<BundleBytes> {
  const id = tileAt("entries", index, treeSize)
  if (id === undefined) throw new RangeError(`bundle ${index} is not in a tree of ${treeSize}`)
  const exact = await blobs.get(tilePath(id))
  if (exact !== undefined) return { bytes: exact, width: id.width, wanted: id.width }
  const bytes = await readTile(blobs, { ...id, width: TILE_WIDTH })
  return { bytes, width: TILE_WIDTH, wanted: id.width }
}

/** The entries of one bundle of a tree. */
export async function readBundle(
  blobs: Pick<BlobStore, "get">,
  index: number,
  treeSize: number,
): Promise<Uint8Array[]> {
  return entriesIn(await readBundleBytes(blobs, index, treeSize))
}

/** The entries of a bundle that was read. */
export function entriesIn({ bytes, width, wanted }: BundleBytes): Uint8Array[] {
  return parseBundle(bytes, width).slice(0, wanted)
}

/** Fetches the tiles that some ranges need, so that the pure code can read them. */
async function fetchFor(
  blobs: Pick<BlobStore, "get">,
  ranges: readonly Range[],
  treeSize: number,
): Promise<(id: TileId) => Uint8Array> {
  const tiles = new Map<string, Uint8Array>()
  for (const id of tilesForRanges(ranges, treeSize)) tiles.set(tilePath(id), await readTile(blobs, id))
  return (id) => tiles.get(tilePath(id))!
}

/** The root of the first `treeSize` entries, from the tiles at the right edge of that tree. */
export async function publishedRoot(blobs: BlobStore, treeSize: number): Promise<Uint8Array> {
  return rootFromTiles(treeSize, await fetchFor(blobs, frontierRanges(treeSize), treeSize))
}

/** The root of the first `treeSize` entries of a larger tree, from the tiles of that one. */
export async function earlierRoot(blobs: BlobStore, treeSize: number, within: number): Promise<Uint8Array> {
  return Frontier.from(treeSize, await earlierFrontier(blobs, treeSize, within)).root()
}

/** The roots of the perfect subtrees that the first `treeSize` entries of a larger tree are made of, left to right. */
export async function earlierFrontier(blobs: BlobStore, treeSize: number, within: number): Promise<Uint8Array[]> {
  const tiles = new Map<string, Uint8Array>()
  for (const id of tilesForRanges(frontierRanges(treeSize), treeSize)) {
    const whole = await readTile(blobs, tileAt(id.level, id.index, within) ?? id)
    tiles.set(tilePath(id), whole.subarray(0, id.width * 32))
  }
  const read = (id: TileId): Uint8Array => tiles.get(tilePath(id))!
  return frontierRanges(treeSize).map((range) => rangeHashFromTiles(range, treeSize, read))
}

/** Proof that the entry at an index is in the tree. */
export async function publishedInclusion(
  blobs: Pick<BlobStore, "get">,
  index: number,
  treeSize: number,
): Promise<Uint8Array[]> {
  return inclusionProof(index, treeSize, await fetchFor(blobs, inclusionRanges(index, treeSize), treeSize))
}

/** Proof that one tree is a prefix of another. */
export async function publishedConsistency(blobs: BlobStore, oldSize: number, newSize: number): Promise<Uint8Array[]> {
  return consistencyProof(oldSize, newSize, await fetchFor(blobs, consistencyRanges(oldSize, newSize), newSize))
}
