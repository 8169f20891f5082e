import * as fc from "fast-check"
import { test } from "vitest"
import { backUp, cutPower, damage, kill, restore, sleep, stepClock } from "./disasters.ts"
import { finish } from "./finale.ts"
import { Recover, Resume, Seal, SealCopy, Tidy } from "./sealing.ts"
import { World } from "./world.ts"
import { Durable, Leave, Record } from "./writing.ts"

void [
  backUp,
  cutPower,
  damage,
  kill,
  restore,
  sleep,
  stepClock,
  Recover,
  Resume,
  Seal,
  SealCopy,
  Tidy,
  Durable,
  Leave,
  Record,
  fc,
]
test("debug", async () => {
  const world = new World()
  const commands = [
    new Record(0, 1, false, [{ at: 1, kind: "pause", salt: 0 }]),
    new Recover(0, []),
    new SealCopy(true, 1, []),
    new Recover(0, []),
    new SealCopy(true, 0, []),
  ]
  for (const command of commands) {
    if (!command.check(world)) {
      console.log("skipped " + command)
      continue
    }
    console.log(String(command))
    await command.run(world, world)
    console.log(
      JSON.stringify(
        [...world.disk.now]
          .filter(([p]) => /log.*(tree.json|checkpoint|recovery.json)/.test(p))
          .map(([p, { bytes }]) => [p, bytes.toString()]),
        null,
        1,
      ),
    )
  }
  await finish(world)
})
