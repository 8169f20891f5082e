import * as fc from "fast-check"
import { test, vi } from "vitest"
import type { Fault, FaultKind } from "./actor.ts"
import { backUp, cutPower, damage, kill, restore, sleep, stepClock } from "./disasters.ts"
import { finish } from "./finale.ts"
import { Recover, Resume, Seal, SealCopy, Tidy } from "./sealing.ts"
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
const fault: fc.Arbitrary<Fault> = fc.record({ at: fc.integer({ min: 1, max: 60 }), kind, salt })
const early: fc.Arbitrary<Fault> = fc.record({ at: fc.integer({ min: 1, max: 6 }), kind, salt })
const seldom = (one: fc.Arbitrary<Fault>): fc.Arbitrary<Fault[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Fault[]>([]) },
    { weight: 2, arbitrary: fc.array(one, { minLength: 1, maxLength: 2 }) },
  )
const count = fc.constantFrom(1, 1, 1, 2, 3, 7, 40, 255, 256, 300)

const commands = [
  fc.tuple(slot, count, fc.boolean(), seldom(early)).map((given) => new Record(...given)),
  fc.tuple(slot, count, fc.boolean(), seldom(early)).map((given) => new Record(...given)),
  fc.tuple(slot, fc.boolean(), seldom(early)).map((given) => new Durable(...given)),
  slot.map((given) => new Leave(given)),
  fc
    .tuple(slot, fc.constantFrom("all" as const, "aligned" as const, "flush" as const), seldom(fault))
    .map((given) => new Seal(...given)),
  fc
    .tuple(slot, fc.constantFrom("all" as const, "aligned" as const, "flush" as const), seldom(fault))
    .map((given) => new Seal(...given)),
  fc.tuple(slot, seldom(fault)).map((given) => new Tidy(...given)),
  fc.tuple(slot, seldom(fault)).map((given) => new Recover(...given)),
  fc.tuple(fc.nat(COPY_SLOT), seldom(fault)).map((given) => new Resume(...given)),
  fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2 }), seldom(fault)).map((given) => new SealCopy(...given)),
  fc.nat(COPY_SLOT).map(kill),
  salt.map(cutPower),
  fc.constantFrom(3, 1_500, 70_000, HOUR_MS).map(sleep),
  fc.constantFrom(HOUR_MS, -HOUR_MS).map(stepClock),
  fc.constant(null).map(backUp),
  fc.constant(null).map(restore),
  fc.constantFrom("cut short" as const, "overwritten" as const, "removed" as const).map(damage),
]

test("whatever goes wrong, the ledger keeps its promises", { timeout: 3_600_000 }, async () => {
  const runs = fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: "max" }), async (sequence) => {
    const world = new World()
    await fc.asyncModelRun(() => ({ model: world, real: world }), sequence)
    await finish(world)
  })
  await fc.assert(runs, SEED === undefined ? { numRuns: RUNS } : { numRuns: RUNS, seed: Number(SEED) })
})
