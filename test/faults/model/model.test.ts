import * as fc from "fast-check"
import { test, vi } from "vitest"
import type { Fault, FaultKind } from "./actor.ts"
import { beginningOf } from "./beginning.ts"
import { backUp, cutPower, type Damage, damage, kill, restore, sleep, stepClock } from "./disasters.ts"
import { finish } from "./finale.ts"
import { type Manner, Recover, Resume, Seal, SealCopy, Tidy } from "./sealing.ts"
import { COPY_SLOT, SLOTS, World } from "./world.ts"
import { Durable, Leave, Record } from "./writing.ts"

// Before anything else loads a part of the ledger on the clocks of the system.
await vi.hoisted(() => import("./engine.ts"))

const RUNS = Number(process.env["SECUREML_TEST_MODEL_RUNS"] ?? 150)
const SEED = process.env["SECUREML_TEST_MODEL_SEED"]
const HOUR_MS = 60 * 60 * 1_000 + 1

const slot = fc.nat(SLOTS - 1)
const salt = fc.nat(1_000_000)
const kind = fc.constantFrom<FaultKind>("lost", "landed", "cut", "cutBehind", "pause", "power", "flip")
const at = (steps: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: steps })
/** Some faults, half of the time. */
const faults = (fault: fc.Arbitrary<Fault>): fc.Arbitrary<Fault[]> =>
  fc.oneof(fc.constant<Fault[]>([]), fc.array(fault, { minLength: 1, maxLength: 2 }))
/** Of the first steps. */
const few = faults(fc.record({ at: at(6), kind, salt }))
/** Of any of the steps, or of those on the files that everything depends on. */
const crucial = fc.constantFrom(
  "tree.json",
  "checkpoint",
  "signed",
  "recovery.json",
  "log.json",
  "predecessor",
  "journal",
)
const many = faults(fc.oneof(fc.record({ at: at(60), kind, salt }), fc.record({ at: at(8), on: crucial, kind, salt })))
/** Long ones make a seal of several batches. */
const amount = fc.oneof(
  {
    weight: 15,
    arbitrary: fc.record({ count: fc.constantFrom(1, 1, 1, 2, 3, 7, 40, 255, 256, 300), text: fc.constant("") }),
  },
  { weight: 1, arbitrary: fc.constant({ count: 40, text: "x".repeat(60_000) }) },
)
const manner = fc.constantFrom<Manner>("all", "aligned", "flush")
const damaged = fc.constantFrom<Damage>("cut short", "overwritten", "removed")

type Commands = fc.Arbitrary<fc.AsyncCommand<World, World>>
const often = (weight: number, one: Commands): Commands[] => Array<Commands>(weight).fill(one)

/** Entries that are sealed when a run begins: the next ones fill a tile of the lowest level, or of two. */
const beginning = fc.oneof(
  { weight: 25, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.constantFrom(250, 510) },
  { weight: 1, arbitrary: fc.constant(65_500) },
)

const commands: Commands[] = [
  ...often(
    6,
    fc.tuple(slot, amount, fc.boolean(), few).map((given) => new Record(...given)),
  ),
  ...often(
    3,
    fc.tuple(slot, fc.boolean(), few).map((given) => new Durable(...given)),
  ),
  ...often(
    2,
    slot.map((given) => new Leave(given)),
  ),
  ...often(
    7,
    fc.tuple(slot, manner, many).map((given) => new Seal(...given)),
  ),
  ...often(
    2,
    fc.tuple(slot, many).map((given) => new Tidy(...given)),
  ),
  ...often(
    2,
    fc.tuple(slot, many).map((given) => new Recover(...given)),
  ),
  ...often(
    2,
    fc.tuple(fc.nat(COPY_SLOT), many).map((given) => new Resume(...given)),
  ),
  ...often(
    1,
    fc.tuple(fc.boolean(), fc.nat(2), many).map((given) => new SealCopy(...given)),
  ),
  ...often(1, fc.nat(COPY_SLOT).map(kill)),
  ...often(2, salt.map(cutPower)),
  ...often(2, fc.constantFrom(3, 1_500, 70_000, HOUR_MS).map(sleep)),
  ...often(1, fc.constantFrom(HOUR_MS, -HOUR_MS).map(stepClock)),
  ...often(1, fc.constant(null).map(backUp)),
  ...often(1, fc.constant(null).map(restore)),
  ...often(1, damaged.map(damage)),
]

const PART_RUNS = 250

test("whatever goes wrong, the ledger keeps its promises", { timeout: 3_600_000 }, async () => {
  const sequences = fc.commands(commands, { maxCommands: 40, size: "max" })
  const runs = fc.asyncProperty(beginning, sequences, async (size, sequence) => {
    const world = new World(await beginningOf(size))
    await fc.asyncModelRun(() => ({ model: world, real: world }), sequence)
    await finish(world)
  })
  // A part at a time: what its runs leave in memory goes with it, and a seed that failed is soon there again.
  for (let left = RUNS; left > 0; left -= PART_RUNS) {
    await fc.assert(runs, {
      numRuns: Math.min(left, PART_RUNS),
      endOnFailure: process.env["SECUREML_TEST_MODEL_NO_SHRINK"] === "1",
      ...(SEED !== undefined && { seed: Number(SEED) }),
    })
  }
})
