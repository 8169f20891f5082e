/**
 * One file of the query index: `.state/index/<n>.<made>.sqlite`, for 4,194,304 entries. For each term (a value of a field, or
 * a word) and each block of 65,536 entries it says which entries of the block have the term; for each bundle the span
 * of its times; for each day how often each value occurs. Derived from the bundles, and worth nothing without them.
 * Does I/O.
 * @module
 */
import { hash } from "node:crypto"
import * as fs from "node:fs"
import type { Slices } from "../slices.ts"
import { checkRegular, createPrivate, type RootDirectory } from "./files.ts"
import { INDEX_DIRECTORY } from "./layout.ts"
import { blobBytes, type Database, openDatabase, type Statement } from "./sqlite.ts"

/** Entries of a file, of a block, and of a bundle. */
export const FILE_ENTRIES: number = 4_194_304
export const BLOCK_ENTRIES = 65_536
const BUNDLE_ENTRIES = 256
const BLOCK_BUNDLES = BLOCK_ENTRIES / BUNDLE_ENTRIES

/** A block's offsets as a bitmap take this many bytes; from half as many offsets on they are one. */
const BITMAP_BYTES = BLOCK_ENTRIES / 8
/** Terms that one entry of a block has share rows, by a part of their hash: a row of their own would cost 18 bytes. */
const SHARED_ROWS = 4_096
/** Bytes of one of them: the entry's offset, and another part of the hash. */
const SHARED_BYTES = 6

const HALF_PAIR = /\p{Surrogate}/u

const SCHEMA = `
PRAGMA journal_mode = TRUNCATE;
CREATE TABLE IF NOT EXISTS state (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS posting (term INTEGER, block INTEGER, n INTEGER, offsets BLOB, PRIMARY KEY (term, block)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS span (bundle INTEGER PRIMARY KEY, first INTEGER, last INTEGER);
CREATE TABLE IF NOT EXISTS block_span (block INTEGER PRIMARY KEY, first INTEGER, last INTEGER);
CREATE TABLE IF NOT EXISTS daily (key INTEGER, day TEXT, value TEXT, n INTEGER, PRIMARY KEY (key, day, value)) WITHOUT ROWID;`

/** Which entries of a block have a term: their offsets in it, in order, or a bit for each. */
export type Postings = { readonly offsets: Uint16Array } | { readonly bits: Uint8Array }

/** What a file stands for. */
export interface IndexState {
  /** Every entry before this one is in the index. */
  readonly position: number
  /** Root hash of the tree of that many entries, base64. */
  readonly root: string
  /** Random text that goes into the hash of each term, so that nobody can make terms that collide. */
  readonly seed: string
}

/** What some entries of one block add. */
export interface IndexBatch {
  readonly block: number
  /** Offsets within the block, in order; a single one as it is. */
  readonly postings: ReadonlyMap<string, number | readonly number[]>
  /** First and last time of each bundle, milliseconds since 1970. */
  readonly spans: ReadonlyMap<number, readonly [number, number]>
  readonly daily: readonly DailyCount[]
}

/** How often a value of one kind occurs on a day. */
export interface DailyCount {
  readonly key: number
  readonly day: string
  /** As JSON; empty where there is none. */
  readonly value: string
  readonly count: number
}

/** The times of the bundles of a block. */
export interface BlockSpans {
  readonly first: number
  readonly last: number
  readonly bundles: ReadonlyMap<number, readonly [number, number]>
}

/**
 * Name of a file: its number, and the name of the index that it belongs to. A reader that still has a file of an earlier
 * index open would find the journal of one that is being written under the same name, and undo it in its own.
 */
export function indexFileName(number: number, made: string): string {
  return `${INDEX_DIRECTORY}/${number}.${made}.sqlite`
}

/** One open file of the index. */
export class IndexFile {
  readonly #database: Database
  #isClosed = false
  readonly #statements = new Map<string, Statement>()
  #seed: string | undefined

  private constructor(database: Database) {
    this.#database = database
  }

