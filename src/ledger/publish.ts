/**
 * Growing the published tree: planned in memory, written once, read back and hashed again before anything says so.
 * @module
 */
import { equalBytes } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  bundleLeafHashes,
  encodeBundle,
  entryStarts,
  leafHashes,
  TILE_WIDTH,
  type TileId,
  tileAt,
  tilePath,
  tileRoot,
} from "../proof/index.ts"
import { type Blob, type BlobStore, inLanes, Slices } from "../store/index.ts"
import { publishedRoot, readBundle, readTile } from "./published.ts"

const HASH_BYTES = 32
const TILE_BYTES = TILE_WIDTH * HASH_BYTES

/** A tile that is filling up. */
interface OpenTile {
  readonly bytes: Uint8Array
  width: number
  /** Its width when it was last written. */
  writtenWidth: number
}

/** A tile or bundle of a growing tree. */
export interface GrownFile {
  readonly id: TileId
  readonly bytes: Uint8Array
}

/** The right edge of the tree in memory; appending yields the files to write. */
export class TreeGrowth {
  readonly #levels: OpenTile[]
  readonly #bundle: Uint8Array[]
  #size: number
  #full: GrownFile[] = []

  private constructor(size: number, levels: OpenTile[], bundle: Uint8Array[]) {
    this.#size = size
    this.#levels = levels
    this.#bundle = bundle
  }

  /** Reads the partial tiles and the partial bundle of a tree. */
  static async load(blobs: BlobStore, size: number): Promise<TreeGrowth> {
    const levels: OpenTile[] = []
    for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
      const bytes = new Uint8Array(TILE_BYTES)
      const width = count % TILE_WIDTH
      if (width > 0) bytes.set(await readTile(blobs, { level, index: Math.floor(count / TILE_WIDTH), width }))
      levels.push({ bytes, width, writtenWidth: width })
    }
    const open = size % TILE_WIDTH
    return new TreeGrowth(size, levels, open === 0 ? [] : await readBundle(blobs, Math.floor(size / TILE_WIDTH), size))
  }

  get size(): number {
    return this.#size
  }

  /** Adds entries; call it with a few hundred at a time, since they are hashed in one go. */
  append(entries: readonly Uint8Array[]): void {
    const hashes = leafHashes(entries)
    entries.forEach((entry, n) => {
      this.#bundle.push(entry)
      this.#size += 1
      if (this.#bundle.length === TILE_WIDTH) this.#closeBundle()
      this.#push(0, hashes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES))
    })
  }

  #closeBundle(): void {
    const index = this.#size / TILE_WIDTH - 1
    this.#full.push({ id: { level: "entries", index, width: TILE_WIDTH }, bytes: encodeBundle(this.#bundle) })
    this.#bundle.length = 0
  }

  #push(level: number, hash: Uint8Array): void {
    const tile = (this.#levels[level] ??= { bytes: new Uint8Array(TILE_BYTES), width: 0, writtenWidth: 0 })
    tile.bytes.set(hash, tile.width * HASH_BYTES)
    tile.width += 1
    if (tile.width < TILE_WIDTH) return
    const index = this.#size / TILE_WIDTH ** (level + 1) - 1
    const id: TileId = { level, index, width: TILE_WIDTH }
    const bytes = tile.bytes.slice()
    this.#full.push({ id, bytes })
    tile.width = 0
    tile.writtenWidth = 0
    this.#push(level + 1, tileRoot(id, bytes))
  }

  /** What has to be written for the tree as it is now: tiles and bundles that became full, and all partial ones. */
  takeFiles(): readonly GrownFile[] {
    const files = this.#full
    this.#full = []
    const bundle = tileAt("entries", Math.floor(this.#size / TILE_WIDTH), this.#size)
    if (bundle !== undefined) files.push({ id: bundle, bytes: encodeBundle(this.#bundle) })
    this.#levels.forEach((tile, level) => {
      const { bytes, width, writtenWidth } = tile
      const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1))
      if (width > 0 && width !== writtenWidth)
        files.push({ id: { level, index, width }, bytes: bytes.slice(0, width * HASH_BYTES) })
      tile.writtenWidth = width
    })
    return files
  }
}

