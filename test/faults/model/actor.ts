/**
 * Whoever works on the disk: a thread's writer, or the seal, tidying or recovery that it runs. Every operation is one
 * step, and at the steps that its plan names something goes wrong.
 * @module
 */

/**
 * What goes wrong: the operation fails and is lost; fails but has landed; the process dies before or behind it; it
 * waits until somebody lets it go on; the power fails; one bit of what it writes is turned.
 */
export type FaultKind = "lost" | "landed" | "cut" | "cutBehind" | "pause" | "power" | "flip"

export interface Fault {
  /** Number of the step, from 1; a bit is turned at the first one from then on that writes a tile. */
  readonly at: number
  /** Count only steps on paths with this in them. */
  readonly on?: string
  readonly kind: FaultKind
  /** Decides what the kind leaves open. */
  readonly salt: number
}

/** How an operation does its work, and what is left of it when it fails. */
export interface Operation<T> {
  /** File or directory that it is about. */
  readonly path: string
  readonly act: () => T
  /** Instead of doing nothing, or everything, when it fails. */
  readonly fail?: (kind: "lost" | "landed", salt: number) => void
  /** Turns one bit of what `act` wrote. */
  readonly flip?: (salt: number) => void
}

/** Thrown out of a synchronous operation at which the process died; nobody is left to see it. */
export class Cut extends Error {}

/** What an actor can bring about. */
export interface Fate {
  /** The process that the actor belongs to is gone. */
  readonly isDead: boolean
  die(): void
  cutPower(salt: number): void
}

const never = new Promise<never>(() => undefined)

/** A failure as the system reports it. */
export function systemFailure(): Error {
  return Object.assign(new Error("EIO: input/output error"), { code: "EIO" })
}

export class Actor {
  readonly #fate: Fate
  #plan: { readonly fault: Fault; steps: number; isDone: boolean }[] = []
  /** Operations that wait to be let on. */
  #waiting: (() => void)[] = []
  /** Something went wrong since the plan was made. */
  disturbed = false

  constructor(fate: Fate) {
    this.#fate = fate
  }

  plan(faults: readonly Fault[]): void {
    this.#plan = faults.map((fault) => ({ fault, steps: 0, isDone: false }))
    this.disturbed = false
  }

  /** Its process is gone. */
  get isGone(): boolean {
    return this.#fate.isDead
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Lets everything that waits go on, with other faults to come. */
  resume(faults: readonly Fault[]): void {
    this.plan(faults)
    this.disturbed = true
    for (const go of this.#waiting.splice(0)) go()
  }

  /** An operation that its caller waits for. */
  async step<T>(operation: Operation<T>): Promise<T> {
    if (this.#fate.isDead) return never
    const fault = this.#next(operation)
    if (fault?.kind === "pause") {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
      if (this.#fate.isDead) return never
      return operation.act()
    }
    const result = this.#perform(operation, fault)
    return this.#fate.isDead ? never : (result as T)
  }

  /** An operation that returns when it is done; it cannot be held up. */
  stepNow<T>(operation: Operation<T>): T {
    if (this.#fate.isDead) throw new Cut()
    const result = this.#perform(operation, this.#next(operation))
    if (this.#fate.isDead) throw new Cut()
    return result as T
  }

  /** The fault that is due. */
  #next({ path, flip }: Operation<unknown>): Fault | undefined {
    for (const row of this.#plan) if (row.fault.on === undefined || path.includes(row.fault.on)) row.steps += 1
    const due = this.#plan.find(({ fault: { at, kind }, steps, isDone }) =>
      kind === "flip" ? steps >= at && flip !== undefined && !isDone : steps === at && !isDone,
    )
    if (due === undefined) return undefined
    due.isDone = true
    this.disturbed = true
    return due.fault
  }

  #perform<T>({ act, fail, flip }: Operation<T>, fault: Fault | undefined): T | undefined {
    switch (fault?.kind) {
      case "lost":
      case "landed":
        if (fail !== undefined) fail(fault.kind, fault.salt)
        else if (fault.kind === "landed") act()
        throw systemFailure()
      case "cut":
        return this.#fate.die() as undefined
      case "cutBehind":
        act()
        return this.#fate.die() as undefined
      case "power":
        if (fault.salt % 2 === 1) act()
        return this.#fate.cutPower(fault.salt) as undefined
      case "flip": {
        const result = act()
        flip?.(fault.salt)
        return result
      }
      default:
        return act()
    }
  }
}
