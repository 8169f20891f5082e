/**
 * The tree, byte for byte: every bundle hashed again, every tile recomputed, the root compared with the checkpoint.
 * Returns findings; the bytes are untrusted.
 * @module
 */
import { equalBytes, fromBase64 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { readBundle } from "../ledger/index.ts"
import {
  type Checkpoint,
  Frontier,
  leafHashes,
  parseBundle,
  parseTilePath,
  TILE_WIDTH,
  type TileId,
  tilePath,
  tileRoot,
} from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"
import type { Finding } from "./findings.ts"

const HASH_BYTES = 32

/** What the check of a tree found out. */
export interface TreeCheck {
  readonly findings: readonly Finding[]
  readonly entriesChecked: number
  /** Roots of the tree at the sizes asked for, as recomputed from the entries. */
  readonly roots: ReadonlyMap<number, Uint8Array>
}

/** What to check and whom to tell. */
export interface TreeCheckOptions {
  /** Sizes at which the root is wanted. */
  readonly rootsAt: ReadonlySet<number>
  readonly onEntries: (firstIndex: number, entries: readonly Uint8Array[]) => void
  readonly onProgress: (entriesChecked: number) => void
}

/** Checks the whole tree under a checkpoint. */
export async function checkTree(blobs: BlobStore, head: Checkpoint, options: TreeCheckOptions): Promise<TreeCheck> {
  const walk = new TreeWalk(blobs, head.treeSize, options)
  const complete = await walk.run()
  const findings = [...walk.findings]
  const root = walk.roots.get(head.treeSize)
  if (complete && !equalBytes(root!, fromBase64(head.rootHash)!) && findings.length === 0) {
    const message = "the entries and tiles agree with each other, but not with the root of the checkpoint"
    findings.push({ code: "root_mismatch", verdict: "corrupt", message, path: "checkpoint" })
  }
  return { findings, entriesChecked: walk.entriesChecked, roots: complete ? walk.roots : new Map() }
}

/** One pass over the bundles; tiles of the levels above are built up and compared on the way. */
class TreeWalk {
  readonly findings: Finding[] = []
  readonly roots = new Map<number, Uint8Array>()
  entriesChecked = 0
  readonly #blobs: BlobStore
  readonly #treeSize: number
  readonly #options: TreeCheckOptions
  readonly #frontier = Frontier.empty()
  /** Hashes of the tile being filled, by level. */
  readonly #levels: Uint8Array[][] = []

  constructor(blobs: BlobStore, treeSize: number, options: TreeCheckOptions) {
    this.#blobs = blobs
    this.#treeSize = treeSize
    this.#options = options
  }

  /** False: an entry could not be read, so no root can be recomputed. */
  async run(): Promise<boolean> {
    if (this.#options.rootsAt.has(0) || this.#treeSize === 0) this.roots.set(0, this.#frontier.root())
    for (let bundle = 0; bundle * TILE_WIDTH < this.#treeSize; bundle++) {
      if (!(await this.#bundle(bundle))) return false
      this.#options.onProgress(this.entriesChecked)
    }
    await this.#partialTiles()
    await this.#supersededPartials()
    return true
  }

  async #bundle(bundle: number): Promise<boolean> {
    const first = bundle * TILE_WIDTH
    let entries: Uint8Array[]
    try {
      entries = await readBundle(this.#blobs, bundle, this.#treeSize)
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
      const path = tilePath({ level: "entries", index: bundle, width: Math.min(TILE_WIDTH, this.#treeSize - first) })
      const message = `entries from ${first} on cannot be read: ${error.message}`
      this.findings.push({ code: "bundle_unreadable", verdict: "corrupt", message, index: first, path })
      return false
    }
    const hashes = leafHashes(entries)
    for (let n = 0; n < entries.length; n++) {
      this.#frontier.append(hashes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES))
      const size = first + n + 1
      if (this.#options.rootsAt.has(size) || size === this.#treeSize) this.roots.set(size, this.#frontier.root())
    }
    this.entriesChecked += entries.length
    this.#options.onEntries(first, entries)
    if (entries.length === TILE_WIDTH) await this.#fullTile({ level: 0, index: bundle, width: TILE_WIDTH }, hashes)
    else await this.#compare({ level: 0, index: bundle, width: entries.length }, hashes)
    return true
  }

  async #fullTile(id: TileId & { level: number }, hashes: Uint8Array): Promise<void> {
    await this.#compare(id, hashes)
    const above = (this.#levels[id.level + 1] ??= [])
    above.push(tileRoot(id, hashes))
    if (above.length < TILE_WIDTH) return
    this.#levels[id.level + 1] = []
    await this.#fullTile(
      { level: id.level + 1, index: Math.floor(id.index / TILE_WIDTH), width: TILE_WIDTH },
      join(above),
    )
  }

  async #partialTiles(): Promise<void> {
    for (const [level, hashes] of this.#levels.entries()) {
      if (hashes === undefined || hashes.length === 0) continue
      const index = Math.floor(this.#treeSize / TILE_WIDTH ** (level + 1))
      await this.#compare({ level, index, width: hashes.length }, join(hashes))
    }
  }

  /** A partial tile may be gone once the full one is there: then its first hashes count. */
  async #compare(id: TileId & { level: number }, expected: Uint8Array): Promise<void> {
    const path = tilePath(id)
    const stored =
      (await this.#blobs.get(path)) ??
      (await this.#blobs.get(tilePath({ ...id, width: TILE_WIDTH })))?.subarray(0, expected.length)
    if (stored !== undefined && equalBytes(stored, expected)) return
    const span = TILE_WIDTH ** id.level
    const differs = stored === undefined ? 0 : firstDifference(stored, expected)
    const index = (id.index * TILE_WIDTH + differs) * span
    const message = stored === undefined ? `${path} is missing` : `entry ${index} and its hash in ${path} do not agree`
    this.findings.push({
      code: stored === undefined ? "tile_missing" : "tile_mismatch",
      verdict: "corrupt",
      message,
      index,
      path,
    })
  }

  /** Partial tiles of earlier checkpoints must be beginnings of what is there now. */
  async #supersededPartials(): Promise<void> {
    const levels: (number | "entries")[] = ["entries"]
    for (let level = 0; TILE_WIDTH ** level <= this.#treeSize; level++) levels.push(level)
    for (const level of levels) {
      const span = level === "entries" ? 1 : TILE_WIDTH ** level
      const open = Math.floor(this.#treeSize / span / TILE_WIDTH)
      for (const index of open > 0 ? [open - 1, open] : [open])
        await this.#partialsOf({ level, index, width: TILE_WIDTH })
    }
  }

  async #partialsOf(full: TileId): Promise<void> {
    const whole = await this.#whole(full)
    for (const path of await this.#blobs.list(`${tilePath(full)}.p`)) {
      const width = partialWidth(path)
      const bytes = await this.#blobs.get(path)
      // Wider than the tree: left by a sealer that died before it was published.
      if (bytes === undefined || (width !== undefined && width > whole.width)) continue
      if (width !== undefined && isBeginning(full, bytes, width, whole.bytes)) continue
      const message = `${path} is not the beginning of what is published in its place`
      this.findings.push({
        code: "partial_mismatch",
        verdict: "corrupt",
        message,
        index: full.index * TILE_WIDTH,
        path,
      })
    }
  }

  async #whole(full: TileId): Promise<{ bytes: Uint8Array; width: number }> {
    const span = full.level === "entries" ? 1 : TILE_WIDTH ** full.level
    const width = Math.min(TILE_WIDTH, Math.floor(this.#treeSize / span) - full.index * TILE_WIDTH)
    // The full file appears before the partial one goes, so looking for it last finds one of the two.
    const candidates = width > 0 ? [full, { ...full, width }, full] : [full]
    for (const id of candidates) {
      const bytes = await this.#blobs.get(tilePath(id))
      if (bytes !== undefined) return { bytes, width: Math.max(0, width) }
    }
    return { bytes: new Uint8Array(0), width: 0 }
  }
}

function partialWidth(path: string): number | undefined {
  try {
    return parseTilePath(path).width
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

function isBeginning(full: TileId, bytes: Uint8Array, width: number, whole: Uint8Array): boolean {
  if (!equalBytes(bytes, whole.subarray(0, bytes.length))) return false
  if (full.level !== "entries") return bytes.length === width * HASH_BYTES
  try {
    return parseBundle(bytes, width).length === width
  } catch (error) {
    if (error instanceof AuditError) return false
    throw error
  }
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const byte = b.findIndex((value, n) => a[n] !== value)
  return Math.floor(Math.max(0, byte) / HASH_BYTES)
}

function join(hashes: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(hashes.length * HASH_BYTES)
  hashes.forEach((hash, n) => {
    joined.set(hash, n * HASH_BYTES)
  })
  return joined
}
