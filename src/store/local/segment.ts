/**
 * One journal segment being appended to: a file of lines `<crc32> <seq> <entry>\n`, written with one synchronous
 * call each. Does I/O. Reading segments back is journal.ts's job.
 * @module
 */
import * as fs from "node:fs"
import { constants } from "node:fs"
import { dirname } from "node:path"
import { SegmentWriteError, type SegmentWriter } from "../contract.ts"
import { openForAppend, type RootDirectory, syncDirectory, syncDirectoryNow, syncFile } from "./files.ts"

/** A segment file in the embedded store. */
export class LocalSegment implements SegmentWriter {
  readonly name: string
  readonly #path: string
  readonly #fd: number
  /**
   * For synchronous syncs alone. The system tells of a failed write once for each open file: had a sync in the
   * background just been told, and not come back yet, one of the same open file would succeed over lost bytes.
   */
  readonly #syncFd: number
  #sizeBytes = 0
  #directorySynced = false
  #closed = false
  /** Who is using the descriptor; it is closed when nobody is left. */
  #users = 1

  constructor(root: RootDirectory, directory: string, name: string) {
    this.name = name
    this.#path = root.locate(`${directory}/${name}`, true)
    this.#fd = openForAppend(this.#path, root.access)
    try {
      // Opened with the file: one that is opened after a failure is not told of it.
      this.#syncFd = fs.openSync(this.#path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0))
    } catch (error) {
      fs.closeSync(this.#fd)
      throw error
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  append(line: Uint8Array, length: number): void {
    let written = 0
    try {
      // A short write returns no error: continue where it stopped.
      do {
        const count = fs.writeSync(this.#fd, line, written, length - written)
        if (count === 0) throw new Error("the file accepts no more bytes")
        written += count
      } while (written < length)
    } catch (error) {
      throw this.#cutBack(error)
    }
    this.#sizeBytes += length
  }

  #cutBack(cause: unknown): SegmentWriteError {
    try {
      fs.ftruncateSync(this.#fd, this.#sizeBytes)
      return new SegmentWriteError(fs.fstatSync(this.#fd).size !== this.#sizeBytes, cause)
    } catch {
      return new SegmentWriteError(true, cause)
    }
  }

  hasName(): boolean {
    return fs.fstatSync(this.#fd).nlink > 0
  }

  lostNameSinceAppend(): boolean {
    // An append sets both times of a file, a removal only the one of its status.
    const { nlink, mtimeMs, ctimeMs } = fs.fstatSync(this.#fd)
    return nlink === 0 && ctimeMs > mtimeMs
  }

  cutTo(sizeBytes: number): void {
    fs.ftruncateSync(this.#fd, sizeBytes)
    this.#sizeBytes = sizeBytes
  }

  retain(): () => void {
    // The number of a descriptor that was closed may by now be that of another file.
    if (this.#users === 0) throw new Error(`${this.name} is closed`)
    this.#users += 1
    let isRetained = true
    return () => {
      if (isRetained) this.#release()
      isRetained = false
    }
  }

  #release(): void {
    this.#users -= 1
    if (this.#users === 0) fs.closeSync(this.#fd)
  }

  async sync(): Promise<void> {
    const release = this.retain()
    try {
      await syncFile(this.#fd)
      if (!this.#directorySynced) await syncDirectory(dirname(this.#path))
      this.#directorySynced = true
    } finally {
      release()
    }
  }

  syncNow(): void {
    fs.fdatasyncSync(this.#syncFd)
    if (!this.#directorySynced) syncDirectoryNow(dirname(this.#path))
    this.#directorySynced = true
  }

  readFrom(offset: number): Uint8Array {
    const bytes = Buffer.alloc(Math.max(0, fs.fstatSync(this.#fd).size - offset))
    let filled = 0
    while (filled < bytes.length) {
      const count = fs.readSync(this.#fd, bytes, filled, bytes.length - filled, offset + filled)
      if (count === 0) break
      filled += count
    }
    return bytes.subarray(0, filled)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    fs.closeSync(this.#syncFd)
    this.#release()
  }
}
