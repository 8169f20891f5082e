/**
 * Growing the tree by what the journals hold, batch after batch: the next one is read and hashed while the files of the
 * last are written. Call it holding the mutex.
 * @module
 */
import { AuditError } from "../errors.ts"
import { type Checkpoint, TILE_WIDTH, type TileId } from "../proof/index.ts"
import { type Journal, Slices } from "../store/index.ts"
import {
  byWriter,
  collectWriter,
  type JournalGap,
  type MergedEntry,
  mergeWriters,
  SLICE_ENTRIES,
  type WriterLines,
} from "./collect.ts"
import type { SealContext, SealOptions } from "./context.ts"
import { endIndex, type GrownFile, publishFiles, TreeGrowth } from "./publish.ts"
import { readTreeState, type TreeState, writeTreeState } from "./tree-state.ts"
import { beginningsFor, unpublishedPartials } from "./unpublished.ts"

/** Most bytes of entries in a batch; two batches are in memory at once. */
const BATCH_BYTES = 4 * 1024 * 1024
/** A seal of many batches publishes a checkpoint this often. */
const PUBLISH_INTERVAL_MS = 1_000

/** What growing came to. */
export interface Grown {
  readonly tree: TreeState
  readonly checkpoint: Checkpoint
  readonly gaps: readonly JournalGap[]
}

/** Where each writer's journal goes on. */
type Positions = TreeState["writers"]

/** Lines of one writer, and the segments that they were read from. */
type JournalBatch = WriterLines & { readonly names: readonly string[] }

/**
 * Takes what there is. Each batch goes into tree.json before the files of another are begun, and a checkpoint is
 * published every second, so that a long backlog makes progress that others can see.
 *
 * @param publish - Signs and publishes a tree, unless the head given says so already.
 */
export async function grow(
  context: SealContext,
  before: TreeState,
  options: SealOptions,
  published: Checkpoint | undefined,
  publish: (tree: TreeState, head: Checkpoint | undefined) => Promise<Checkpoint>,
): Promise<Grown> {
  const growing = new Growing(context, before)
  let head = published
  let publishedMs = performance.now()
  try {
    for (;;) {
      const { gaps, more } = await growing.takeBatch(options)
      const nowMs = performance.now()
      const isLast = !more || nowMs > (options.deadlineMs ?? Number.POSITIVE_INFINITY)
      if (!isLast && nowMs - publishedMs < PUBLISH_INTERVAL_MS) continue
      const tree = await growing.tree
      head = await publish(tree, head)
      publishedMs = nowMs
      if (isLast) return { tree, gaps, checkpoint: head }
    }
  } finally {
    // The lock is not given back while files are still being written.
    await growing.tree.catch(() => undefined)
  }
}

/** A tree that is growing; owned by one seal. */
class Growing {
  readonly #context: SealContext
  #growth: TreeGrowth | undefined
  /** What a sealer that died left beyond the tree. */
  #unpublished: readonly TileId[] = []
  #size: number
  #positions: Positions
  /** The tree once the last batch is written. */
  tree: Promise<TreeState>

  constructor(context: SealContext, before: TreeState) {
    this.#context = context
    this.#size = before.size
    this.#positions = before.writers
    this.tree = Promise.resolve(before)
  }

