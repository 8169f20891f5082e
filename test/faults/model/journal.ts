/**
 * A journal in memory: one append-only file a writer and segment, as in the embedded driver.
 * @module
 */
import {
  type Journal,
  parseLines,
  type SegmentInfo,
  type SegmentRead,
  SegmentWriteError,
  type SegmentWriter,
} from "../../../src/store/index.ts"
import { type Actor, type Operation, systemFailure } from "./actor.ts"
import { clock } from "./clock.ts"
import { type Disk, directoryOf } from "./disk.ts"
import type { Inode } from "./inode.ts"

const SEGMENT_NAME = /^([0-9a-f-]{36})\.(\d+)(\.done)?$/
/** How long an owner gets to take back an append to a file that lost its name. */
const OWNER_GRACE_MS = 2_000
/** Fewer bytes than were asked for, so that everyone who reads has to read on. */
const READ_BYTES = 2_000

export class MemoryJournal implements Journal {
  readonly #disk: Disk
  readonly #directory: string
  readonly #actor: Actor

  constructor(disk: Disk, directory: string, actor: Actor) {
    this.#disk = disk
    this.#directory = directory
    this.#actor = actor
  }

  #at(name: string): string {
    return `${this.#directory}/${name}`
  }

  openSegment(writerId: string, number: number): SegmentWriter {
    const path = this.#at(`${writerId}.${number}`)
    const inode = this.#actor.stepNow({ path, act: () => this.#disk.create(path) })
    return new MemorySegment(this.#disk, path, inode, this.#actor)
  }

  /** By the order in which the writers came, so that a run does not depend on their random ids. */
  async segments(): Promise<readonly SegmentInfo[]> {
    const names = await this.#step(() => this.#disk.namesIn(this.#directory))
    const found = names.flatMap((name): SegmentInfo[] => {
      const match = SEGMENT_NAME.exec(name)
      const inode = this.#disk.find(this.#at(name))
      if (match === null || inode === undefined) return []
      const { size: sizeBytes, changedMs } = inode
      return [{ writerId: match[1]!, number: Number(match[2]), name, sizeBytes, changedMs }]
    })
    const writers = [...new Set(found.map(({ writerId }) => writerId))]
    const place = ({ writerId, number }: SegmentInfo): number => writers.indexOf(writerId) * 1e6 + number
    return found.sort((a, b) => place(a) - place(b))
  }

  async read(name: string, offset: number, limitBytes: number): Promise<SegmentRead | undefined> {
    return this.#step(() => {
      const inode = this.#disk.find(this.#at(name))
      if (inode === undefined) return undefined
      const sizeBytes = inode.size
      for (let limit = Math.min(limitBytes, READ_BYTES); ; limit *= 4) {
        // A copy: what was read does not change with the file.
        const bytes = Buffer.from(inode.bytes().subarray(offset, offset + limit))
        const parsed = parseLines(bytes, offset)
        const more = offset + bytes.length < sizeBytes
        if (!more || parsed.endOffset > offset) return { ...parsed, end: more ? "more" : parsed.end, sizeBytes }
      }
    })
  }

  async sync(name: string): Promise<void> {
    const inode = this.#disk.find(this.#at(name))
    if (inode === undefined) return
    await this.#actor.step(syncOf(inode, this.#at(name)))
    await this.#step(() => this.#disk.syncDirectory(this.#directory))
  }

  async overwrite(name: string, offset: number, line: Uint8Array): Promise<void> {
    await this.#step(() => {
      const inode = this.#disk.find(this.#at(name))
      if (inode === undefined) return
      const after = Buffer.from(inode.bytes().subarray(offset + line.length))
      inode.truncate(offset)
      inode.append(Buffer.concat([line, after]))
      inode.sync()
    })
  }

  async markDone(name: string): Promise<void> {
    if (name.endsWith(".done")) return
    await this.#step(() => {
      if (this.#disk.find(this.#at(name)) !== undefined) this.#disk.rename(this.#at(name), this.#at(`${name}.done`))
    })
    await this.#step(() => this.#disk.syncDirectory(this.#directory))
  }

  async release(name: string, publishedOffset: number): Promise<boolean> {
    const inode = await this.#step(() => this.#disk.find(this.#at(name)))
    if (inode === undefined) return true
    if (inode.size !== publishedOffset) return false
    await this.#step(() => this.#unlink(name))
    return !(await this.#rescue(inode, name, publishedOffset))
  }

  #unlink(name: string): void {
    if (this.#disk.find(this.#at(name)) !== undefined) this.#disk.unlink(this.#at(name))
  }

  /** Saves what an owner appended between the look at the size and the removal. */
  async #rescue(inode: Inode, name: string, publishedOffset: number): Promise<boolean> {
    if (inode.size === publishedOffset) return false
    await new Promise<void>((resolve) => clock.setTimeout(resolve, OWNER_GRACE_MS))
    if (inode.size <= publishedOffset) return false
    const [, writerId, number] = SEGMENT_NAME.exec(name)!
    const taken = (await this.segments()).filter((segment) => segment.writerId === writerId)
    const next = Math.max(Number(number), ...taken.map((segment) => segment.number)) + 1
    await this.#step(() => {
      const saved = this.#disk.create(this.#at(`${writerId}.${next}`))
      saved.append(inode.bytes().subarray(publishedOffset))
      saved.sync()
      this.#disk.syncDirectory(this.#directory)
    })
    return true
  }

  #step<T>(act: () => T): Promise<T> {
    return this.#actor.step({ path: this.#directory, act })
  }
}

