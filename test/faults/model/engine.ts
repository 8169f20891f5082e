/**
 * The ledger under test, on the clocks of the model. It takes its timers and its monotonic clock when it is loaded, so
 * they are in place while it is, and only then.
 * @module
 */
import { clock } from "./clock.ts"

const { setTimeout: systemTimer } = globalThis
globalThis.setTimeout = ((run: () => void, delayMs: number) => clock.setTimeout(run, delayMs)) as typeof setTimeout
performance.now = () => clock.monotonicMs
const [writer, sealing, parts, tidying, recovery, treeState, receipts] = await Promise.all([
  import("../../../src/ledger/writer.ts"),
  import("../../../src/ledger/seal.ts"),
  import("../../../src/ledger/parts.ts"),
  import("../../../src/ledger/tidy.ts"),
  import("../../../src/ledger/recover.ts"),
  import("../../../src/ledger/tree-state.ts"),
  import("../../../src/ledger/receipt.ts"),
])
globalThis.setTimeout = systemTimer
Reflect.deleteProperty(performance, "now")

export type { SealContext } from "../../../src/ledger/context.ts"
export type { Recovery } from "../../../src/ledger/recover.ts"
export type { Sealed } from "../../../src/ledger/seal.ts"
export type { Writer, WriterMark } from "../../../src/ledger/writer.ts"
export const { Writer: LedgerWriter } = writer
export const { locked, seal } = sealing
export const { formatPart } = parts
export const { tidy } = tidying
export const { recoverLocked } = recovery
export const { readTreeState } = treeState
export const { nextInTree } = receipts
