/**
 * What erasures had to leave, as later acts have to respect it: what one of them said counts, whatever policy is given
 * then. Reads only.
 * @module
 */
import type { Erasure } from "../ledger/index.ts"
import { PersonalReader } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"
import type { Binding } from "./binding.ts"
import type { HoldTest } from "./holds.ts"
import type { RetentionPolicy } from "./policy.ts"

/** Whether a policy says nothing of some classes. */
export function isOpen(policy: RetentionPolicy, classes: readonly string[]): boolean {
  return !classes.every((id) => policy.classes.some((one) => one.id === id))
}

/** What binds the values of events because an erasure has said so, by event. */
export function floorsOf(
  erasures: readonly Erasure[],
  policy: RetentionPolicy,
  nowMs: number,
): ReadonlyMap<string, Binding> {
  const floors = new Map<string, Binding>()
  for (const { kept } of erasures) {
    for (const { until, classes, sources, events } of kept) {
      const isRunning = until !== null && Date.parse(until) >= nowMs
      const open = isOpen(policy, classes) ? classes : []
      if (!isRunning && open.length === 0) continue
      const floor = { until: isRunning ? until : null, holds: [], classes: open, sources }
      for (const event of events) floors.set(event, floor)
    }
  }
  return floors
}

/** The same as a hold: what had to stay is neither pruned nor deleted because it is old. */
export async function keptTests(root: RootDirectory, policy: RetentionPolicy, nowMs: number): Promise<HoldTest[]> {
  const reader = await PersonalReader.open(root, process.env)
  const floors = floorsOf(reader.erasures, policy, nowMs)
  reader.close()
  const source = "kept when its person was erased"
  return floors.size === 0 ? [] : [{ id: "kept", source, test: ({ event_id }) => floors.has(event_id) }]
}
