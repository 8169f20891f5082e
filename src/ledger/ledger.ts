/**
 * One log directory as a thread of this process uses it: recording now, sealing in the background.
 * Kept on `globalThis`, so that two copies of the package share one writer.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { Checkpoint } from "../proof/index.ts"
import {
  LocalBlobs,
  LocalJournal,
  LocalMutex,
  LocalPayloads,
  openLogDirectory,
  PARTS_DIRECTORY,
  type RootDirectory,
  StateDirectory,
} from "../store/index.ts"
import type { Environment } from "./identity.ts"
import { moveParts } from "./parts.ts"
import { findEntry, receiptFor, type SealedReceipt } from "./receipt.ts"
import { type Recovery, recoveryTold, repair, type WriterOf } from "./recover.ts"
import { locked, type SealContext, type Sealed, type SealOptions, seal, sealLocked } from "./seal.ts"
import { tidy } from "./tidy.ts"
import { Writer, type WriterMark } from "./writer.ts"

/** News is sealed about this long after it came. */
const SEAL_INTERVAL_MS = 1_000
/** Somebody else's seal is waited for while it makes progress, and this long without. */
const HOLDER_PATIENCE_MS = 10_000
/** How long a process that ends normally may take to seal. */
const EXIT_SEAL_MS = 2_000
/** A writer that has been quiet for this long leaves its segment, so that it can be removed. */
const IDLE_MS = 60_000

const REGISTRY = Symbol.for("secureml.audit.ledgers.1")

// Taken when the module is loaded, so that fake timers of a test never hold back a seal.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis
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

/** What the ledger asks of its user. */
export interface LedgerHooks {
  /** Reads a sortable time from an entry's bytes. */
  readonly timeKey: (entry: Uint8Array) => string
  /** Called when the journal lost entries that were already recorded. */
  readonly onLost: (directory: string, lost: { readonly count: number; readonly code: string }) => void
}

/** A log directory opened for writing. Its fields are owned by one thread. */
export class Ledger {
  readonly path: string
  readonly #writer: Writer
  readonly #environment: Environment
  readonly #hooks: LedgerHooks
  readonly #root: RootDirectory
  #context: SealContext | undefined
  #treeSize = 0
  /** Something was recorded since the last seal began. */
  #news = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #idleTimer: ReturnType<typeof setTimeout> | undefined
  #running: Promise<Sealed> | undefined
  #queued: Promise<Sealed> | undefined
  /** Why the background stopped sealing; asked-for seals still try. */
  #stopped: AuditError | undefined

