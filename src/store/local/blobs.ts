/**
 * Published files in the log directory: checkpoint, tiles, bundles. Does I/O.
 * Every file goes through a temporary file that is synced before it gets its name; several are in flight at once.
 * @module
 */
import * as fs from "node:fs"
import * as fsp from "node:fs/promises"
import { dirname } from "node:path"
import { equalBytes } from "../../bytes.ts"
import { AuditError } from "../../errors.ts"
import type { Blob, BlobStore } from "../contract.ts"
import { errorCode, isMissing, isTemporaryName, type RootDirectory, type StagedFile, syncDirectory } from "./files.ts"

/** Files that are written, then synced together: the first sync of a group commits most of what the others need. */
const GROUP = 32

/** A blob store that is the log directory itself. */
export class LocalBlobs implements BlobStore {
  readonly #root: RootDirectory

  constructor(root: RootDirectory) {
    this.#root = root
  }

  get(path: string): Promise<Uint8Array | undefined> {
    return this.#root.read(path)
  }

  async putAll(blobs: readonly Blob[], mayReplace: (path: string) => Promise<boolean>): Promise<void> {
    const directories = new Set<string>()
    for (let at = 0; at < blobs.length; at += GROUP) {
      const group = blobs.slice(at, at + GROUP)
      const staged = await this.#stageGroup(group)
      try {
        for (const [n, blob] of group.entries()) await this.#place(blob, staged[n]!, mayReplace)
      } finally {
        for (const { temporary } of staged) fs.rmSync(temporary, { force: true })
      }
      for (const { path } of staged) directories.add(dirname(path))
    }
    for (const directory of directories) await syncDirectory(directory)
  }

  /** Writes a group of temporary files and syncs them; writing goes to the page cache and is done at once. */
  async #stageGroup(group: readonly Blob[]): Promise<StagedFile[]> {
    const staged: StagedFile[] = []
    try {
      for (const { path, bytes } of group) staged.push(this.#root.stage(path, bytes))
      // All of them settle before an error is told, so that no descriptor is closed under a sync.
      const results = await Promise.allSettled(staged.map(({ fd }) => dataSync(fd)))
      for (const result of results) if (result.status === "rejected") throw result.reason
      return staged
    } catch (error) {
      for (const { temporary } of staged) fs.rmSync(temporary, { force: true })
      throw error
    } finally {
      for (const { fd } of staged) fs.closeSync(fd)
    }
  }

  async #place(
    blob: Blob,
    { path, temporary }: StagedFile,
    mayReplace: (path: string) => Promise<boolean>,
  ): Promise<void> {
    try {
      // A link, unlike a rename, never takes the place of a file that somebody else published.
      return fs.linkSync(temporary, path)
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error
    }
    const existing = await this.#root.read(blob.path)
    if (await mayReplace(blob.path)) return fs.renameSync(temporary, path)
    if (existing === undefined || !equalBytes(existing, blob.bytes)) {
      throw new AuditError("PUBLISH_CONFLICT", `${blob.path} is published with other bytes; nothing was overwritten`)
    }
  }

  replaceHead(path: string, bytes: Uint8Array): Promise<void> {
    return this.#root.replace(path, bytes)
  }

  async list(prefix: string): Promise<readonly string[]> {
    const directory = this.#root.locate(`${prefix}/x`, false).slice(0, -2)
    const paths: string[] = []
    let entries: import("node:fs").Dirent[]
    try {
      entries = await fsp.readdir(directory, { withFileTypes: true })
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
    for (const entry of entries) {
      if (isTemporaryName(entry.name)) continue
      if (entry.isDirectory()) paths.push(...(await this.list(`${prefix}/${entry.name}`)))
      else if (entry.isFile()) paths.push(`${prefix}/${entry.name}`)
    }
    return paths
  }

  async remove(paths: readonly string[]): Promise<void> {
    const directories = new Set<string>()
    for (const path of paths) {
      const absolute = this.#root.locate(path, false)
      await fsp.rm(absolute, { force: true })
      directories.add(dirname(absolute))
    }
    // A `.p` directory that has become empty goes too; one that has not is left alone.
    for (const directory of directories) {
      if (!directory.endsWith(".p")) continue
      await fsp.rmdir(directory).catch((error: unknown) => {
        if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(errorCode(error))) throw error
      })
    }
  }
}

function dataSync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fs.fdatasync(fd, (error) => (error ? reject(error) : resolve())))
}
