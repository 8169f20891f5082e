/**
 * Commands from outside: processes die, the power fails, time goes by, clocks step, operators restore, files rot.
 * @module
 */
import type { AsyncCommand } from "fast-check"
import { RECOVERY_FILE, TREE_FILE } from "../../../src/store/index.ts"
import { clock } from "./clock.ts"
import { checkAll } from "./invariants.ts"
import { LOG, type World } from "./world.ts"

type Command = AsyncCommand<World, World>
const always = (): boolean => true

/** A command that needs nothing but the world. */
function command(name: string, check: (world: Readonly<World>) => boolean, act: (world: World) => unknown): Command {
  return {
    check,
    run: async (_, world) => {
      await act(world)
      checkAll(world)
    },
    toString: () => name,
  }
}

export const kill = (slot: number): Command => command(`p${slot} is killed`, always, (world) => world.kill(slot))

export const cutPower = (salt: number): Command =>
  command(`the power fails (${salt})`, always, (world) => world.cutPower(salt))

export const sleep = (ms: number): Command => command(`${ms / 1_000} seconds go by`, always, (world) => world.sleep(ms))

/** Nobody sets the clock twice in a second: an owner that slept for one looks whether its file has a name. */
export const stepClock = (ms: number): Command =>
  command(`the wall clock steps by ${ms / 1_000} seconds`, always, async (world) => {
    await world.sleep(1_500)
    clock.step(ms)
  })

export const backUp = (): Command =>
  command("somebody copies the log directory", always, (world) => {
    world.backup = world.disk.copyOf(LOG)
  })

export const restore = (): Command =>
  command(
    "somebody restores the log directory",
    ({ backup }) => backup !== undefined,
    (world) => world.restoreBackup(),
  )

/** How `tree.json` is damaged. */
export type Damage = "cut short" | "overwritten" | "removed"

export const damage = (how: Damage): Command =>
  command(
    `tree.json is ${how}`,
    // One thing at a time: damage in the middle of a recovery is more than recover mends.
    ({ disk, isLocked }) =>
      !isLocked && disk.find(`${LOG}/${TREE_FILE}`) !== undefined && disk.find(`${LOG}/${RECOVERY_FILE}`) === undefined,
    ({ disk }) => {
      const inode = disk.require(`${LOG}/${TREE_FILE}`)
      if (how === "removed") disk.unlink(`${LOG}/${TREE_FILE}`)
      else inode.truncate(how === "overwritten" ? 0 : Math.floor(inode.size / 2))
      if (how === "overwritten") inode.append(Buffer.alloc(100, "x"))
      inode.sync()
      disk.syncDirectory(`${LOG}/.state`)
    },
  )
