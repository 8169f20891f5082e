/**
 * The public surface: `secureml` and `secureml/audit`.
 * @module
 */
export {
  type AuditableFunction,
  type AuditDecorator,
  type AuditFunctionOptions,
  AuditTrail,
  auditFunction,
  type CallOptions,
  type CaptureMode,
  currentAuditTrail,
  DEFAULT_LOG_DIR,
  DEFAULT_LOG_FORMAT,
  DEFAULT_LOG_LEVEL,
  type DetailsOf,
  type Durability,
  type FailedEvent,
  type Receipt,
  type TrailOptions,
  type WriteErrorPolicy,
  withAuditTrail,
} from "./capture/index.ts"
export { AuditError, type AuditErrorCode } from "./errors.ts"
export {
  type Actor,
  type AuditEntry,
  type AuditEventMap,
  type AuditRecord,
  type EventRecord,
  isEvent,
  type JsonObject,
  type JsonValue,
  type Omission,
} from "./event/index.ts"
export type {
  ErrorNote,
  LedgerMetrics as AuditMetrics,
  RecordNote,
  SealedReceipt,
  SealNote,
} from "./ledger/index.ts"
export type { Checkpoint } from "./proof/index.ts"
export {
  type AuditFilters,
  type AuditPage,
  type AuditQuery,
  countAuditLogs,
  type ExactFilters,
  type Finding,
  getAuditLogs,
  getKeptValues,
  type HistogramBucket,
  type HistogramKey,
  type HistogramQuery,
  histogramAuditLogs,
  type KeptValue,
  type KeySource,
  type OneOf,
  type PageQuery,
  proveEvent,
  queryAuditLogs,
  streamAuditLogs,
  type Verdict,
  type VerificationReport,
  type VerifyOptions,
  verifyAuditLog,
} from "./query/index.ts"
