/**
 * Values kept beside the log whose entries are pruned: their rows go, and what stood there is overwritten. Does I/O.
 * @module
 */
import * as fs from "node:fs"
import { checkRegular, type RootDirectory } from "./files.ts"
import { PAYLOADS_FILE } from "./layout.ts"
import { type Database, openDatabase } from "./sqlite.ts"

/** How many values of some events there are. */
export function countPayloads(root: RootDirectory, eventIds: readonly string[]): number {
  return withPayloads(root, eventIds, (database) => {
    const statements = ["payload", "sealed_event"].map((table) =>
      database.prepare(`SELECT count(*) AS n FROM ${table} WHERE event_id = ?`),
    )
    const counts = eventIds.flatMap((id) => statements.map((one) => Number((one.all(id)[0] as { n: number }).n)))
    return counts.reduce((sum, count) => sum + count, 0)
  })
}

/**
 * Removes all values of some events. Once returned they are gone, power loss or not.
 * @returns How many rows went.
 */
export function removePayloads(root: RootDirectory, eventIds: readonly string[]): number {
  return withPayloads(root, eventIds, (database) => {
    database.exec("PRAGMA secure_delete = ON")
    database.exec("PRAGMA synchronous = EXTRA")
    database.exec("BEGIN IMMEDIATE")
    const count = database.prepare("SELECT count(*) AS n FROM payload WHERE event_id = ?")
    const remove = database.prepare("DELETE FROM payload WHERE event_id = ?")
    const personal = database.prepare("SELECT sealed FROM sealed_event WHERE event_id = ?")
    let removed = 0
    for (const id of eventIds) {
      removed += Number((count.all(id)[0] as { n: number }).n)
      remove.run(id)
      for (const { sealed } of personal.all(id) as { sealed: number }[]) {
        removed += 1
        database.prepare("DELETE FROM sealed WHERE id = ?").run(sealed)
        database.prepare("DELETE FROM sealed_key WHERE sealed = ?").run(sealed)
      }
      database.prepare("DELETE FROM sealed_event WHERE event_id = ?").run(id)
    }
    database.exec("COMMIT")
    return removed
  })
}

/** Does something with the store; 0 where there is none. */
function withPayloads(root: RootDirectory, eventIds: readonly string[], work: (database: Database) => number): number {
  const path = root.locate(PAYLOADS_FILE, false)
  if (eventIds.length === 0 || !fs.existsSync(path)) return 0
  checkRegular(path)
  const database = openDatabase(path)
  if (database === undefined) return 0
  try {
    database.exec("PRAGMA busy_timeout = 2000")
    return work(database)
  } finally {
    database.close()
  }
}
