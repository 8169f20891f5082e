/**
 * What a seal or a recovery that nothing disturbs must come to, read from the disk without the product's code.
 * @module
 */

import type { View } from "./disk.ts"
import { rememberedNote } from "./history.ts"
import { LOCKED } from "./ledger-work.ts"
import { Objection, readTree } from "./published-log.ts"
import { jsonOf } from "./sight.ts"
import type { Head } from "./signed-note.ts"
import { LOG, type World } from "./world.ts"

/** `sealed`, {@link LOCKED}, or the code of the error. */
export function expectedOfSeal(world: World): string {
  const view = world.disk.now
  if (world.isLocked) return LOCKED
  if (view.has(`${LOG}/.state/recovery.json`)) return "SEALING_UNAVAILABLE"
  const tree = treeStateIn(view)
  const identity = jsonOf(view.get(`${LOG}/.state/log.json`)) as { origin: string } | undefined
  const note = view.get(`${LOG}/checkpoint`)?.bytes.toString()
  if (tree === undefined) return "TREE_STATE_DAMAGED"
  if (identity === undefined && (note !== undefined || tree.size > 0)) return "IDENTITY_MALFORMED"
  const signed = rememberedNote(view, identity?.origin ?? "model.test/log")
  const isExtended = [signed, note].every((old) => old === undefined || extendsHead(view, tree.size, sizeAndRoot(old)))
  return isExtended ? "sealed" : "LOG_ROLLED_BACK"
}

/** Kinds of recovery that are right, or the codes of the errors. */
export function expectedOfRecovery(world: World): readonly string[] {
  const view = world.disk.now
  const sealing = expectedOfSeal(world)
  if (sealing === LOCKED) return [LOCKED]
  if (view.has(`${LOG}/.state/recovery.json`)) return ["successor"]
  const note = view.get(`${LOG}/checkpoint`)?.bytes.toString()
  const isStateGone = !view.has(`${LOG}/.state/tree.json`) && note !== undefined && sizeAndRoot(note).size > 0
  if (isStateGone || sealing === "TREE_STATE_DAMAGED") return [expectedOfRebuilding(view, note)]
  // A copy from before the first seal gets its identity back first; the next recovery then sees what is wrong.
  if (sealing === "LOG_ROLLED_BACK") return view.has(`${LOG}/.state/log.json`) ? ["successor"] : ["LOG_ROLLED_BACK"]
  return ["explained", "NOTHING_TO_RECOVER"]
}

/** A tree rebuilt from the head is rolled back when a later one was signed; the next recovery mends that. */
function expectedOfRebuilding(view: View, note: string | undefined): string {
  const { origin } = jsonOf(view.get(`${LOG}/.state/log.json`)) as { origin: string }
  const signed = rememberedNote(view, origin)
  const size = note === undefined ? 0 : sizeAndRoot(note).size
  const isLatest = signed === undefined || extendsHead(view, size, sizeAndRoot(signed))
  return isLatest ? "rebuilt" : "LOG_ROLLED_BACK"
}

/** Size of the tree that the log's own state tells of; undefined when that is damaged. */
export function treeStateIn(view: View): { readonly size: number } | undefined {
  const file = view.get(`${LOG}/.state/tree.json`)
  return file === undefined ? { size: 0 } : (jsonOf(file) as { size: number } | undefined)
}

function sizeAndRoot(note: string): Pick<Head, "size" | "root"> {
  const [, size, root] = note.split("\n")
  return { size: Number(size), root: root! }
}

function extendsHead(view: View, treeSize: number, { size, root }: Pick<Head, "size" | "root">): boolean {
  if (size > treeSize) return false
  try {
    return readTree(view, LOG, size).root === root
  } catch (error) {
    if (error instanceof Objection) return false
    throw error
  }
}
