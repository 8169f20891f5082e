/**
 * One consistent look at a log that others may be writing: journal tails first, then the head, then what lies
 * between. Needs no key and changes nothing. Everything read is untrusted.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type AuditEntry, parseEntry } from "../event/index.ts"
import {
  byWriter,
  collectWriter,
  EMPTY_TREE,
  readBundle,
  readTreeState,
  type TreeState,
  type WriterLines,
} from "../ledger/index.ts"
import { type Checkpoint, parseCheckpoint, TILE_WIDTH } from "../proof/index.ts"
import { type BlobStore, errorCode, LocalBlobs, LocalJournal, type RootDirectory } from "../store/index.ts"
import { findPruning, type Pruning } from "./pruning.ts"

/** Most bytes that one writer's unsealed lines may take. */
const TAIL_BYTES = Number.MAX_SAFE_INTEGER
/** Characters of a UUIDv7 that hold the millisecond and the counter within it. */
const TIME_CHARS = 18

/** An entry that no checkpoint covers yet. */
export interface TailEntry {
  readonly bytes: Uint8Array
  readonly entry: AuditEntry
}

/** A look at a log. */
export interface Snapshot {
  readonly root: RootDirectory
  readonly blobs: BlobStore
  /** The published head, parsed and not verified; undefined before the first seal. */
  readonly head: Checkpoint | undefined
  /** Entries under the published checkpoint, which may be behind the head; undefined when there is none. */
  readonly publishedSize: number | undefined
  /** Entries under the head. */
  readonly treeSize: number
  /** The record that says where the log begins now; undefined where it was never pruned. */
  readonly pruning: Pruning | undefined
  /** Journal lines found, per writer, those that the tree has by now included. */
  readonly writers: readonly WriterLines[]
  /** Entries recorded and not under the head, each once, by time, writer and number. */
  readonly tail: readonly TailEntry[]
  /** Unsealed lines that are no events. */
  readonly unreadable: number
  /** False where the private state cannot be read: the tail is then unknown. */
  readonly privateState: boolean
}

/**
 * Takes a look at the log in a directory.
 *
 * @param signed - A checkpoint signed by this user for this directory: it counts as the head when it is ahead of the
 *   published one and the state of the tree has come that far. A sealer is about to publish it, or died before it did.
 */
export async function takeSnapshot(root: RootDirectory, signed?: Checkpoint): Promise<Snapshot> {
  const blobs = new LocalBlobs(root)
  const { tree, writers, privateState } = await readTails(root)
  const published = await readHead(blobs)
  const isAhead = signed !== undefined && signed.treeSize > (published?.treeSize ?? -1)
  const head = isAhead && (await treeState(root)).size >= signed.treeSize ? signed : published
  const treeSize = head?.treeSize ?? 0
  const pruning = await findPruning(blobs, treeSize)
  // A damaged state file knows of no tree; what was pruned is none of it either.
  const knownSize = Math.max(tree.size, pruning?.minimumIndex ?? 0)
  const { tail, unreadable } = await dropSealed(blobs, knownSize, treeSize, writers)
  const publishedSize = published?.treeSize
  return { root, blobs, head, publishedSize, treeSize, pruning, writers, tail, unreadable, privateState }
}

/** The published checkpoint, or undefined when there is none. */
export async function readHead(blobs: BlobStore): Promise<Checkpoint | undefined> {
  const bytes = await blobs.get("checkpoint")
  return bytes === undefined ? undefined : parseCheckpoint(bytes)
}

interface Tails {
  readonly tree: TreeState
  readonly writers: readonly WriterLines[]
  readonly privateState: boolean
}

async function readTails(root: RootDirectory): Promise<Tails> {
  try {
    for (;;) {
      const tails = await collectTails(root)
      // A segment that was sealed and removed between two reads looks like a hole; then the tree has moved on.
      const hole = tails.writers.some(({ gap }) => gap !== undefined)
      if (!hole || (await treeState(root)).size === tails.tree.size) return { ...tails, privateState: true }
    }
  } catch (error) {
    if (!["EACCES", "EPERM"].includes(errorCode(error))) throw error
    return { tree: EMPTY_TREE, writers: [], privateState: false }
  }
}

