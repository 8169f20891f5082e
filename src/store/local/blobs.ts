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
import { inLanes } from "../lanes.ts"
import { Slices } from "../slices.ts"
import {
  errorCode,
  isMissing,
  isTemporaryName,
  type RootDirectory,
  type StagedFile,
  syncDirectory,
  syncFile,
} from "./files.ts"

/**
 * Files that are written, then synced, then named, together: the first sync of a group commits most of what the others
 * need, and nothing waits for a commit of the file system while it makes a file.
 */
const GROUP = 64

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
    let size = GROUP
    for (let at = 0; at < blobs.length; ) {
      try {
        const group = blobs.slice(at, at + size)
        for (const path of await this.#putGroup(group, mayReplace)) directories.add(dirname(path))
        at += group.length
      } catch (error) {
        // As many as there are descriptors for.
        if (errorCode(error) !== "EMFILE" || size === 1) throw error
        size /= 2
      }
    }
    for (const directory of directories) await syncDirectory(directory)
  }

  /** Writes temporary files for a group, syncs them, and gives them their names. */
  async #putGroup(group: readonly Blob[], mayReplace: (path: string) => Promise<boolean>): Promise<string[]> {
    const slices = new Slices()
    const staged: StagedFile[] = []
    try {
      try {
        for (const { path, bytes } of group) {
          staged.push(this.#root.stage(path, bytes))
          await slices.turn()
        }
        await inLanes(staged, ({ fd }) => syncFile(fd))
      } finally {
        for (const { fd } of staged) fs.closeSync(fd)
      }
      for (const [n, blob] of group.entries()) {
        await this.#place(blob, staged[n]!, mayReplace)
        await slices.turn()
      }
      return staged.map(({ path }) => path)
    } finally {
      for (const { temporary } of staged) removeFile(temporary)
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

  redact(path: string, bytes: Uint8Array): Promise<void> {
    return this.#root.replace(path, bytes)
  }

  async list(prefix: string): Promise<readonly string[]> {
    const directory = this.#root.locate(`${prefix}/x`, false).slice(0, -2)
    const paths: string[] = []
    let entries: fs.Dirent[]
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

/** Removes a file that may be gone already. */
function removeFile(path: string): void {
  try {
    fs.unlinkSync(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}
