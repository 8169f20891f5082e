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
import { type Access, checkRegular, errorCode, openForAppend, type RootDirectory, temporaryName } from "./files.ts"
import { LOCK_FILE } from "./layout.ts"
import { type Database, openDatabase } from "./sqlite.ts"

/** A lock between processes on one file. */
export class LocalMutex implements Mutex {
  readonly #root: RootDirectory
  readonly #name: string
  #database: Database | undefined
  /** Inode of the file that the database was opened on. */
  #inode = 0
  /** Something else in this thread may hold it: its transaction is the same one. */
  #isHeld = false

  private constructor(root: RootDirectory, name: string) {
    this.#root = root
    this.#name = name
  }

  /** A mutex on a file below a root, `.state/lock` unless another is named; undefined where no SQLite is installed. */
  static open(root: RootDirectory, name: string = LOCK_FILE): LocalMutex | undefined {
    const mutex = new LocalMutex(root, name)
    return mutex.#reopen() ? mutex : undefined
  }

  #reopen(): boolean {
    const path = this.#root.locate(this.#name, true)
    createEmpty(path, this.#root.access)
    checkRegular(path)
    this.#inode = fs.lstatSync(path).ino
    this.#database = openDatabase(path)
    return this.#database !== undefined
  }

  tryAcquire(): boolean {
    if (this.#isHeld) return false
    this.#isHeld = this.#acquire()
    return this.#isHeld
  }

  #acquire(): boolean {
    // A lock file that was removed or replaced excludes nobody: the one that is there now does.
    if (this.#database !== undefined && this.#currentInode() !== this.#inode) this.close()
    if (this.#database === undefined && !this.#reopen()) return false
    try {
      this.#database!.exec("BEGIN IMMEDIATE")
    } catch (error) {
      if (/locked|busy/i.test(String(error))) return false
      this.close()
      throw error
    }
    if (this.#currentInode() === this.#inode) return true
    this.close()
    return false
  }

  #currentInode(): number | undefined {
    return fs.lstatSync(this.#root.locate(this.#name, false), { throwIfNoEntry: false })?.ino
  }

  release(): void {
    this.#isHeld = false
    this.#database?.exec("ROLLBACK")
  }

  close(): void {
    this.#isHeld = false
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
