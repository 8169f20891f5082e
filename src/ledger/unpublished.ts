/**
 * Partial tiles and bundles beyond the tree, left by a sealer that died before tree.json. The next one may put other
 * entries in their place, and once the tree has grown past them, verification would call them corrupt. None is removed:
 * a sealer that was stopped, and robbed of its lock, would remove what is published by now. They are given the bytes
 * that belong there, with the files of the tree that grows past them and guarded like those.
 * @module
 */
import { posix } from "node:path"
import { AuditError } from "../errors.ts"
import { entryStarts, parseTilePath, TILE_WIDTH, type TileId, tilePath } from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"
import { endIndex, type GrownFile } from "./publish.ts"

/** tlog-tiles puts a thousand into one directory. */
const TILES_IN_DIRECTORY = 1_000
const HASH_BYTES = 32
/** Before each entry of a bundle. */
const LENGTH_BYTES = 2

/**
 * The partial tiles and bundles beyond a tree. One batch is far smaller than a directory of tiles, so what it left is in
 * the directory that holds the tile being filled or in the next one.
 */
export async function unpublishedPartials(blobs: BlobStore, size: number): Promise<readonly TileId[]> {
  // One level above those that the tree has: a batch may have begun it.
  const levels: TileId["level"][] = ["entries", 0, 1]
  for (let level = 2; TILE_WIDTH ** (level - 1) <= size; level++) levels.push(level)
  const found: TileId[] = []
  for (const level of levels) {
    const index = Math.floor(size / (level === "entries" ? 1 : TILE_WIDTH ** level) / TILE_WIDTH)
    // What is filled stands before the tile being filled, also by name: there may be hundreds of them.
    const first = tilePath({ level, index, width: TILE_WIDTH })
    for (const at of [index, index + TILES_IN_DIRECTORY]) {
      const paths = await blobs.list(posix.dirname(tilePath({ level, index: at, width: TILE_WIDTH })))
      found.push(...paths.filter((path) => path >= first).flatMap((path) => partialAt(path) ?? []))
    }
  }
  return found.filter((id) => endIndex(id) > size)
}

/** Undefined for a full one, and for a file that is no tile, which is nobody's business here. */
function partialAt(path: string): TileId | undefined {
  try {
    const id = parseTilePath(path)
    return id.width < TILE_WIDTH ? id : undefined
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** The bytes that belong into some partials, from the files of a tree that has grown past them. */
export function beginningsFor(partials: readonly TileId[], files: readonly GrownFile[]): readonly GrownFile[] {
  const written = new Set(files.map(({ id }) => tilePath(id)))
  // A bundle is read back with the hashes of its tile.
  const wanted = partials.flatMap((id) => (id.level === "entries" ? [id, { ...id, level: 0 as const }] : [id]))
  const beginnings = new Map<string, GrownFile>()
  for (const id of wanted) {
    const whole = files.find((file) => file.id.level === id.level && file.id.index === id.index)
    if (whole === undefined || whole.id.width <= id.width || written.has(tilePath(id))) continue
    const blanks = whole.blanks?.filter((n) => n < id.width) ?? []
    const file = { id, bytes: whole.bytes.slice(0, lengthOf(whole, id.width)) }
    beginnings.set(tilePath(id), blanks.length === 0 ? file : { ...file, blanks })
  }
  return [...beginnings.values()]
}

/** Bytes that the first entries of a bundle, or the first hashes of a tile, take. */
function lengthOf({ id, bytes }: GrownFile, width: number): number {
  return id.level === "entries" ? entryStarts(bytes, id.width)[width]! - LENGTH_BYTES : width * HASH_BYTES
}
