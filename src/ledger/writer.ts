/**
 * A writer: one loaded instance (a thread, never a process id) appending entries to its own journal segments.
 * One synchronous write a call, no lock, no contention. Group commit: one fdatasync serves everyone waiting.
 * @module
 */
import { randomUUID } from "node:crypto"
import { AuditError } from "../errors.ts"
import {
  formatLineInto,
  type Journal,
  type JournalLine,
  MAX_LINE_BYTES,
  parseLines,
  SegmentWriteError,
  type SegmentWriter,
} from "../store/index.ts"
import { type PartText, PartWriter } from "./part-writer.ts"

/** A new segment is begun at this size. */
export const SEGMENT_BYTES: number = 8 * 1024 * 1024
/** A background sync follows an append within this time. */
const SYNC_DELAY_MS = 2
/** After a pause this long the segment may have been tidied away: its name is checked. */
const PAUSE_MS = 1_000
/** After one this long somebody may be tidying it at this moment: its name is checked for a while. */
const LONG_PAUSE_MS = 60_000
/** Longer than whoever tidies a segment away waits for its owner. */
const WAKEFUL_MS = 5_000
/** An owner that has not appended for this long is taken to be gone; its segment is first marked, later removed. */
export const OWNER_GONE_MS: number = 60 * 60 * 1_000
/** Lines whose file was removed are written again while they are this young; older ones were tidied once sealed. */
const RESCUE_MS = 60_000
/** Numbers of segments that may be taken already, by a rescue or by a hand. */
const TAKEN_SEGMENTS = 1_000

// Taken when the module is loaded, so that fake timers of a test never hold back a sync.
const { setTimeout: startTimer } = globalThis
const monotonic = performance.now.bind(performance)

/** The writer that this one replaces, and the first number which that one would have given next. */
export interface Continues {
  readonly id: string
  readonly seq: number
}

/** What an entry says of its writer. */
export interface WriterMark {
  readonly id: string
  readonly seq: number
  readonly continues: Continues | undefined
}

/** Receives lines that a failed sync lost for good. */
export type LostListener = (lost: { readonly count: number; readonly code: string }) => void

/** One identity of a writer: its id, and the number of segments begun under it. */
interface WriterIdentity {
  readonly id: string
  segments: number
  partSegments: number
}

/** A segment that holds bytes not known to be durable, and the offset and the number of lines up to which they are. */
interface Unsynced {
  readonly identity: WriterIdentity
  readonly segment: SegmentWriter
  from: number
  fromLines: number
  /** Lines appended to it. One that failed, and may have landed all the same, has the number `endSeq`. */
  lines: number
  endSeq: number
}

/** How far a segment was written when a sync of it began. */
interface Extent {
  readonly sizeBytes: number
  readonly lines: number
}

/** Appends entries; all of its state is owned by one thread. */
export class Writer {
  readonly #journal: Journal
  readonly #parts: PartWriter
  readonly #onLost: LostListener
  readonly #onSyncError: (error: unknown) => void
  /** The line being appended; a buffer of its own, so that it is never part of a pool. */
  readonly #line: Buffer = Buffer.allocUnsafeSlow(MAX_LINE_BYTES)
  #identity: WriterIdentity = { id: randomUUID(), segments: 0, partSegments: 0 }
  #seq = 0
  /** Former identities whose entries have not all been seen in the tree, and how many numbers they gave. */
  readonly #given = new Map<string, number>()
  #continues: Continues | undefined
  #segment: SegmentWriter | undefined
  /** The row of that segment. */
  #current: Unsynced | undefined
  #lastAppendMs = Number.POSITIVE_INFINITY
  /** Until then every append checks that its file has a name. */
  #wakefulUntilMs = 0
  /** Bytes appended by this thread so far, and how many of them are settled: durable, or failed and told. */
  #appended = 0
  #entries = 0
  #syncErrors = 0
  #settled = 0
  /** Ranges of appended bytes which a sync could not save; their `durable()` rejects. */
  readonly #failed: { readonly from: number; readonly to: number; readonly error: AuditError }[] = []
  #unsynced: Unsynced[] = []
  #syncing: Promise<void> | undefined
  #syncTimer = false
  /** Names of own segments that are closed, waiting to be published and removed. */
  readonly #retired = new Set<string>()

