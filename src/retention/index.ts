/**
 * Retention: what leaves the log, when, and on whose word. Floor 4.
 * @module
 */
export {
  ERASURE_REASONS,
  type EraseOptions,
  type ErasureReason,
  type ErasureReport,
  eraseSubject,
  resumeErasures,
} from "./erase.ts"
export { addHold, type Hold, type HoldScope, listHolds, releaseHold } from "./holds.ts"
export type { ClassDecision, Keeper, PrunePlan } from "./plan.ts"
export { type LegalSource, loadPolicy, type RetentionClass, type RetentionPolicy } from "./policy.ts"
export { type PruneOptions, type PruneReport, pruneLog } from "./prune.ts"
export { type RedactOptions, type RedactReport, redactEntry } from "./redact.ts"
