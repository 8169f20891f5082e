/**
 * A stretch of a tree, byte for byte: its bundles hashed and compared with their level-0 tiles, its entries' numbers
 * taken down. Knows nothing of what is around it, so that several threads can each check a stretch. The bytes are
 * untrusted.
 * @module
 */
import { AuditError } from "../errors.ts"
import {
  bundleLeafHashes,
  encodeBundle,
  entryStarts,
  parseBundle,
  TILE_WIDTH,
  type TileId,
  tilePath,
  tileRoot,
} from "../proof/index.ts"
import type { Finding } from "./findings.ts"
import { KEPT_MARKER } from "./kept-values.ts"
import { PERSONAL_MARKER } from "./personal.ts"
import { checkBlank, checkRecord, REDACTION_RECORD, type RedactedEntry } from "./redactions.ts"
import { remembering } from "./remembered.ts"
import { type RunSegment, SequenceRuns } from "./sequence-runs.ts"

const HASH_BYTES = 32
/** Files that are kept for those who ask why an entry is blank: the events that say so stand together. */
const KEPT_FILES = 8
/** Bytes without which an entry tells nothing of the log's keys. */
const OF_KEYS = Buffer.from('"event_type":"key_')

/** Bundles `from` to `to - 1` of a tree. */
export interface Stretch {
  readonly from: number
  readonly to: number
  readonly treeSize: number
  /** Bundles of which the leaf hashes are wanted. */
  readonly wanted: ReadonlySet<number>
}

/** What was found; made of plain data, so that a thread can hand it over. */
export interface StretchCheck {
  readonly findings: readonly Finding[]
  readonly entriesChecked: number
  /** Roots of the full bundles, joined. */
  readonly roots: Uint8Array
  /** Leaf hashes of the bundles that were wanted, and of one that is not full. */
  readonly leaves: ReadonlyMap<number, Uint8Array>
  readonly segments: readonly RunSegment[]
  readonly notEvents: readonly number[]
  /** Entries that may hold a value kept beside the log, or tell of its keys, by index. */
  readonly kept: ReadonlyMap<number, Uint8Array>
  /** Entries that were redacted, as an event of the tree says. */
  readonly redacted: readonly RedactedEntry[]
  /** Entries of which events in this stretch say so, whether they are gone already or not. */
  readonly named: readonly number[]
  /** The last event behind the tree that a blank names; -1 where none does. */
  readonly later: number
  /** False: a bundle could not be read, and nothing behind it was looked at. */
  readonly complete: boolean
}

/** Reads the bytes of a published file, which the reader may change, or undefined. */
export type ReadFile = (path: string) => Promise<Uint8Array | undefined>

/** Checks a stretch of a tree. */
export async function checkBundles(read: ReadFile, stretch: Stretch): Promise<StretchCheck> {
  const walk = new BundleWalk(read, stretch)
  const complete = await walk.run()
  const { findings, entriesChecked, leaves, kept, redacted, named, later, numbers } = walk
  numbers.close()
  const { segments, notEvents } = numbers
  return {
    findings,
    entriesChecked,
    roots: walk.roots(),
    leaves,
    kept,
    redacted,
    named,
    later,
    segments,
    notEvents,
    complete,
  }
}

class BundleWalk {
  readonly findings: Finding[] = []
  readonly leaves = new Map<number, Uint8Array>()
  readonly kept = new Map<number, Uint8Array>()
  readonly redacted: RedactedEntry[] = []
  readonly named: number[] = []
  later = -1
  readonly numbers = new SequenceRuns()
  entriesChecked = 0
  readonly #read: ReadFile
  readonly #elsewhere: ReturnType<typeof remembering>
  readonly #stretch: Stretch
  readonly #roots: Uint8Array
  #rootCount = 0

  constructor(read: ReadFile, stretch: Stretch) {
    this.#read = read
    this.#elsewhere = remembering({ get: read }, KEPT_FILES)
    this.#stretch = stretch
    this.#roots = new Uint8Array((stretch.to - stretch.from) * HASH_BYTES)
  }

  roots(): Uint8Array {
    return this.#roots.slice(0, this.#rootCount * HASH_BYTES)
  }

