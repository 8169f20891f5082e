import * as fc from "fast-check"
import { test, vi } from "vitest"
import type { Fault, FaultKind } from "./actor.ts"
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
/** Some faults at the first steps of a piece of work, half of the time. */
const faults = (steps: number): fc.Arbitrary<Fault[]> => {
  const fault = fc.record({ at: fc.integer({ min: 1, max: steps }), kind, salt })
  return fc.oneof(fc.constant<Fault[]>([]), fc.array(fault, { minLength: 1, maxLength: 2 }))
}
const few = faults(6)
const many = faults(70)
const count = fc.constantFrom(1, 1, 1, 2, 3, 7, 40, 255, 256, 300)
const manner = fc.constantFrom<Manner>("all", "aligned", "flush")
const damaged = fc.constantFrom<Damage>("cut short", "overwritten", "removed")

type Commands = fc.Arbitrary<fc.AsyncCommand<World, World>>
const often = (weight: number, one: Commands): Commands[] => Array<Commands>(weight).fill(one)

const commands: Commands[] = [
  ...often(
    6,
    fc.tuple(slot, count, fc.boolean(), few).map((given) => new Record(...given)),
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

test("whatever goes wrong, the ledger keeps its promises", { timeout: 3_600_000 }, async () => {
  const runs = fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: "max" }), async (sequence) => {
    const world = new World()
    await fc.asyncModelRun(() => ({ model: world, real: world }), sequence)
    await finish(world)
  })
  await fc.assert(runs, {
    numRuns: RUNS,
    endOnFailure: process.env["SECUREML_TEST_MODEL_NO_SHRINK"] === "1",
    ...(SEED !== undefined && { seed: Number(SEED) }),
  })
})
