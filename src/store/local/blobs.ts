/**
 * Published files in the log directory: checkpoint, tiles, bundles. Does I/O.
 * Every file goes through a synced temporary file and a rename; several are in flight at once.
 * @module
 */
import * as fsp from "node:fs/promises"
import { dirname } from "node:path"
import { equalBytes } from "../../bytes.ts"
import { AuditError } from "../../errors.ts"
import type { Blob, BlobStore } from "../contract.ts"
import { errorCode, isMissing, isTemporaryName, type RootDirectory, syncDirectory } from "./files.ts"

/** Files being written and synced at once; more does not help a thread pool of four. */
const IN_FLIGHT = 8

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
    const waiting = [...blobs]
    const directories = new Set<string>()
    const work = async (): Promise<void> => {
      for (let blob = waiting.pop(); blob !== undefined; blob = waiting.pop()) {
        directories.add(await this.#put(blob, mayReplace))
      }
    }
    // All of them settle before an error is told, so that nothing is still being written afterwards.
    const results = await Promise.allSettled(Array.from({ length: Math.min(IN_FLIGHT, blobs.length) }, work))
    for (const result of results) if (result.status === "rejected") throw result.reason
    for (const directory of directories) await syncDirectory(directory)
  }

  async #put(blob: Blob, mayReplace: (path: string) => Promise<boolean>): Promise<string> {
    const { path, temporary } = await this.#root.writeTemporary(blob.path, blob.bytes)
    try {
      await fsp.link(temporary, path)
      await fsp.unlink(temporary)
    } catch (error) {
      if (errorCode(error) !== "EEXIST") {
        await fsp.rm(temporary, { force: true })
        throw error
      }
      await this.#replaceUnpublished(blob, temporary, path, mayReplace)
    }
    return dirname(path)
  }

  async #replaceUnpublished(
    blob: Blob,
    temporary: string,
    path: string,
    mayReplace: (path: string) => Promise<boolean>,
  ): Promise<void> {
    const existing = await this.#root.read(blob.path)
    if (await mayReplace(blob.path)) return fsp.rename(temporary, path)
    await fsp.rm(temporary, { force: true })
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