  async run(): Promise<boolean> {
    const { from, to } = this.#stretch
    let next = this.#readPair(from)
    for (let bundle = from; bundle < to; bundle++) {
      const pair = await next
      // Read while the one before is hashed.
      if (bundle + 1 < to) next = this.#readPair(bundle + 1)
      if (!(await this.#bundle(bundle, pair))) {
        await next.catch(() => undefined)
        return false
      }
    }
    return true
  }

  /** A bundle and its level-0 tile. A partial one may be gone once the full one is there: its beginning counts then. */
  async #readPair(bundle: number): Promise<{ entries: Uint8Array | undefined; tile: Uint8Array | undefined }> {
    const width = Math.min(TILE_WIDTH, this.#stretch.treeSize - bundle * TILE_WIDTH)
    const [entries, tile] = await Promise.all([
      this.#readBundle(bundle, width),
      readTileOf(this.#read, { level: 0, index: bundle, width }),
    ])
    return { entries, tile }
  }

  async #readBundle(bundle: number, width: number): Promise<Uint8Array | undefined> {
    const exact = await this.#read(tilePath({ level: "entries", index: bundle, width }))
    if (exact !== undefined || width === TILE_WIDTH) return exact
    const full = await this.#read(tilePath({ level: "entries", index: bundle, width: TILE_WIDTH }))
    return full === undefined ? undefined : firstEntries(full, width)
  }

  async #bundle(
    bundle: number,
    { entries, tile }: { entries: Uint8Array | undefined; tile: Uint8Array | undefined },
  ): Promise<boolean> {
    const first = bundle * TILE_WIDTH
    const width = Math.min(TILE_WIDTH, this.#stretch.treeSize - first)
    const starts = this.#starts(entries, { level: "entries", index: bundle, width })
    if (starts === undefined || entries === undefined) return false
    const hashes = bundleLeafHashes(entries, starts)
    if (tile?.length === hashes.length && Buffer.compare(tile, hashes) !== 0)
      await this.#passBlanks(entries, starts, first, tile, hashes)
    await this.#checkRecords(entries, starts, first)
    compareTile({ level: 0, index: bundle, width }, tile, hashes, this.findings)
    if (width === TILE_WIDTH) {
      this.#roots.set(tileRoot({ level: 0, index: bundle, width }, hashes), this.#rootCount++ * HASH_BYTES)
    }
    if (width < TILE_WIDTH || this.#stretch.wanted.has(bundle)) this.leaves.set(bundle, hashes)
    this.#findKept(entries, starts, first)
    this.numbers.seeBundle(entries, starts, first)
    this.entriesChecked += width
    return true
  }

  /** Takes the leaf hash of an entry that was redacted from the tile, since nothing else has it any more. */
  async #passBlanks(
    entries: Uint8Array,
    starts: readonly number[],
    first: number,
    tile: Uint8Array,
    hashes: Uint8Array,
  ): Promise<void> {
    let isTold = false
    for (let n = 0; n + 1 < starts.length; n++) {
      const leafHash = tile.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES)
      if (Buffer.compare(leafHash, hashes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES)) === 0) continue
      const bytes = entries.subarray(starts[n], starts[n + 1]! - 2)
      const found = await checkBlank(this.#elsewhere, { index: first + n, bytes, leafHash }, this.#stretch.treeSize)
      if (found === undefined) continue
      hashes.set(leafHash, n * HASH_BYTES)
      const { redacted, finding, later = -1 } = found
      if (redacted !== undefined) this.redacted.push(redacted)
      if (finding !== undefined && !isTold) this.findings.push(finding)
      isTold ||= finding !== undefined
      this.later = Math.max(this.later, later)
    }
  }

  /** What an event says of an entry that was redacted must be so, whether that entry is looked at or not. */
  async #checkRecords(bytes: Uint8Array, starts: readonly number[], first: number): Promise<void> {
    for (const n of placesOf(bytes, starts, REDACTION_RECORD)) {
      const record = { index: first + n, bytes: bytes.subarray(starts[n], starts[n + 1]! - 2) }
      const { finding, named } = await checkRecord(this.#elsewhere, record, this.#stretch.treeSize)
      if (finding !== undefined) this.findings.push(finding)
      if (named !== undefined) this.named.push(named)
    }
  }

  #starts(bytes: Uint8Array | undefined, id: TileId): number[] | undefined {
    try {
      if (bytes !== undefined) return entryStarts(bytes, id.width)
      throw new AuditError("LEDGER_CORRUPT", `${tilePath(id)} is missing; run secureml audit verify`)
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
      const index = id.index * TILE_WIDTH
      const message = `entries from ${index} on cannot be read: ${error.message}`
      this.findings.push({ code: "bundle_unreadable", verdict: "corrupt", message, index, path: tilePath(id) })
      return undefined
    }
  }

  #findKept(bytes: Uint8Array, starts: readonly number[], first: number): void {
    for (const marker of [KEPT_MARKER, PERSONAL_MARKER, OF_KEYS]) {
      for (const n of placesOf(bytes, starts, marker))
        this.kept.set(first + n, bytes.slice(starts[n], starts[n + 1]! - 2))
    }
  }
}

/** Which entries of a bundle have some bytes, each once. */
function placesOf(bytes: Uint8Array, starts: readonly number[], marker: Uint8Array): ReadonlySet<number> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const places = new Set<number>()
  for (let at = text.indexOf(marker); at !== -1; at = text.indexOf(marker, at + 1)) {
    const n = starts.findLastIndex((start) => start <= at)
    if (n + 1 < starts.length) places.add(n)
  }
  return places
}

/** The bundle of the first entries of another one. */
function firstEntries(full: Uint8Array, width: number): Uint8Array | undefined {
  try {
    return encodeBundle(parseBundle(full, TILE_WIDTH).slice(0, width))
  } catch (error) {
    if (error instanceof AuditError) return full
    throw error
  }
}

/** The bytes of a tile; a partial one may since have become part of the full one. */
export async function readTileOf(read: ReadFile, id: TileId): Promise<Uint8Array | undefined> {
  const exact = await read(tilePath(id))
  if (exact !== undefined || id.width === TILE_WIDTH) return exact
  return (await read(tilePath({ ...id, width: TILE_WIDTH })))?.subarray(0, id.width * HASH_BYTES)
}

/** Adds a finding where a tile is not what its entries, or the tiles below, make of it. */
export function compareTile(
  id: TileId & { readonly level: number },
  stored: Uint8Array | undefined,
  expected: Uint8Array,
  findings: Finding[],
): void {
  // Nothing here is a secret: a comparison that stops at the first difference will do, and is many times faster.
  if (stored !== undefined && Buffer.compare(stored, expected) === 0) return
  const path = tilePath(id)
  const differs = stored === undefined ? 0 : firstDifference(stored, expected)
  const index = (id.index * TILE_WIDTH + differs) * TILE_WIDTH ** id.level
  const message = stored === undefined ? `${path} is missing` : `entry ${index} and its hash in ${path} do not agree`
  findings.push({
    code: stored === undefined ? "tile_missing" : "tile_mismatch",
    verdict: "corrupt",
    message,
    index,
    path,
  })
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const byte = b.findIndex((value, n) => a[n] !== value)
  return Math.floor(Math.max(0, byte) / HASH_BYTES)
}
