/**
 * One log directory as a thread of this process uses it: recording now, sealing in the background.
 * Kept on `globalThis`, so that two copies of the package share one writer.
 * @module
 */
import * as fs from "node:fs"
import { AuditError } from "../errors.ts"
import type { Checkpoint } from "../proof/index.ts"
import {
  closeIndexesUnder,
  type KeyVault,
  LocalBlobs,
  LocalJournal,
  LocalKeyVault,
  LocalMutex,
  LocalPayloads,
  openLogDirectory,
  PARTS_DIRECTORY,
  PAYLOADS_FILE,
  RootDirectory,
  type SealedPart,
  StateDirectory,
  VAULT_FILE,
  type VaultMerge,
  vaultIdOf,
} from "../store/index.ts"
import type { BlankRules } from "./blanks.ts"
import type { Environment, SealContext } from "./context.ts"
import { tellError } from "./diagnostics.ts"
import { applyErasures, rewrapParts } from "./erase.ts"
import { ERASURES } from "./erasures.ts"
import { type ChangedKey, changeKey, type KeyAct, type KeyChange } from "./key-change.ts"
import type { KeyCopy } from "./key-copy.ts"
import { importErasures, importVault } from "./key-import.ts"
import { keepList, type ListFormat, readLists, writeList } from "./lists.ts"
import type { PartText } from "./part-writer.ts"
import type { WriterOf } from "./rebuild.ts"
import { findEntry, nextInTree, receiptFor, type SealedReceipt } from "./receipt.ts"
import { type Recovery, recoverLocked, type Succession, succeedLocked } from "./recover.ts"
import { type SealMetrics, SealSchedule } from "./schedule.ts"
import { locked, type Sealed } from "./seal.ts"
import { Writer, type WriterMark } from "./writer.ts"

/** A recovery waits for sealers that come and go. */
const RECOVER_PATIENCE_MS = 10_000
const RECOVER_STEP_MS = 10

const REGISTRY = Symbol.for("secureml.audit.ledgers.1")

// Taken when the module is loaded, so that fake timers of a test never hold anything back.
const { setTimeout: startTimer } = globalThis
const monotonic = performance.now.bind(performance)

/** Where an entry was put, for its receipt. */
export interface Recorded {
  readonly writerId: string
  readonly writerSeq: number
  /** For {@link Ledger.durable}. */
  readonly durableMark: number
  /** Tree size known when it was recorded: its index is not below. */
  readonly fromIndex: number
}

/** Counters of one thread for one log directory, since it opened it. */
export interface LedgerMetrics extends SealMetrics {
  /** Events recorded, and the bytes of their journal lines. */
  readonly recorded: number
  readonly recordedBytes: number
  /** Bytes recorded that are not known to survive power loss yet. */
  readonly unsyncedBytes: number
  /** Log calls that could not write. */
  readonly writeErrors: number
  /** Values redacted as a whole, and texts with a redacted part, in the details of events recorded. */
  readonly redacted: number
  /** Syncs that failed; what they were to save was written again, or told as not durable. */
  readonly syncErrors: number
}

/** What the ledger asks of its user. */
export interface LedgerHooks {
  /** Reads a sortable time from an entry's bytes. */
  readonly timeKey: (entry: Uint8Array) => string
  /** Reads writer and number from an entry's bytes. */
  readonly writerOf: WriterOf
  /** What events say of entries that were redacted. */
  readonly blanks: BlankRules
  /** Called when the journal lost entries that were already recorded. */
  readonly onLost: (directory: string, lost: { readonly count: number; readonly code: string }) => void
}

/** A log directory opened for writing. Its fields are owned by one thread. */
export class Ledger {
  readonly path: string
  readonly #writer: Writer
  readonly #environment: Environment
  readonly #root: RootDirectory
  readonly #hooks: LedgerHooks
  /** Of the directory when it was opened. */
  readonly #inode: number
  readonly #schedule: SealSchedule
  #vault: KeyVault | undefined
  #writeErrors = 0
  #redacted = 0

