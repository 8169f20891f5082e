/**
 * Commands of processes that record: entries, durability, and leaving a segment.
 * @module
 */
import type { AsyncCommand } from "fast-check"
import { AuditError } from "../../../src/errors.ts"
import type { Fault } from "./actor.ts"
import { quiet } from "./clock.ts"
import { formatPart, type WriterMark } from "./engine.ts"
import type { Event } from "./events.ts"
import { checkAll } from "./invariants.ts"
import { entryText } from "./ledger-work.ts"
import type { Process } from "./process.ts"
import type { World } from "./world.ts"

type Command = AsyncCommand<World, World>

export const show = (faults: readonly Fault[]): string =>
  faults.map(({ at, on = "", kind, salt }) => ` ${kind}@${on}${at}/${salt}`).join("")

/** How many entries, and what makes each of them long. */
export interface Amount {
  readonly count: number
  readonly text: string
}

/** A process records some entries, each with a value kept beside it or without. */
export class Record implements Command {
  readonly slot: number
  readonly amount: Amount
  readonly withPart: boolean
  readonly faults: readonly Fault[]

  constructor(slot: number, amount: Amount, withPart: boolean, faults: readonly Fault[]) {
    this.slot = slot
    this.amount = amount
    this.withPart = withPart
    this.faults = faults
  }

  check(): boolean {
    return true
  }

  async run(_: World, world: World): Promise<void> {
    const process = world.process(this.slot)
    process.writing.plan(this.faults)
    for (let n = 0; n < this.amount.count && !process.isDead; n++) {
      recordOne(world, process, { hasPart: this.withPart && n === 0, text: this.amount.text })
    }
    await quiet()
    checkAll(world)
  }

  toString(): string {
    const { count, text } = this.amount
    return `p${this.slot} records ${count}${text === "" ? "" : ` of ${text.length} bytes`}${this.withPart ? " with a part" : ""}${show(this.faults)}`
  }
}

function recordOne(world: World, process: Process, { hasPart, text }: { hasPart: boolean; text: string }): void {
  const id = world.events.nextId()
  const part = formatPart(id, [{ pointer: "/x", salt: Buffer.alloc(32).toString("base64"), json: "1" }], [])
  let mark: WriterMark | undefined
  const build = (given: WriterMark): string => {
    mark = given
    return entryText(id, given, { text })
  }
  const status = statusAfter(process, () =>
    process.writer.append(build, hasPart ? { text: part, hasLarge: true } : undefined),
  )
  const { id: writerId, seq } = mark!
  const event: Event = {
    id,
    writerId,
    seq,
    hasPart,
    status,
    durable: false,
    mark: process.writer.appendedBytes,
    process,
  }
  world.events.add(event)
}

function statusAfter(process: Process, append: () => void): Event["status"] {
  try {
    append()
    return "recorded"
  } catch (error) {
    if (process.isDead) return "unsure"
    if (!(error instanceof AuditError) || error.code !== "RECORD_FAILED") throw error
    return error.message.includes("may still be found") ? "unsure" : "refused"
  }
}

/** A process waits until all that it recorded is durable, as each receipt does; or syncs at once for its last event. */
export class Durable implements Command {
  readonly slot: number
  readonly atOnce: boolean
  readonly faults: readonly Fault[]

  constructor(slot: number, atOnce: boolean, faults: readonly Fault[]) {
    this.slot = slot
    this.atOnce = atOnce
    this.faults = faults
  }

  check(world: Readonly<World>): boolean {
    return world.pendingEvents(this.slot).length > 0
  }

  async run(_: World, world: World): Promise<void> {
    const process = world.process(this.slot)
    const events = world.pendingEvents(this.slot)
    process.writing.plan(this.faults)
    if (this.atOnce) this.#now(world, process, events.at(-1)!)
    else {
      for (const event of events) {
        process.writer.durable(event.mark).then(
          () => became(event, process),
          (error: unknown) => this.#notDurable(world, process, error),
        )
      }
    }
    await quiet()
    checkAll(world)
  }

  #now(world: World, process: Process, event: Event): void {
    try {
      process.writer.durableNow()
      became(event, process)
    } catch (error) {
      this.#notDurable(world, process, error)
    }
  }

  #notDurable(world: World, process: Process, error: unknown): void {
    if (process.isDead || (error instanceof AuditError && error.code === "NOT_DURABLE")) return
    world.history.objections.push(`durable() rejected with ${String(error)}`)
  }

  toString(): string {
    return `p${this.slot} ${this.atOnce ? "syncs at once" : "waits for durability"}${show(this.faults)}`
  }
}

function became(event: Event, process: Process): void {
  if (!process.isDead) event.durable = true
}

/** A process that has been quiet leaves its segment. */
export class Leave implements Command {
  readonly slot: number

  constructor(slot: number) {
    this.slot = slot
  }

  check(): boolean {
    return true
  }

  async run(_: World, world: World): Promise<void> {
    world.process(this.slot).writer.retireIdle()
    checkAll(world)
  }

  toString(): string {
    return `p${this.slot} leaves its segment`
  }
}
