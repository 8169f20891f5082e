/**
 * The event model: types, validation, safe serialisation, entries. Floor 1; pure: no I/O, clock or randomness.
 * @module
 */
export {
  type ComplianceCheckArguments,
  complianceCheck,
  type DataAccessArguments,
  type DataTransformationArguments,
  dataAccess,
  dataTransformation,
  type ErrorArguments,
  type Evidence,
  errorDetails,
  givenDetails,
  type ModelInferenceArguments,
  type ModelTrainingArguments,
  modelInference,
  modelTraining,
  type UserRequestArguments,
  userRequest,
} from "./arguments.ts"
export type { Commit, KeptValue, Omission } from "./cut.ts"
export { type EntryParts, EntryTemplate, type FixedParts, MAX_ENTRY_BYTES } from "./entry.ts"
export {
  checkEventType,
  checkOperationName,
  encodeActor,
  encodeContext,
  isReservedEventType,
  MAX_CONTEXT_BYTES,
  MAX_EVENT_TYPE_BYTES,
  MAX_OPERATION_NAME_BYTES,
  type ReservedEventType,
} from "./envelope.ts"
export { EventIdSource, isoTimestamp } from "./event-id.ts"
export { classNameOf, readField } from "./exotic.ts"
export { checkOccurredAt } from "./occurred-at.ts"
export { eventTimeKey, parseEntry } from "./parse.ts"
export {
  checkSubject,
  checkSubjects,
  isPersonal,
  MAX_SUBJECT_BYTES,
  Personal,
  type PersonalHandler,
  type PersonalOptions,
  personal,
  personalMarker,
  type SealedValue,
} from "./personal.ts"
export {
  type Actor,
  type AuditEntry,
  type AuditEventMap,
  type AuditRecord,
  type Correction,
  type EntryWriter,
  type EventRecord,
  isEvent,
  type JsonObject,
  type JsonValue,
} from "./record.ts"
export {
  blankFor,
  ENTRY_REDACTED,
  fillerFor,
  isBlank,
  keptOf,
  type Redaction,
  recordNamedBy,
  redactionOf,
} from "./redaction.ts"
export type { KeyRule, Redactor, Replacement } from "./redactor.ts"
export { canonicalRegulation, checkRegulations, KNOWN_REGULATIONS } from "./regulations.ts"
export { EntryScanner } from "./scan.ts"
export { isArray, isRecord, keysOf, nameInMessage } from "./shape.ts"
export { type KeyedDigest, summarise } from "./summary.ts"
export { utf8Bytes } from "./text.ts"
export { type Encoded, encodeValue } from "./value.ts"
