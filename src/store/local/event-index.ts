/**
 * The files of the query index, and the stamp that says how they were left. A file that anybody else has touched since
 * (edited, cut, replaced, restored) does not have the times and the inode of the stamp; then nothing of the index is
 * used, and it is made anew. Does I/O.
 * @module
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { utf8, utf8Text } from "../../bytes.ts"
import { AuditError } from "../../errors.ts"
import type { Slices } from "../slices.ts"
import { type RootDirectory, syncFile } from "./files.ts"
import {
  BLOCK_ENTRIES,
  type DailyCount,
  FILE_ENTRIES,
  type IndexBatch,
  IndexFile,
  type IndexState,
  indexFileName,
  type Postings,
} from "./index-file.ts"
import { INDEX_DIRECTORY } from "./layout.ts"
import { LocalMutex } from "./mutex.ts"

/** It becomes part of a name. */
const MADE = /^[\w-]{22}$/
const STAMP_FILE = `${INDEX_DIRECTORY}/stamp.json`
const LOCK = `${INDEX_DIRECTORY}/lock`
const FILE_BLOCKS = FILE_ENTRIES / BLOCK_ENTRIES
/** Indexes that a thread keeps open. */
const OPEN_INDEXES = 8

/** One that nobody asked for in this time is closed. */
const IDLE_MS = 5_000

const { setTimeout: startTimer } = globalThis
const monotonic = performance.now.bind(performance)

/** How the files were left. */
interface Stamp {
  readonly v: 1
  /** Random; another one whenever the index is made anew, since a new file may have the inode of an old one. */
  readonly made: string
  /** Somebody is adding to the files, or died while they did: SQLite takes back what was not finished. */
  readonly writing: boolean
  /** Which start of the system that was: what is not synced, another start may not find. */
  readonly boot: string | undefined
  /** Inode, size and times of each file. */
  readonly files: Readonly<Record<string, string>>
}

/** The index of a log, open for reading. */
export class LocalIndex {
  readonly #files: readonly IndexFile[]
  #holders = 0

  private constructor(files: readonly IndexFile[]) {
    this.#files = files
  }

  /** Whether there is an index, and somebody else has touched it. */
  static wasTouched(root: RootDirectory): boolean {
    const text = readStamp(root)
    const stamp = parseStamp(text)
    if (text === undefined || (stamp !== undefined && isAsStamped(root, stamp))) return false
    // What is being written when the system stops is made anew, and nobody touched it.
    if (stamp?.writing === true) return false
    // Somebody may have begun to add to it between the two looks.
    return readStamp(root) === text || LocalIndex.wasTouched(root)
  }

  /** Whether somebody is adding to the index, or died while they did. */
  static isBeingWritten(root: RootDirectory): boolean {
    return parseStamp(readStamp(root))?.writing === true
  }

  /** The index as it is now; undefined where there is none that can be used. */
  static open(root: RootDirectory): LocalIndex | undefined {
    const text = readStamp(root)
    const stamp = parseStamp(text)
    if (text === undefined || stamp === undefined || !isAsStamped(root, stamp)) {
      forget(root.path)
      return undefined
    }
    const names = Object.keys(stamp.files)
    const identity = `${stamp.made} ${names.length}`
    const known = opened.get(root.path)
    if (known?.identity === identity) {
      known.usedMs = monotonic()
      return known.index
    }
    forget(root.path)
    const files = openFiles(root, stamp)
    if (files === undefined) return undefined
    const index = new LocalIndex(files)
    keep(root.path, { identity, index, usedMs: monotonic() })
    return index
  }

  /** Somebody is at work with it who may not ask for a while: it stays open until they say so. Returns how. */
  hold(): () => void {
    this.#holders += 1
    return () => {
      this.#holders -= 1
    }
  }

  get isHeld(): boolean {
    return this.#holders > 0
  }

