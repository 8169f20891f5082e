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
import { type BlankRules, explanationOf } from "./blanks.ts"
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
  /** Of a bundle: where in it a blank stands in the place of an entry that was redacted. */
  readonly blanks?: readonly number[]
}

/** The right edge of the tree in memory; appending yields the files to write. */
export class TreeGrowth {
  readonly #levels: OpenTile[]
  readonly #bundle: Uint8Array[]
  /** Where blanks stand in that bundle. */
  #blanks: readonly number[]
  #size: number
  #full: GrownFile[] = []

  private constructor(size: number, levels: OpenTile[], bundle: Uint8Array[], blanks: readonly number[]) {
    this.#size = size
    this.#levels = levels
    this.#bundle = bundle
    this.#blanks = blanks
  }

  /**
   * Reads the partial tiles and the partial bundle of a tree.
   * @throws {@link AuditError} `LEDGER_CORRUPT`: an entry does not have its leaf hash, and was not redacted either.
   */
  static async load(blobs: BlobStore, size: number, rules: BlankRules): Promise<TreeGrowth> {
    const levels: OpenTile[] = []
    for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
      const bytes = new Uint8Array(TILE_BYTES)
      const width = count % TILE_WIDTH
      if (width > 0) bytes.set(await readTile(blobs, { level, index: Math.floor(count / TILE_WIDTH), width }))
      levels.push({ bytes, width, writtenWidth: width })
    }
    if (size % TILE_WIDTH === 0) return new TreeGrowth(size, levels, [], [])
    const bundle = await readBundle(blobs, Math.floor(size / TILE_WIDTH), size)
    return new TreeGrowth(size, levels, bundle, await blanksIn(blobs, rules, bundle, levels[0]!.bytes, size))
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
    this.#full.push(this.#bundleFile({ level: "entries", index, width: TILE_WIDTH }))
    this.#bundle.length = 0
    this.#blanks = []
  }

  #bundleFile(id: TileId): GrownFile {
    const file = { id, bytes: encodeBundle(this.#bundle) }
    return this.#blanks.length === 0 ? file : { ...file, blanks: this.#blanks }
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
    if (bundle !== undefined) files.push(this.#bundleFile(bundle))
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

/** Where in a partial bundle blanks stand; their leaf hashes are in the tile alone. */
async function blanksIn(
  blobs: BlobStore,
  rules: BlankRules,
  bundle: readonly Uint8Array[],
  tile: Uint8Array,
  size: number,
): Promise<number[]> {
  const hashes = leafHashes(bundle)
  const blanks: number[] = []
  for (const [n, bytes] of bundle.entries()) {
    const hash = tile.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES)
    if (Buffer.compare(hashes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES), hash) === 0) continue
    const index = size - bundle.length + n
    if ((await explanationOf(blobs, rules, { index, bytes, leafHash: hash }, size)) === undefined)
      throw new AuditError(
        "LEDGER_CORRUPT",
        `entry ${index} is not what the tree has at its place; nothing was signed; run secureml audit verify`,
      )
    blanks.push(n)
  }
  return blanks
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
  await inLanes(bundles, async ({ id, bytes: written, blanks = [] }) => {
    const bytes = await readBack(blobs, id)
    await slices.turn()
    const hashes = stored.get(tilePath({ ...id, level: 0 }))
    const found = bundleLeafHashes(bytes, entryStarts(bytes, id.width))
    // A blank has no hash to be told by: then all bytes are compared.
    if (hashes === undefined || (blanks.length > 0 && Buffer.compare(bytes, written) !== 0)) throw readBackFailed(id)
    for (const at of blanks.map((n) => n * HASH_BYTES)) found.set(hashes.subarray(at, at + HASH_BYTES), at)
    if (Buffer.compare(found, hashes) !== 0) throw readBackFailed(id)
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
