/**
 * The read side: queries, proofs and verification. Changes nothing in a log.
 * @module
 */
export { askedFor } from "./asked.ts"
export { chooseKey, type KeySource, type TrustedKey } from "./check-key.ts"
export type { PersonalCounts } from "./check-personal.ts"
export { noteCorrections } from "./corrections.ts"
export type { HistogramBucket, HistogramQuery } from "./count.ts"
export {
  countAuditLogs,
  getAuditLogs,
  getKeptValues,
  getOperation,
  histogramAuditLogs,
  proveEvent,
  queryAuditLogs,
  streamAuditLogs,
  subjectReport,
  traceDecision,
  verifyAuditLog,
} from "./doors.ts"
export { type Evidence, findEvidence, type ProvenEntry } from "./evidence.ts"
export { type Expiry, type ExpiryRule, noteExpiries } from "./expiries.ts"
export { EXACT_FIELDS, type ExactField, outcomeOf, valuesOf } from "./fields.ts"
export {
  type AuditFilters,
  type AuditQuery,
  compileFilter,
  type ExactFilters,
  type OneOf,
  type RecordOf,
} from "./filter.ts"
export { type Finding, NOT_PROVEN, VERDICTS, type Verdict, worstVerdict } from "./findings.ts"
export { HISTOGRAM_KEYS, type HistogramKey } from "./index-terms.ts"
export type { KeptValue } from "./kept-values.ts"
export {
  type DecisionTrace,
  type MissingHop,
  type TraceCandidate,
  type TracedTraining,
  type TraceLink,
  traceOf,
} from "./lineage.ts"
export type { LinkCertainty } from "./lineage-clues.ts"
export { type AuditOperation, type ChildOperation, childrenOf, operationOf } from "./operation.ts"
export { listOperations, type OperationQuery } from "./operation-list.ts"
export type { MissingEvents, OperationError, OperationFacts, OperationSummary } from "./operation-tally.ts"
export { PersonalReader, type PersonalState, type RestrictedBy, revealed } from "./personal.ts"
export { newestRecord, type Pruning } from "./pruning.ts"
export {
  type AuditPage,
  fillRecord,
  findSealed,
  type PageQuery,
  type ProveQuery,
  prove,
  prunedText,
  readEvents,
  readPage,
  streamFilled,
  streamRecords,
} from "./read.ts"
export { type RedactedEntry, redactedBy } from "./redactions.ts"
export { type IndexReport, reindexLog } from "./reindex.ts"
export { readEntries, type Snapshot, takeSnapshot, tryParse } from "./snapshot.ts"
export type { RestrictedValue, SubjectReport } from "./subject.ts"
export { parseTimeBound } from "./time-bound.ts"
export { type VerificationReport, type VerifyOptions, verifyLog } from "./verify.ts"
export { eachText, findPart, folded, partsOf } from "./words.ts"