  /** Reads, hashes and begins to write a batch; `more`: there is another one. */
  async takeBatch(options: SealOptions): Promise<{ gaps: readonly JournalGap[]; more: boolean }> {
    const { journal, timeKey } = this.#context
    const batch = await collect(journal, this.#positions, options.onlyWriter)
    const gaps = batch.flatMap(({ gap }) => gap ?? [])
    const more = batch.some((lines) => lines.more)
    const merged = await mergeWriters(
      batch.filter(({ entries }) => entries.length > 0),
      timeKey,
    )
    const taken = merged.slice(0, takeCount(this.#size, merged.length, more || options.align))
    if (taken.length === 0) return { gaps, more: false }
    // Beside the hashing; what counts is that the lines are durable before tree.json says that they were taken.
    const synced = syncJournals(this.#context, batch)
    synced.catch(() => undefined)
    const files = await this.#append(taken)
    const before = await this.tree
    this.tree = writeBatch(this.#context, before, { files, size: this.#size, positions: this.#positions, synced })
    this.tree.catch(() => undefined)
    return { gaps, more }
  }

  /** Adds entries to the tree in memory; returns the files to write for it. */
  async #append(taken: readonly MergedEntry[]): Promise<readonly GrownFile[]> {
    const slices = new Slices()
    const { blobs, blanks } = this.#context
    if (this.#growth === undefined) this.#unpublished = await unpublishedPartials(blobs, this.#size)
    this.#growth ??= await TreeGrowth.load(blobs, this.#size, blanks)
    for (let at = 0; at < taken.length; at += SLICE_ENTRIES) {
      this.#growth.append(taken.slice(at, at + SLICE_ENTRIES).map(({ entry }) => entry))
      await slices.turn()
    }
    this.#size = this.#growth.size
    const positions = new Map(this.#positions)
    for (const { writerId, position } of taken) positions.set(writerId, position)
    this.#positions = positions
    const files = this.#growth.takeFiles()
    const passed = this.#unpublished.filter((id) => endIndex(id) <= this.#size)
    this.#unpublished = this.#unpublished.filter((id) => endIndex(id) > this.#size)
    return [...files, ...beginningsFor(passed, files)]
  }
}

async function collect(
  journal: Journal,
  positions: Positions,
  onlyWriter: string | undefined,
): Promise<readonly JournalBatch[]> {
  const segments = await journal.segments()
  const groups = byWriter(segments.filter(({ writerId }) => onlyWriter === undefined || writerId === onlyWriter))
  const limitBytes = Math.max(65_536, Math.floor(BATCH_BYTES / Math.max(1, groups.size)))
  const batch: JournalBatch[] = []
  for (const [writerId, segments] of groups) {
    const lines = await collectWriter(journal, segments, positions.get(writerId), limitBytes)
    const touched = new Set(lines.positions.map(({ segment }) => segment))
    batch.push({ ...lines, names: segments.filter(({ number }) => touched.has(number)).map(({ name }) => name) })
  }
  return batch
}

/** How many entries to take: up to a multiple of 256 where that leaves some for the next round. */
function takeCount(size: number, available: number, align: boolean): number {
  const boundary = Math.floor((size + available) / TILE_WIDTH) * TILE_WIDTH
  return align && boundary > size ? boundary - size : available
}

/** An entry never outlives the values kept beside it: those are synced too, whoever wrote them. */
async function syncJournals(context: SealContext, batch: readonly JournalBatch[]): Promise<void> {
  const { journal, parts } = context
  const writers = new Set(batch.filter(({ names }) => names.length > 0).map(({ writerId }) => writerId))
  const beside = (context.keepsPersonal() ? await parts.segments() : []).filter(({ writerId }) => writers.has(writerId))
  await Promise.all(beside.map(({ name }) => parts.sync(name)))
  await Promise.all(batch.flatMap(({ names }) => names).map((name) => journal.sync(name)))
}

/** Publishes the files of a batch, and notes in tree.json that it was taken. */
async function writeBatch(
  { root, blobs }: SealContext,
  before: TreeState,
  batch: {
    readonly files: readonly GrownFile[]
    readonly size: number
    readonly positions: Positions
    readonly synced: Promise<void>
  },
): Promise<TreeState> {
  const publishedSize = async (): Promise<number> => (await readTreeState(root)).size
  const rootHash = await publishFiles(blobs, batch.files, batch.size, publishedSize)
  await batch.synced
  // Fencing: had the mutex failed to exclude another sealer, its tree would be there now.
  if ((await publishedSize()) !== before.size) {
    throw new AuditError("PUBLISH_CONFLICT", "another process sealed at the same time; nothing was signed here")
  }
  const tree = { size: batch.size, root: rootHash, writers: batch.positions }
  await writeTreeState(root, tree)
  return tree
}
