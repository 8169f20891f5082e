/**
 * The tree, byte for byte: every bundle hashed again, every tile recomputed, the root compared with the checkpoint.
 * Returns findings; the bytes are untrusted.
 * @module
 */
import { equalBytes, fromBase64 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { earlierFrontier, leafHashAt, readTile } from "../ledger/index.ts"
import {
  type Checkpoint,
  Frontier,
  leafHash,
  parseBundle,
  parseTilePath,
  TILE_WIDTH,
  type TileId,
  tileAt,
  tilePath,
  tileRoot,
} from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"
import { compareTile, readTileOf, type StretchCheck } from "./check-bundles.ts"
import { checkStretches } from "./check-threads.ts"
import type { Finding } from "./findings.ts"
import { checkBlank } from "./redactions.ts"

const HASH_BYTES = 32

/** What the check of a tree found out. */
export interface TreeCheck {
  readonly findings: readonly Finding[]
  readonly entriesChecked: number
  /** Roots of the tree at the sizes asked for, as recomputed from the entries. */
  readonly roots: ReadonlyMap<number, Uint8Array>
  /** The last event behind the tree that a blank names; -1 where none does. */
  readonly later: number
}

/** What to check and whom to tell. */
export interface TreeCheckOptions {
  /** The log's directory, so that several threads can read it. */
  readonly directory: string
  /** The first entry to check, a multiple of 256: what stands before it was pruned, and only its root is known. */
  readonly from: number
  /** Sizes at which the root is wanted. */
  readonly rootsAt: ReadonlySet<number>
  /** Told of each stretch, in the order of the log. */
  readonly onStretch: (stretch: StretchCheck) => void
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
  return { findings, entriesChecked: walk.entriesChecked, roots: complete ? walk.roots : new Map(), later: walk.later }
}

/** One pass over the tree; tiles of the levels above the lowest are built up and compared on the way. */
class TreeWalk {
  readonly findings: Finding[] = []
  readonly roots = new Map<number, Uint8Array>()
  entriesChecked = 0
  later = -1
  readonly #blobs: BlobStore
  readonly #treeSize: number
  readonly #options: TreeCheckOptions
  /** Of the tree whose leaves are the roots of full bundles. */
  #bundles = Frontier.empty()
  /** Sizes at which the root is wanted, by the number of full bundles before them. */
  readonly #wanted = new Map<number, number[]>()
  /** Hashes of the tile being filled, by level. */
  readonly #levels: Uint8Array[][] = []

  constructor(blobs: BlobStore, treeSize: number, options: TreeCheckOptions) {
    this.#blobs = blobs
    this.#treeSize = treeSize
    this.#options = options
    for (const size of new Set([...options.rootsAt, treeSize])) {
      const bundle = Math.floor(size / TILE_WIDTH)
      if (size <= treeSize) this.#wanted.set(bundle, [...(this.#wanted.get(bundle) ?? []), size])
    }
  }

  /** False: an entry could not be read, so no root can be recomputed. */
  async run(): Promise<boolean> {
    const first = this.#options.from / TILE_WIDTH
    if (first > 0 && !(await this.#startBehind(first))) return false
    const stretches = checkStretches(this.#blobs, this.#options.directory, {
      from: first,
      treeSize: this.#treeSize,
      wanted: new Set(this.#wanted.keys()),
    })
    for await (const stretch of stretches) {
      this.findings.push(...stretch.findings)
      this.entriesChecked += stretch.entriesChecked
      this.later = Math.max(this.later, stretch.later)
      this.#options.onStretch(stretch)
      this.#options.onProgress(this.entriesChecked)
      await this.#fullBundles(stretch)
      if (!stretch.complete) return false
    }
    this.#rootsIn(undefined)
    await this.#partialTiles()
    await this.#supersededPartials()
    return true
  }

  /**
   * Takes the right edge of what was pruned from the tiles that are kept. Each hash of it goes into the root, which
   * tells whether it is the one that was signed.
   */
  async #startBehind(bundles: number): Promise<boolean> {
    try {
      const { from } = this.#options
      this.#bundles = Frontier.from(bundles, await earlierFrontier(this.#blobs, from, this.#treeSize))
      for (let level = 1, count = bundles; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
        const width = count % TILE_WIDTH
        if (width === 0) continue
        const tile = await readTile(this.#blobs, tileAt(level, Math.floor(count / TILE_WIDTH), this.#treeSize)!)
        this.#levels[level] = Array.from({ length: width }, (_, n) =>
          tile.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES),
        )
      }
      return true
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
      const message = `what proves the entries behind the pruned ones cannot be read: ${error.message}`
      this.findings.push({ code: "tile_missing", verdict: "corrupt", message, index: this.#options.from })
      return false
    }
  }

  async #fullBundles({ roots, leaves }: StretchCheck): Promise<void> {
    for (let at = 0; at < roots.length; at += HASH_BYTES) {
      this.#rootsIn(leaves.get(this.#bundles.size))
      const root = roots.subarray(at, at + HASH_BYTES)
      this.#bundles.append(root)
      await this.#push(1, root)
    }
    const open = leaves.get(this.#bundles.size)
    if (open !== undefined) this.#rootsIn(open)
  }

  /** Roots at the sizes wanted within the bundle that comes next, whose leaf hashes are given. */
  #rootsIn(leaves: Uint8Array | undefined): void {
    const bundle = this.#bundles.size
    for (const size of this.#wanted.get(bundle) ?? []) {
      const inside = Frontier.empty()
      const width = size - bundle * TILE_WIDTH
      if (width > 0 && leaves === undefined) continue
      inside.appendAll(leaves?.subarray(0, width * HASH_BYTES) ?? new Uint8Array(0))
      this.roots.set(size, Frontier.from(size, [...this.#bundles.hashes, ...inside.hashes]).root())
    }
  }

  /** Adds the root of a full tile to the tile above it. */
  async #push(level: number, root: Uint8Array): Promise<void> {
    const tile = (this.#levels[level] ??= [])
    tile.push(root)
    if (tile.length < TILE_WIDTH) return
    this.#levels[level] = []
    const index = this.#bundles.size / TILE_WIDTH ** level - 1
    const id = { level, index, width: TILE_WIDTH }
    const hashes = join(tile)
    await this.#compare(id, hashes)
    await this.#push(level + 1, tileRoot(id, hashes))
  }

  async #partialTiles(): Promise<void> {
    for (const [level, hashes] of this.#levels.entries()) {
      if (hashes === undefined || hashes.length === 0) continue
      const index = Math.floor(this.#treeSize / TILE_WIDTH ** (level + 1))
      await this.#compare({ level, index, width: hashes.length }, join(hashes))
    }
  }

  async #compare(id: TileId & { level: number }, expected: Uint8Array): Promise<void> {
    const stored = await readTileOf((path) => this.#blobs.get(path), id)
    compareTile(id, stored, expected, this.findings)
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
      if (width !== undefined && full.level === "entries" && (await this.#isRedacted(full, bytes, width))) continue
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

  /** Whether a partial bundle differs by what was redacted alone: it may be just now, or one of the two comes later. */
  async #isRedacted({ index }: TileId, bundle: Uint8Array, width: number): Promise<boolean> {
    try {
      for (const [n, bytes] of parseBundle(bundle, width).entries()) {
        const entry = { index: index * TILE_WIDTH + n, bytes }
        const hash = await leafHashAt(this.#blobs, entry.index, this.#treeSize)
        if (equalBytes(leafHash(bytes), hash)) continue
        const found = await checkBlank(this.#blobs, { ...entry, leafHash: hash }, this.#treeSize)
        this.later = Math.max(this.later, found?.later ?? -1)
        if (found?.redacted === undefined) return false
      }
      return true
    } catch (error) {
      if (error instanceof AuditError) return false
      throw error
    }
  }

  async #whole(full: TileId): Promise<{ bytes: Uint8Array; width: number }> {
    const span = full.level === "entries" ? 1 : TILE_WIDTH ** full.level
    const width = Math.min(TILE_WIDTH, Math.floor(this.#treeSize / span) - full.index * TILE_WIDTH)
    // The full file appears before the partial one goes; one of before, beside the partial, a sealer left that died.
    const candidates = width > 0 && width < TILE_WIDTH ? [{ ...full, width }, full] : [full]
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

function join(hashes: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(hashes.length * HASH_BYTES)
  hashes.forEach((hash, n) => {
    joined.set(hash, n * HASH_BYTES)
  })
  return joined
}