/** A sync of a file; one that fails has written nothing and leaves the pages behind as if it had. */
function syncOf(inode: Inode, path: string): Required<Omit<Operation<void>, "flip">> {
  return {
    path,
    act: () => inode.sync(),
    fail: (kind, salt) => (kind === "landed" ? inode.sync() : inode.failSync(salt % 2 === 0)),
  }
}

class MemorySegment implements SegmentWriter {
  readonly name: string
  readonly #disk: Disk
  readonly #path: string
  readonly #inode: Inode
  readonly #actor: Actor
  #sizeBytes = 0
  #directorySynced = false
  /** Failed syncs of the file that this descriptor was told of. */
  #failuresTold = 0

  constructor(disk: Disk, path: string, inode: Inode, actor: Actor) {
    this.name = path.slice(path.lastIndexOf("/") + 1)
    this.#disk = disk
    this.#path = path
    this.#inode = inode
    this.#actor = actor
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  append(line: Uint8Array, length: number): void {
    const bytes = Uint8Array.from(line.subarray(0, length))
    let mayLand = false
    try {
      this.#actor.stepNow({
        path: this.#path,
        act: () => this.#inode.append(bytes),
        fail: (kind, salt) => {
          // What was written is cut off again, unless that fails as well.
          mayLand = kind === "landed"
          if (mayLand) this.#inode.append(salt % 2 === 0 ? bytes : bytes.subarray(0, salt % bytes.length))
        },
      })
    } catch (error) {
      if (this.#actor.isGone) throw error
      throw new SegmentWriteError(mayLand, error)
    }
    this.#sizeBytes += length
  }

  hasName(): boolean {
    return this.#inode.links > 0
  }

  lostNameSinceAppend(): boolean {
    return this.#inode.lostNameSinceAppend
  }

  cutTo(sizeBytes: number): void {
    if (!this.#actor.isGone) this.#inode.truncate(sizeBytes)
    this.#sizeBytes = sizeBytes
  }

  async sync(): Promise<void> {
    await this.#actor.step(this.#fileSync())
    if (!this.#directorySynced) await this.#actor.step(this.#directorySync())
    this.#directorySynced = true
  }

  retain(): () => void {
    return () => undefined
  }

  syncNow(): void {
    this.#actor.stepNow(this.#fileSync())
    if (!this.#directorySynced) this.#actor.stepNow(this.#directorySync())
    this.#directorySynced = true
  }

  /** A sync that failed for somebody else fails for this descriptor too, once. */
  #fileSync(): ReturnType<typeof syncOf> {
    const { path, act, fail } = syncOf(this.#inode, this.#path)
    return {
      path,
      act: () => {
        const told = this.#failuresTold
        this.#failuresTold = this.#inode.failedSyncs
        if (told !== this.#inode.failedSyncs) throw systemFailure()
        act()
      },
      fail: (kind, salt) => {
        fail(kind, salt)
        this.#failuresTold = this.#inode.failedSyncs
      },
    }
  }

  #directorySync(): Operation<void> {
    return { path: this.#path, act: () => this.#disk.syncDirectory(directoryOf(this.#path)) }
  }

  readFrom(offset: number): Uint8Array {
    if (this.#actor.isGone) throw systemFailure()
    return Uint8Array.from(this.#inode.bytes().subarray(offset))
  }

  close(): void {
    // Nothing is held open.
  }
}