  /** @param onSyncError - Told of each sync that failed, whether anybody waited for it or not. */
  constructor(
    journal: Journal,
    parts: Journal,
    onLost: LostListener,
    onSyncError: (error: unknown) => void = () => undefined,
  ) {
    this.#journal = journal
    this.#parts = new PartWriter(parts, (cause) => this.#loseParts(cause))
    this.#onLost = onLost
    this.#onSyncError = onSyncError
  }

  get id(): string {
    return this.#identity.id
  }

  /** The number that the next entry will get. */
  get nextSeq(): number {
    return this.#seq
  }

  /** How many numbers each identity of this writer gave; those seen in the tree are left out. */
  get given(): ReadonlyMap<string, number> {
    return this.#seq === 0 ? new Map(this.#given) : new Map(this.#given).set(this.#identity.id, this.#seq)
  }

  /** All entries of a former identity are in the tree. */
  confirm(id: string): void {
    this.#given.delete(id)
  }

  /** All entries of an identity are in the tree, and its journal is gone: what it would give next, another one gives. */
  leave(id: string, count: number): void {
    if (id === this.#identity.id && count === this.#seq) this.#beginAnew()
    if (id !== this.#identity.id) this.confirm(id)
  }

  /** A mark of what was appended so far, for {@link durable}. */
  get appendedBytes(): number {
    return this.#appended
  }

  /** Entries appended by this thread. */
  get appendedEntries(): number {
    return this.#entries
  }

  /** Bytes appended that are not known to be durable. */
  get unsyncedBytes(): number {
    return this.#appended - this.#settled
  }

  /** Syncs that failed. */
  get syncErrors(): number {
    return this.#syncErrors
  }

  /** Milliseconds since the last append. */
  get idleMs(): number {
    return monotonic() - this.#lastAppendMs
  }

  /** Names of own segments that are closed, for tidying. */
  get retired(): ReadonlySet<string> {
    return this.#retired
  }

  /** The same for segments of parts. */
  get retiredParts(): ReadonlySet<string> {
    return this.#parts.retired
  }

  /** Forgets a retired segment that was removed. */
  forgetRetired(name: string): void {
    this.#retired.delete(name)
  }

  /** The same for a segment of parts. */
  forgetRetiredPart(name: string): void {
    this.#parts.retired.delete(name)
  }

  /** Leaves the segment of parts, so that it can be emptied; the next part begins another. */
  retireParts(): void {
    this.#parts.retire()
  }

  /**
   * Appends one entry. Returned means it is with the operating system and survives the death of this process.
   *
   * @param build - Makes the entry's text once its writer and number are known; called again if they change.
   * @param part - Values kept beside the entry, written before it. Large ones are synced at once, so that the entry
   * never outlives them; personal ones, which are small and many, before the entry is.
   * @throws {@link AuditError} `RECORD_FAILED`: the message says whether the entry may still land.
   */
  append(build: (mark: WriterMark) => string, part?: PartText): void {
    for (;;) {
      const entry = build({ id: this.#identity.id, seq: this.#seq, continues: this.#continues })
      const length = formatLineInto(this.#line, this.#seq, entry)
      if (part !== undefined) this.#writePart(part)
      const segment = this.#openSegment()
      const before = segment.sizeBytes
      this.#write(segment, length)
      // After the write: this thread may also have been stopped in the middle of the call.
      const now = monotonic()
      const isGone = this.#isWakeful(now) && before > 0 && !segment.hasName()
      if (isGone && !segment.lostNameSinceAppend()) {
        // The file was tidied away while this thread slept: take the line back, begin anew.
        segment.cutTo(before)
        this.#beginAnew()
        continue
      }
      // Tidied away with this line in it, so it is sealed, and taking it back would double it; the next one begins anew.
      this.#accept(segment.sizeBytes - before, isGone ? Number.NEGATIVE_INFINITY : now)
      return
    }
  }

  /** Whether the segment may have been tidied away since the last append. */
  #isWakeful(nowMs: number): boolean {
    const pauseMs = nowMs - this.#lastAppendMs
    if (pauseMs > LONG_PAUSE_MS) this.#wakefulUntilMs = nowMs + WAKEFUL_MS
    return pauseMs > PAUSE_MS || nowMs < this.#wakefulUntilMs
  }

  #accept(sizeBytes: number, nowMs: number): void {
    this.#seq += 1
    this.#continues = undefined
    this.#appended += sizeBytes
    this.#entries += 1
    this.#current!.lines += 1
    this.#lastAppendMs = nowMs
    if (this.#segment!.sizeBytes >= SEGMENT_BYTES) this.#retire()
    if (!this.#syncTimer) this.#syncSoon()
  }

  #openSegment(): SegmentWriter {
    if (this.#segment === undefined) {
      this.#current = this.#beginSegment(this.#identity)
      this.#segment = this.#current.segment
    }
    return this.#segment
  }

  #beginSegment(identity: WriterIdentity): Unsynced {
    for (let taken = 0; ; taken++) {
      try {
        const segment = this.#journal.openSegment(identity.id, identity.segments++)
        const row: Unsynced = { identity, segment, from: 0, fromLines: 0, lines: 0, endSeq: Number.POSITIVE_INFINITY }
        this.#unsynced.push(row)
        return row
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || taken === TAKEN_SEGMENTS)
          throw recordFailed(false, error)
      }
    }
  }

  #write(segment: SegmentWriter, length: number): void {
    try {
      segment.append(this.#line, length)
    } catch (error) {
      this.#current!.endSeq = this.#seq
      this.#beginAnew()
      throw recordFailed(error instanceof SegmentWriteError && error.mayLand, (error as Error).cause)
    }
  }

  #writePart(part: PartText): void {
    try {
      const { id } = this.#identity
      this.#parts.write(this.#seq, part, () => ({ id, number: this.#identity.partSegments++ }))
    } catch (error) {
      this.#beginAnew()
      throw recordFailed(false, error instanceof SegmentWriteError ? error.cause : error)
    }
  }

  /** Goes on under a new id, whose first entry names the old one, so that no hole looks like tampering. */
  #beginAnew(): void {
    if (this.#seq > 0) {
      this.#continues = { id: this.#identity.id, seq: this.#seq }
      this.#given.set(this.#identity.id, this.#seq)
    }
    this.#retire()
    this.retireParts()
    this.#identity = { id: randomUUID(), segments: 0, partSegments: 0 }
    this.#seq = 0
  }

