/**
 * The sealed records that match, each once, in ledger order or the newest first: where the index reaches by its help,
 * behind that by reading on. What is shown always comes from the log itself, and has the hash that the tree has for it.
 * @module
 */
import { equalBytes, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import type { AuditEntry } from "../event/index.ts"
import { entriesIn, readBundleBytes, readTile } from "../ledger/index.ts"
import { type Checkpoint, entryStarts, leafHash, TILE_WIDTH, tileAt } from "../proof/index.ts"
import { type BlobStore, closeIndexesUnder, errorCode, LocalIndex, type RootDirectory } from "../store/index.ts"
import { type Filter, mayMatch } from "./filter.ts"
import { bringUpIndex, standsFor, treeNow } from "./index-build.ts"
import { type BundlePlaces, canSearch, searchIndex } from "./index-search.ts"
import { findPruning, type Pruning } from "./pruning.ts"
import { redactedBy } from "./redactions.ts"
import { readHead, tryParse } from "./snapshot.ts"

/** Entries behind the index that are read each time rather than added to it. */
const MOST_BEHIND = 4_096
/** Bundles that are read while one is looked at; few, since a caller may want a few records only. */
const READ_AHEAD = 6
/** A reader reads this long for the index before it answers, and then writes that; the rest is left to the next one. */
const BUDGET_MS = 500

/** Where the event's id stands in an entry, and how long it is. */
const ID_AT = '{"v":1,"event_id":"'.length
const ID_CHARS = 36

/** A published tree, and where it is. */
export interface SealedLog {
  readonly root: RootDirectory
  readonly blobs: BlobStore
  readonly treeSize: number
  /** The head, parsed and not verified. */
  readonly head: Checkpoint | undefined
  /** Where the log begins, if it was pruned. */
  readonly pruning: Pick<Pruning, "minimumIndex"> | undefined
}

/** A sealed entry that matches. */
export interface SealedMatch {
  readonly index: number
  readonly entry: AuditEntry
  readonly bytes: Uint8Array
  /** The entry was redacted: index of the event that says so. What is here stands in its place. */
  readonly redactedBy?: number
}

/** The entries that match between two indexes, the second not included. */
export async function* sealedMatches(
  log: SealedLog,
  filter: Filter,
  order: "asc" | "desc",
  start: number,
  to: number,
): AsyncGenerator<SealedMatch> {
  const from = Math.max(start, log.pruning?.minimumIndex ?? 0)
  const reader = new BundleReader(log, filter, order)
  const index = await indexFor(log, filter)
  const position = Math.min(to, index?.position ?? 0)
  if (index === undefined || position <= from) return yield* reader.scan(from, to)
  if (order === "desc") yield* reader.scan(position, to)
  yield* indexed(reader, index.open, filter, order, from, position)
  if (order === "asc") yield* reader.scan(position, to)
}

/** How many entries match in all; where the index says all that is asked, without reading them. */
export async function countSealed(log: SealedLog, filter: Filter): Promise<number> {
  if (filter.events !== undefined) {
    let count = 0
    for await (const _ of sealedMatches(log, filter, "asc", 0, log.treeSize)) count += 1
    return count
  }
  const index = filter.isIndexed ? await indexFor(log, filter, true) : undefined
  const reader = new BundleReader(log, filter, "asc")
  let [count, from] = [0, log.pruning?.minimumIndex ?? 0]
  const places = index === undefined ? undefined : searchIndex(index.open, filter, "asc", from, index.position)
  for (;;) {
    const next = quietly(() => places?.next())
    if (next?.done === true) from = index!.position
    if (next === undefined || next.done === true) break
    const { bundle, places: found, isWithinTimes } = next.value
    try {
      if (isWithinTimes) count += found.length
      else for await (const _ of reader.bundle(bundle, 0, log.treeSize)) count += 1
    } catch (error) {
      // Nothing of the bundle was counted.
      letFilesGo(log, error)
      break
    }
    from = (bundle + 1) * TILE_WIDTH
  }
  // Behind the index; or, where it failed, behind the last place that it named.
  for await (const _ of reader.scan(from, log.treeSize)) count += 1
  return count
}

/** The places that the index names; where it fails on the way, and is not there once more, the rest is read. */
async function* indexed(
  reader: BundleReader,
  index: LocalIndex,
  filter: Filter,
  order: "asc" | "desc",
  from: number,
  to: number,
): AsyncGenerator<SealedMatch> {
  let [low, high] = [from, to]
  for (let open: LocalIndex | undefined = index; open !== undefined; ) {
    let isWhole = true
    try {
      for await (const { bundle, places, entries } of readAhead(reader, searchIndex(open, filter, order, low, high))) {
        isWhole = entries !== undefined
        if (entries === undefined) break
        // Nothing of a bundle was given to the caller where reading it fails.
        yield* reader.test(bundle, await entries, low, high, places)
        if (order === "asc") low = (bundle + 1) * TILE_WIDTH
        else high = bundle * TILE_WIDTH
      }
      if (isWhole) return
      // Closed, because the reader took its time, or made anew.
      const again = await usableIndex(reader.log)
      open = again !== undefined && again.open !== open && again.position >= high ? again.open : undefined
    } catch (error) {
      letFilesGo(reader.log, error)
      open = undefined
    }
  }
  yield* reader.scan(low, high)
}

/** Bundles that are being read; the last one is without entries when the index failed. */
async function* readAhead(
  reader: BundleReader,
  places: Generator<BundlePlaces>,
): AsyncGenerator<Partial<BundlePlaces> & { readonly bundle: number; readonly entries?: Promise<Uint8Array[]> }> {
  const ahead: (BundlePlaces & { entries: Promise<Uint8Array[]> })[] = []
  try {
    for (let isDone = false; !isDone; ) {
      const next = quietly(() => places.next())
      isDone = next === undefined || next.done === true
      if (next?.done === false) {
        const entries = reader.read(next.value.bundle, next.value.places)
        // Heard when its turn comes; until then it is no unhandled rejection.
        entries.catch(() => undefined)
        ahead.push({ ...next.value, entries })
      }
      while (ahead.length > (isDone ? 0 : READ_AHEAD)) yield ahead.shift()!
      if (next === undefined) yield { bundle: 0 }
    }
  } finally {
    // Their files are closed then, and may be needed for something else.
    await Promise.allSettled(ahead.map(({ entries }) => entries))
  }
}

/** Too many files are open: those of the index are closed, and the caller does without. Any other error is thrown. */
function letFilesGo({ root }: SealedLog, error: unknown): void {
  if (!["EMFILE", "ENFILE"].includes(errorCode(error))) throw error
  closeIndexesUnder(root.path)
}

/** What the index gives; undefined when a file is damaged, locked for too long, or something else in its place. */
export function quietly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error
    return undefined
  }
}

