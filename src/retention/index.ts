/**
 * Retention: how long records are kept, and pruning what is over, so that what is left still verifies. Records what it
 * does in the log, like any caller.
 * @module
 */
export { addHold, type Hold, type HoldScope, listHolds, releaseHold } from "./holds.ts"
export type { ClassDecision, Keeper, PrunePlan } from "./plan.ts"
export { type LegalSource, loadPolicy, type RetentionClass, type RetentionPolicy } from "./policy.ts"
export { type PruneOptions, type PruneReport, pruneLog } from "./prune.ts"