  private constructor(root: RootDirectory, environment: Environment, hooks: LedgerHooks) {
    this.path = root.path
    this.#root = root
    this.#environment = environment
    this.#hooks = hooks
    this.#writer = new Writer(new LocalJournal(root), new LocalJournal(root, PARTS_DIRECTORY), (lost) =>
      hooks.onLost(root.path, lost),
    )
  }

  /**
   * The ledger of a directory in this thread; the directory is made when missing.
   * @throws {@link AuditError} `LOG_DIR_NOT_WRITABLE`, `UNSAFE_PATH`, `NETWORK_FILE_SYSTEM`.
   */
  static open(logDir: string, environment: Environment, hooks: LedgerHooks): Ledger {
    const root = openLogDirectory(logDir, environment["SECUREML_ALLOW_FILE_SYSTEM"])
    const ledgers = registry()
    const open = ledgers.get(root.path)
    if (open !== undefined) return open
    const ledger = new Ledger(root, environment, hooks)
    ledgers.set(root.path, ledger)
    return ledger
  }

  /** Whether this is the ledger that {@link Ledger.open} gives for its directory; false once closed. */
  get isCurrent(): boolean {
    return registry().get(this.path) === this
  }

  /** The state directory of the user whose environment the ledger was opened with. */
  get state(): StateDirectory {
    return new StateDirectory(this.#environment)
  }

  /** Mode of files in the log directory: private, or shared with one group. */
  get fileMode(): number {
    return this.#root.access.fileMode
  }

  /**
   * Records one entry; see {@link Writer.append}.
   * @throws {@link AuditError} `RECORD_FAILED`.
   */
  record(build: (mark: WriterMark) => string, part?: string): Recorded {
    const writer = this.#writer
    writer.append(build, part)
    if (!this.#news) this.#noteNews()
    return {
      writerId: writer.id,
      writerSeq: writer.nextSeq - 1,
      durableMark: writer.appendedBytes,
      fromIndex: this.#treeSize,
    }
  }

  #noteNews(): void {
    this.#news = true
    if (this.#timer !== undefined || this.#stopped !== undefined) return
    this.#timer = startTimer(() => {
      this.#timer = undefined
      this.#sealInBackground()
    }, SEAL_INTERVAL_MS)
    this.#timer.unref()
  }

  #sealInBackground(): void {
    this.#sealOnce({ align: true }).catch((error: unknown) => this.#stop(error))
  }

  /** Once quiet, the thread leaves its segment; the seal that follows removes it. */
  #retireWhenIdle(): void {
    if (this.#idleTimer !== undefined) stopTimer(this.#idleTimer)
    this.#idleTimer = startTimer(() => {
      this.#idleTimer = undefined
      if (this.#news || this.#writer.idleMs < IDLE_MS) return
      this.#writer.retireIdle()
      this.#sealInBackground()
    }, IDLE_MS + SEAL_INTERVAL_MS)
    this.#idleTimer.unref()
  }

  /** Tells why sealing stopped, once; recording goes on. */
  #stop(error: unknown): void {
    const failure =
      error instanceof AuditError
        ? error
        : new AuditError("SEALING_UNAVAILABLE", `sealing failed: ${String(error)}`, { cause: error })
    const known = this.#stopped?.code === failure.code
    this.#stopped = failure
    if (!known) process.emitWarning(`${this.path}: ${failure.message}`, { type: "SecuremlWarning", code: failure.code })
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
   */
  async flush(): Promise<Checkpoint> {
    const sealed = await this.#sealOnce({ align: false })
    this.#stopped = undefined
    const own = sealed.gaps.find(({ writerId }) => writerId === this.#writer.id)
    if (own !== undefined) {
      throw new AuditError(
        "JOURNAL_GAP",
        `the journal of this process lacks number ${own.expected}: events behind it are recorded, but cannot be sealed before secureml audit recover`,
      )
    }
    return sealed.checkpoint
  }

  /**
   * Seals, and proves the entry that begins with some bytes.
   * @throws {@link AuditError} as {@link flush}; `EVENT_NOT_FOUND` when it is not in the tree.
   */
  async prove(prefix: Uint8Array, fromIndex: number): Promise<SealedReceipt> {
    const head = await this.flush()
    const blobs = this.#context!.blobs
    const place = await findEntry(blobs, prefix, fromIndex, head.treeSize)
    if (place !== undefined) return receiptFor(blobs, head, place)
    throw new AuditError(
      "EVENT_NOT_FOUND",
      "the event is not in the sealed log although it was recorded; run secureml audit verify",
    )
  }

  /** A seal that begins after this call: the one that is queued already, or a new one behind the running one. */
  #sealOnce(options: SealOptions): Promise<Sealed> {
    if (this.#queued !== undefined) return this.#queued
    if (this.#running === undefined) return this.#begin(options)
    this.#queued = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined
        return this.#begin(options)
      })
    return this.#queued
  }

  #begin(options: SealOptions): Promise<Sealed> {
    this.#running = this.#seal(options).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #seal(options: SealOptions): Promise<Sealed> {
    const context = (this.#context ??= this.#makeContext())
    this.#news = false
    if (this.#timer !== undefined) stopTimer(this.#timer)
    this.#timer = undefined
    let sealed: Sealed | undefined
    try {
      sealed = await this.#sealWithPatience(context, options)
    } catch (error) {
      this.#news = true
      throw error
    }
    this.#treeSize = sealed.tree.size
    // Left over by alignment, or recorded meanwhile.
    const mine = sealed.tree.writers.get(this.#writer.id)?.next ?? 0
    if (mine < this.#writer.nextSeq) this.#noteNews()
    else if (this.#writer.nextSeq > 0) this.#retireWhenIdle()
    return sealed
  }

  async #sealWithPatience(context: SealContext, options: SealOptions): Promise<Sealed> {
    let waitedSince = monotonic()
    let lastSeen: string | undefined
    for (let waitMs = 2; ; waitMs = Math.min(50, waitMs * 2)) {
      const sealed = await seal(context, options)
      if (sealed !== undefined) {
        await this.#tidy(context, sealed.oldSize)
        return sealed
      }
      const seen = Buffer.from((await context.blobs.get("checkpoint")) ?? []).toString()
      if (seen !== lastSeen) waitedSince = monotonic()
      lastSeen = seen
      if (monotonic() - waitedSince > HOLDER_PATIENCE_MS) {
        throw new AuditError(
          "SEALING_UNAVAILABLE",
          "another process holds the sealing lock and makes no progress; it may be stopped. Events are recorded",
        )
      }
      await new Promise((resolve) => startTimer(resolve, waitMs + Math.random() * waitMs))
    }
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
    const context = (this.#context ??= this.#makeContext())
    await Promise.allSettled([this.#running, this.#queued])
    const done = await locked(context, async () => {
      const recovery = await repair(context, writerOf)
      const writer = new Writer(context.journal, context.parts, () => undefined)
      writer.append((mark) => tell(recovery, mark))
      writer.durableNow()
      const { checkpoint } = await sealLocked(context, { align: false, onlyWriter: writer.id, recovering: true })
      writer.close()
      await recoveryTold(context)
      return { recovery, checkpoint }
    })
    if (done === undefined)
      throw new AuditError("SEALING_UNAVAILABLE", "another process is sealing this log right now; try again")
    this.#treeSize = 0
    this.#stopped = undefined
    return done
  }

  async #tidy(context: SealContext, oldSize: number): Promise<void> {
    if (!context.mutex!.tryAcquire()) return
    try {
      await moveParts(context, this.#writer)
      await tidy(context, this.#writer, oldSize)
    } finally {
      context.mutex!.release()
    }
  }

  #makeContext(): SealContext {
    return {
      root: this.#root,
      journal: new LocalJournal(this.#root),
      parts: new LocalJournal(this.#root, PARTS_DIRECTORY),
      payloads: () => LocalPayloads.open(this.#root, true),
      blobs: new LocalBlobs(this.#root),
      state: new StateDirectory(this.#environment),
      environment: this.#environment,
      mutex: LocalMutex.open(this.#root),
      timeKey: this.#hooks.timeKey,
      nowMs: Date.now,
    }
  }

  /** Whether something recorded here has not been sealed, as far as this thread knows. */
  get hasNews(): boolean {
    return this.#news && this.#stopped === undefined
  }

  /** Seals before the process ends normally; gives up after two seconds. */
  sealAtExit(): void {
    const giveUp = startTimer(
      () =>
        this.#stop(
          new AuditError(
            "SEALING_UNAVAILABLE",
            "the last events were not sealed within two seconds; the next process seals them",
          ),
        ),
      EXIT_SEAL_MS,
    )
    giveUp.unref()
    this.#sealOnce({ align: false })
      .catch((error: unknown) => this.#stop(error))
      .finally(() => stopTimer(giveUp))
  }

  /** Waits for what is under way, closes the files and forgets the directory. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) stopTimer(this.#timer)
    if (this.#idleTimer !== undefined) stopTimer(this.#idleTimer)
    await Promise.allSettled([this.#running, this.#queued])
    this.#writer.close()
    this.#context?.mutex?.close()
    registry().delete(this.path)
  }
}

/** Ledgers of this thread by real path. */
function registry(): Map<string, Ledger> {
  const host = globalThis as { [REGISTRY]?: Map<string, Ledger> }
  if (host[REGISTRY] === undefined) {
    const ledgers = new Map<string, Ledger>()
    host[REGISTRY] = ledgers
    process.on("beforeExit", () => {
      for (const ledger of ledgers.values()) if (ledger.hasNews) ledger.sealAtExit()
    })
  }
  return host[REGISTRY]
}

/** Closes every ledger of this thread whose path is inside a directory; for tests that remove it. */
export async function closeLedgersUnder(directory: string): Promise<void> {
  const inside = [...registry().values()].filter(({ path }) => `${path}/`.startsWith(`${directory}/`))
  await Promise.all(inside.map((ledger) => ledger.close()))
}