/**
 * Writes the files of a tree that has grown to `treeSize`; once resolved it is durable and was read back. Returns the new root.
 */
export async function publishFiles(
  blobs: BlobStore,
  files: readonly GrownFile[],
  treeSize: number,
  publishedSize: () => Promise<number>,
): Promise<Uint8Array> {
  const toBlob = ({ id, bytes }: GrownFile): Blob => ({ path: tilePath(id), bytes })
  // A path beyond the tree of tree.json was left by a sealer that died; its order may have been another.
  const ends = new Map(files.map(({ id }) => [tilePath(id), endIndex(id)]))
  const mayReplace = async (path: string): Promise<boolean> => (ends.get(path) ?? 0) > (await publishedSize())
  const [bundles, tiles] = [files.filter(isBundle), files.filter((file) => !isBundle(file))]
  await blobs.putAll(bundles.map(toBlob), mayReplace)
  await blobs.putAll(tiles.map(toBlob), mayReplace)
  await checkReadBack(blobs, bundles, tiles, treeSize)
  return publishedRoot(blobs, treeSize)
}

function isBundle({ id }: GrownFile): boolean {
  return id.level === "entries"
}

/** Index behind the last entry that a tile or bundle covers. */
export function endIndex(id: TileId): number {
  const span = id.level === "entries" ? 1 : TILE_WIDTH ** id.level
  return (id.index * TILE_WIDTH + id.width) * span
}

/**
 * Hashes what lies on the disk again, so that a bit flipped on the way there is never signed: each tile must be the one
 * that was written, each bundle must have the hashes of its tile, and each full tile the one that stands for it in the
 * tile above, which grew with it.
 */
async function checkReadBack(
  blobs: BlobStore,
  bundles: readonly GrownFile[],
  tiles: readonly GrownFile[],
  treeSize: number,
): Promise<void> {
  const slices = new Slices()
  const stored = new Map<string, Uint8Array>()
  await inLanes(tiles, async ({ id, bytes }) => {
    const found = await readBack(blobs, id)
    // A tile above the lowest level repeats hashes of tiles that are not read here: nothing else would tell.
    if (Buffer.compare(found, bytes) !== 0) throw readBackFailed(id)
    stored.set(tilePath(id), found)
  })
  await inLanes(bundles, async ({ id }) => {
    const bytes = await readBack(blobs, id)
    await slices.turn()
    const hashes = stored.get(tilePath({ ...id, level: 0 }))
    if (hashes === undefined || Buffer.compare(bundleLeafHashes(bytes, entryStarts(bytes, id.width)), hashes) !== 0)
      throw readBackFailed(id)
  })
  for (const { id } of tiles) {
    if (id.level === "entries" || id.width < TILE_WIDTH) continue
    const above = tileAt(id.level + 1, Math.floor(id.index / TILE_WIDTH), treeSize)!
    const offset = (id.index % TILE_WIDTH) * HASH_BYTES
    const hash = stored.get(tilePath(above))?.subarray(offset, offset + HASH_BYTES)
    if (hash === undefined || !equalBytes(tileRoot(id, stored.get(tilePath(id))!), hash)) throw readBackFailed(id)
    await slices.turn()
  }
}

async function readBack(blobs: BlobStore, id: TileId): Promise<Uint8Array> {
  const bytes = await blobs.get(tilePath(id))
  if (bytes === undefined) throw readBackFailed(id)
  return bytes
}

function readBackFailed(id: TileId): AuditError {
  return new AuditError(
    "LEDGER_CORRUPT",
    `${tilePath(id)} read back differently from what was written; nothing was signed; check the disk`,
  )
}
