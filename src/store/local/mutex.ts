/**
 * The sealing mutex: `BEGIN IMMEDIATE` on an empty SQLite file. The system frees its lock when the holder dies, and
 * nobody ever waits for it. Does I/O.
 *
 * POSIX record locks of a process vanish when it closes *any* descriptor of the file, so nothing but SQLite may open
 * `.state/lock`: it is created exclusively, and afterwards only looked at by name.
 * @module
 */
import * as fs from "node:fs"
import type { Mutex } from "../contract.ts"
import { type Access, errorCode, openForAppend, type RootDirectory, temporaryName } from "./files.ts"
import { LOCK_FILE } from "./layout.ts"
import { type Database, openDatabase } from "./sqlite.ts"

/** One process-wide lock on a log directory. */
export class LocalMutex implements Mutex {
  readonly #root: RootDirectory
  #database: Database | undefined
  /** Inode of the file that the database was opened on. */
  #inode = 0

  private constructor(root: RootDirectory) {
    this.#root = root
  }

  /** A mutex, or undefined where no SQLite is installed. */
  static open(root: RootDirectory): LocalMutex | undefined {
    const mutex = new LocalMutex(root)
    return mutex.#reopen() ? mutex : undefined
  }

  #reopen(): boolean {
    const path = this.#root.locate(LOCK_FILE, true)
    createEmpty(path, this.#root.access)
    this.#inode = fs.lstatSync(path).ino
    this.#database = openDatabase(path)
    return this.#database !== undefined
  }

  tryAcquire(): boolean {
    if (this.#database === undefined && !this.#reopen()) return false
    try {
      this.#database!.exec("BEGIN IMMEDIATE")
    } catch (error) {
      if (/locked|busy/i.test(String(error))) return false
      throw error
    }
    // A lock file that was replaced excludes nobody.
    if (fs.lstatSync(this.#root.locate(LOCK_FILE, false), { throwIfNoEntry: false })?.ino === this.#inode) return true
    this.close()
    return false
  }

  release(): void {
    this.#database?.exec("ROLLBACK")
  }

  close(): void {
    this.#database?.close()
    this.#database = undefined
  }
}

/** Creates the lock file under another name, closes it, and only then links it into place. */
function createEmpty(path: string, access: Access): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) return
  const temporary = temporaryName(path)
  fs.closeSync(openForAppend(temporary, access))
  try {
    fs.linkSync(temporary, path)
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error
  } finally {
    fs.unlinkSync(temporary)
  }
}
