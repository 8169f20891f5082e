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
