/**
 * Tiles: which 256-wide slice of the tree a hash lives in, and which tiles a tree has. Pure planning; the caller reads
 * and writes. Format: https://c2sp.org/tlog-tiles, "Merkle Tree" and "Partial Tiles".
 * @module
 */

import { AuditError } from "../errors.ts"
import { assertCount, assertString, parseDecimal } from "./arguments.ts"
import { HASH_BYTES } from "./sha256.ts"

/** Hashes in a full tile, entries in a full bundle. Fixed by tlog-tiles; changing it moves every stored path. */
export const TILE_WIDTH = 256

const MAX_LEVEL = 63

/**
 * One tile: at `level` 0 the leaf hashes, above it the roots of full tiles of the level below, or the bundle of the
 * entries themselves. `width` is the number of hashes or entries, {@link TILE_WIDTH} when full.
 */
export type TileId = { readonly level: number | "entries"; readonly index: number; readonly width: number }

/**
 * Where a tile is kept, relative to the log's prefix.
 *
 * @throws RangeError when the level is not 0 to 63, the width not 1 to 256, or the index not a whole number.
 * @example
 * ```ts
 * tilePath({ level: "entries", index: 1234067, width: 112 }) // "tile/entries/x001/x234/067.p/112"
 * ```
 */
export function tilePath(id: TileId): string {
  const { level, index, width } = id
  if (level !== "entries") assertCount(level, "level")
  if (level !== "entries" && level > MAX_LEVEL) throw new RangeError(`level must be 0 to ${MAX_LEVEL}`)
  assertCount(index, "index")
  assertWidth(width)
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0")
  const groups = padded.match(/.{3}/g)!.map((group, i, all) => (i < all.length - 1 ? `x${group}` : group))
  return `tile/${level}/${groups.join("/")}${width === TILE_WIDTH ? "" : `.p/${width}`}`
}

/**
 * The tile that a path names. One spelling only: what {@link tilePath} gives.
 *
 * @throws {@link AuditError} `TILE_PATH_MALFORMED` for every other text.
 * @example
 * ```ts
 * parseTilePath("tile/0/x001/001.p/89") // { level: 0, index: 1001, width: 89 }
 * ```
 */
export function parseTilePath(path: string): TileId {
  assertString(path, "path")
  const id = readTilePath(path)
  if (id === undefined || tilePath(id) !== path) {
    throw new AuditError("TILE_PATH_MALFORMED", `${JSON.stringify(path)} is not the path of a tile`)
  }
  return id
}

function readTilePath(path: string): TileId | undefined {
  // Six groups hold 2^53 - 1; more could only be a number too large for any tree here.
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path)
  if (match === null) return undefined
  const level = match[1] === "entries" ? "entries" : Number(match[1])
  const index = parseDecimal(match[2]!.replace(/[x/]/g, "").replace(/^0+(?=\d)/, ""))
  const width = match[3] === undefined ? TILE_WIDTH : Number(match[3])
  if (index === undefined || (level !== "entries" && level > MAX_LEVEL)) return undefined
  return width >= 1 && width <= TILE_WIDTH ? { level, index, width } : undefined
}

/** @throws TypeError or RangeError when `width` is not 1 to 256. */
export function assertWidth(width: number): void {
  assertCount(width, "width")
  if (width < 1 || width > TILE_WIDTH) throw new RangeError(`width must be 1 to ${TILE_WIDTH}`)
}

/** Checks that a tile's bytes are as many as its width says. @throws AuditError `TILE_MALFORMED`. */
export function assertTileBytes(id: TileId, bytes: Uint8Array): void {
  if (bytes.length === id.width * HASH_BYTES) return
  throw new AuditError(
    "TILE_MALFORMED",
    `${tilePath(id)} has ${bytes.length} bytes instead of ${id.width * HASH_BYTES}: read it again, or the log is damaged`,
  )
}

/** How many hashes a level of a tree has: the subtrees of 256^level leaves that are complete. */
function hashesAtLevel(treeSize: number, level: number): number {
  let count = treeSize
  for (let i = 0; i < level && count > 0; i++) count = Math.floor(count / TILE_WIDTH)
  return count
}

