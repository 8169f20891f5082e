/**
 * What the model knows of each event that a caller wanted to record.
 * @module
 */
import type { Process } from "./process.ts"

/**
 * recorded: the call returned, so it must be there. refused: the call said that it was not recorded, so it must not be
 * there. unsure: the call did not return, or said that it may be found. lost: something happened that may take it.
 */
export type Status = "recorded" | "refused" | "unsure" | "lost"

export interface Event {
  readonly id: string
  readonly writerId: string
  readonly seq: number
  readonly hasPart: boolean
  status: Status
  /** It survives power loss: the caller was told so, or the power has failed since. */
  durable: boolean
  /** Its writer's mark behind it, as its receipt keeps it. */
  readonly mark: number
  /** Who recorded it. */
  readonly process: Process
}

/** What may have taken events since somebody last looked: a power failure those not durable, a restore any. */
export type Disaster = "power" | "restore"

/** All events of a run. */
export class Events {
  readonly all: Event[] = []
  readonly #byId = new Map<string, Event>()

  add(event: Event): void {
    this.all.push(event)
    this.#byId.set(event.id, event)
  }

  find(id: string): Event | undefined {
    return this.#byId.get(id)
  }

  /** The event that has this number of this writer. */
  at(writerId: string, seq: number): Event | undefined {
    return this.all.find((event) => event.writerId === writerId && event.seq === seq && event.status !== "refused")
  }

  /** What is not there after a disaster is lost, and what is there has come to stay. */
  settle(disaster: Disaster, present: ReadonlySet<string>): void {
    for (const event of this.all) {
      if (present.has(event.id)) event.durable = true
      else if (event.status === "recorded" && (disaster === "restore" || !event.durable)) event.status = "lost"
    }
  }

  nextId(): string {
    return `e${this.all.length}`
  }
}
