/**
 * Lines from chunks of bytes, with their numbers from 1. Memory is bounded by one line of the longest that is taken.
 * A byte order mark and the carriage returns of Windows are no part of a line. Pure.
 * @module
 */

/** Longest line that is read, in bytes; of a longer one only its number is told. */
export const MAX_LINE_BYTES: number = 16 * 1024 * 1024

const NEWLINE = 0x0a
const RETURN = 0x0d
const MARK = [0xef, 0xbb, 0xbf]

/** One line. */
export interface SourceLine {
  /** From 1. */
  readonly number: number
  /** Without its line break; undefined when it is longer than {@link MAX_LINE_BYTES}. */
  readonly bytes: Buffer | undefined
  /** False for the last line of a file that does not end in a line break: it may still be growing. */
  readonly finished: boolean
}

/** Splits one file. */
export class LineSplitter {
  #number = 0
  #parts: Buffer[] = []
  #sizeBytes = 0

  #add(part: Buffer): void {
    this.#sizeBytes += part.length
    if (this.#sizeBytes > MAX_LINE_BYTES) this.#parts = []
    else this.#parts.push(part)
  }

  /** The lines that are complete with these bytes. */
  *push(chunk: Buffer): Generator<SourceLine> {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk.subarray(start, end))
      yield this.#line(true)
      start = end + 1
    }
    // A copy: the chunk may be reused before the rest of the line comes.
    if (start < chunk.length) this.#add(Buffer.from(chunk.subarray(start)))
  }

  /** What stands behind the last line break, if anything. */
  *end(): Generator<SourceLine> {
    if (this.#sizeBytes > 0) yield this.#line(false)
  }

  #line(finished: boolean): SourceLine {
    this.#number += 1
    const tooLong = this.#sizeBytes > MAX_LINE_BYTES
    const bytes = tooLong
      ? undefined
      : this.#bare(this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts))
    this.#parts = []
    this.#sizeBytes = 0
    return { number: this.#number, bytes, finished }
  }

  #bare(bytes: Buffer): Buffer {
    const start = this.#number === 1 && MARK.every((byte, n) => bytes[n] === byte) ? MARK.length : 0
    const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length
    return bytes.subarray(start, end)
  }
}