  /** What the index stands for; undefined when its files do not fit together. */
  get state(): IndexState | undefined {
    let before: IndexState | undefined
    for (const [n, file] of this.#files.entries()) {
      const { state } = file
      const isLast = n === this.#files.length - 1
      // Nothing was added yet to a last file.
      if (state === undefined && isLast) return before
      if (isLast || state?.position !== (n + 1) * FILE_ENTRIES) return isLast ? state : undefined
      before = state
    }
    return undefined
  }

  /** How many entries have a term, by block of 65,536; a little too many where other terms share a row. */
  blocksOf(term: string): Map<number, number> {
    return new Map(this.#files.flatMap((file) => [...file.blocksOf(term)]))
  }

  /** Which entries of a block have a term. */
  read(term: string, block: number): Postings {
    return this.#files[Math.floor(block / FILE_BLOCKS)]!.read(term, block)
  }

  /** The same for some terms of a block, in an order of its own; `own` is what {@link LocalIndex.rowsOf} says. */
  readEach(
    terms: readonly string[],
    block: number,
    own: ReadonlySet<number>,
  ): Generator<readonly [term: string, Postings]> {
    return this.#files[Math.floor(block / FILE_BLOCKS)]!.readEach(terms, block, own)
  }

  /** The part of a term's hash in a block that it may share with other terms. */
  keyOf(term: string, block: number): number {
    return this.#files[Math.floor(block / FILE_BLOCKS)]!.keyOf(term)
  }

  /** How many postings the rows of a block have together, and which rows are one term's own. */
  rowsOf(block: number): { readonly postings: number; readonly own: ReadonlySet<number> } {
    return this.#files[Math.floor(block / FILE_BLOCKS)]!.rowsOf(block)
  }

  /** The times of each block. */
  spans(): Map<number, { readonly first: number; readonly last: number }> {
    return new Map(this.#files.flatMap((file) => [...file.spans()]))
  }

  /** The times of the bundles of a block. */
  bundleSpans(block: number): Map<number, readonly [number, number]> {
    return this.#files[Math.floor(block / FILE_BLOCKS)]!.bundleSpans(block)
  }

  /** The counts of one kind on each day, file by file. */
  daily(key: number): readonly DailyCount[] {
    return this.#files.flatMap((file) => file.daily(key))
  }

  close(): void {
    for (const file of this.#files) file.close()
  }
}

/** The files of an index; undefined when one is not there. */
function openFiles(root: RootDirectory, { made, files }: Stamp): IndexFile[] | undefined {
  const opened: IndexFile[] = []
  let isWhole = false
  try {
    for (const name of Object.keys(files)) {
      const file = IndexFile.open(root, indexFileName(Number(name), made), false)
      if (file === undefined) return undefined
      opened.push(file)
    }
    isWhole = true
    return opened
  } finally {
    if (!isWhole) for (const file of opened) file.close()
  }
}

interface Open {
  /** Which making of the index it is, and of how many files. */
  readonly identity: string
  usedMs: number
  readonly index: LocalIndex
}

/** By path of the log; owned by this thread, the one used last at the end. */
const opened = new Map<string, Open>()
let isSweeping = false

function keep(path: string, open: Open): void {
  opened.set(path, open)
  if (!isSweeping) startTimer(closeIdle, IDLE_MS).unref()
  isSweeping = true
  if (opened.size > OPEN_INDEXES) forget(opened.keys().next().value!)
}

/** Closes those that nobody asked for in a while, so that a log can be moved or its disk be unmounted. */
function closeIdle(): void {
  for (const [path, { usedMs, index }] of opened) if (monotonic() - usedMs >= IDLE_MS && !index.isHeld) forget(path)
  isSweeping = opened.size > 0
  if (isSweeping) startTimer(closeIdle, IDLE_MS).unref()
}

function forget(path: string): void {
  opened.get(path)?.index.close()
  opened.delete(path)
}

/** Closes every index of this thread that is of a log inside a directory. */
export function closeIndexesUnder(directory: string): void {
  for (const path of opened.keys()) if (`${path}/`.startsWith(`${directory}/`)) forget(path)
}

/** Whoever adds to an index; one at a time. */
export class LocalIndexWriter {
  readonly #root: RootDirectory
  readonly #lock: LocalMutex
  #files: Record<string, string>
  #made: string
  #file: { readonly number: number; readonly index: IndexFile } | undefined
  #state: IndexState | undefined

  private constructor(root: RootDirectory, lock: LocalMutex) {
    this.#root = root
    this.#lock = lock
    this.#files = {}
    this.#made = randomText()
  }

  /** Takes the lock; undefined where somebody else has it, or no SQLite is installed. */
  static take(root: RootDirectory): LocalIndexWriter | undefined {
    const lock = LocalMutex.open(root, LOCK)
    if (lock === undefined) return undefined
    if (!lock.tryAcquire()) {
      lock.close()
      return undefined
    }
    return new LocalIndexWriter(root, lock)
  }

  /** Goes on with the index that is there. Returns what it stands for; undefined when it has to be made anew. */
  resume(): IndexState | undefined {
    try {
      const stamp = parseStamp(readStamp(this.#root))
      // Where a writer died, the stamp does not tell whether files that are open still have their names.
      if (stamp?.writing === true) forget(this.#root.path)
      this.#state = LocalIndex.open(this.#root)?.state
      this.#files = { ...stamp?.files }
      // Nor does it say how that writer left them; SQLite has taken back by now what was not finished.
      if (stamp?.writing === true)
        for (const name of Object.keys(this.#files)) this.#files[name] = statText(this.#root, Number(name), stamp.made)
      this.#made = stamp?.made ?? this.#made
    } catch (error) {
      if (!isDamage(error)) throw error
    }
    return this.#state
  }

  /** Entries that are in the index. */
  get position(): number {
    return this.#state?.position ?? 0
  }

  /** Removes all files: the index is made anew. */
  async reset(): Promise<void> {
    forget(this.#root.path)
    this.#file?.index.close()
    this.#file = undefined
    this.#state = undefined
    this.#files = {}
    this.#made = randomText()
    const left = parseStamp(readStamp(this.#root))
    // First: without it nobody misses the files, and takes that for somebody's doing.
    await this.#root.remove(STAMP_FILE)
    // Of a writer of ours that died, and of nothing else: what others have put there is not opened.
    if (left?.writing === true && isAsStamped(this.#root, left))
      for (const name of Object.keys(left.files)) this.#takeBack(indexFileName(Number(name), left.made))
    for (const name of await this.#root.names(INDEX_DIRECTORY)) {
      if (/^\d+\..*sqlite(-journal|-wal|-shm)?$/.test(name)) await this.#root.remove(`${INDEX_DIRECTORY}/${name}`)
    }
  }

  /**
   * Has SQLite take back what a writer that died did not finish: whoever has the file open would find it half written
   * once its journal is gone.
   */
  #takeBack(name: string): void {
    try {
      const file = IndexFile.open(this.#root, name, false)
      try {
        // The first reading does it.
        void file?.state
      } finally {
        file?.close()
      }
    } catch {
      // A file that cannot be read here is no index of anybody's.
    }
  }

  /** Says that the files are being written. Once resolved a crash of the system is noticed. */
  async begin(): Promise<void> {
    await this.#stamp(true)
  }

  /** Adds what some entries of a block have, and moves on to a position; its root is that of the tree up to there. */
  async add(batch: IndexBatch, position: number, root: string, slices: Slices): Promise<void> {
    const number = Math.floor(batch.block / FILE_BLOCKS)
    if (this.#file?.number !== number) {
      this.#file?.index.close()
      this.#file = { number, index: IndexFile.open(this.#root, indexFileName(number, this.#made), true)! }
      if (this.#files[number] === undefined) {
        this.#files[number] = ""
        await this.#stamp(true)
      }
    }
    const seed = this.#file.index.state?.seed ?? randomText()
    const isNew = this.position <= batch.block * BLOCK_ENTRIES
    this.#state = { position, root, seed }
    await this.#file.index.add(batch, this.#state, isNew, slices)
    this.#files[number] = statText(this.#root, number, this.#made)
  }

  /** Says that the files are whole, once they are on the disk. False: somebody else changed one meanwhile. */
  async finish(): Promise<boolean> {
    this.#file?.index.close()
    this.#file = undefined
    if (Object.entries(this.#files).some(([name, text]) => statText(this.#root, Number(name), this.#made) !== text))
      return false
    for (const name of Object.keys(this.#files)) {
      const fd = fs.openSync(this.#root.locate(indexFileName(Number(name), this.#made), false), "r")
      try {
        await syncFile(fd)
      } finally {
        fs.closeSync(fd)
      }
    }
    await this.#stamp(false)
    return true
  }

  #stamp(writing: boolean): Promise<void> {
    const stamp: Stamp = { v: 1, made: this.#made, writing, boot: bootId(), files: this.#files }
    return this.#root.replace(STAMP_FILE, utf8(`${JSON.stringify(stamp)}\n`))
  }

  /** Lets go of the lock. */
  release(): void {
    this.#file?.index.close()
    this.#lock.release()
    this.#lock.close()
  }
}

/** The bytes that the index takes on the disk. */
export function indexBytes(root: RootDirectory): number {
  const stamp = parseStamp(readStamp(root))
  if (stamp === undefined) return 0
  return Object.keys(stamp.files).reduce(
    (sum, name) => sum + Number(statOf(root, Number(name), stamp.made)?.size ?? 0),
    0,
  )
}

function randomText(): string {
  return randomBytes(16).toString("base64url")
}

function readStamp(root: RootDirectory): string | undefined {
  const bytes = root.readNow(STAMP_FILE)
  return bytes === undefined ? undefined : utf8Text(bytes)
}

function parseStamp(text: string | undefined): Stamp | undefined {
  try {
    const stamp = JSON.parse(text ?? "") as Stamp
    const names = Object.keys(stamp.files)
    return stamp.v === 1 && MADE.test(stamp.made) && names.every((name, n) => name === String(n)) ? stamp : undefined
  } catch {
    return undefined
  }
}

/** Whether the files are as they were left, or as SQLite will leave them. */
function isAsStamped(root: RootDirectory, { made, writing, boot, files }: Stamp): boolean {
  const names = Object.keys(files).map((name) => indexFileName(Number(name), made))
  // SQLite would take what stands in it for a part of the file.
  if (names.some((name) => fs.existsSync(root.locate(`${name}-wal`, false)))) return false
  if (writing) return boot !== undefined && boot === bootId()
  if (!names.every((name) => isEmpty(root.locate(`${name}-journal`, false)))) return false
  return Object.entries(files).every(([name, text]) => statText(root, Number(name), made) === text)
}

/** Whether a file is empty, or not there. */
function isEmpty(path: string): boolean {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  return stats === undefined || (stats.isFile() && stats.size === 0)
}

/** Whether an error says that a file is no index, rather than that it could not be read just now. */
function isDamage(error: unknown): boolean {
  return (
    error instanceof AuditError ||
    error instanceof SyntaxError ||
    /malformed|not a database|no such/.test(String(error))
  )
}

function statOf(root: RootDirectory, number: number, made: string): fs.BigIntStats | undefined {
  return fs.lstatSync(root.locate(indexFileName(number, made), false), { bigint: true, throwIfNoEntry: false })
}

function statText(root: RootDirectory, number: number, made: string): string {
  const stats = statOf(root, number, made)
  return stats === undefined ? "" : `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`
}

/** Names this start of the system; undefined where it cannot be told. */
function bootId(): string | undefined {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
  } catch {
    return undefined
  }
}
