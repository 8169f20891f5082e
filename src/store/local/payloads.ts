/**
 * Values kept outside the tree: `.state/payloads.sqlite`, one row a value, one row for the personal values of an event
 * under one key. Does I/O; used by sealers and readers only.
 * Deleted content is overwritten (`secure_delete`), from the first row on. Encrypted values stand in a table that only
 * grows at its end: a tree that is balanced while it grows leaves copies of rows in the free space of its pages.
 * @module
 */
import { hash } from "node:crypto"
import * as fs from "node:fs"
import type { Payload, PayloadStore, SealedPart } from "../contract.ts"
import { checkRegular, createPrivate, type RootDirectory } from "./files.ts"
import { PAYLOADS_FILE } from "./layout.ts"
import { blobBytes, type Database, openDatabase, type Statement } from "./sqlite.ts"

const SCHEMA = `
CREATE TABLE IF NOT EXISTS payload (event_id TEXT, pointer TEXT, salt TEXT, json TEXT, PRIMARY KEY (event_id, pointer));
CREATE TABLE IF NOT EXISTS sealed (id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sealed_event (event_id TEXT, tag INTEGER, sealed INTEGER, PRIMARY KEY (event_id, tag)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sealed_key (key TEXT, sealed INTEGER, event_id TEXT, PRIMARY KEY (key, sealed)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sealed_key_sealed ON sealed_key (sealed);`

/** The payload store of a log directory. */
export class LocalPayloads implements PayloadStore {
  readonly #database: Database
  /** Making a statement takes longer than running it. */
  readonly #statements = new Map<string, Statement>()

  private constructor(database: Database) {
    this.#database = database
  }

  /** Opens the store; undefined where it does not exist and `make` is not set, or no SQLite is installed. */
  static open(root: RootDirectory, make: boolean): LocalPayloads | undefined {
    const path = root.locate(PAYLOADS_FILE, make)
    if (!make && !fs.existsSync(path)) return undefined
    if (make) createPrivate(path, root)
    checkRegular(path)
    const database = openDatabase(path)
    if (database === undefined) return undefined
    // Readers and the sealer may meet here; neither is on anybody's record path.
    database.exec("PRAGMA busy_timeout = 2000")
    if (make) {
      // A setting of the connection, not of the file: set before the first row, and whenever one could be deleted.
      database.exec("PRAGMA secure_delete = ON")
      // FULL would leave a commit to be undone by its own journal, if the power fails before its removal is synced.
      database.exec("PRAGMA synchronous = EXTRA")
      database.exec(SCHEMA)
    }
    return new LocalPayloads(database)
  }

  addAll(payloads: readonly Payload[], sealed: readonly SealedPart[]): void {
    this.#database.exec("BEGIN IMMEDIATE")
    try {
      for (const part of sealed) this.#addSealed(part)
      const insert = this.#prepared("INSERT OR IGNORE INTO payload VALUES (?, ?, ?, ?)")
      for (const { eventId, pointer, salt, json } of payloads) insert.run(eventId, pointer, salt, json)
      this.#database.exec("COMMIT")
    } catch (error) {
      this.#database.exec("ROLLBACK")
      throw error
    }
  }

