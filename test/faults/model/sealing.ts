/**
 * Commands of processes that seal, tidy and recover, and of one that goes on after it was held up.
 * @module
 */
import type { AsyncCommand } from "fast-check"
import { AuditError } from "../../../src/errors.ts"
import type { Fault } from "./actor.ts"
import { readTreeState, type Sealed, seal } from "./engine.ts"
import { expectedOfRecovery, expectedOfSeal } from "./expectation.ts"
import { checkAll, sealedIn } from "./invariants.ts"
import { entryText, flush, keepHouse, LOCKED, recover, sealAndTidy } from "./ledger-work.ts"
import type { Outcome } from "./process.ts"
import { endOfTile, Objection } from "./published-log.ts"
import type { Sight } from "./sight.ts"
import { COPY_SLOT, LOG, type World } from "./world.ts"
import { show } from "./writing.ts"

type Command = AsyncCommand<World, World>

/** How to seal: with what follows in the background, up to a multiple of 256, or as a caller who waits asks for it. */
export type Manner = "all" | "aligned" | "flush"

/** One process at work, unless it is busy, with some faults on the way. */
abstract class Work implements Command {
  readonly slot: number
  readonly faults: readonly Fault[]

  constructor(slot: number, faults: readonly Fault[]) {
    this.slot = slot
    this.faults = faults
  }

  check(world: Readonly<World>): boolean {
    return !world.process(this.slot).isBusy
  }

  abstract run(_: World, world: World): Promise<void>
}

export class Seal extends Work {
  readonly manner: Manner
  /** What came of it. */
  sealed: Sealed | undefined

  constructor(slot: number, manner: Manner, faults: readonly Fault[]) {
    super(slot, faults)
    this.manner = manner
  }

  override async run(_: World, world: World): Promise<void> {
    const process = world.process(this.slot)
    const expected = expectedOfSeal(world)
    const { isSigning } = world
    const notes = world.history.notes.length
    const outcome = await process.work(this.faults, (context) =>
      this.manner === "flush"
        ? flush(context, process.writer)
        : sealAndTidy(context, process.writer, this.manner === "aligned"),
    )
    if (cameTo(outcome, "sealed") === "sealed") this.sealed = outcome.value as Sealed
    const sight = checkAll(world)
    if (expected !== "sealed" && world.history.notes.length > notes) {
      throw new Objection(`something was signed although a seal must come to ${expected}`)
    }
    world.mayLeavePartials ||= !process.wentUndisturbed
    if (process.wentUndisturbed && !process.isDead && !isSigning) judge(world, sight, this.manner, expected, outcome)
  }

  override toString(): string {
    return `p${this.slot} seals (${this.manner})${show(this.faults)}`
  }
}

/** A seal that nothing disturbs comes to what it must. */
function judge(world: World, sight: Sight, manner: Manner, expected: string, outcome: Outcome): void {
  const came = cameTo(outcome, "sealed")
  if (came !== expected)
    throw new Objection(`a seal came to ${came}, not to ${expected}: ${String((outcome.error as Error)?.message)}`)
  if (came !== "sealed") return
  checkSealed(world, sight, outcome.value as Sealed, manner)
  checkBeginnings(world, outcome.value as Sealed)
}

function cameTo({ value, error }: Outcome, success: string): string {
  if (error !== undefined) return error instanceof AuditError ? error.code : String((error as Error).stack)
  if (value === undefined) return "nothing: it waits"
  return value === LOCKED ? LOCKED : success
}