/**
 * The index of a log, brought up to it as far as a reader has the time; undefined where it would not help.
 * @param always - It helps whatever the filter is.
 */
export async function indexFor(
  log: SealedLog,
  filter: Filter,
  always = false,
): Promise<{ readonly open: LocalIndex; readonly position: number } | undefined> {
  if (log.treeSize < MOST_BEHIND || !(always || canSearch(filter))) return undefined
  try {
    let found = await usableIndex(log)
    if (log.treeSize - (found?.position ?? 0) >= MOST_BEHIND && (await bringUp(log))) found = await usableIndex(log)
    return found
  } catch (error) {
    letFilesGo(log, error)
    return undefined
  }
}

/** The head that an index was last found to belong to. */
const verified = new WeakMap<LocalIndex, string>()

async function usableIndex(log: SealedLog): Promise<{ open: LocalIndex; position: number } | undefined> {
  const open = quietly(() => LocalIndex.open(log.root))
  const state = quietly(() => open?.state)
  if (open === undefined || state === undefined) return undefined
  const claim = `${state.position} ${state.root} ${log.head?.rootHash} ${log.pruning?.minimumIndex}`
  if (verified.get(open) !== claim && !(await standsFor(state, await treeNow(log, state.position)))) return undefined
  verified.set(open, claim)
  // It may be ahead of a reader that looked at the log a while ago.
  return { open, position: Math.min(state.position, log.treeSize - (log.treeSize % TILE_WIDTH)) }
}

