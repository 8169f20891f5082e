/**
 * Records as a reader gets them: personal values in their places, where they can be read here, and what was corrected
 * later. Reads only.
 * @module
 */
import type { AuditRecord, Correction } from "../event/index.ts"
import type { Environment } from "../ledger/index.ts"
import { findLogDirectory } from "../store/index.ts"
import { mayHaveCorrections, withCorrections } from "./corrections.ts"
import { PERSONAL_MARKER, PersonalReader, revealed } from "./personal.ts"

/** Values that are missing are looked for again at most this often. */
const LOOK_AGAIN_MS = 500
const NONE: ReadonlyMap<string, readonly Correction[]> = new Map()

/** How corrections of a log are found. */
export type FindCorrections = (
  logDir: string,
  environment: Environment,
) => Promise<ReadonlyMap<string, readonly Correction[]>>

/** Fills records as a reader with the vault sees them; nothing is opened before the first personal value. */
export class RecordFiller {
  readonly #logDir: string
  readonly #environment: Environment
  readonly #findCorrections: FindCorrections | undefined
  #corrections: ReadonlyMap<string, readonly Correction[]> | undefined
  #reader: PersonalReader | undefined
  #openedMs = Number.NEGATIVE_INFINITY
  #lookedMs = Number.NEGATIVE_INFINITY

  /** @param findCorrections - Undefined where they are not wanted. */
  constructor(logDir: string, environment: Environment, findCorrections: FindCorrections | undefined) {
    this.#logDir = logDir
    this.#environment = environment
    this.#findCorrections = findCorrections
  }

  /** @param bytes - The entry: asked whether it has personal values, for parsed all of it would have to be looked through. */
  async fill(record: AuditRecord, bytes: Uint8Array): Promise<AuditRecord> {
    const isPersonal = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(PERSONAL_MARKER)
    const filled = isPersonal ? await this.#withValues(record) : record
    this.#corrections ??= await this.#known()
    return withCorrections(filled, this.#corrections)
  }

  async #known(): Promise<ReadonlyMap<string, readonly Correction[]>> {
    const root = this.#findCorrections === undefined ? undefined : findLogDirectory(this.#logDir)
    if (root === undefined || !mayHaveCorrections(root)) return NONE
    return this.#findCorrections!(this.#logDir, this.#environment)
  }

  async #withValues(record: AuditRecord): Promise<AuditRecord> {
    const reader = (await this.#isOutdated()) || this.#reader === undefined ? await this.#open() : this.#reader
    const states = reader.statesOf(record)
    // It may have been erased, or recorded, after the reader was opened; where values are gone for good, looking again
    // for each of them would take for ever.
    const isMissing = [...states.values()].some(({ state }) => state === "missing")
    const isOld = performance.now() - this.#openedMs > LOOK_AGAIN_MS
    const isAgain = isMissing && (isOld || (await reader.hasNewLists()))
    return revealed(record, isAgain ? (await this.#open()).statesOf(record) : states)
  }

  /** Somebody may be erased, or restricted, while records are read: looked for now and then. */
  async #isOutdated(): Promise<boolean> {
    if (this.#reader === undefined || performance.now() - this.#lookedMs < LOOK_AGAIN_MS) return false
    this.#lookedMs = performance.now()
    return this.#reader.hasNewLists()
  }

  async #open(): Promise<PersonalReader> {
    this.close()
    this.#openedMs = performance.now()
    this.#lookedMs = this.#openedMs
    this.#reader = await PersonalReader.open(findLogDirectory(this.#logDir)!, this.#environment)
    return this.#reader
  }

  close(): void {
    this.#reader?.close()
    this.#reader = undefined
  }
}
