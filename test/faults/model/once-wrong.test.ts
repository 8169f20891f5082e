/**
 * Runs of the model that once went wrong, each by its commands: they stay, whatever the random ones find.
 */
import type { AsyncCommand } from "fast-check"
import { expect, test, vi } from "vitest"
import type { Fault, FaultKind } from "./actor.ts"
import { beginningOf } from "./beginning.ts"
import { backUp, cutPower, kill, restore, sleep } from "./disasters.ts"
import { finish } from "./finale.ts"
import { Recover, Seal, SealCopy, Tidy } from "./sealing.ts"
import { World } from "./world.ts"
import { Durable, Record } from "./writing.ts"

// Before anything else loads a part of the ledger on the clocks of the system.
await vi.hoisted(() => import("./engine.ts"))

type Commands = readonly AsyncCommand<World, World>[]

/** The `at`-th step, of those on a path with `on` in it. */
const fault = (kind: FaultKind, at: number, on?: string, salt = 0): Fault => ({
  kind,
  at,
  salt,
  ...(on === undefined ? {} : { on }),
})
const one = { count: 1, text: "" }
const long = { count: 40, text: "x".repeat(60_000) }
const seal = (slot: number, ...faults: Fault[]): Seal => new Seal(slot, "all", faults)

const RUNS: readonly (readonly [string, Commands])[] = [
  [
    "a large value is not moved into a store that a recovery is about to set aside",
    [
      new Record(2, long, true, []),
      seal(2),
      new SealCopy(true, 1, []),
      new Record(0, one, true, [fault("pause", 1)]),
      new Recover(0, [fault("lost", 6, "recovery.json")]),
      new Tidy(0, []),
    ],
  ],
  [
    "what a failed sync took is told, also where the rest cannot be written again",
    [
      new Record(2, { count: 255, text: "" }, false, [fault("lost", 3)]),
      new Durable(2, false, [fault("lost", 4), fault("lost", 3)]),
    ],
  ],
  [
    "a backup from the middle of a recovery can be recovered after that recovery has ended",
    [
      seal(0),
      new SealCopy(false, 1, []),
      new Recover(0, [fault("lost", 1, "journal")]),
      backUp(),
      new Recover(0, []),
      restore(),
      kill(0),
    ],
  ],
  [
    "a log that was signed with fewer entries elsewhere is rolled back, not corrupt",
    [
      seal(0, fault("lost", 2, "tree.json")),
      new Record(0, long, false, [fault("lost", 1)]),
      cutPower(578_462),
      seal(0, fault("lost", 41)),
      new SealCopy(false, 1, []),
      seal(0, fault("lost", 9)),
    ],
  ],
  [
    "nothing is tidied because of a checkpoint that would not survive power loss",
    [
      new Record(0, one, false, []),
      new Durable(0, false, [fault("lost", 1, undefined, 67_017)]),
      seal(0, fault("lost", 1, "signed")),
      seal(0, fault("lost", 5, "checkpoint")),
      sleep(3),
    ],
  ],
]

test.each(RUNS)("%s", async (_, commands) => {
  const world = new World(await beginningOf(0))
  let ran = 0
  for (const command of commands) {
    if (!command.check(world)) continue
    await command.run(world, world)
    ran += 1
  }
  expect(ran).toBe(commands.length)
  await finish(world)
})
