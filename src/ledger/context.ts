/**
 * Whose a log is, what sealing works on, and how far it goes. Types only.
 * @module
 */
import type { BlobStore, Journal, KeyVault, LogFiles, Mutex, PayloadStore, SigningState } from "../store/index.ts"
import type { BlankRules } from "./blanks.ts"

/** What `.state/log.json` says. */
export interface Identity {
  readonly origin: string
  readonly verifierKey: string
  /** While a key takes over: the one before, which signs too, and since when (ISO 8601). */
  readonly previous?: { readonly verifierKey: string; readonly since: string }
}

/** Environment variables, passed in. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What sealing works on. */
export interface SealContext {
  readonly root: LogFiles
  readonly journal: Journal
  /** Large values of entries that are not sealed yet. */
  readonly parts: Journal
  /** Opens the store that they go to, and makes it when missing. */
  readonly payloads: () => PayloadStore | undefined
  /** Opens the stores of the logs that recoveries have set aside. */
  readonly payloadsAside: () => readonly PayloadStore[]
  /** The keys of persons, where the log has any and they are here. */
  readonly vault: () => KeyVault | undefined
  /** Whether the log has personal values: then what is kept beside entries is looked after more closely. */
  readonly keepsPersonal: () => boolean
  readonly blobs: BlobStore
  readonly state: SigningState
  readonly environment: Environment
  /** Undefined where no SQLite is installed. */
  readonly mutex: Mutex | undefined
  /** Sorts lines of different writers; reads a time from an entry's bytes. */
  readonly timeKey: (entry: Uint8Array) => string
  /** Tells an entry that was redacted from one that was damaged. */
  readonly blanks: BlankRules
  readonly nowMs: () => number
}

/** How far to go. */
export interface SealOptions {
  /** Stop at a multiple of 256 when there is one, and leave the rest for the next time. */
  readonly align: boolean
  /** Take no further batch after this time of `performance.now()`. */
  readonly deadlineMs?: number
  /** Take the lines of this writer alone. */
  readonly onlyWriter?: string
  /** Set by `recover` itself; anyone else waits until a recovery that was begun is finished. */
  readonly recovering?: boolean
}
