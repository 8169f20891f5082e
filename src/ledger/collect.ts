/**
 * Which journal lines come next: per writer, whole lines whose number is exactly one more than the last one taken.
 * Reads through the store; decides nothing about the tree.
 * @module
 */
import { type Journal, type JournalLine, type SegmentInfo, Slices } from "../store/index.ts"
import { UNSEEN, type WriterPosition } from "./tree-state.ts"

/** Entries handled between two looks at the clock: a fraction of a millisecond's work. */
export const SLICE_ENTRIES = 256

/** A hole in a writer's numbers that its journal cannot fill: lines behind it wait until `recover` explains it. */
export interface JournalGap {
  readonly writerId: string
  /** The number that is missing, and the one found instead. */
  readonly expected: number
  readonly found: number
  readonly name: string
}

/** A segment with bytes that are no whole line, in it or at its end. */
export interface RaggedSegment {
  readonly name: string
  /** Where these bytes begin. */
  readonly offset: number
  readonly sizeBytes: number
}

/** Lines of one writer that can be taken now, in order. */
export interface WriterLines {
  readonly writerId: string
  readonly entries: readonly Uint8Array[]
  /** Position behind the n-th entry, for each. */
  readonly positions: readonly WriterPosition[]
  readonly gap?: JournalGap
  readonly ragged: readonly RaggedSegment[]
  /** More whole lines follow beyond the limit. */
  readonly more: boolean
}

/** Reads what a writer has appended since `from`, at most about `limitBytes`. */
export async function collectWriter(
  journal: Journal,
  segments: readonly SegmentInfo[],
  from: WriterPosition | undefined,
  limitBytes: number,
): Promise<WriterLines> {
  const collector = new Collector(segments[0]!.writerId, from ?? UNSEEN, limitBytes)
  for (const segment of segments) {
    if (segment.number < collector.position.segment) continue
    const offset = segment.number === collector.position.segment ? collector.position.offset : 0
    if (offset > 0 && offset === segment.sizeBytes) continue
    await collector.readSegment(journal, segment, offset)
    if (collector.full) break
  }
  // A line that a rewritten segment repeats may stand in a later file than its successors: look at all of them once.
  if (collector.gap !== undefined) await collector.searchAll(journal, segments)
  return collector.result()
}

class Collector {
  readonly writerId: string
  readonly #entries: Uint8Array[] = []
  readonly #positions: WriterPosition[] = []
  readonly #ragged: RaggedSegment[] = []
  position: WriterPosition
  gap: JournalGap | undefined
  full = false
  #leftBytes: number

  constructor(writerId: string, from: WriterPosition, limitBytes: number) {
    this.writerId = writerId
    this.position = from
    this.#leftBytes = limitBytes
  }

  async readSegment(journal: Journal, segment: SegmentInfo, fromOffset: number): Promise<void> {
    let offset = fromOffset
    while (!this.full) {
      const read = await journal.read(segment.name, offset, this.#leftBytes)
      if (read === undefined) return
      const ragged = read.damagedAt ?? (read.end === "torn" ? read.endOffset : undefined)
      if (ragged !== undefined) this.#ragged.push({ name: segment.name, offset: ragged, sizeBytes: read.sizeBytes })
      for (const line of read.lines) if (!this.#take(segment, line)) return
      if (read.end !== "more") return
      offset = read.endOffset
    }
  }

  /** Takes a line that is next; skips one taken before. False: stop reading this segment. */
  #take(segment: SegmentInfo, line: JournalLine): boolean {
    if (line.seq > this.position.next) {
      this.gap = { writerId: this.writerId, expected: this.position.next, found: line.seq, name: segment.name }
      return false
    }
    if (line.seq === this.position.next) {
      this.position = { next: line.seq + 1, segment: segment.number, offset: line.endOffset }
      this.#entries.push(line.entry)
      this.#positions.push(this.position)
      this.#leftBytes -= line.entry.length
      this.full = this.#leftBytes <= 0
    }
    return !this.full
  }

  async searchAll(journal: Journal, segments: readonly SegmentInfo[]): Promise<void> {
    const lines = new Map<number, { segment: SegmentInfo; line: JournalLine }>()
    for (const segment of segments) {
      let offset = 0
      for (;;) {
        const read = await journal.read(segment.name, offset, this.#leftBytes)
        for (const line of read?.lines ?? []) lines.set(line.seq, { segment, line })
        if (read?.end !== "more") break
        offset = read.endOffset
      }
    }
    for (let found = lines.get(this.position.next); found !== undefined; found = lines.get(this.position.next)) {
      this.gap = undefined
      if (!this.#take(found.segment, found.line)) return
    }
    const later = [...lines.keys()].filter((seq) => seq > this.position.next)
    if (later.length === 0) return
    const found = Math.min(...later)
    const name = lines.get(found)!.segment.name
    this.gap = { writerId: this.writerId, expected: this.position.next, found, name }
  }

  result(): WriterLines {
    const { writerId, gap, full } = this
    const lines = { writerId, entries: this.#entries, positions: this.#positions, ragged: this.#ragged, more: full }
    return gap === undefined ? lines : { ...lines, gap }
  }
}

/** Segments by writer. */
export function byWriter(segments: readonly SegmentInfo[]): Map<string, SegmentInfo[]> {
  const groups = new Map<string, SegmentInfo[]>()
  for (const segment of segments) {
    const group = groups.get(segment.writerId)
    if (group === undefined) groups.set(segment.writerId, [segment])
    else group.push(segment)
  }
  return groups
}

/** An entry that is about to be sealed, and where its writer's journal goes on behind it. */
export interface MergedEntry {
  readonly entry: Uint8Array
  readonly writerId: string
  readonly position: WriterPosition
  /** Sorts it among those of other writers. */
  readonly key: string
}

/**
 * One order for the lines of several writers: by the time key of the entry, each writer's own order kept.
 * `timeKey` reads the key from the bytes; the ledger itself knows nothing about events.
 */
export async function mergeWriters(
  groups: readonly WriterLines[],
  timeKey: (entry: Uint8Array) => string,
): Promise<readonly MergedEntry[]> {
  const slices = new Slices()
  let runs: MergedEntry[][] = []
  for (const { writerId, entries, positions } of groups) {
    // A later line never sorts before an earlier one of its writer, whatever the clock did.
    let key = ""
    const run: MergedEntry[] = []
    for (const [n, entry] of entries.entries()) {
      const own = groups.length === 1 ? "" : timeKey(entry)
      if (own > key) key = own
      run.push({ entry, writerId, position: positions[n]!, key })
      if (n % SLICE_ENTRIES === 0) await slices.turn()
    }
    runs.push(run)
  }
  for (; runs.length > 1; await slices.turn()) {
    const pairs: MergedEntry[][] = []
    for (let n = 0; n < runs.length; n += 2) pairs.push(mergeTwo(runs[n]!, runs[n + 1] ?? []))
    runs = pairs
  }
  return runs[0] ?? []
}

/** Two sorted runs as one; of equal keys those of the first come first. */
function mergeTwo(first: readonly MergedEntry[], second: readonly MergedEntry[]): MergedEntry[] {
  const merged: MergedEntry[] = []
  for (let a = 0, b = 0; a < first.length || b < second.length; ) {
    const takeFirst = b === second.length || (a < first.length && first[a]!.key <= second[b]!.key)
    merged.push(takeFirst ? first[a++]! : second[b++]!)
  }
  return merged
}
