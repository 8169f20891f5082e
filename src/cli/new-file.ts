/**
 * A file that a command makes: written under a temporary name beside its own, readable by this user alone, and there
 * under its own name only when it is whole. Does I/O.
 * @module
 */
import { createHash, type Hash, randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { dirname, join, resolve, sep } from "node:path"
import { errorCode, type RootDirectory, syncDirectoryNow } from "../store/index.ts"
import { UsageError } from "./failure.ts"

/** Bytes gathered before they are written. */
const CHUNK_BYTES = 256 * 1024

/** A file on its way. Owned by one command; `commit` or `discard` ends it. */
export class NewFile {
  /** Absolute. */
  readonly path: string
  readonly #flag: string
  readonly #replace: boolean
  readonly #temporary: string
  readonly #hash: Hash = createHash("sha256")
  #fd: number
  #bytes = 0
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  /**
   * @param flag - The flag that names the file, for messages.
   * @param options.replace - Take the place of a file that is there.
   * @throws {@link UsageError} when something has the name already.
   */
  constructor(flag: string, file: string, { replace }: { readonly replace: boolean }) {
    this.path = resolve(file)
    this.#flag = flag
    this.#replace = replace
    refuseExisting(flag, this.path, replace)
    this.#temporary = join(dirname(this.path), `.tmp-${randomUUID()}`)
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = fs.constants
    this.#fd = this.#telling(() => fs.openSync(this.#temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600))
  }

  /** Bytes given so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds text or bytes. */
  write(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? Buffer.from(data) : data
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    this.#bytes += bytes.length
    if (this.#pendingBytes >= CHUNK_BYTES) this.#flush()
  }

  /** Everything is written and on the disk, still under the temporary name. Returns its SHA-256 in hex. */
  finish(): string {
    this.#flush()
    this.#telling(() => {
      fs.fsyncSync(this.#fd)
      fs.closeSync(this.#fd)
    })
    this.#fd = -1
    return this.#hash.digest("hex")
  }

  /** Gives the finished file its name. */
  commit(): void {
    this.#telling(() => {
      if (this.#replace) fs.renameSync(this.#temporary, this.path)
      else placeNew(this.#temporary, this.path)
      syncDirectoryNow(dirname(this.path))
    })
  }

  /** Leaves nothing behind, unless the file has its name already. */
  discard(): void {
    if (this.#fd !== -1) fs.closeSync(this.#fd)
    this.#fd = -1
    fs.rmSync(this.#temporary, { force: true })
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    this.#hash.update(bytes)
    this.#telling(() => {
      for (let written = 0; written < bytes.length; ) written += fs.writeSync(this.#fd, bytes, written)
    })
  }

  #telling<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (errorCode(error) === "EEXIST") throw alreadyThere(this.#flag, this.path)
      throw new Error(`${this.#flag}: ${this.path} cannot be written (${errorCode(error) || String(error)})`, {
        cause: error,
      })
    }
  }
}

/** Refuses a name that is taken: by anything, or where a file may be replaced by anything but a regular file. */
function refuseExisting(flag: string, path: string, replace: boolean): void {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!replace) throw alreadyThere(flag, path)
  if (!stats.isFile()) throw new UsageError(`${flag}: ${path} is no regular file, and is not replaced`)
}

function alreadyThere(flag: string, path: string): UsageError {
  return new UsageError(`${flag}: ${path} is there already; name another, or say --force to replace it`)
}

/** Gives a file a name that nothing has. */
function placeNew(temporary: string, path: string): void {
  try {
    fs.linkSync(temporary, path)
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errorCode(error))) throw error
    // No hard links here, as on some network and removable disks: take the name with an empty file first.
    fs.closeSync(fs.openSync(path, "wx", 0o600))
    fs.renameSync(temporary, path)
    return
  }
  fs.unlinkSync(temporary)
}

/**
 * A file of the log must not be replaced, and others in it would be taken for parts of it.
 * @throws {@link UsageError}
 */
export function refuseInside(root: RootDirectory, flag: string, file: string): void {
  let directory = dirname(resolve(file))
  try {
    directory = fs.realpathSync(directory)
  } catch {
    // Not there: writing says so.
  }
  if (`${directory}${sep}`.startsWith(`${root.path}${sep}`))
    throw new UsageError(`${flag}: ${resolve(file)} is inside the log; name a place elsewhere`)
}