  /** Opens a file; undefined where there is none and `make` is not set, or no SQLite is installed. */
  static open(root: RootDirectory, name: string, make: boolean): IndexFile | undefined {
    const path = root.locate(name, make)
    if (make) createPrivate(path, root)
    else if (!fs.existsSync(path)) return undefined
    checkRegular(path)
    // SQLite opens a pipe as readily, and waits for somebody to write to it.
    checkRegular(`${path}-journal`)
    const database = openDatabase(path)
    if (database === undefined) return undefined
    try {
      // A writer locks readers out while it commits.
      database.exec("PRAGMA busy_timeout = 1000")
      if (make) database.exec(SCHEMA)
      // Nothing here is worth waiting for the disk: after a crash of the system the index is made anew.
      database.exec(make ? "PRAGMA synchronous = OFF; PRAGMA cache_size = -65536" : "PRAGMA query_only = ON")
      return new IndexFile(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  get state(): IndexState | undefined {
    const rows = this.#prepare("SELECT json FROM state").all() as { json: string }[]
    const state = JSON.parse(rows[0]?.json ?? "null") as Partial<IndexState> | null
    const isWhole =
      Number.isSafeInteger(state?.position) && typeof state?.root === "string" && typeof state.seed === "string"
    return isWhole ? (state as IndexState) : undefined
  }

  #prepare(sql: string): Statement {
    // One driver goes on reading, and the other says that it is a wrong type.
    if (this.#isClosed) throw new Error("this file of the index was closed")
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #hash(term: string): number {
    // One that is not there yet may be there the next time.
    this.#seed ??= this.state?.seed
    // Half a pair has no UTF-8 of its own: written as it is, all of them would be the same term.
    const text = HALF_PAIR.test(term) ? JSON.stringify(term) : term
    return Number.parseInt(hash("sha256", `${this.#seed ?? ""}${text}`).slice(0, 12), 16)
  }

  /** How many entries have a term, by block; a little too many where other terms share a row. */
  blocksOf(term: string): Map<number, number> {
    const counts = new Map<number, number>()
    const hashed = this.#hash(term)
    for (const { block, n } of this.#prepare("SELECT block, n FROM posting WHERE term = ?").all(hashed) as Row[])
      counts.set(block, n)
    for (const { block, offsets } of this.#sharedRows(hashed)) {
      const found = sharedOffsets(offsets, tagOf(hashed)).length
      if (found > 0) counts.set(block, (counts.get(block) ?? 0) + found)
    }
    return counts
  }

  /** The part of a term's hash that tells terms apart which one entry of a block has; a few terms may share it. */
  keyOf(term: string): number {
    return this.#hash(term) % (SHARED_ROWS * 2 ** 32)
  }

  #sharedRows(hashed: number): Row[] {
    return this.#prepare("SELECT block, offsets FROM posting WHERE term = ?").all(sharedRowOf(hashed)) as Row[]
  }

  /** Which entries of a block have a term. */
  read(term: string, block: number): Postings {
    const hashed = this.#hash(term)
    const select = this.#prepare("SELECT offsets FROM posting WHERE term = ? AND block = ?")
    const [row] = select.all(hashed, block) as Row[]
    const [shared] = select.all(sharedRowOf(hashed), block) as Row[]
    return together(row, shared === undefined ? [] : sharedOffsets(shared.offsets, tagOf(hashed)))
  }

  /**
   * The same for some terms, in an order of its own: a row that terms share is read and taken apart once.
   * @param own - Rows of the block that are one term's own, from {@link IndexFile.rowsOf}.
   */
  *readEach(
    terms: readonly string[],
    block: number,
    own: ReadonlySet<number>,
  ): Generator<readonly [term: string, Postings]> {
    const hashes = Float64Array.from(terms, (term) => this.#hash(term))
    const order = Uint32Array.from(terms, (_, n) => n).sort((a, b) => sharedRowOf(hashes[b]!) - sharedRowOf(hashes[a]!))
    const select = this.#prepare("SELECT offsets FROM posting WHERE term = ? AND block = ?")
    let shared: { readonly row: number; readonly offsets: ReadonlyMap<number, readonly number[]> } | undefined
    for (const n of order) {
      const hashed = hashes[n]!
      const row = sharedRowOf(hashed)
      if (shared?.row !== row) {
        const [found] = select.all(row, block) as Row[]
        shared = { row, offsets: found === undefined ? new Map() : offsetsByTag(found.offsets) }
      }
      const [found] = own.has(hashed) ? (select.all(hashed, block) as Row[]) : []
      yield [terms[n]!, together(found, shared.offsets.get(tagOf(hashed)) ?? [])]
    }
  }

  /** How many postings the rows of a block have together, and which rows are one term's own. */
  rowsOf(block: number): { readonly postings: number; readonly own: ReadonlySet<number> } {
    // Numbered by term first: there is no shorter way than through all rows, and only a check asks.
    const rows = this.#prepare("SELECT term, n FROM posting WHERE block = ?").all(block) as {
      term: number
      n: number
    }[]
    const postings = rows.reduce((sum, { n }) => sum + n, 0)
    return { postings, own: new Set(rows.map(({ term }) => term).filter((term) => term >= 0)) }
  }

  /** The times of each block of the file. */
  spans(): Map<number, { first: number; last: number }> {
    const rows = this.#prepare("SELECT block, first, last FROM block_span").all() as {
      block: number
      first: number
      last: number
    }[]
    return new Map(rows.map(({ block, first, last }) => [block, { first, last }]))
  }

  /** The times of the bundles of a block. */
  bundleSpans(block: number): Map<number, readonly [number, number]> {
    const sql = "SELECT bundle, first, last FROM span WHERE bundle BETWEEN ? AND ?"
    const rows = this.#prepare(sql).all(block * BLOCK_BUNDLES, (block + 1) * BLOCK_BUNDLES - 1) as SpanRow[]
    return new Map(rows.map(({ bundle, first, last }) => [bundle, [first, last]]))
  }

  /** The counts of one kind on each day. */
  daily(key: number): readonly DailyCount[] {
    const rows = this.#prepare("SELECT day, value, n FROM daily WHERE key = ?").all(key)
    return (rows as { day: string; value: string; n: number }[]).map(({ day, value, n }) => ({
      key,
      day,
      value,
      count: n,
    }))
  }

  /**
   * Adds what some entries of a block have, in slices, as one transaction.
   * @param isNew - Nothing of this block is in the file yet.
   */
  async add(batch: IndexBatch, state: IndexState, isNew: boolean, slices: Slices): Promise<void> {
    this.#database.exec("BEGIN IMMEDIATE")
    try {
      this.#seed = state.seed
      await this.#addPostings(batch, isNew, slices)
      const wider = "ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)"
      const span = this.#prepare(`INSERT INTO span VALUES (?, ?, ?) ${wider}`)
      const blockSpan = this.#prepare(`INSERT INTO block_span VALUES (?, ?, ?) ${wider}`)
      for (const [bundle, [first, last]] of batch.spans) {
        span.run(bundle, first, last)
        blockSpan.run(batch.block, first, last)
      }
      const daily = this.#prepare("INSERT INTO daily VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n")
      for (const { key, day, value, count } of batch.daily) {
        daily.run(key, day, value, count)
        await slices.turn()
      }
      this.#prepare("INSERT OR REPLACE INTO state VALUES (1, ?)").run(JSON.stringify(state))
      this.#database.exec("COMMIT")
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK")
    } catch {
      // SQLite has done so itself where the disk is full, and says that there is nothing to take back.
    }
  }

  async #addPostings({ block, postings }: IndexBatch, isNew: boolean, slices: Slices): Promise<void> {
    const hashed: { hash: number; offsets: number | readonly number[] }[] = []
    for (const [term, offsets] of postings) {
      hashed.push({ hash: this.#hash(term), offsets })
      await slices.turn()
    }
    // In the order of the rows: pages are then written one after the other.
    hashed.sort((a, b) => a.hash - b.hash)
    const shared = new Map<number, number[]>()
    const select = this.#prepare("SELECT offsets FROM posting WHERE term = ? AND block = ?")
    const write = this.#prepare("INSERT OR REPLACE INTO posting VALUES (?, ?, ?, ?)")
    let before: number | undefined
    for (const { hash: term, offsets } of hashed) {
      const added = typeof offsets === "number" ? [offsets] : offsets
      // Two terms may have one hash: the second adds to the row of the first.
      const [row] = isNew && term !== before ? [] : (select.all(term, block) as Row[])
      before = term
      if (row === undefined && added.length === 1) {
        const list = shared.get(sharedRowOf(term)) ?? []
        list.push(added[0]!, tagOf(term))
        shared.set(sharedRowOf(term), list)
      } else {
        const all = row === undefined ? { offsets: Uint16Array.from(added) } : joined(decode(row.offsets), added)
        write.run(term, block, countOf(all), encode(all))
      }
      await slices.turn()
    }
    for (const [term, list] of [...shared].sort(([a], [b]) => a - b)) {
      const [row] = isNew ? [] : (select.all(term, block) as Row[])
      const bytes = Buffer.concat([blobBytes(row?.offsets ?? new Uint8Array(0)), encodeShared(list)])
      write.run(term, block, bytes.length / SHARED_BYTES, bytes)
      await slices.turn()
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    // With libsql a statement keeps the file open until it is collected.
    this.#statements.clear()
    this.#database.close()
  }
}

interface Row {
  readonly block: number
  readonly n: number
  readonly offsets: Uint8Array | ArrayBuffer
}

interface SpanRow {
  readonly bundle: number
  readonly first: number
  readonly last: number
}

function sharedRowOf(hashed: number): number {
  return -1 - (hashed % SHARED_ROWS)
}

function tagOf(hashed: number): number {
  return Math.floor(hashed / SHARED_ROWS) % 2 ** 32
}

function encodeShared(list: readonly number[]): Buffer {
  const bytes = Buffer.alloc((list.length / 2) * SHARED_BYTES)
  for (let n = 0; n < list.length; n += 2) {
    bytes.writeUInt16LE(list[n]!, (n / 2) * SHARED_BYTES)
    bytes.writeUInt32LE(list[n + 1]!, (n / 2) * SHARED_BYTES + 2)
  }
  return bytes
}

function sharedOffsets(blob: Uint8Array | ArrayBuffer, tag: number): number[] {
  const bytes = blobBytes(blob)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found: number[] = []
  for (let at = 0; at + SHARED_BYTES <= bytes.length; at += SHARED_BYTES)
    if (view.getUint32(at + 2, true) === tag) found.push(view.getUint16(at, true))
  return found
}

/** The offsets in a shared row, by the part of the hash that stands beside them. */
function offsetsByTag(blob: Uint8Array | ArrayBuffer): Map<number, number[]> {
  const bytes = blobBytes(blob)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = new Map<number, number[]>()
  for (let at = 0; at + SHARED_BYTES <= bytes.length; at += SHARED_BYTES) {
    const tag = view.getUint32(at + 2, true)
    const offsets = found.get(tag)
    if (offsets === undefined) found.set(tag, [view.getUint16(at, true)])
    else offsets.push(view.getUint16(at, true))
  }
  return found
}

function together(own: Row | undefined, singles: readonly number[]): Postings {
  return own === undefined ? { offsets: Uint16Array.from(singles).sort() } : joined(decode(own.offsets), singles)
}

function encode(postings: Postings): Buffer {
  if ("bits" in postings) return Buffer.from(postings.bits)
  const { offsets } = postings
  // A list of that many bytes would be read as a bitmap.
  if (offsets.length * 2 >= BITMAP_BYTES) return Buffer.from(bitsOf(offsets))
  const bytes = Buffer.alloc(offsets.length * 2)
  for (let n = 0; n < offsets.length; n++) bytes.writeUInt16LE(offsets[n]!, n * 2)
  return bytes
}

function decode(blob: Uint8Array | ArrayBuffer): Postings {
  const bytes = blobBytes(blob)
  if (bytes.length === BITMAP_BYTES) return { bits: Uint8Array.from(bytes) }
  const offsets = new Uint16Array(Math.floor(bytes.length / 2))
  for (let n = 0; n < offsets.length; n++) offsets[n] = bytes[n * 2]! + bytes[n * 2 + 1]! * 256
  return { offsets }
}

function bitsOf(offsets: Iterable<number>): Uint8Array {
  const bits = new Uint8Array(BITMAP_BYTES)
  for (const offset of offsets) bits[offset >> 3]! |= 1 << (offset & 7)
  return bits
}

/** Both together; the longer form where the shorter one would not do. */
function joined(postings: Postings, added: readonly number[]): Postings {
  if (added.length === 0) return postings
  if ("bits" in postings) {
    for (const offset of added) postings.bits[offset >> 3]! |= 1 << (offset & 7)
    return postings
  }
  const all = [...new Set([...postings.offsets, ...added])]
  return { offsets: Uint16Array.from(all).sort() }
}

function countOf(postings: Postings): number {
  if ("offsets" in postings) return postings.offsets.length
  let count = 0
  for (const byte of postings.bits) for (let bits = byte; bits > 0; bits &= bits - 1) count += 1
  return count
}
