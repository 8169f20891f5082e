/**
 * A process of the model: its writer, and one seal, tidying or recovery at a time, over the disk that all of them share.
 * @module
 */
import { JOURNAL_DIRECTORY, PARTS_DIRECTORY } from "../../../src/store/index.ts"
import { Actor, type Fate, type Fault } from "./actor.ts"
import { clock, quiet } from "./clock.ts"
import type { Disk } from "./disk.ts"
import { LedgerWriter, type SealContext, type Writer } from "./engine.ts"
import { Blobs, Files, type HeadListener } from "./files.ts"
import { MemoryJournal } from "./journal.ts"
import { type Lock, MemoryMutex, MemoryPayloads, MemoryState } from "./signing-state.ts"

/** How a piece of work ended; neither when it is still under way, or its process died. */
export interface Outcome {
  value?: unknown
  error?: unknown
}

/** What processes share. */
export interface Surroundings {
  readonly disk: Disk
  readonly locks: Map<string, Lock>
  readonly environment: Readonly<Record<string, string>>
  readonly onHead: HeadListener
  readonly cutPower: (salt: number) => void
}

export const STATE_DIRECTORY = "state"

export class Process {
  /** The log directory that it works in. */
  readonly directory: string
  readonly writer: Writer
  readonly writing: Actor
  /** Events that a failed sync took for good, as the writer told. */
  told = 0
  isDead = false
  readonly #working: Actor
  readonly #context: SealContext
  #task: Outcome | undefined

  constructor(directory: string, around: Surroundings) {
    this.directory = directory
    const fate = this.#fate(around)
    this.writing = new Actor(fate)
    this.#working = new Actor(fate)
    const journal = (name: string, actor: Actor) => new MemoryJournal(around.disk, `${directory}/${name}`, actor)
    this.writer = new LedgerWriter(
      journal(JOURNAL_DIRECTORY, this.writing),
      journal(PARTS_DIRECTORY, this.writing),
      ({ count }) => {
        this.told += count
      },
    )
    this.#context = this.#contextOf(around)
  }

  #fate({ cutPower }: Surroundings): Fate {
    const isDead = (): boolean => this.isDead
    return {
      get isDead() {
        return isDead()
      },
      die: () => {
        this.isDead = true
      },
      cutPower,
    }
  }

  #contextOf({ disk, locks, environment, onHead }: Surroundings): SealContext {
    const actor = this.#working
    const files = new Files(disk, this.directory, actor)
    return {
      root: files,
      journal: new MemoryJournal(disk, files.at(JOURNAL_DIRECTORY), actor),
      parts: new MemoryJournal(disk, files.at(PARTS_DIRECTORY), actor),
      payloads: () => new MemoryPayloads(files, actor),
      vault: () => undefined,
      payloadsAside: () => [],
      keepsPersonal: () => false,
      blobs: new Blobs(files, onHead),
      state: new MemoryState(new Files(disk, STATE_DIRECTORY, actor), actor, locks),
      environment,
      mutex: new MemoryMutex(locks.get(this.directory)!, actor),
      timeKey: (entry) => (JSON.parse(Buffer.from(entry).toString()) as { t: string }).t,
      blanks: { recordNamedBy: () => undefined, blankFor: () => undefined },
      nowMs: () => clock.wallMs,
    }
  }

  /** A seal, tidying or recovery is under way. */
  get isBusy(): boolean {
    return this.#task !== undefined
  }

  /** Something waits until it is let on. */
  get isWaiting(): boolean {
    return this.#working.isWaiting || this.writing.isWaiting
  }

  /** Nothing went wrong in the work that was begun last. */
  get wentUndisturbed(): boolean {
    return !this.#working.disturbed
  }

  /** Begins some work, and gives back how it ended when it ends without waiting for anybody. */
  async work(faults: readonly Fault[], task: (context: SealContext) => Promise<unknown>): Promise<Outcome> {
    this.#working.plan(faults)
    const outcome: Outcome = {}
    this.#task = outcome
    task(this.#context).then(
      (value) => this.#end(outcome, { value }),
      (error: unknown) => this.#end(outcome, { error }),
    )
    await quiet()
    return outcome
  }

  #end(outcome: Outcome, how: Outcome): void {
    if (this.isDead) return
    Object.assign(outcome, how)
    this.#task = undefined
  }

  /** Lets what waits go on. */
  async resume(faults: readonly Fault[]): Promise<void> {
    this.#working.resume(faults)
    this.writing.resume([])
    await quiet()
  }
}