async function collectTails(root: RootDirectory): Promise<{ tree: TreeState; writers: WriterLines[] }> {
  const tree = await treeState(root)
  const journal = new LocalJournal(root)
  const writers: WriterLines[] = []
  for (const [writerId, segments] of byWriter(await journal.segments())) {
    writers.push(await collectWriter(journal, segments, tree.writers.get(writerId), TAIL_BYTES))
  }
  return { tree, writers }
}

async function treeState(root: RootDirectory): Promise<TreeState> {
  try {
    return await readTreeState(root)
  } catch (error) {
    // A damaged state file only loses the hint where to start reading.
    if (error instanceof AuditError && error.code === "TREE_STATE_DAMAGED") return EMPTY_TREE
    throw error
  }
}

/**
 * Lines were read before the head: some may be under it by now. They can only stand behind the tree size that was
 * known when they were read, so that much is looked through.
 */
async function dropSealed(
  blobs: BlobStore,
  knownSize: number,
  treeSize: number,
  writers: readonly WriterLines[],
): Promise<{ tail: TailEntry[]; unreadable: number }> {
  const waiting = new Map<string, TailEntry>()
  let unreadable = 0
  const add = (bytes: Uint8Array): void => {
    const entry = tryParse(bytes)
    if (entry === undefined) unreadable += 1
    else waiting.set(placeOf(entry), { bytes, entry })
  }
  for (const { entries } of writers) entries.forEach(add)
  const [from, to] = [Math.min(knownSize, treeSize), Math.max(knownSize, treeSize)]
  if (waiting.size > 0 || knownSize > treeSize) {
    for await (const { index, bytes } of readEntries(blobs, from, to)) {
      // In the tree of tree.json, not yet under a checkpoint: written, and still unsealed.
      if (index >= treeSize) add(bytes)
      else waiting.delete(placeOf(tryParse(bytes)))
    }
  }
  return { tail: inOrder(waiting.values()), unreadable }
}

/** Entries from one index up to, not including, another. */
export async function* readEntries(
  blobs: BlobStore,
  from: number,
  to: number,
): AsyncGenerator<{ readonly index: number; readonly bytes: Uint8Array }> {
  for (let bundle = Math.floor(from / TILE_WIDTH); bundle * TILE_WIDTH < to; bundle++) {
    const entries = await readBundle(blobs, bundle, to)
    for (const [n, bytes] of entries.entries()) {
      const index = bundle * TILE_WIDTH + n
      if (index >= from && index < to) yield { index, bytes }
    }
  }
}

/** An entry, or undefined when the bytes are none: one bad record must not hide the others. */
export function tryParse(bytes: Uint8Array): AuditEntry | undefined {
  try {
    return parseEntry(bytes)
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

function placeOf(entry: AuditEntry | undefined): string {
  return entry === undefined ? "" : `${entry.writer.id}.${entry.writer.seq}`
}

/**
 * By time, as a seal would put them: an entry never stands before an earlier one of its writer, whatever the clock did.
 */
function inOrder(entries: Iterable<TailEntry>): TailEntry[] {
  const byWriter = [...entries].sort(({ entry: { writer: a } }, { entry: { writer: b } }) =>
    a.id === b.id ? a.seq - b.seq : a.id < b.id ? -1 : 1,
  )
  let writerId = ""
  let latest = ""
  const keyed = byWriter.map((one) => {
    const { timestamp, event_id, writer } = one.entry
    // Within a millisecond the ids of one process count on, also when it went on under another writer.
    const key = `${timestamp}${event_id.slice(0, TIME_CHARS)}`
    if (writer.id !== writerId || key > latest) latest = key
    writerId = writer.id
    return { one, key: latest }
  })
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ one }) => one)
}

/** The text of an entry's bytes. */
export function entryText(bytes: Uint8Array): string {
  return utf8Text(bytes) ?? ""
}
