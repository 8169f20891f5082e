/**
 * Brings the index up to the published tree: reads the bundles behind its position and adds what they have, in slices.
 * Never on the path of a log call: readers do it, and `secureml audit reindex`.
 * @module
 */
import { toBase64 } from "../bytes.ts"
import type { AuditEntry } from "../event/index.ts"
import { earlierRoot, readBundle } from "../ledger/index.ts"
import { TILE_WIDTH } from "../proof/index.ts"
import {
  BLOCK_ENTRIES,
  type BlobStore,
  type DailyCount,
  FILE_ENTRIES,
  type IndexBatch,
  type IndexState,
  LocalIndexWriter,
  type RootDirectory,
  Slices,
} from "../store/index.ts"
import { bucketsOf, entryTerms, HISTOGRAM_KEYS } from "./index-terms.ts"
import { readHead, tryParse } from "./snapshot.ts"

/** Begins a day whose times do not say when the entry was. */
export const ODD_DAY = "?"

/** Terms that are collected before they are written, though more of the block follows: they take some 300 bytes each. */
const MOST_TERMS = 500_000
/** The same for whoever has little time: to write them is not counted in it. */
const FEW_TERMS = 50_000
/** The latest time that there is; its negative is the first one. */
const EVER_MS = 8.64e15
const DAY_MS = 86_400_000
const BLOCK_BUNDLES = BLOCK_ENTRIES / TILE_WIDTH
const monotonic = performance.now.bind(performance)

/** A published tree. */
export interface Published {
  readonly blobs: BlobStore
  readonly treeSize: number
  /** Where it begins, if it was pruned. */
  readonly pruning?: { readonly minimumIndex: number } | undefined
}

/** How far to go. */
export interface IndexingOptions {
  /** Makes the whole index anew. */
  readonly rebuild?: boolean
  /** Stops at the end of the bundle that is under way after this time; what was done is kept. */
  readonly budgetMs?: number
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Brings the index up to the last full bundle of a tree.
 * @returns Entries in the index; undefined where somebody else is at it, or no index can be had here.
 */
export async function bringUpIndex(
  root: RootDirectory,
  tree: Published,
  { rebuild = false, budgetMs = Number.POSITIVE_INFINITY, onProgress }: IndexingOptions = {},
): Promise<number | undefined> {
  const endMs = monotonic() + budgetMs
  const most = budgetMs === Number.POSITIVE_INFINITY ? MOST_TERMS : FEW_TERMS
  const writer = LocalIndexWriter.take(root)
  if (writer === undefined) return undefined
  try {
    const state = rebuild ? undefined : writer.resume()
    if (!(await standsFor(state, await treeNow(tree, writer.position)))) await writer.reset()
    const full = Math.floor(tree.treeSize / TILE_WIDTH)
    const first = tree.pruning?.minimumIndex ?? 0
    let bundle = Math.max(writer.position, first) / TILE_WIDTH
    if (bundle >= full) return bundle * TILE_WIDTH
    await writer.begin()
    const slices = new Slices()
    await passPruned(writer, first, slices)
    while (bundle < full && monotonic() < endMs) {
      const batch = new Batch(Math.floor(bundle / BLOCK_BUNDLES))
      do {
        await batch.read(tree, bundle++, slices)
        onProgress?.(bundle * TILE_WIDTH, tree.treeSize)
      } while (bundle < full && bundle % BLOCK_BUNDLES !== 0 && monotonic() < endMs && batch.postings.size < most)
      const position = bundle * TILE_WIDTH
      await writer.add(batch, position, await rootText(tree, position), slices)
    }
    if (await writer.finish()) return bundle * TILE_WIDTH
    await writer.reset()
    return 0
  } finally {
    writer.release()
  }
}

/** The tree that an index of so many entries is compared with: the log may have grown since a reader looked at it. */
export async function treeNow(tree: Published, position: number): Promise<Published> {
  if (position <= tree.treeSize) return tree
  const treeSize = (await readHead(tree.blobs))?.treeSize ?? 0
  return treeSize > tree.treeSize ? { ...tree, treeSize } : tree
}

/** The index has a file for every so many entries, also where all of them were pruned. */
async function passPruned(writer: LocalIndexWriter, first: number, slices: Slices): Promise<void> {
  for (let end = FILE_ENTRIES; end <= first; end += FILE_ENTRIES) {
    if (writer.position < end) await writer.add(new Batch(end / BLOCK_ENTRIES - 1), end, "", slices)
  }
}

/** What an index stands for: a tree up to a position, and where that begins. */
async function rootText({ blobs, treeSize, pruning }: Published, position: number): Promise<string> {
  const root = toBase64(await earlierRoot(blobs, position, treeSize))
  return pruning === undefined ? root : `${root} from ${pruning.minimumIndex}`
}

/** Whether the index is one of this log: its root is that of the tree at its position. */
export async function standsFor(state: IndexState | undefined, tree: Published): Promise<boolean> {
  if (state === undefined || state.position > tree.treeSize || state.position % TILE_WIDTH !== 0) return false
  if (state.position < (tree.pruning?.minimumIndex ?? 0)) return false
  return (await rootText(tree, state.position)) === state.root
}

/** The day under which an entry counts, marked where its time is not on that day: 24:00, 23:59:60, or 30 February. */
function countedDay(timestamp: string): string {
  const day = timestamp.slice(0, 10)
  const startMs = Date.parse(day)
  const timeMs = Date.parse(timestamp)
  const isOnDay = timeMs >= startMs && timeMs < startMs + DAY_MS && new Date(startMs).toISOString().startsWith(day)
  return isOnDay ? day : `${ODD_DAY}${day}`
}

/** What some bundles of one block add. */
export class Batch implements IndexBatch {
  readonly block: number
  readonly postings: Map<string, number | number[]> = new Map()
  readonly spans: Map<number, readonly [number, number]> = new Map()
  /** Counts by kind, day and value, the three joined by NUL. */
  readonly #daily = new Map<string, number>()
  readonly #takes: (term: string) => boolean

