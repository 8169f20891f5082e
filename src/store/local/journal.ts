/**
 * The embedded journal: one directory, one append-only file a writer and segment, `<writer>.<k>`.
 * Does I/O. A segment whose owner is gone is first renamed to `.done` and removed later (ledger/tidy.ts decides).
 * @module
 */
import * as fs from "node:fs"
import * as fsp from "node:fs/promises"
import { dirname } from "node:path"
import type { Journal, SegmentInfo, SegmentRead, SegmentWriter } from "../contract.ts"
import { parseLines } from "../lines.ts"
import { errorCode, isMissing, READ_FLAGS, type RootDirectory, readBytes, syncDirectory, syncFile } from "./files.ts"
import { JOURNAL_DIRECTORY, PARTS_DIRECTORY } from "./layout.ts"
import { LocalSegment } from "./segment.ts"

const SEGMENT_NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(0|[1-9][0-9]{0,8})(\.done)?$/
/** Longest line there can be: an entry of 65,535 bytes, its crc and its number. */
const LINE_BYTES = 66_000
/** Longest line of a part: 16 MiB of values, escaped. */
const PART_BYTES = 128 * 1024 * 1024
/** Most bytes read and parsed at once, unless a single line is longer: about a millisecond's work. */
const READ_BYTES = 1024 * 1024
/** How long an owner gets to take back an append to a file that lost its name. */
const OWNER_GRACE_MS = 2_000

/** Journal segments in a directory of a log, `.state/journal` unless another is named. */
export class LocalJournal implements Journal {
  readonly #root: RootDirectory
  readonly #directory: string
  readonly #lineBytes: number

  constructor(root: RootDirectory, directory: string = JOURNAL_DIRECTORY) {
    this.#root = root
    this.#directory = directory
    this.#lineBytes = directory === PARTS_DIRECTORY ? PART_BYTES : LINE_BYTES
  }

  openSegment(writerId: string, number: number): SegmentWriter {
    return new LocalSegment(this.#root, this.#directory, `${writerId}.${number}`)
  }

  async segments(): Promise<readonly SegmentInfo[]> {
    const found: SegmentInfo[] = []
    for (const name of await this.#root.names(this.#directory)) {
      const match = SEGMENT_NAME.exec(name)
      if (match === null) continue
      const stats = fs.lstatSync(this.#path(name), { throwIfNoEntry: false })
      if (stats === undefined || !stats.isFile()) continue
      const { size: sizeBytes, ctimeMs: changedMs } = stats
      found.push({ writerId: match[1]!, number: Number(match[2]), name, sizeBytes, changedMs })
    }
    return found.sort((a, b) => (a.writerId < b.writerId ? -1 : a.writerId > b.writerId ? 1 : a.number - b.number))
  }

  async read(name: string, offset: number, limitBytes: number): Promise<SegmentRead | undefined> {
    return this.#withFile(name, async (fd) => {
      const { size: sizeBytes } = fs.fstatSync(fd)
      // A line longer than the limit is read all the same, or reading would never come past it.
      for (let limit = Math.min(Math.max(limitBytes, LINE_BYTES), READ_BYTES); ; limit *= 4) {
        const bytes = await readBytes(fd, offset, Math.max(0, Math.min(sizeBytes - offset, limit)))
        const parsed = parseLines(bytes, offset)
        const more = offset + bytes.length < sizeBytes
        if (!more || parsed.endOffset > offset) return { ...parsed, end: more ? "more" : parsed.end, sizeBytes }
        // No newline in more bytes than a line can have: whatever this is, it is no journal.
        if (limit >= this.#lineBytes) return { lines: [], end: "torn", endOffset: offset, damagedAt: offset, sizeBytes }
      }
    })
  }

  async sync(name: string): Promise<void> {
    await this.#withFile(name, syncFile)
  }

  async overwrite(name: string, offset: number, line: Uint8Array): Promise<void> {
    try {
      // Not for appending: that would write at the end, wherever it is told to.
      const fd = fs.openSync(this.#path(name), fs.constants.O_RDWR | (fs.constants.O_NOFOLLOW ?? 0))
      try {
        for (let written = 0; written < line.length; )
          written += fs.writeSync(fd, line, written, line.length - written, offset + written)
        await syncFile(fd)
      } finally {
        fs.closeSync(fd)
      }
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  async markDone(name: string): Promise<void> {
    if (name.endsWith(".done")) return
    await fsp.rename(this.#path(name), `${this.#path(name)}.done`).catch(missingAsUndefined)
    await syncDirectory(dirname(this.#path(name)))
  }

  async release(name: string, publishedOffset: number): Promise<boolean> {
    const released = await this.#withFile(name, async (fd) => {
      if (fs.fstatSync(fd).size !== publishedOffset) return false
      await fsp.unlink(this.#path(name)).catch(missingAsUndefined)
      return !(await this.#rescue(fd, name, publishedOffset))
    })
    return released ?? true
  }

  /**
   * An owner that woke up may have appended between the size check and the unlink. It takes an append back that it
   * made after the unlink; what is still there after its grace period was acknowledged, and goes to a new segment.
   */
  async #rescue(fd: number, name: string, publishedOffset: number): Promise<boolean> {
    if (fs.fstatSync(fd).size === publishedOffset) return false
    await new Promise((resolve) => setTimeout(resolve, OWNER_GRACE_MS))
    const late = await readBytes(fd, publishedOffset, Math.max(0, fs.fstatSync(fd).size - publishedOffset))
    if (late.length === 0) return false
    const match = SEGMENT_NAME.exec(name)!
    const taken = (await this.segments()).filter((segment) => segment.writerId === match[1])
    const number = Math.max(Number(match[2]), ...taken.map((segment) => segment.number)) + 1
    await this.#root.create(`${this.#directory}/${match[1]}.${number}`, late)
    return true
  }

  /** Does some work with an open segment; undefined when there is none of that name. */
  async #withFile<T>(name: string, work: (fd: number) => Promise<T>): Promise<T | undefined> {
    let fd: number
    try {
      fd = fs.openSync(this.#path(name), READ_FLAGS)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
    try {
      return await work(fd)
    } finally {
      fs.closeSync(fd)
    }
  }

  #path(name: string): string {
    return this.#root.locate(`${this.#directory}/${name}`, false)
  }
}

function missingAsUndefined(error: unknown): undefined {
  if (errorCode(error) === "ENOENT") return undefined
  throw error
}
