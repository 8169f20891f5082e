/**
 * The named evaluators that catalogues may call: what no combination of predicates says.
 * @module
 */

/** Their names. */
export const EVALUATORS = [
  "clear_identifiers",
  "operations_closed",
  "every_state_notified",
  "request_metrics",
  "version_changes_recorded",
] as const

/** One of {@link EVALUATORS}. */
export type EvaluatorName = (typeof EVALUATORS)[number]
