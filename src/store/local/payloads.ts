/**
 * Values kept outside the tree: `.state/payloads.sqlite`, one row a value. Does I/O; used by sealers and readers only.
 * Deleted content is overwritten (`secure_delete`), from the first row on.
 * @module
 */
import * as fs from "node:fs"
import type { Payload, PayloadStore } from "../contract.ts"
import { checkRegular, createPrivate, type RootDirectory } from "./files.ts"
import { PAYLOADS_FILE } from "./layout.ts"
import { type Database, openDatabase } from "./sqlite.ts"

/** The payload store of a log directory. */
export class LocalPayloads implements PayloadStore {
  readonly #database: Database

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
      database.exec("PRAGMA secure_delete = ON")
      // FULL would leave a commit to be undone by its own journal, if the power fails before its removal is synced.
      database.exec("PRAGMA synchronous = EXTRA")
      database.exec(
        "CREATE TABLE IF NOT EXISTS payload (event_id TEXT, pointer TEXT, salt TEXT, json TEXT, PRIMARY KEY (event_id, pointer))",
      )
    }
    return new LocalPayloads(database)
  }

  addAll(payloads: readonly Payload[]): void {
    this.#database.exec("BEGIN IMMEDIATE")
    try {
      const insert = this.#database.prepare("INSERT OR IGNORE INTO payload VALUES (?, ?, ?, ?)")
      for (const { eventId, pointer, salt, json } of payloads) insert.run(eventId, pointer, salt, json)
      this.#database.exec("COMMIT")
    } catch (error) {
      this.#database.exec("ROLLBACK")
      throw error
    }
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

  close(): void {
    this.#database.close()
  }
}
