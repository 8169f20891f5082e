/**
 * How every run ends: what is held up goes on, what is wrong is recovered, everything is sealed and tidied.
 * @module
 */
import { TREE_FILE } from "../../../src/store/index.ts"
import { clock } from "./clock.ts"
import { expectedOfSeal } from "./expectation.ts"
import { checkAll } from "./invariants.ts"
import { Objection } from "./published-log.ts"
import { Recover, Seal } from "./sealing.ts"
import { jsonOf } from "./sight.ts"
import { COPY_SLOT, LOG, SLOTS, type World } from "./world.ts"

const HOUR_MS = 60 * 60 * 1_000 + 1

/** Brings the log in order without faults, and checks that it is. */
export async function finish(world: World): Promise<void> {
  for (let slot = 0; slot <= COPY_SLOT; slot++) await world.process(slot).resume([])
  // Whoever waits for somebody else to sign does so for some seconds.
  await world.sleep(10_000)
  checkAll(world)
  // A successor may have holes to explain; nothing needs more recoveries than these.
  for (let time = 0; time < 4 && (expectedOfSeal(world) !== "sealed" || (await hasGap(world))); time++) {
    await new Recover(0, []).run(world, world)
  }
  if (await hasGap(world)) throw new Objection("recovering does not mend the log")
  await tidyUp(world)
}

async function hasGap(world: World): Promise<boolean> {
  const seal = new Seal(0, "all", [])
  await seal.run(world, world)
  return (seal.sealed?.gaps.length ?? 0) > 0
}

/** Hours later nothing is left but the log. */
async function tidyUp(world: World): Promise<void> {
  clock.catchUp()
  for (let slot = 0; slot < SLOTS; slot++) {
    world.process(slot).writer.retireIdle()
    await new Seal(slot, "all", []).run(world, world)
  }
  // What a process of its own left behind a failure it keeps as long as it lives.
  world.kill(0)
  // Marked, removed, and its row dropped, an hour each; parts are removed when their journal is gone.
  for (let hour = 0; hour < 6; hour++) {
    await world.sleep(HOUR_MS)
    await new Seal(0, "all", []).run(world, world)
  }
  const size = checkAll(world).current?.tree.size ?? 0
  const left = world.disk.pathsBelow(LOG).filter((path) => isLeftOver(path, size, world.mayLeavePartials))
  if (left.length > 0) throw new Objection(`left over for ever: ${left.join(" ")}`)
  const { writers } = (jsonOf(world.disk.now.get(`${LOG}/${TREE_FILE}`)) ?? { writers: {} }) as { writers: object }
  const rows = Object.keys(writers).filter((id) => world.alive.every(({ writer }) => writer.id !== id))
  if (rows.length > 0) throw new Objection(`rows of writers that are gone are left in tree.json: ${rows.join(" ")}`)
}

function isLeftOver(path: string, size: number, mayLeavePartials: boolean): boolean {
  if (path.includes("/predecessor-")) return false
  const partial = /^log\/tile\/(\d|entries)\/(\d{3})\.p\/\d+$/.exec(path)
  // Whoever recovers or dies behind a seal leaves partial tiles of which nobody thinks again.
  if (partial !== null && mayLeavePartials) return false
  if (partial !== null) return Number(partial[2]) < Math.floor(size / 256 ** (1 + (Number(partial[1]) || 0)))
  return path.includes("/journal/") || path.includes("/parts/") || path.includes("/.state/.tmp-")
}
