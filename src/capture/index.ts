/**
 * The write side: trails, receipts, and the wrapper around functions.
 * @module
 */

export type { PersonalPath, PrivacyOptions } from "../privacy/index.ts"
export { type Act, recordAct } from "./acts.ts"
export { currentAuditTrail, errorArguments, openInCurrent, runIn, settle, withAuditTrail } from "./current.ts"
export { IMPORT_MARK, type ImportedEvent, type ImportMark, ImportRecorder, importedEventType } from "./imported.ts"
export { exportKeys, importKeys, type KeyCopyRequest, type KeyExport, type KeyImport } from "./key-copies.ts"
export {
  describeKey,
  finishRotation,
  type KeyDescription,
  type KeyReport,
  revokeKey,
  rotateKey,
  type SuccessionReport,
  succeedKey,
} from "./keys.ts"
export {
  initLog,
  type LogIdentity,
  type RecoveryReport,
  recoverLog,
  sealLog,
} from "./operate.ts"
export {
  type CallOptions,
  type CaptureMode,
  DEFAULT_LOG_DIR,
  DEFAULT_LOG_FORMAT,
  DEFAULT_LOG_LEVEL,
  type Durability,
  type FailedEvent,
  type TrailOptions,
  type WriteErrorPolicy,
} from "./options.ts"
export type { Receipt } from "./receipt.ts"
export { openLedger, Recorder } from "./recorder.ts"
export { escapeUnsafe } from "./text-log.ts"
export { AuditTrail, type DetailsOf } from "./trail.ts"
export { type AuditableFunction, type AuditDecorator, type AuditFunctionOptions, auditFunction } from "./wrap/index.ts"
