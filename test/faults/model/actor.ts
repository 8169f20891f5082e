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
  /** Number of the step, from 1. */
  readonly at: number
  readonly kind: FaultKind
  /** Decides what the kind leaves open. */
  readonly salt: number
}

/** How an operation does its work, and what is left of it when it fails. */
export interface Operation<T> {
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
  #plan: readonly Fault[] = []
  #steps = 0
  /** Operations that wait to be let on. */
  #waiting: (() => void)[] = []
  /** Something went wrong since the plan was made. */
  disturbed = false

  constructor(fate: Fate) {
    this.#fate = fate
  }

  plan(faults: readonly Fault[]): void {
    this.#plan = faults
    this.#steps = 0
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
    this.#plan = faults
    this.#steps = 0
    for (const go of this.#waiting.splice(0)) go()
  }

  /** An operation that its caller waits for. */
  async step<T>(operation: Operation<T>): Promise<T> {
    if (this.#fate.isDead) return never
    const fault = this.#next()
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
    const result = this.#perform(operation, this.#next())
    if (this.#fate.isDead) throw new Cut()
    return result as T
  }

  #next(): Fault | undefined {
    this.#steps += 1
    const fault = this.#plan.find(({ at }) => at === this.#steps)
    if (fault !== undefined) this.disturbed = true
    return fault
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
