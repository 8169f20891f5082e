/**
 * What one writer keeps beside its entries: a segment of parts, each written before its entry and under its number, and
 * synced before its entry is. Owned by that writer.
 * @module
 */
import { formatLineBytes, type Journal, type SegmentWriter } from "../store/index.ts"

/** What goes beside an entry. */
export interface PartText {
  readonly text: string
  /** Whether values are in it that were too large for the entry. */
  readonly hasLarge: boolean
}

/** Writes the parts of one writer. */
export class PartWriter {
  readonly #journal: Journal
  readonly #onLost: (cause: unknown) => void
  #segment: SegmentWriter | undefined
  /** Bytes of it that are durable, or were told as lost. */
  #settledBytes = 0
  /** Names of own segments that are closed, for tidying. */
  readonly retired: Set<string> = new Set()

  /** @param onLost - Told when what was written before could not be synced. */
  constructor(journal: Journal, onLost: (cause: unknown) => void) {
    this.#journal = journal
    this.#onLost = onLost
  }

  /**
   * Writes a part. Large values are synced at once, so that the entry never outlives them; personal ones, which are
   * small and many, before the entry is.
   * @param nextSegment - Name of the segment to begin where none is open.
   */
  write(
    seq: number,
    { text, hasLarge }: PartText,
    nextSegment: () => { readonly id: string; readonly number: number },
  ): void {
    if (this.#segment === undefined) {
      const { id, number } = nextSegment()
      this.#segment = this.#journal.openSegment(id, number)
      this.#settledBytes = 0
    }
    const line = formatLineBytes(seq, text)
    this.#segment.append(line, line.length)
    if (!hasLarge) return
    this.#segment.syncNow()
    this.#settledBytes = this.#segment.sizeBytes
  }

  /** Once returned true, everything written survives power loss; false: what waits for it was told. */
  syncNow(): boolean {
    const segment = this.#segment
    if (segment === undefined || this.#settledBytes === segment.sizeBytes) return true
    try {
      segment.syncNow()
      this.#settledBytes = segment.sizeBytes
      return true
    } catch (error) {
      return this.#lose(segment, error)
    }
  }

  /** The same for what was written before the call, resolving when it is done. */
  async sync(): Promise<boolean> {
    const segment = this.#segment
    if (segment === undefined || this.#settledBytes === segment.sizeBytes) return true
    const { sizeBytes } = segment
    try {
      await segment.sync()
      // Another one may have begun meanwhile.
      if (this.#segment === segment) this.#settledBytes = Math.max(this.#settledBytes, sizeBytes)
      return true
    } catch (error) {
      return this.#lose(segment, error)
    }
  }

  #lose(segment: SegmentWriter, cause: unknown): false {
    if (this.#segment === segment) this.#settledBytes = segment.sizeBytes
    this.#onLost(cause)
    return false
  }

  /** Leaves the segment, so that it can be emptied; the next part begins another. Nobody would sync it after this. */
  retire(): void {
    const segment = this.#segment
    if (segment === undefined) return
    this.syncNow()
    // Whoever was told of a failure may have retired it.
    if (this.#segment !== segment) return
    this.retired.add(segment.name)
    segment.close()
    this.#segment = undefined
  }
}
