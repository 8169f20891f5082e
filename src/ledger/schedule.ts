/**
 * When a thread seals: about a second after news, when asked, and before the process ends. One seal at a time; callers
 * that wait at the same time share one. Nothing here keeps a process alive unless somebody waits.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { SealContext, SealOptions } from "./context.ts"
import { type SealNote, sealChannel, tellError } from "./diagnostics.ts"
import { applyErasures } from "./erase.ts"
import { locked, type Sealed, seal } from "./seal.ts"
import { tidy } from "./tidy.ts"
import type { Writer } from "./writer.ts"

/** News is sealed about this long after it came. */
const SEAL_INTERVAL_MS = 1_000
/** After a failure the background tries again, at growing distances; whoever asks tries at once. */
const MIN_RETRY_MS = 2_000
const MAX_RETRY_MS = 60_000
/** Somebody else's seal is waited for while it makes progress, and this long without. */
const HOLDER_PATIENCE_MS = 10_000
/** How long a process that ends normally may take to seal. */
const EXIT_SEAL_MS = 2_000
/** A writer that has been quiet for this long leaves its segment, so that it can be removed. */
const IDLE_MS = 60_000

// Taken when the module is loaded, so that fake timers of a test never hold back a seal.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis
const monotonic = performance.now.bind(performance)

/** Counters of the seals of one thread. */
export interface SealMetrics {
  /** Events of this thread that no checkpoint covers, as of its last seal. */
  readonly unsealed: number
  /** Milliseconds since the oldest of them was recorded; 0 when there is none. */
  readonly unsealedAgeMs: number
  /** Seals that succeeded, and attempts that failed. */
  readonly seals: number
  readonly sealErrors: number
  /** Milliseconds that the last one took; undefined before the first. */
  readonly lastSealMs: number | undefined
  /** Entries under the last checkpoint that this thread saw, of all processes. */
  readonly treeSize: number
}

/** The seals of one log directory in one thread, which owns all of this state. */
export class SealSchedule {
  readonly #path: string
  readonly #writer: Writer
  readonly #makeContext: () => SealContext
  #context: SealContext | undefined
  #running: Promise<Sealed> | undefined
  /** A seal of everything, that begins when the running one has ended. */
  #queued: Promise<Sealed> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Whether this process has looked for what was erased. */
  #isClean = false
  #idleTimer: ReturnType<typeof setTimeout> | undefined
  /** Since when something recorded here is not sealed. */
  #newsSinceMs: number | undefined
  /** Why the background stopped; cleared by the next seal that succeeds. */
  #failure: AuditError | undefined
  #retryMs = MIN_RETRY_MS
  #treeSize = 0
  /** How far each writer's journal had gone into the tree at the last seal. */
  #positions: Sealed["tree"]["writers"] = new Map()
  #seals = 0
  #sealErrors = 0
  #lastSealMs: number | undefined

  constructor(path: string, writer: Writer, makeContext: () => SealContext) {
    this.#path = path
    this.#writer = writer
    this.#makeContext = makeContext
  }

  get context(): SealContext {
    this.#context ??= this.#makeContext()
    return this.#context
  }

  /** Tree size after the last seal of this thread. */
  get treeSize(): number {
    return this.#treeSize
  }

  /** Whether something recorded here is not sealed yet. */
  get hasNews(): boolean {
    return this.#newsSinceMs !== undefined
  }

  /** Whether the process should seal before it ends. */
  get isDue(): boolean {
    return this.#newsSinceMs !== undefined && this.#failure === undefined
  }

  get metrics(): SealMetrics {
    let unsealed = 0
    for (const [id, count] of this.#writer.given) unsealed += Math.max(0, count - (this.#positions.get(id)?.next ?? 0))
    return {
      unsealed,
      unsealedAgeMs: this.#newsSinceMs === undefined ? 0 : monotonic() - this.#newsSinceMs,
      seals: this.#seals,
      sealErrors: this.#sealErrors,
      lastSealMs: this.#lastSealMs,
      treeSize: this.#treeSize,
    }
  }

  /** Something was recorded. */
  noteNews(nowMs: number): void {
    if (this.#newsSinceMs !== undefined) return
    this.#newsSinceMs = nowMs
    this.#sealLater(SEAL_INTERVAL_MS)
  }

  #sealLater(delayMs: number): void {
    if (this.#timer !== undefined) return
    this.#timer = startTimer(() => {
      this.#timer = undefined
      // A seal that is under way or queued looks for what it left over by itself.
      if (this.#running === undefined) this.#begin({ align: true }).catch((error: unknown) => this.#fail(error))
    }, delayMs)
    this.#timer.unref()
  }

  /** Tells once why the background stopped; recording goes on. */
  #fail(error: unknown): void {
    const failure = asAuditError(error)
    const known = this.#failure?.code === failure.code
    this.#retryMs = known ? Math.min(MAX_RETRY_MS, this.#retryMs * 2) : MIN_RETRY_MS
    this.#failure = failure
    if (!known) warn(`${this.#path}: ${failure.message}`, failure.code)
    this.#sealLater(this.#retryMs)
  }

