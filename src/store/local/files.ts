/**
 * File primitives with their durability spelled out: exclusive creation, replacement by rename, directory sync,
 * and no following of symbolic links below a root. Does I/O.
 * @module
 */

import * as fs from "node:fs"
import { constants, type Stats } from "node:fs"
import * as fsp from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { AuditError } from "../../errors.ts"
import type { LogFiles } from "../contract.ts"

/** Directory modes and file modes of a private store, and of one that a group was let into. */
export const PRIVATE: Access = { directoryMode: 0o700, fileMode: 0o600 }
export const GROUP: Access = { directoryMode: 0o2770, fileMode: 0o660 }

/** Modes for what is created; set whatever the umask. */
export interface Access {
  readonly directoryMode: number
  readonly fileMode: number
}

/** More than any file of a log has, and less than what cannot be read at once. */
const MAX_FILE_BYTES = 256 * 1024 * 1024
/** A file of this size, such as a tile, is read at once: that takes less than handing the read over. */
const SMALL_BYTES = 16 * 1024
const WINDOWS = process.platform === "win32"
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0
/** A FIFO in the place of a file must not make anyone wait. */
export const READ_FLAGS: number = constants.O_RDONLY | NO_FOLLOW | (constants.O_NONBLOCK ?? 0)

// Measured: handing a call to the thread pool costs 25 µs, a call that finds everything in memory 1 to 20 µs. So only
// what waits for the disk is handed over, syncing and reading.
/** Once resolved the bytes written to the file before survive power loss. */
export const syncFile: (fd: number) => Promise<void> = promisify(fs.fdatasync)
const readFile = promisify(fs.read)

/** The `code` of a system error, or an empty string. */
export function errorCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : ""
}

/** Whether a system error says that a path does not exist. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error)
  return code === "ENOENT" || code === "ENOTDIR"
}

/**
 * A directory below which nothing is followed through a symbolic link: every parent of a file is checked to be a
 * real directory, and files are opened with O_NOFOLLOW.
 */
export class RootDirectory implements LogFiles {
  readonly path: string
  access: Access
  /** Directories checked (or made) by this instance. */
  readonly #checked = new Set<string>()

  constructor(path: string, access: Access = PRIVATE) {
    this.path = path
    this.access = access
  }

  /** Absolute path of a file; makes its parent directories when `make` is set. Returns the directories it made. */
  locate(relativePath: string, make: boolean): string {
    const parts = relativePath.split("/")
    if (
      parts.some((part) => part === "" || part === "." || part === ".." || part.includes("\\") || part.includes("\0"))
    ) {
      throw new AuditError("UNSAFE_PATH", `${JSON.stringify(relativePath)} is no path inside a log`)
    }
    let directory = this.path
    for (const part of parts.slice(0, -1)) {
      directory = join(directory, part)
      this.#checkDirectory(directory, make)
    }
    return join(this.path, ...parts)
  }

  #checkDirectory(directory: string, make: boolean): void {
    if (this.#checked.has(directory)) return
    let stats = fs.lstatSync(directory, { throwIfNoEntry: false })
    if (stats === undefined) {
      if (!make) return
      makeDirectory(directory, this.access)
      stats = fs.lstatSync(directory)
    }
    if (!stats.isDirectory()) {
      throw new AuditError(
        "UNSAFE_PATH",
        `${directory} is a symbolic link or a file where a directory must be; remove it`,
      )
    }
    this.#checked.add(directory)
  }

  /** Bytes of a regular file, or undefined when there is none. */
  async read(relativePath: string): Promise<Uint8Array | undefined> {
    const path = this.locate(relativePath, false)
    try {
      const fd = fs.openSync(path, READ_FLAGS)
      try {
        const stats = fs.fstatSync(fd)
        checkReadable(stats, path)
        return stats.size <= SMALL_BYTES ? readBytesNow(fd, stats.size) : await readBytes(fd, 0, stats.size)
      } finally {
        fs.closeSync(fd)
      }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw unsafeLink(error, path)
    }
  }