/** False where the index cannot be written, or the log not be read: then this reader does without, or says so. */
async function bringUp(log: SealedLog): Promise<boolean> {
  try {
    return (await bringUpIndex(log.root, log, { budgetMs: BUDGET_MS })) !== undefined
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error
    return false
  }
}

/** Reads bundles, and tests the entries in them. */
class BundleReader {
  readonly log: SealedLog
  readonly #filter: Filter
  readonly #order: "asc" | "desc"

  constructor(log: SealedLog, filter: Filter, order: "asc" | "desc") {
    this.log = log
    this.#filter = filter
    this.#order = order
  }

  /** All that match from one index up to, not including, another. */
  async *scan(from: number, to: number): AsyncGenerator<SealedMatch> {
    const [first, last] = [Math.floor(from / TILE_WIDTH), Math.ceil(to / TILE_WIDTH) - 1]
    for (let n = first; n <= last; n++) yield* this.bundle(this.#order === "asc" ? n : first + last - n, from, to)
  }

  async *bundle(bundle: number, from: number, to: number): AsyncGenerator<SealedMatch> {
    const read = await this.#unlessPruned(bundle, readBundleBytes(this.log.blobs, bundle, this.log.treeSize))
    if (read === undefined) return
    if (mayMatch(read.bytes, this.#filter.needles)) yield* this.test(bundle, entriesIn(read), from, to)
  }

  /** What a read gives; undefined for a bundle that was pruned since this reader looked at the log. */
  async #unlessPruned<T>(bundle: number, read: Promise<T>): Promise<T | undefined> {
    try {
      return await read
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
      const { blobs } = this.log
      const now = await findPruning(blobs, (await readHead(blobs))?.treeSize ?? 0)
      if (now === undefined || bundle * TILE_WIDTH >= now.minimumIndex) throw error
      return undefined
    }
  }

  /** The entries at some places of a bundle. */
  async read(bundle: number, places: readonly number[]): Promise<Uint8Array[]> {
    const found = await this.#unlessPruned(bundle, readBundleBytes(this.log.blobs, bundle, this.log.treeSize))
    if (found === undefined) return []
    const { bytes, width } = found
    const starts = entryStarts(bytes, width)
    const entries: Uint8Array[] = []
    for (const n of places) entries[n] = bytes.subarray(starts[n], starts[n + 1]! - 2)
    return entries
  }

  /** Whether an entry is one of those that may match, by the id at its beginning: parsing all of them takes longer. */
  #isNamed(bytes: Uint8Array): boolean {
    const { events } = this.#filter
    return events === undefined || events.ids.has(utf8Text(bytes.subarray(ID_AT, ID_AT + ID_CHARS)) ?? "")
  }

  /** The entries of a bundle that match; with `places` only those there. */
  async *test(
    bundle: number,
    entries: readonly Uint8Array[],
    from: number,
    to: number,
    places?: readonly number[],
  ): AsyncGenerator<SealedMatch> {
    const { blobs, treeSize } = this.log
    let hashes: Uint8Array | undefined
    for (const n of places ?? inOrder(entries.length, this.#order)) {
      const index = bundle * TILE_WIDTH + n
      const bytes = entries[n]
      if (bytes === undefined || index < from || index >= to || !this.#isNamed(bytes)) continue
      const entry = tryParse(bytes)
      if (entry === undefined || !this.#filter.test(entry)) continue
      hashes ??= await this.#unlessPruned(bundle, readTile(blobs, tileAt(0, bundle, treeSize)!))
      if (hashes === undefined) return
      if (equalBytes(leafHash(bytes), hashes.subarray(n * 32, n * 32 + 32))) {
        yield { index, entry, bytes }
        continue
      }
      const by = await redactedBy(blobs, { index, bytes }, treeSize)
      if (by === undefined) throw notInTree(index)
      yield { index, entry, bytes, redactedBy: by }
    }
  }
}

function notInTree(index: number): AuditError {
  return new AuditError(
    "LEDGER_CORRUPT",
    `entry ${index} is not what the tree has at its place: the log was changed; run secureml audit verify`,
  )
}

function inOrder(length: number, order: "asc" | "desc"): number[] {
  return Array.from({ length }, (_, n) => (order === "asc" ? n : length - 1 - n))
}