  /** @param takes - Which terms it collects. */
  constructor(block: number, takes: (term: string) => boolean = () => true) {
    this.block = block
    this.#takes = takes
  }

  async read({ blobs, treeSize }: Published, bundle: number, slices: Slices): Promise<void> {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const [n, bytes] of (await readBundle(blobs, bundle, treeSize)).entries()) {
      const entry = tryParse(bytes)
      if (entry === undefined) continue
      const timeMs = Date.parse(entry.timestamp)
      // A time that is none, such as 23:59:60, is in no bounds: its bundle is looked at whatever they are.
      first = Math.min(first, Number.isNaN(timeMs) ? -EVER_MS : timeMs)
      last = Math.max(last, Number.isNaN(timeMs) ? EVER_MS : timeMs)
      this.#add(entry, (bundle % BLOCK_BUNDLES) * TILE_WIDTH + n)
      if (n % 16 === 0) await slices.turn()
    }
    // A bundle without one readable entry answers nothing.
    if (first <= last) this.spans.set(bundle, [first, last])
  }

  #add(entry: AuditEntry, offset: number): void {
    for (const term of entryTerms(entry)) {
      if (!this.#takes(term)) continue
      const known = this.postings.get(term)
      if (known === undefined) this.postings.set(term, offset)
      else if (typeof known === "number") this.postings.set(term, [known, offset])
      else known.push(offset)
    }
    const day = countedDay(entry.timestamp)
    for (const [key, by] of HISTOGRAM_KEYS.entries()) {
      for (const value of bucketsOf(entry, by)) {
        const place = `${key}\0${day}\0${value === null ? "" : JSON.stringify(value)}`
        this.#daily.set(place, (this.#daily.get(place) ?? 0) + 1)
      }
    }
  }

  get daily(): readonly DailyCount[] {
    return [...this.#daily].map(([place, count]) => {
      const [key, day, value] = place.split("\0")
      return { key: Number(key), day: day!, value: value!, count }
    })
  }
}
