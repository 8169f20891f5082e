/**
 * The one door to SQLite: `node:sqlite` where Node has it, else the optional dependency `libsql`. Does I/O.
 * Never used while recording an event.
 * @module
 */
import { closeSync, openSync } from "node:fs"
import { createRequire } from "node:module"
import { devNull } from "node:os"

/** What a parameter can be; given any other Uint8Array than a Buffer, libsql aborts the process. */
export type SqlValue = string | number | Buffer | null

/** What we use of a prepared statement; both drivers have it. */
export interface Statement {
  run(...parameters: readonly SqlValue[]): unknown
  all(...parameters: readonly SqlValue[]): unknown[]
}

/** What we use of a database; both drivers have it. */
export interface Database {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): void
}

/** It opens 6 with the first database, and each database and its journal take one. */
const LIBSQL_DESCRIPTORS = 10

type Opener = (path: string) => Database
let opener: Opener | null | undefined

/** Opens a database that exists already, or undefined where no SQLite is installed. */
export function openDatabase(path: string): Database | undefined {
  if (opener === undefined) opener = builtIn() ?? installed() ?? null
  const database = opener?.(path)
  // A busy database answers at once: a sleeping busy handler would block the caller's thread.
  database?.exec("PRAGMA busy_timeout = 0")
  return database
}

/**
 * The bytes of a blob that was read: a Uint8Array from one driver, an ArrayBuffer from the other.
 * @throws Error as SQLite has it for damage, where somebody put something else there.
 */
export function blobBytes(blob: unknown): Uint8Array {
  if (blob instanceof Uint8Array) return blob
  if (blob instanceof ArrayBuffer) return new Uint8Array(blob)
  throw new Error("a row of the database is malformed: it holds no bytes")
}

function builtIn(): Opener | undefined {
  // The types of Node 20 do not know the module.
  const load = process.getBuiltinModule as ((id: string) => unknown) | undefined
  const module = quietly(() => load?.("node:sqlite")) as { DatabaseSync: new (path: string) => Database } | undefined
  return module === undefined ? undefined : (path) => new module.DatabaseSync(path)
}

function installed(): Opener | undefined {
  // Also to load it; a failure to open its files would look as if it were not installed, from then on.
  assertDescriptorsLeft()
  try {
    const Libsql = createRequire(import.meta.url)("libsql") as new (path: string) => Database
    return (path) => {
      assertDescriptorsLeft()
      return new Libsql(path)
    }
  } catch {
    // Not installed: the caller says what to install.
    return undefined
  }
}

/** libsql's threads abort the process when they cannot have the descriptors that they need: better to fail before. */
function assertDescriptorsLeft(): void {
  const held: number[] = []
  try {
    while (held.length < LIBSQL_DESCRIPTORS) held.push(openSync(devNull, "r"))
  } finally {
    for (const descriptor of held) closeSync(descriptor)
  }
}

/** Node 22 prints an ExperimentalWarning when node:sqlite is first loaded; the choice is ours, not the user's. */
function quietly<T>(load: () => T): T {
  const emitWarning = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).includes("SQLite")) Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}