  private constructor(root: RootDirectory, environment: Environment, hooks: LedgerHooks) {
    this.path = root.path
    this.#root = root
    this.#inode = fs.statSync(root.path).ino
    this.#environment = environment
    this.#hooks = hooks
    this.#writer = new Writer(
      new LocalJournal(root),
      new LocalJournal(root, PARTS_DIRECTORY),
      (lost) => hooks.onLost(root.path, lost),
      (error) => tellError(root.path, "sync", error),
    )
    this.#schedule = new SealSchedule(root.path, this.#writer, () => ({
      ...sealContext(root, environment, hooks),
      vault: () => this.#knownVault(),
      keepsPersonal: () => fs.existsSync(root.locate(VAULT_FILE, false)),
    }))
  }

  /**
   * The ledger of a directory in this thread; the directory is made when missing.
   * @throws {@link AuditError} `LOG_DIR_NOT_WRITABLE`, `UNSAFE_PATH`, `NETWORK_FILE_SYSTEM`.
   */
  static open(logDir: string, environment: Environment, hooks: LedgerHooks): Ledger {
    const root = openLogDirectory(logDir, environment["SECUREML_ALLOW_FILE_SYSTEM"])
    const ledgers = registry()
    const open = ledgers.get(root.path)
    if (open?.isThere() === true) return open
    // The directory was removed and made again: what the old one holds open has no name any more.
    void open?.close()
    const ledger = new Ledger(root, environment, hooks)
    ledgers.set(root.path, ledger)
    return ledger
  }

  /** Whether the path still names the directory that was opened. */
  isThere(): boolean {
    return fs.statSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode
  }

  /** Whether this is the ledger that {@link Ledger.open} gives for its directory; false once closed. */
  get isCurrent(): boolean {
    return registry().get(this.path) === this
  }

  /** The state directory of the user whose environment the ledger was opened with. */
  get state(): StateDirectory {
    return new StateDirectory(this.#environment)
  }

  /**
   * The keys of the persons that this log holds values of; made when there are none yet.
   * @throws {@link AuditError} `VAULT_MISSING`, `KEY_FILE_INSECURE`, `STATE_DIRECTORY_DAMAGED`.
   */
  vault(): KeyVault {
    this.#vault ??= LocalKeyVault.ofLog(
      this.#root,
      this.state.path,
      this.#environment["SECUREML_VAULT_KEY_FILE"],
      true,
    )!
    return this.#vault
  }

  /** The vault, where the log has one and it is here. */
  #knownVault(): KeyVault | undefined {
    if (this.#vault !== undefined) return this.#vault
    const keyFile = this.#environment["SECUREML_VAULT_KEY_FILE"]
    try {
      this.#vault = LocalKeyVault.ofLog(this.#root, this.state.path, keyFile, false)
    } catch (error) {
      // Whoever records or erases a personal value is told.
      if (!(error instanceof AuditError && ["VAULT_MISSING", "VAULT_KEY_WRONG"].includes(error.code))) throw error
    }
    return this.#vault
  }

  /** Once resolved what erasures have named is deleted, as far as it was written before the call. */
  async applyErasures(): Promise<void> {
    const { context } = this.#schedule
    await this.#schedule.settled()
    return this.#underMutex(() => applyErasures(context, this.#writer))
  }

  /** Once resolved parts that need one of some keys are replaced by what `rewrap` gives for them, where it gives anything. */
  async rewrapParts(keys: readonly string[], rewrap: (part: SealedPart) => SealedPart | undefined): Promise<void> {
    const { context } = this.#schedule
    await this.#schedule.settled()
    return this.#underMutex(() => rewrapParts(context, this.#writer, keys, rewrap))
  }

  /** All lists of a kind, of acts begun or ended. */
  lists<T extends { readonly id: string }>(form: ListFormat<T>): Promise<readonly T[]> {
    return readLists(this.#root, form, this.#knownVault())
  }

  /** Once resolved a list survives power loss, and the loss of the log or of the vault. */
  async keepList<T extends { readonly id: string }>(form: ListFormat<T>, list: T): Promise<void> {
    const vault = this.vault()
    await writeList(this.#root, form, list, vault)
    keepList(form, list, vault)
  }

  /** Changes a list while no sealer does; once resolved it survives power loss. */
  async changeList<T extends { readonly id: string }>(
    form: ListFormat<T>,
    id: string,
    change: (list: T) => T,
  ): Promise<void> {
    await this.#schedule.settled()
    await this.#underMutex(async () => {
      const list = (await this.lists(form)).find((one) => one.id === id)
      if (list !== undefined) await this.keepList(form, change(list))
    })
  }

  /** Mode of files in the log directory: private, or shared with one group. */
  get fileMode(): number {
    return this.#root.access.fileMode
  }

  /**
   * Records one entry; see {@link Writer.append}.
   * @throws {@link AuditError} `RECORD_FAILED`.
   */
  record(build: (mark: WriterMark) => string, part?: PartText): Recorded {
    const writer = this.#writer
    try {
      writer.append(build, part)
    } catch (error) {
      this.#writeErrors += 1
      tellError(this.path, "record", error)
      throw error
    }
    if (!this.#schedule.hasNews) this.#schedule.noteNews(monotonic())
    return {
      writerId: writer.id,
      writerSeq: writer.nextSeq - 1,
      durableMark: writer.appendedBytes,
      fromIndex: this.#schedule.treeSize,
    }
  }

  /** Resolves when everything appended up to a mark survives power loss. */
  durable(mark: number): Promise<void> {
    return this.#writer.durable(mark)
  }

  /** The same for everything appended, returning when it is done. */
  durableNow(): void {
    this.#writer.durableNow()
  }

  /**
   * Resolves when everything recorded so far is sealed. Callers that wait at the same time share one seal.
   * @throws {@link AuditError} `SEALING_UNAVAILABLE`, `LOG_ROLLED_BACK`, `LEDGER_CORRUPT` and others: nothing is lost.
   * @throws {@link AuditError} `JOURNAL_GAP`: entries of this process are gone from its journal, or a hole is before them.
   */
  async flush(): Promise<Checkpoint> {
    return (await this.#sealGiven(this.#writer.given)).checkpoint
  }

  async #sealGiven(given: ReadonlyMap<string, number>): Promise<Sealed> {
    let sealed = await this.#schedule.sealAll()
    if ((await this.#missing(given, sealed)) !== undefined) {
      this.#writer.rescue(await this.#taken(this.#writer.id, sealed))
      sealed = await this.#schedule.sealAll()
    }
    const missing = await this.#missing(given, sealed)
    if (missing === undefined) return sealed
    throw new AuditError(
      "JOURNAL_GAP",
      `number ${missing} is gone from the journal of this process, so it and what follows cannot be sealed; run secureml audit recover`,
    )
  }

  /** The first number that this process gave and that is not in the tree. */
  async #missing(given: ReadonlyMap<string, number>, sealed: Sealed): Promise<number | undefined> {
    for (const [id, count] of given) {
      const next = await this.#taken(id, sealed)
      if (next < count) return next
      if (!sealed.tree.writers.has(id)) this.#writer.leave(id, count)
    }
    return undefined
  }

  /** How many numbers of a writer are in the tree. */
  async #taken(id: string, { tree }: Sealed): Promise<number> {
    const row = tree.writers.get(id)
    if (row !== undefined) return row.next
    // A journal is removed once it is published, and its writer's row some time later: then only the tree knows.
    return nextInTree(this.#schedule.context.blobs, tree.size, id, this.#hooks.writerOf)
  }

  /**
   * Seals, and proves the entry that begins with some bytes.
   * @throws {@link AuditError} as {@link flush}; `EVENT_NOT_FOUND` when it is not in the tree.
   */
  async prove(prefix: Uint8Array, { writerId, writerSeq, fromIndex }: Recorded): Promise<SealedReceipt> {
    const { checkpoint: head, before, oldSize } = await this.#sealGiven(this.#writer.given)
    const { blobs } = this.#schedule.context
    // Not taken before this seal: then it stands behind the tree that this seal found, or its row is gone.
    const isNew = (before.get(writerId)?.next ?? 0) <= writerSeq
    const place =
      (isNew ? await findEntry(blobs, prefix, Math.max(oldSize, fromIndex), head.treeSize) : undefined) ??
      (await findEntry(blobs, prefix, fromIndex, head.treeSize))
    if (place !== undefined) return receiptFor(blobs, head, place)
    throw new AuditError(
      "EVENT_NOT_FOUND",
      "the event is not in the sealed log although it was recorded: it was redacted since, or run secureml audit verify",
    )
  }

  /**
   * Repairs the log and seals the entry that says so before anything else.
   *
   * @param writerOf - Reads writer and number from an entry.
   * @param tell - Makes that entry, as the first of a writer of its own.
   * @throws {@link AuditError} `NOTHING_TO_RECOVER`, `SEALING_UNAVAILABLE`.
   */
  async recover(
    writerOf: WriterOf,
    tell: (recovery: Recovery, mark: WriterMark) => string,
  ): Promise<{ recovery: Recovery; checkpoint: Checkpoint }> {
    const { context } = this.#schedule
    await this.#schedule.settled()
    const done = await this.#underMutex(() => recoverLocked(context, writerOf, tell))
    this.#schedule.forgetTree()
    return done
  }

  /**
   * Changes the key of the log, or finishes a change that was begun, and seals the entry that says so.
   * @throws {@link AuditError} as {@link changeKey}.
   */
  async changeKey(act: KeyAct, tell: (change: KeyChange, mark: WriterMark) => string): Promise<ChangedKey> {
    const { context } = this.#schedule
    await this.#schedule.settled()
    return this.#underMutex(() => changeKey(context, act, this.#hooks.writerOf, tell))
  }

  /**
   * Goes on in a successor of a log whose key is lost.
   * @throws {@link AuditError} as {@link succeedLocked}.
   */
  async succeed(
    tell: readonly ((succession: Succession, mark: WriterMark) => string)[],
  ): Promise<{ succession: Succession; checkpoint: Checkpoint }> {
    const { context } = this.#schedule
    await this.#schedule.settled()
    const done = await this.#underMutex(() => succeedLocked(context, this.#hooks.writerOf, tell))
    this.#schedule.forgetTree()
    return done
  }

  /**
   * Brings back from a copy what the vault lacks, and deletes whatever belongs to somebody who was erased.
   * @throws {@link AuditError} as {@link importVault}.
   */
  async importVault(copy: KeyCopy): Promise<VaultMerge> {
    const rootKeyFile = this.#environment["SECUREML_VAULT_KEY_FILE"]
    const where = { stateDirectory: this.state.path, rootKeyFile }
    const merge = importVault(copy, vaultIdOf(this.#root), await this.lists(ERASURES), where)
    importErasures(copy, this.vault())
    await this.applyErasures()
    return merge
  }

  /** Waits for the mutex, as sealers come and go. */
  async #underMutex<T>(work: () => Promise<T>): Promise<T> {
    const { context } = this.#schedule
    for (let waitedMs = 0; ; waitedMs += RECOVER_STEP_MS) {
      const done = await locked(context, async () => ({ result: await work() }))
      if (done !== undefined) return done.result
      if (waitedMs > RECOVER_PATIENCE_MS) {
        throw new AuditError(
          "SEALING_UNAVAILABLE",
          "another process is sealing this log all the time; stop it, or try again",
        )
      }
      await new Promise((resolve) => startTimer(resolve, RECOVER_STEP_MS))
    }
  }

  /** Counts what was redacted in an event that is recorded. */
  countRedacted(count: number): void {
    this.#redacted += count
  }

  /** Counters of this thread for this directory. */
  get metrics(): LedgerMetrics {
    const { appendedBytes, appendedEntries, unsyncedBytes, syncErrors } = this.#writer
    return {
      recorded: appendedEntries,
      recordedBytes: appendedBytes,
      unsyncedBytes,
      writeErrors: this.#writeErrors,
      redacted: this.#redacted,
      syncErrors,
      ...this.#schedule.metrics,
    }
  }

  /** Whether something recorded here should be sealed before the process ends. */
  get isDue(): boolean {
    return this.#schedule.isDue
  }

  /** Seals before the process ends normally; gives up after two seconds. */
  sealAtExit(): void {
    this.#schedule.sealAtExit()
  }

  /** Waits for what is under way, closes the files and forgets the directory. */
  async close(): Promise<void> {
    if (this.isCurrent) registry().delete(this.path)
    await this.#schedule.close()
    this.#writer.close()
    this.#vault?.close()
    this.#vault = undefined
  }
}

function sealContext(
  root: RootDirectory,
  environment: Environment,
  hooks: LedgerHooks,
): Omit<SealContext, "vault" | "keepsPersonal"> {
  return {
    root,
    journal: new LocalJournal(root),
    parts: new LocalJournal(root, PARTS_DIRECTORY),
    payloads: () => LocalPayloads.open(root, true),
    payloadsAside: () => payloadsAside(root),
    blobs: new LocalBlobs(root),
    state: new StateDirectory(environment),
    environment,
    mutex: LocalMutex.open(root),
    timeKey: hooks.timeKey,
    blanks: hooks.blanks,
    nowMs: Date.now,
  }
}

function payloadsAside(root: RootDirectory): LocalPayloads[] {
  const names = fs.readdirSync(root.path).filter((name) => /^predecessor-\d{1,9}$/.test(name))
  return names.flatMap((name) => {
    const aside = new RootDirectory(`${root.path}/${name}`, root.access)
    // Opened for deleting, never made.
    const isThere = fs.existsSync(aside.locate(PAYLOADS_FILE, false))
    return isThere ? (LocalPayloads.open(aside, true) ?? []) : []
  })
}

/** Ledgers of this thread by real path. */
function registry(): Map<string, Ledger> {
  const host = globalThis as { [REGISTRY]?: Map<string, Ledger> }
  if (host[REGISTRY] === undefined) {
    const ledgers = new Map<string, Ledger>()
    host[REGISTRY] = ledgers
    process.on("beforeExit", () => {
      for (const ledger of ledgers.values()) if (ledger.isDue) ledger.sealAtExit()
    })
  }
  return host[REGISTRY]
}

/** Closes every ledger and index of this thread whose path is inside a directory; for tests that remove it. */
export async function closeLedgersUnder(directory: string): Promise<void> {
  closeIndexesUnder(directory)
  const inside = [...registry().values()].filter(({ path }) => `${path}/`.startsWith(`${directory}/`))
  await Promise.all(inside.map((ledger) => ledger.close()))
}