  /** A part that is there already, because moving it was cut off, is not added again. */
  #addSealed({ eventId, keys, data }: SealedPart): void {
    const tag = tagOf(data)
    const known = this.#prepared("SELECT 1 FROM sealed_event WHERE event_id = ? AND tag = ?").all(eventId, tag)
    if (known.length > 0) return
    // A blob alone would be taken for named parameters by one of the drivers.
    this.#prepared("INSERT INTO sealed (id, data) VALUES (?, ?)").run(null, Buffer.from(data))
    const [row] = this.#prepared("SELECT last_insert_rowid() AS id").all() as { id: number }[]
    this.#prepared("INSERT INTO sealed_event VALUES (?, ?, ?)").run(eventId, tag, row!.id)
    const link = this.#prepared("INSERT INTO sealed_key VALUES (?, ?, ?)")
    for (const key of keys) link.run(key, row!.id, eventId)
  }

  ofEvent(eventId: string): readonly Payload[] {
    const rows = this.#database
      .prepare("SELECT event_id, pointer, salt, json FROM payload WHERE event_id = ?")
      .all(eventId)
    return rows.map((row) => {
      const { event_id, pointer, salt, json } = row as Record<string, unknown>
      return { eventId: String(event_id), pointer: String(pointer), salt: String(salt), json: String(json) }
    })
  }

  sealedOf(eventId: string): readonly SealedPart[] {
    const sql = "SELECT sealed FROM sealed_event WHERE event_id = ?"
    return (this.#prepared(sql).all(eventId) as { sealed: number }[]).flatMap(({ sealed }) =>
      this.#partOf(sealed, eventId),
    )
  }

  sealedUnder(keys: readonly string[]): readonly SealedPart[] {
    return this.#linksUnder(keys).flatMap(({ sealed, event_id }) => this.#partOf(sealed, event_id))
  }

  #partOf(sealed: number, eventId: string): SealedPart[] {
    const rows = this.#prepared("SELECT data FROM sealed WHERE id = ?").all(sealed)
    const links = this.#prepared("SELECT key FROM sealed_key WHERE sealed = ? ORDER BY key")
    return (rows as { data: Uint8Array | ArrayBuffer }[]).map(({ data }) => ({
      eventId,
      keys: (links.all(sealed) as { key: string }[]).map(({ key }) => key),
      data: blobBytes(data),
    }))
  }

  #linksUnder(keys: readonly string[]): readonly { readonly sealed: number; readonly event_id: string }[] {
    const select = this.#prepared("SELECT sealed, event_id FROM sealed_key WHERE key = ?")
    const links = new Map<number, { sealed: number; event_id: string }>()
    for (const key of keys)
      for (const link of select.all(key) as { sealed: number; event_id: string }[]) links.set(link.sealed, link)
    return [...links.values()]
  }

  deleteUnder(keys: readonly string[]): void {
    this.#database.exec("BEGIN IMMEDIATE")
    try {
      for (const { sealed, event_id } of this.#linksUnder(keys)) this.#remove(sealed, event_id)
      this.#database.exec("COMMIT")
    } catch (error) {
      this.#database.exec("ROLLBACK")
      throw error
    }
  }

  replaceAll(pairs: readonly { readonly part: SealedPart; readonly by: SealedPart }[]): void {
    this.#database.exec("BEGIN IMMEDIATE")
    try {
      const known = this.#prepared("SELECT sealed FROM sealed_event WHERE event_id = ? AND tag = ?")
      for (const { part, by } of pairs) {
        const rows = known.all(part.eventId, tagOf(part.data)) as { sealed: number }[]
        if (rows.length > 0) this.#addSealed(by)
        for (const { sealed } of rows) this.#remove(sealed, part.eventId)
      }
      this.#database.exec("COMMIT")
    } catch (error) {
      this.#database.exec("ROLLBACK")
      throw error
    }
  }

  #remove(sealed: number, eventId: string): void {
    this.#prepared("DELETE FROM sealed WHERE id = ?").run(sealed)
    this.#prepared("DELETE FROM sealed_event WHERE event_id = ? AND sealed = ?").run(eventId, sealed)
    this.#prepared("DELETE FROM sealed_key WHERE sealed = ?").run(sealed)
  }

  #prepared(sql: string): Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const made = this.#database.prepare(sql)
    this.#statements.set(sql, made)
    return made
  }

  close(): void {
    this.#database.close()
  }
}

/** Tells the parts of one event apart. */
function tagOf(data: Uint8Array): number {
  return Number.parseInt(hash("sha256", data).slice(0, 12), 16)
}