  #retire(): void {
    if (this.#segment === undefined) return
    this.#retired.add(this.#segment.name)
    this.#segment = undefined
  }

  /** Leaves the current segment, so that it can be removed once published. The next append begins a new writer. */
  retireIdle(): void {
    if (this.#segment !== undefined && this.#seq > 0) this.#beginAnew()
  }

  #syncSoon(): void {
    this.#syncTimer = true
    const timer = startTimer(() => {
      this.#syncTimer = false
      // Whoever waits for durability is told by their own promise; the lines were rewritten or counted as lost.
      this.durable(this.#appended).catch(() => undefined)
    }, SYNC_DELAY_MS)
    timer.unref()
  }

  /**
   * Resolves when everything up to a mark survives power loss.
   * @throws {@link AuditError} `NOT_DURABLE`: it survives the death of this process, but maybe not power loss.
   */
  async durable(mark: number): Promise<void> {
    while (this.#settled < mark) {
      this.#syncing ??= this.#syncAll().finally(() => {
        this.#syncing = undefined
      })
      await this.#syncing
    }
    this.#throwFailed(mark)
  }

  /** The same for everything appended so far, returning when it is done. */
  durableNow(): void {
    const mark = this.#appended
    this.#rescueYoung()
    try {
      if (this.#parts.syncNow()) {
        for (const { segment } of this.#unsynced) segment.syncNow()
        this.#settle(mark, this.#extents())
      }
    } catch (error) {
      this.#rewrite(error)
    }
    this.#throwFailed(mark)
  }

  #throwFailed(mark: number): void {
    const failed = this.#failed.find(({ from, to }) => mark > from && mark <= to)
    if (failed !== undefined) throw failed.error
  }

  #extents(): Map<Unsynced, Extent> {
    return new Map(this.#unsynced.map((row) => [row, { sizeBytes: row.segment.sizeBytes, lines: row.lines }]))
  }

  /** A removed file is synced in vain: its lines go to a new one first. */
  #rescueYoung(): void {
    if (this.#settled === this.#appended || this.idleMs > RESCUE_MS) return
    try {
      this.rescue(0)
    } catch (error) {
      this.#giveUp(this.#settled, error)
    }
  }

  /** What was appended since a mark cannot be made durable; whoever waits for it is told. */
  #giveUp(from: number, cause: unknown): void {
    this.#unsynced = []
    this.#fail(
      from,
      "the journal could be neither synced nor rewritten; its last events survive this process at most, not power loss",
      cause,
    )
  }

  #fail(from: number, message: string, cause: unknown): void {
    this.#failed.push({ from, to: this.#appended, error: new AuditError("NOT_DURABLE", message, { cause }) })
    this.#settled = this.#appended
    this.#beginAnew()
  }

  async #syncAll(): Promise<void> {
    const mark = this.#appended
    this.#rescueYoung()
    const extents = this.#extents()
    // While the parts are synced anybody may close them.
    const releases = [...extents.keys()].map(({ segment }) => segment.retain())
    try {
      if (!(await this.#parts.sync())) return
      for (const { segment } of extents.keys()) await segment.sync()
      this.#settle(mark, extents)
    } catch (error) {
      this.#rewrite(error)
    } finally {
      for (const release of releases) release()
    }
  }

  /** Whoever waits for the entries of parts that could not be synced is told. */
  #loseParts(cause: unknown): void {
    this.#syncErrors += 1
    this.#onSyncError(cause)
    this.#fail(
      this.#settled,
      "the values kept beside the last events could not be synced; they survive this process at most, not power loss",
      cause,
    )
  }

  #settle(mark: number, extents: ReadonlyMap<Unsynced, Extent>): void {
    this.#settled = Math.max(this.#settled, mark)
    for (const [row, { sizeBytes, lines }] of extents) {
      row.from = Math.max(row.from, sizeBytes)
      row.fromLines = Math.max(row.fromLines, lines)
    }
    this.#unsynced = this.#unsynced.filter((row) => {
      if (row.segment === this.#segment || row.from < row.segment.sizeBytes) return true
      row.segment.close()
      return false
    })
  }

  /**
   * After a failed sync the kernel may have dropped the pages, so the file is never synced again: what it still holds
   * is written to a new segment, and that one is synced before anything more is acknowledged.
   */
  #rewrite(cause: unknown): void {
    this.#syncErrors += 1
    this.#onSyncError(cause)
    const poisoned = this.#unsynced
    const from = this.#settled
    this.#unsynced = []
    this.#retire()
    this.#settled = this.#appended
    let lost = 0
    try {
      const readable = poisoned.map((row) => ({
        row,
        lines: parseLines(row.segment.readFrom(row.from), row.from).lines,
      }))
      // Counted first: what cannot be written again is still there, but what the system dropped is not.
      for (const { row, lines } of readable)
        lost += Math.max(0, row.lines - row.fromLines - lines.filter(({ seq }) => seq < row.endSeq).length)
      for (const { row, lines } of readable) {
        if (lines.length > 0) this.#writeAgain(row.identity, lines)
        row.segment.close()
      }
      // The numbers of the lines that are lost are a hole: what comes next must not wait behind it.
      if (lost > 0) this.#fail(from, "the journal could not be synced, and the system dropped some of its lines", cause)
    } catch (error) {
      this.#giveUp(from, error)
    }
    if (lost > 0) this.#onLost({ count: lost, code: (cause as NodeJS.ErrnoException | undefined)?.code ?? "EIO" })
  }

  /** Writes lines to a segment of their own; returned means that they survive power loss. */
  #writeAgain(identity: WriterIdentity, lines: readonly JournalLine[]): void {
    const row = this.#beginSegment(identity)
    for (const { seq, entry } of lines)
      row.segment.append(this.#line, formatLineInto(this.#line, seq, Buffer.from(entry).toString()))
    row.segment.syncNow()
    row.from = row.segment.sizeBytes
    this.#retired.add(row.segment.name)
  }

  /**
   * Writes lines again whose file was removed before they were sealed: the descriptor still reads them.
   * @param taken - How many numbers of the current identity are in the tree.
   */
  rescue(taken: number): void {
    const segment = this.#segment
    if (segment === undefined || segment.hasName()) return
    const { lines } = parseLines(segment.readFrom(0), 0)
    this.#retire()
    this.#unsynced = this.#unsynced.filter((row) => row.segment !== segment)
    this.#writeAgain(
      this.#identity,
      lines.filter(({ seq }) => seq >= taken),
    )
    segment.close()
  }

  /** Closes the files. */
  close(): void {
    this.#retire()
    this.retireParts()
    for (const { segment } of this.#unsynced) segment.close()
    this.#unsynced = []
  }
}

function recordFailed(mayLand: boolean, cause: unknown): AuditError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "unknown error"
  const fate = mayLand ? "it may still be found in the log" : "it was not recorded"
  return new AuditError(
    "RECORD_FAILED",
    `the event could not be written (${code}): ${fate}; free the disk or fix the permissions of the log directory`,
    { cause },
  )
}