  /** The same, returning at once. */
  readNow(relativePath: string): Uint8Array | undefined {
    const path = this.locate(relativePath, false)
    try {
      const fd = fs.openSync(path, READ_FLAGS)
      try {
        const stats = fs.fstatSync(fd)
        checkReadable(stats, path)
        return readBytesNow(fd, stats.size)
      } finally {
        fs.closeSync(fd)
      }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw unsafeLink(error, path)
    }
  }

  /** Names in a directory, "." for the root itself; none when it does not exist. */
  async names(relativePath: string): Promise<readonly string[]> {
    try {
      const path = relativePath === "." ? this.path : this.locate(`${relativePath}/x`, false).slice(0, -2)
      return fs.readdirSync(path)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  /** Replaces a file: once resolved it survives power loss, and no reader ever sees a half of it. */
  async replace(relativePath: string, bytes: Uint8Array): Promise<void> {
    const { path, temporary } = await this.#stageDurably(relativePath, bytes)
    await fsp.rename(temporary, path)
    await syncDirectory(dirname(path))
  }

  /**
   * Creates a file if there is none: once resolved it survives power loss.
   * @returns false when it exists already; then nothing was changed, and the one that is there survives as well.
   */
  async create(relativePath: string, bytes: Uint8Array): Promise<boolean> {
    const { path, temporary } = await this.#stageDurably(relativePath, bytes)
    let isNew = true
    try {
      await fsp.link(temporary, path)
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error
      isNew = false
    } finally {
      await fsp.unlink(temporary)
    }
    // Also when it was there: whoever made it may have died before its name was durable.
    await syncDirectory(dirname(path))
    return isNew
  }

  /** The same as {@link create}, returning when it is done. */
  createNow(relativePath: string, bytes: Uint8Array): void {
    const { path, temporary, fd } = this.stage(relativePath, bytes)
    try {
      fs.fdatasyncSync(fd)
      fs.linkSync(temporary, path)
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error
    } finally {
      fs.closeSync(fd)
      fs.unlinkSync(temporary)
    }
    syncDirectoryNow(dirname(path))
  }

  /** Moves a file or a directory, unless something has the new name; once resolved it survives power loss. */
  async move(from: string, to: string): Promise<void> {
    const path = this.locate(to, true)
    try {
      await fsp.lstat(path)
      return
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    await fsp.rename(this.locate(from, false), path).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
    await syncDirectory(dirname(path))
  }

  /** Removes a file; once resolved power loss does not bring it back. */
  async remove(relativePath: string): Promise<void> {
    const path = this.locate(relativePath, false)
    await fsp.rm(path, { force: true })
    await syncDirectory(dirname(path))
  }

  /** Writes a temporary file beside the path, which is made ready. The caller syncs, closes and places it. */
  stage(relativePath: string, bytes: Uint8Array): StagedFile {
    const path = this.locate(relativePath, true)
    const temporary = temporaryName(path)
    const fd = this.#openNew(relativePath, temporary)
    try {
      if (this.access.fileMode !== 0o600) fs.fchmodSync(fd, this.access.fileMode)
      for (let written = 0; written < bytes.length; ) written += fs.writeSync(fd, bytes, written)
      return { path, temporary, fd }
    } catch (error) {
      fs.closeSync(fd)
      fs.rmSync(temporary, { force: true })
      throw error
    }
  }

  #openNew(relativePath: string, temporary: string): number {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW
    try {
      return fs.openSync(temporary, flags, this.access.fileMode)
    } catch (error) {
      if (!isMissing(error)) throw error
      // A recovery, or a hand, moved directories that were checked before: look again.
      this.#checked.clear()
      this.locate(relativePath, true)
      return fs.openSync(temporary, flags, this.access.fileMode)
    }
  }

  /** A staged file that is on the disk. */
  async #stageDurably(relativePath: string, bytes: Uint8Array): Promise<StagedFile> {
    const staged = this.stage(relativePath, bytes)
    try {
      await syncFile(staged.fd)
      return staged
    } catch (error) {
      fs.rmSync(staged.temporary, { force: true })
      throw error
    } finally {
      fs.closeSync(staged.fd)
    }
  }
}

/** A temporary file that waits for its name; `fd` is open. */
export interface StagedFile {
  readonly path: string
  readonly temporary: string
  readonly fd: number
}

/** Up to `length` bytes from an offset on; fewer where the file ends. */
export async function readBytes(fd: number, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await readFile(fd, bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

/** The same from the beginning on, returning at once. */
function readBytesNow(fd: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const count = fs.readSync(fd, bytes, filled, length - filled, filled)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}

let temporaryCount = 0

/** A name for a temporary file beside `path` that no other process or thread uses. */
export function temporaryName(path: string): string {
  temporaryCount += 1
  const unique = `${process.pid}-${Math.trunc(performance.timeOrigin + performance.now())}-${temporaryCount}`
  return join(dirname(path), `.tmp-${unique}-${Math.random().toString(36).slice(2, 10)}`)
}

/** Whether a file name is one of a temporary file, left behind by a process that died. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(".tmp-")
}

/** Makes a directory (parents included) with its mode whatever the umask; the names of all of them survive power loss. */
export function makeDirectory(path: string, access: Access): void {
  // One level at a time: Node's own recursion never returns where a file system refuses a name for good, as /proc does.
  const missing: string[] = []
  for (let at = path; !fs.existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at)
  for (const directory of missing) {
    try {
      fs.mkdirSync(directory, { mode: 0o700 })
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error
    }
    syncParent(directory)
  }
  if (missing.length > 0 && access.directoryMode !== 0o700) fs.chmodSync(path, access.directoryMode)
  if (!fs.statSync(path).isDirectory()) throw Object.assign(new Error(`${path} is no directory`), { code: "ENOTDIR" })
}

function syncParent(directory: string): void {
  try {
    syncDirectoryNow(dirname(directory))
  } catch (error) {
    // Somebody else's directory, which may be written and not read: nobody but its owner can sync it.
    if (errorCode(error) !== "EACCES") throw error
  }
}

/** Once resolved the entries of the directory survive power loss. A no-op on Windows, which cannot do it. */
export async function syncDirectory(path: string): Promise<void> {
  if (WINDOWS) return
  const directory = await fsp.open(path, constants.O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** The same, returning when it is done. */
export function syncDirectoryNow(path: string): void {
  if (WINDOWS) return
  const fd = fs.openSync(path, constants.O_RDONLY)
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Opens a new file for appending, mode set whatever the umask. */
export function openForAppend(path: string, access: Access): number {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW
  const fd = fs.openSync(path, flags, access.fileMode)
  if (access.fileMode !== 0o600) fs.fchmodSync(fd, access.fileMode)
  return fd
}

/** Makes an empty file where there is none: SQLite would make it by the umask. */
export function createPrivate(path: string, root: RootDirectory): void {
  try {
    fs.closeSync(openForAppend(path, root.access))
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error
  }
}

/** Refuses a secret file that anyone but its owner can read. */
export function checkPrivateFile(path: string, stats: Stats): void {
  if (!WINDOWS && (stats.mode & 0o077) !== 0) {
    throw new AuditError("KEY_FILE_INSECURE", `${path} can be read by others; run chmod 600 on it`)
  }
}

/** Refuses what is no regular file, or is larger than any file of a log: a bundle has at most 16.8 MB. */
function checkReadable(stats: Stats, path: string): void {
  if (!stats.isFile()) throw new AuditError("UNSAFE_PATH", `${path} is no regular file; remove it`)
  if (stats.size > MAX_FILE_BYTES)
    throw new AuditError("UNSAFE_PATH", `${path} is larger than any file of a log; remove it`)
}

/** Refuses anything but a regular file where SQLite is about to open one; a missing file is fine. */
export function checkRegular(path: string): void {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats !== undefined && !stats.isFile()) {
    throw new AuditError("UNSAFE_PATH", `${path} is a symbolic link or no regular file; remove it`)
  }
}

function unsafeLink(error: unknown, path: string): unknown {
  return errorCode(error) === "ELOOP"
    ? new AuditError("UNSAFE_PATH", `${path} is a symbolic link; remove it`, { cause: error })
    : error
}
