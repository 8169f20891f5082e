/**
 * The files of a log in memory: its private ones, and the blobs that it publishes. Step by step what the embedded
 * driver does: a temporary file, its sync, its name, the sync of the directory.
 * @module
 */
import { AuditError } from "../../../src/errors.ts"
import type { Blob, BlobStore, LogFiles } from "../../../src/store/index.ts"
import type { Actor } from "./actor.ts"
import { clock } from "./clock.ts"
import { type Disk, directoryOf } from "./disk.ts"

/** Told of what readers can see from now on. */
export type HeadListener = (path: string, bytes: Uint8Array) => void

let temporaries = 0

/** Operations of one actor below one directory. */
export class Files implements LogFiles {
  readonly path: string
  readonly disk: Disk
  readonly #actor: Actor

  constructor(disk: Disk, path: string, actor: Actor) {
    this.disk = disk
    this.path = path
    this.#actor = actor
  }

  at(path: string): string {
    return `${this.path}/${path}`
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.step(path, () => this.readNow(path))
  }

  /** A copy, or undefined; no operation of its own. */
  readNow(path: string): Uint8Array | undefined {
    const inode = this.disk.find(this.at(path))
    return inode === undefined ? undefined : Uint8Array.from(inode.bytes())
  }

  async names(directory: string): Promise<readonly string[]> {
    return this.step(directory, () => this.disk.namesIn(directory === "." ? this.path : this.at(directory)))
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = await this.stage(path, bytes)
    await this.step(path, () => this.disk.rename(temporary, this.at(path)))
    await this.syncNameOf(path)
  }

  async create(path: string, bytes: Uint8Array): Promise<boolean> {
    const temporary = await this.stage(path, bytes)
    const isNew = await this.step(path, () => this.linkIfFree(temporary, path))
    await this.step(path, () => this.disk.unlink(temporary))
    await this.syncNameOf(path)
    return isNew
  }

  async move(from: string, to: string): Promise<void> {
    const isThere = (path: string): boolean =>
      this.disk.find(this.at(path)) !== undefined || this.disk.pathsBelow(this.at(path)).length > 0
    await this.step(to, () => {
      if (isThere(from) && !isThere(to)) this.disk.rename(this.at(from), this.at(to))
    })
    await this.syncNameOf(to)
  }

  async remove(path: string): Promise<void> {
    await this.step(path, () => this.unlinkIfThere(path))
    await this.syncNameOf(path)
  }

  /** A temporary file beside a path, on the disk; a failure takes it away again. */
  async stage(path: string, bytes: Uint8Array): Promise<string> {
    const temporary = await this.stageUnsynced(path, bytes, false)
    try {
      await this.syncFile(path, temporary)
      return temporary
    } catch (error) {
      this.discard([temporary])
      throw error
    }
  }

  /** The same before its sync; a bit of it may turn on the way where somebody reads it back. */
  async stageUnsynced(path: string, bytes: Uint8Array, mayTurn: boolean): Promise<string> {
    temporaries += 1
    const temporary = `${directoryOf(this.at(path))}/.tmp-1-${clock.wallMs}-${temporaries}`
    await this.#actor.step({
      path,
      act: () => this.disk.create(temporary).append(bytes),
      fail: () => undefined,
      ...(mayTurn && { flip: (salt: number) => this.disk.require(temporary).flip(salt) }),
    })
    return temporary
  }

  syncFile(path: string, temporary: string): Promise<void> {
    const inode = this.disk.require(temporary)
    return this.#actor.step({
      path,
      act: () => inode.sync(),
      fail: (kind, salt) => (kind === "landed" ? inode.sync() : inode.failSync(salt % 2 === 0)),
    })
  }

  syncNameOf(path: string): Promise<void> {
    return this.step(path, () => this.disk.syncDirectory(directoryOf(this.at(path))))
  }

  /** Gives a temporary file its name, unless something else has it. */
  linkIfFree(temporary: string, path: string): boolean {
    if (this.disk.find(this.at(path)) !== undefined) return false
    this.disk.link(this.disk.require(temporary), this.at(path))
    return true
  }

  unlinkIfThere(path: string): void {
    if (this.disk.find(this.at(path)) !== undefined) this.disk.unlink(this.at(path))
  }

  /** Removes temporary files that are still there; a process that is gone removes nothing. */
  discard(paths: readonly string[]): void {
    for (const path of paths) if (!this.#actor.isGone && this.disk.find(path) !== undefined) this.disk.unlink(path)
  }

  step<T>(path: string, act: () => T): Promise<T> {
    return this.#actor.step({ path, act })
  }
}

const isTemporary = (path: string): boolean => path.includes("/.tmp-")

/** Published files in memory. */
export class Blobs implements BlobStore {
  readonly #files: Files
  readonly #onHead: HeadListener

  constructor(files: Files, onHead: HeadListener) {
    this.#files = files
    this.#onHead = onHead
  }

  get(path: string): Promise<Uint8Array | undefined> {
    return this.#files.read(path)
  }

  async putAll(blobs: readonly Blob[], mayReplace: (path: string) => Promise<boolean>): Promise<void> {
    const staged: string[] = []
    try {
      for (const { path, bytes } of blobs) staged.push(await this.#files.stageUnsynced(path, bytes, true))
      const results = await Promise.allSettled(
        staged.map((temporary, n) => this.#files.syncFile(blobs[n]!.path, temporary)),
      )
      for (const result of results) if (result.status === "rejected") throw result.reason
      for (const [n, blob] of blobs.entries()) await this.#place(blob, staged[n]!, mayReplace)
    } finally {
      this.#files.discard(staged)
    }
    const oneOfEach = new Map(blobs.map(({ path }) => [directoryOf(path), path]))
    for (const path of oneOfEach.values()) await this.#files.syncNameOf(path)
  }

  async #place(blob: Blob, temporary: string, mayReplace: (path: string) => Promise<boolean>): Promise<void> {
    const { disk } = this.#files
    const path = this.#files.at(blob.path)
    if (await this.#files.step(blob.path, () => this.#files.linkIfFree(temporary, blob.path))) return
    const existing = await this.#files.read(blob.path)
    if (await mayReplace(blob.path)) return this.#files.step(blob.path, () => disk.rename(temporary, path))
    if (existing === undefined || Buffer.compare(existing, blob.bytes) !== 0) {
      throw new AuditError("PUBLISH_CONFLICT", `${blob.path} is published with other bytes`)
    }
  }

  async replaceHead(path: string, bytes: Uint8Array): Promise<void> {
    const { disk } = this.#files
    const temporary = await this.#files.stage(path, bytes)
    await this.#files.step(path, () => {
      disk.rename(temporary, this.#files.at(path))
      this.#onHead(this.#files.path, bytes)
    })
    await this.#files.syncNameOf(path)
  }

  async redact(path: string, bytes: Uint8Array): Promise<void> {
    const { disk } = this.#files
    const temporary = await this.#files.stage(path, bytes)
    await this.#files.step(path, () => disk.rename(temporary, this.#files.at(path)))
    await this.#files.syncNameOf(path)
  }

  async list(prefix: string): Promise<readonly string[]> {
    const { disk, path } = this.#files
    return this.#files.step(prefix, () =>
      disk
        .pathsBelow(this.#files.at(prefix))
        .filter((found) => !isTemporary(found))
        .map((found) => found.slice(path.length + 1)),
    )
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.#files.step(path, () => this.#files.unlinkIfThere(path))
  }
}
