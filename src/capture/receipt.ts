/**
 * Receipts: what a log call returns, and the way from "recorded" to "durable" and "sealed".
 * @module
 */
import type { Omission } from "../event/index.ts"
import type { SealedReceipt } from "../ledger/index.ts"

/** What a log call returns. */
export interface Receipt {
  /** UUIDv7. */
  readonly eventId: string
  readonly eventType: string
  /** ISO 8601, UTC. */
  readonly timestamp: string
  /** Place within the operation, from 0. */
  readonly sequence: number
  /** Values that were too large and were cut to a marker. */
  readonly omitted?: readonly Omission[]
  /** Resolves when the event survives power loss. One sync serves everyone waiting. */
  durable(): Promise<void>
  /** Resolves with the proof that the event is in the log, once a signed checkpoint covers it. */
  sealed(): Promise<SealedReceipt>
}
