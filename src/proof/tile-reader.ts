/**
 * Hashes, roots and proofs out of tiles: a plan of the tiles to fetch, then synchronous work on what was fetched.
 * Pure; the caller reads. Nothing here authenticates a tile: recompute the root with {@link rootFromTiles} and compare
 * it with a verified checkpoint, or check the finished proof against one.
 * @module
 */

import { assertBytes } from "./arguments.ts"
import { foldRoots, perfectRoot } from "./hash.ts"
import { HASH_BYTES } from "./sha256.ts"
import { assertTileBytes, TILE_WIDTH, type TileId, tileAt, tilePath } from "./tile.ts"
import { consistencyRanges, frontierRanges, inclusionRanges, perfectRanges, type Range } from "./tree.ts"

/** Gives the bytes of a tile that was planned: exactly `width` hashes, from memory. */
export type ReadTile = (id: TileId) => Uint8Array

/** Where the hash of a perfect subtree is found: in these neighbouring hashes of one tile. */
type Place = { readonly tile: TileId; readonly offset: number; readonly count: number }

function placeOf(subtree: Range, treeSize: number): Place {
  let level = 0
  let [first, count] = [subtree.start, subtree.end - subtree.start]
  while (count >= TILE_WIDTH) {
    level++
    first /= TILE_WIDTH
    count /= TILE_WIDTH
  }
  const index = Math.floor(first / TILE_WIDTH)
  const tile = tileAt(level, index, treeSize)
  if (tile === undefined || subtree.end > treeSize) {
    throw new RangeError(`range ${subtree.start} to ${subtree.end} is not inside a tree of ${treeSize}`)
  }
  return { tile, offset: first - index * TILE_WIDTH, count }
}

/**
 * The tiles that hold the hashes of these ranges in a tree of that size, each once.
 *
 * @throws RangeError when a range is not a subtree of that tree.
 * @example
 * ```ts
 * tilesForRanges(inclusionRanges(3, 70_000), 70_000).map(tilePath)
 * // ["tile/0/000", "tile/1/000", "tile/1/001.p/17", "tile/0/273.p/112"]
 * ```
 */
export function tilesForRanges(ranges: readonly Range[], treeSize: number): readonly TileId[] {
  const tiles = new Map<string, TileId>()
  for (const subtree of ranges.flatMap(perfectRanges)) {
    const { tile } = placeOf(subtree, treeSize)
    tiles.set(tilePath(tile), tile)
  }
  return [...tiles.values()]
}

/**
 * The hash of a subtree, from the tiles that {@link tilesForRanges} names for it.
 *
 * @throws {@link AuditError} `TILE_MALFORMED` when a tile has not exactly its width in hashes.
 * @throws RangeError when the range is not a subtree of that tree.
 */
export function rangeHashFromTiles(range: Range, treeSize: number, readTile: ReadTile): Uint8Array {
  const roots = perfectRanges(range).map((subtree) => {
    const { tile, offset, count } = placeOf(subtree, treeSize)
    const bytes = readTile(tile)
    assertBytes(bytes, tilePath(tile))
    assertTileBytes(tile, bytes)
    return perfectRoot(bytes.subarray(offset * HASH_BYTES, (offset + count) * HASH_BYTES))
  })
  return foldRoots(roots)
}

/**
 * The root of a tree, from the tiles of its right edge: `tilesForRanges(frontierRanges(treeSize), treeSize)`.
 *
 * @throws {@link AuditError} `TILE_MALFORMED` when a tile has not exactly its width in hashes.
 * @example
 * ```ts
 * rootFromTiles(0, readTile) // EMPTY_ROOT
 * ```
 */
export function rootFromTiles(treeSize: number, readTile: ReadTile): Uint8Array {
  return foldRoots(frontierRanges(treeSize).map((range) => rangeHashFromTiles(range, treeSize, readTile)))
}

/**
 * The root over a full tile, which is its one hash in the level above.
 *
 * @throws {@link AuditError} `TILE_MALFORMED` when the tile is not 8,192 bytes.
 */
export function tileRoot(id: TileId, bytes: Uint8Array): Uint8Array {
  if (id.width !== TILE_WIDTH) throw new RangeError("width must be that of a full tile: a partial one feeds no level")
  assertTileBytes(id, bytes)
  return perfectRoot(bytes)
}

/**
 * An inclusion proof, from the tiles `tilesForRanges(inclusionRanges(index, treeSize), treeSize)`.
 *
 * @returns The hashes, leaf's sibling first; check them with `verifyInclusion` against a verified root.
 * @throws {@link AuditError} `INDEX_OUT_OF_RANGE` when the tree has no such leaf.
 * @throws {@link AuditError} `TILE_MALFORMED` when a tile has not exactly its width in hashes.
 */
export function inclusionProof(index: number, treeSize: number, readTile: ReadTile): Uint8Array[] {
  return inclusionRanges(index, treeSize).map((range) => rangeHashFromTiles(range, treeSize, readTile))
}

/**
 * A consistency proof, from the tiles `tilesForRanges(consistencyRanges(oldSize, newSize), newSize)`.
 *
 * @returns The hashes, none for an empty or equal old tree; check them with `verifyConsistency` against both roots.
 * @throws {@link AuditError} `TREE_SHRANK` when `oldSize` is above `newSize`.
 * @throws {@link AuditError} `TILE_MALFORMED` when a tile has not exactly its width in hashes.
 */
export function consistencyProof(oldSize: number, newSize: number, readTile: ReadTile): Uint8Array[] {
  return consistencyRanges(oldSize, newSize).map((range) => rangeHashFromTiles(range, newSize, readTile))
}
