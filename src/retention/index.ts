/**
 * Retention: what leaves the log, when, and on whose word. Floor 4.
 * @module
 */

export { CORRECTION_REASONS, type CorrectionReport, type CorrectOptions, correctEvent } from "./correct.ts"
export {
  ERASURE_REASONS,
  type EraseOptions,
  type ErasureReason,
  eraseSubject,
  resumeErasures,
} from "./erase.ts"
export type { ErasedCounts, ErasureReport, KeptValues, ResumeReport } from "./eraser.ts"
export { addHold, type Hold, type HoldScope, listHolds, releaseHold } from "./holds.ts"
export type { ClassDecision, Keeper, PrunePlan } from "./plan.ts"
export { type LegalSource, loadPolicy, type RetentionClass, type RetentionPolicy } from "./policy.ts"
export { type PruneOptions, type PruneReport, pruneLog } from "./prune.ts"
export { type RedactOptions, type RedactReport, redactEntry } from "./redact.ts"
export {
  LIFT_REASONS,
  type LiftOptions,
  liftRestriction,
  RESTRICTION_GROUNDS,
  type RestrictionReport,
  type RestrictOptions,
  restrictSubject,
} from "./restrict.ts"