/**
 * The tile at a place of a tree, with the width it has there; undefined where the tree has none.
 *
 * @example
 * ```ts
 * tileAt(0, 273, 70_000) // { level: 0, index: 273, width: 112 }
 * ```
 */
export function tileAt(level: number | "entries", index: number, treeSize: number): TileId | undefined {
  assertCount(treeSize, "treeSize")
  const width = Math.min(TILE_WIDTH, hashesAtLevel(treeSize, level === "entries" ? 0 : level) - index * TILE_WIDTH)
  return width > 0 ? { level, index, width } : undefined
}

/**
 * All hash tiles of a tree, lowest level first: the full ones and each level's partial one.
 * They are `treeSize / 255` in number; for a large tree go step by step with {@link newTiles}.
 *
 * @example
 * ```ts
 * tilesOfSize(257).map(tilePath) // ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
 * ```
 */
export function tilesOfSize(treeSize: number): TileId[] {
  return newTiles(0, treeSize)
}

/**
 * The hash tiles to write when a tree grows: those that hold a hash the old tree did not have, with their new width,
 * lowest level first. The work is proportional to the growth, not to the tree.
 *
 * @throws RangeError when `oldSize` is above `newSize`.
 * @example
 * ```ts
 * newTiles(255, 257).map(tilePath) // ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
 * ```
 */
export function newTiles(oldSize: number, newSize: number): TileId[] {
  assertOrder(oldSize, newSize)
  const tiles: TileId[] = []
  let [oldCount, newCount] = [oldSize, newSize]
  for (let level = 0; newCount > 0; level++) {
    pushGrowth(tiles, level, oldCount, newCount)
    oldCount = Math.floor(oldCount / TILE_WIDTH)
    newCount = Math.floor(newCount / TILE_WIDTH)
  }
  return tiles
}

/**
 * The entry bundles to write when a tree grows, or to read for the entries from `oldSize` on.
 *
 * @throws RangeError when `oldSize` is above `newSize`.
 * @example
 * ```ts
 * entryBundlesFor(255, 257).map(tilePath) // ["tile/entries/000", "tile/entries/001.p/1"]
 * ```
 */
export function entryBundlesFor(oldSize: number, newSize: number): TileId[] {
  assertOrder(oldSize, newSize)
  const bundles: TileId[] = []
  pushGrowth(bundles, "entries", oldSize, newSize)
  return bundles
}

/**
 * The partial tiles and the partial bundle of a tree: what may go once its full counterpart is published.
 *
 * @example
 * ```ts
 * partialsOf(257).map(tilePath) // ["tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/001.p/1"]
 * ```
 */
export function partialsOf(treeSize: number): TileId[] {
  assertCount(treeSize, "treeSize")
  const partials: TileId[] = []
  for (let level = 0, count = treeSize; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH
    if (width > 0) partials.push({ level, index: Math.floor(count / TILE_WIDTH), width })
  }
  const bundleWidth = treeSize % TILE_WIDTH
  if (bundleWidth > 0) {
    partials.push({ level: "entries", index: Math.floor(treeSize / TILE_WIDTH), width: bundleWidth })
  }
  return partials
}

/** Adds the tiles of one level that hold anything from `oldCount` up to, not including, `newCount`. */
function pushGrowth(tiles: TileId[], level: number | "entries", oldCount: number, newCount: number): void {
  for (let done = oldCount; done < newCount; ) {
    const index = Math.floor(done / TILE_WIDTH)
    const width = Math.min(TILE_WIDTH, newCount - index * TILE_WIDTH)
    tiles.push({ level, index, width })
    done = index * TILE_WIDTH + width
  }
}

function assertOrder(oldSize: number, newSize: number): void {
  assertCount(oldSize, "oldSize")
  assertCount(newSize, "newSize")
  if (oldSize > newSize) throw new RangeError("oldSize must not be above newSize")
}
