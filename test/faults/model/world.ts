/**
 * One run of the model: the disk, the processes on it, and what is known of every event.
 * @module
 */
import { clock, quiet } from "./clock.ts"
import { type Copy, Disk } from "./disk.ts"
import { type Disaster, type Event, Events } from "./events.ts"
import { History } from "./history.ts"
import { Process, STATE_DIRECTORY, type Surroundings } from "./process.ts"
import { Lock } from "./signing-state.ts"

export const LOG = "log"
/** A copy of the log directory that somebody goes on with, in a slot of its own. */
export const COPY = "copy"
export const SLOTS = 3
export const COPY_SLOT: number = SLOTS

/** How a run begins. */
export interface Beginning {
  readonly files: Copy
  readonly state: Copy
}

export class World {
  readonly disk: Disk = new Disk(() => clock.wallMs)
  readonly events = new Events()
  readonly history: History
  /** Copies of the log directory that were made. */
  backup: Copy | undefined
  /** What may have taken events since the last look. */
  #disaster: Disaster | undefined
  readonly #locks = new Map<string, Lock>([LOG, COPY].map((directory) => [directory, new Lock()]))
  readonly #slots: (Process | undefined)[] = []
  /** Processes of the run that may still be alive. */
  readonly #all: Process[] = []
  /** A seal was not followed by its housekeeping, or a power failure undid it: that is not looked for again. */
  mayLeavePartials = false
  #recoveries = 0

  constructor(beginning?: Beginning) {
    clock.reset()
    this.history = new History(this.disk)
    if (beginning !== undefined) {
      this.disk.restore(LOG, beginning.files)
      this.disk.restore(STATE_DIRECTORY, beginning.state)
    }
  }

  get #surroundings(): Surroundings {
    return {
      disk: this.disk,
      locks: this.#locks,
      environment: { SECUREML_ORIGIN: "model.test/log" },
      onHead: (directory, bytes) => this.history.headBecameVisible(directory, bytes),
      cutPower: (salt) => this.cutPower(salt),
    }
  }

  /** The process of a slot; a new one when there is none, or it died. */
  process(slot: number): Process {
    const alive = this.#slots[slot]
    if (alive !== undefined && !alive.isDead) return alive
    const fresh = new Process(slot === COPY_SLOT ? COPY : LOG, this.#surroundings)
    this.#slots[slot] = fresh
    this.#all.push(fresh)
    return fresh
  }

  /** Processes that are alive. */
  get alive(): readonly Process[] {
    return this.#all.filter(({ isDead }) => !isDead)
  }

  /** Somebody holds the sealing lock. */
  get isLocked(): boolean {
    return this.#locks.get(LOG)!.isHeld()
  }

  /** Somebody signs for one of the logs at this moment. */
  get isSigning(): boolean {
    return [...this.#locks].some(([name, lock]) => name !== LOG && name !== COPY && lock.isHeld())
  }

  kill(slot: number): void {
    const process = this.#slots[slot]
    if (process !== undefined) process.isDead = true
  }

  killAll(): void {
    for (const process of this.#all) process.isDead = true
  }

  /** The power fails: every process dies, and the disk loses some of what was not synced. */
  cutPower(salt: number): void {
    this.killAll()
    this.disk.cutPower(salt)
    this.#disaster ??= "power"
    this.mayLeavePartials = true
  }

  /** Somebody copies the log directory, and whoever worked on an older copy is gone. */
  fork(): void {
    this.kill(COPY_SLOT)
    this.disk.restore(COPY, this.disk.copyOf(LOG))
  }

  /** An operator puts an older copy of the log directory in its place; what a user remembers stays. */
  restoreBackup(): void {
    this.killAll()
    this.disk.restore(LOG, this.backup!)
    this.#disaster = "restore"
  }

  /** After a look at what is there: events that a disaster may have taken are not expected any more. */
  settleLosses(present: ReadonlySet<string>): void {
    if (this.#disaster !== undefined) this.events.settle(this.#disaster, present)
    this.#disaster = undefined
    for (const event of this.events.all) {
      if (event.status !== "recorded" || event.durable || present.has(event.id)) continue
      if (this.disk.hasDropped(event.writerId)) event.status = "lost"
    }
  }

  /** Recorded events of a process that nobody has been told are durable. */
  pendingEvents(slot: number): readonly Event[] {
    const process = this.#slots[slot]
    if (process === undefined || process.isDead) return []
    return this.events.all.filter((event) => event.process === process && event.status === "recorded" && !event.durable)
  }

  /** An id for the entry that tells of a recovery. */
  nextRecovery(): string {
    this.#recoveries += 1
    return `r${this.#recoveries}`
  }

  /** Time goes by; the kernel writes back what is older than half a minute. */
  async sleep(ms: number): Promise<void> {
    if (ms > 30_000) this.disk.writeBack()
    await clock.sleep(ms)
    await quiet()
    if (ms > 30_000) this.disk.writeBack()
  }
}