/** What a dead sealer left beyond the tree gets its own bytes once a seal has let the tree grow past it. */
function checkBeginnings({ disk }: World, { tree, oldSize }: Sealed): void {
  if (tree.size === oldSize) return
  const view = disk.now
  for (const [path, { bytes }] of view) {
    const [, full, level] = /^(log\/tile\/(\d+|entries)\/[x\d/]+)\.p\/\d+$/.exec(path) ?? []
    const end = endOfTile(path)
    // What this seal grew past; of before it only what the tiles at the edge are compared with.
    if (full === undefined || !path.startsWith(`${LOG}/`) || end <= oldSize || end > tree.size) continue
    const span = level === "entries" ? 1 : 256 ** Number(level)
    const isFull = endOfTile(full) <= tree.size
    const whole = view.get(isFull ? full : `${full}.p/${Math.floor(tree.size / span) % 256}`)
    if (whole === undefined || !whole.bytes.subarray(0, bytes.length).equals(bytes)) {
      throw new Objection(`${path} is not the beginning of what is published in its place`)
    }
  }
}

/** All that is recorded is in the tree, but for what waits behind a hole which no recorded event could fill. */
function checkSealed(world: World, sight: Sight, sealed: Sealed, manner: Manner): void {
  for (const { writerId, expected } of sealed.gaps) {
    const event = world.events.at(writerId, expected)
    if (event?.status === "recorded") throw new Objection(`${event.id} is recorded, but missing for the seal`)
  }
  if (manner === "aligned" && sight.current !== undefined && sight.current.tree.size % 256 === 0) return
  const behindGap = new Set(sealed.gaps.map(({ writerId }) => writerId))
  const inTree = sealedIn(sight)
  for (const { id, status, writerId } of world.events.all) {
    if (status === "recorded" && !inTree.has(id) && !behindGap.has(writerId)) {
      throw new Objection(`${id} is recorded, but not sealed`)
    }
  }
}

/** Housekeeping alone. */
export class Tidy extends Work {
  override async run(_: World, world: World): Promise<void> {
    const process = world.process(this.slot)
    await process.work(this.faults, async (context) => {
      const { size } = await readTreeState(context.root)
      return keepHouse(context, process.writer, size)
    })
    checkAll(world)
  }

  override toString(): string {
    return `p${this.slot} tidies${show(this.faults)}`
  }
}

export class Recover extends Work {
  override async run(_: World, world: World): Promise<void> {
    const process = world.process(this.slot)
    const expected = expectedOfRecovery(world)
    const { isSigning } = world
    const outcome = await process.work(this.faults, (context) => recover(context, world.nextRecovery()))
    world.mayLeavePartials = true
    checkAll(world)
    const came = cameTo(outcome, String(outcome.value))
    if (process.wentUndisturbed && !process.isDead && !isSigning && !expected.includes(came)) {
      throw new Objection(`a recovery came to ${came}, not to ${expected.join(" or ")}`)
    }
  }

  override toString(): string {
    return `p${this.slot} recovers${show(this.faults)}`
  }
}

/** Somebody goes on with a copy of the log directory, as the same user: another log that would have the same origin. */
export class SealCopy implements Command {
  readonly isFresh: boolean
  readonly count: number
  readonly faults: readonly Fault[]

  constructor(isFresh: boolean, count: number, faults: readonly Fault[]) {
    this.isFresh = isFresh
    this.count = count
    this.faults = faults
  }

  check(world: Readonly<World>): boolean {
    return this.isFresh || !world.process(COPY_SLOT).isBusy
  }

  async run(_: World, world: World): Promise<void> {
    if (this.isFresh) world.fork()
    const process = world.process(COPY_SLOT)
    for (let n = 0; n < this.count; n++) process.writer.append((mark) => entryText(`c${n}`, mark))
    await process.work(this.faults, (context) => seal(context, { align: false }))
    checkAll(world)
  }

  toString(): string {
    return `${this.isFresh ? "a new" : "the"} copy of the log records ${this.count} and is sealed${show(this.faults)}`
  }
}

/** What was held up goes on. */
export class Resume extends Work {
  override check(world: Readonly<World>): boolean {
    return world.process(this.slot).isWaiting
  }

  override async run(_: World, world: World): Promise<void> {
    await world.process(this.slot).resume(this.faults)
    checkAll(world)
  }

  override toString(): string {
    return `p${this.slot} goes on${show(this.faults)}`
  }
}