  /** A seal of everything recorded before this call: the queued one, or a new one behind the running one. */
  sealAll(): Promise<Sealed> {
    if (this.#queued !== undefined) return this.#queued
    if (this.#running === undefined) return this.#begin({ align: false })
    this.#queued = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined
        return this.#begin({ align: false })
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
    const beganMs = monotonic()
    const since = this.#newsSinceMs
    this.#newsSinceMs = undefined
    if (this.#timer !== undefined) stopTimer(this.#timer)
    this.#timer = undefined
    try {
      const sealed = await this.#sealWithPatience(this.context, options)
      this.#noteSealed(sealed, monotonic() - beganMs)
      return sealed
    } catch (error) {
      this.#sealErrors += 1
      this.#newsSinceMs = since ?? this.#newsSinceMs
      const failure = asAuditError(error)
      tellError(this.#path, "seal", failure)
      throw failure
    }
  }

  #noteSealed({ tree, oldSize }: Sealed, durationMs: number): void {
    this.#failure = undefined
    this.#treeSize = tree.size
    this.#positions = tree.writers
    this.#seals += 1
    this.#lastSealMs = durationMs
    if (sealChannel.hasSubscribers) {
      const note: SealNote = { logDir: this.#path, treeSize: tree.size, entries: tree.size - oldSize, durationMs }
      sealChannel.publish(note)
    }
    for (const [id, count] of this.#writer.given) {
      if (id !== this.#writer.id && (tree.writers.get(id)?.next ?? 0) >= count) this.#writer.confirm(id)
    }
    // Left over by alignment, or recorded meanwhile.
    const mine = tree.writers.get(this.#writer.id)?.next ?? 0
    if (mine < this.#writer.nextSeq) this.noteNews(monotonic())
    else if (this.#writer.nextSeq > 0) this.#retireWhenIdle()
  }

  async #sealWithPatience(context: SealContext, options: SealOptions): Promise<Sealed> {
    const patienceMs = options.deadlineMs === undefined ? HOLDER_PATIENCE_MS : EXIT_SEAL_MS
    let waitedSince = monotonic()
    let lastSeen: string | undefined
    await this.#clean(context)
    for (let waitMs = 2; ; waitMs = Math.min(50, waitMs * 2)) {
      const sealed = await sealUnlessMet(context, options)
      if (sealed !== undefined) {
        await this.#tidy(context, sealed.oldSize)
        return sealed
      }
      const seen = Buffer.from((await context.blobs.get("checkpoint")) ?? []).toString()
      if (seen !== lastSeen) waitedSince = monotonic()
      lastSeen = seen
      if (monotonic() - waitedSince > patienceMs || monotonic() > (options.deadlineMs ?? Number.POSITIVE_INFINITY)) {
        throw new AuditError(
          "SEALING_UNAVAILABLE",
          "another process holds the sealing lock for too long; it may be stopped. Events are recorded, and sealed once it goes on or ends",
        )
      }
      await new Promise((resolve) => startTimer(resolve, waitMs + Math.random() * waitMs))
    }
  }

  /** Once a process, since a store or a vault may have been restored from before an erasure; also where sealing fails. */
  async #clean(context: SealContext): Promise<void> {
    if (this.#isClean || !context.keepsPersonal()) return
    try {
      await locked(context, async () => {
        await applyErasures(context, this.#writer)
        this.#isClean = true
      })
    } catch (error) {
      tellError(this.#path, "tidy", error)
      warn(
        `${this.#path}: erased values could not be looked for, which is tried again: ${String(error)}`,
        "TIDY_FAILED",
      )
    }
  }

  /** Housekeeping: what it cannot do now, a later seal does. The seal itself has succeeded. */
  async #tidy(context: SealContext, oldSize: number): Promise<void> {
    try {
      await locked(context, () => tidy(context, this.#writer, oldSize))
    } catch (error) {
      tellError(this.#path, "tidy", error)
      warn(`${this.#path}: housekeeping failed and is tried again: ${String(error)}`, "TIDY_FAILED")
    }
  }

  /** Once quiet, the thread leaves its segment; the seal that follows removes it. */
  #retireWhenIdle(): void {
    if (this.#idleTimer !== undefined) stopTimer(this.#idleTimer)
    this.#idleTimer = startTimer(() => {
      this.#idleTimer = undefined
      if (this.#newsSinceMs !== undefined || this.#writer.idleMs < IDLE_MS) return
      this.#writer.retireIdle()
      this.#sealLater(0)
    }, IDLE_MS + SEAL_INTERVAL_MS)
    this.#idleTimer.unref()
  }

  /** Seals before the process ends normally; what two seconds do not suffice for, the next process seals. */
  sealAtExit(): void {
    const deadlineMs = monotonic() + EXIT_SEAL_MS
    const before = this.#running ?? Promise.resolve()
    before
      .catch(() => undefined)
      .then(() => this.#begin({ align: false, deadlineMs }))
      .catch((error: unknown) => this.#fail(error))
  }

  /** After a recovery the tree may be another one. */
  forgetTree(): void {
    this.#treeSize = 0
    this.#positions = new Map()
    this.#failure = undefined
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#running, this.#queued])
  }

  /** Stops the timers, waits for what is under way, and closes the lock. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) stopTimer(this.#timer)
    if (this.#idleTimer !== undefined) stopTimer(this.#idleTimer)
    await this.settled()
    if (this.#timer !== undefined) stopTimer(this.#timer)
    if (this.#idleTimer !== undefined) stopTimer(this.#idleTimer)
    this.#context?.mutex?.close()
    this.#context?.state.close()
  }
}

/** Seals; undefined also when another sealer was met although the mutex should have excluded it. */
async function sealUnlessMet(context: SealContext, options: SealOptions): Promise<Sealed | undefined> {
  try {
    return await seal(context, options)
  } catch (error) {
    if (error instanceof AuditError && error.code === "PUBLISH_CONFLICT") return undefined
    throw error
  }
}

/** A failure of the system, in the words that callers can match on. */
function asAuditError(error: unknown): AuditError {
  if (error instanceof AuditError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new AuditError("SEALING_UNAVAILABLE", `sealing failed, nothing recorded is lost: ${reason}`, { cause: error })
}

function warn(message: string, code: string): void {
  process.emitWarning(message, { type: "SecuremlWarning", code })
}
