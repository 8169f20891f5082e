/**
 * What the doors of the read side are given, checked before anything is read. A misspelt option is refused: left
 * alone it would silently drop a filter, or the check of a key. Pure.
 * @module
 */
import { checkSubject, isRecord, keysOf } from "../event/index.ts"

/** @throws TypeError: `refusal` for what is no object; for a field that does not exist it names that and lists those that do. */
export function checkArgument(given: unknown, fields: readonly string[], refusal: string): void {
  if (!isRecord(given)) throw new TypeError(refusal)
  const unknown = keysOf(given, "the argument").find((field) => !fields.includes(field))
  if (unknown === undefined) return
  throw new TypeError(`there is no option ${JSON.stringify(unknown)} here; there are ${fields.join(", ")}`)
}

/** @throws TypeError naming `logDir`. */
export function checkLogDir(logDir: unknown): void {
  if (logDir !== undefined && (typeof logDir !== "string" || logDir === ""))
    throw new TypeError("logDir must be a path, and not empty")
}

/** Arguments of the doors that are about one event. */
export interface EventArgument {
  /** Default: `$SECUREML_AUDIT_DIR`, else "secureml_audit_logs". */
  readonly logDir?: string
  readonly eventId: string
}

/** What to prove: an event by its id, or the entry at a place of the log, which is found at once. */
export type ProofArgument =
  | (EventArgument & { readonly index?: undefined })
  | { readonly logDir?: string; readonly eventId?: undefined; readonly index: number }

/** Arguments of the door that is about one operation. */
export interface OperationArgument {
  /** Default: `$SECUREML_AUDIT_DIR`, else "secureml_audit_logs". */
  readonly logDir?: string
  readonly operationId: string
}

/** @throws TypeError naming the field. */
export function checkOperationArgument(given: OperationArgument): void {
  checkArgument(given, ["logDir", "operationId"], 'the argument must be an object, such as { operationId: "0b1e…" }')
  checkLogDir(given.logDir)
  if (typeof given.operationId !== "string" || given.operationId === "")
    throw new TypeError("operationId must be the id of an operation, as its trail and its records have it")
}

/** @throws TypeError naming the field. */
export function checkEventArgument(given: EventArgument): void {
  checkArgument(given, ["logDir", "eventId"], 'the argument must be an object, such as { eventId: "0190…" }')
  checkLogDir(given.logDir)
  checkEventId(given.eventId)
}

function checkEventId(eventId: unknown): void {
  if (typeof eventId !== "string" || eventId === "")
    throw new TypeError("eventId must be the id of an event, as a receipt has it")
}

/** @throws TypeError, RangeError naming the field. */
export function checkProofArgument(given: ProofArgument): void {
  const fields = ["logDir", "eventId", "index"]
  checkArgument(given, fields, 'the argument must be an object, such as { eventId: "0190…" }')
  checkLogDir(given.logDir)
  const { eventId, index } = given
  if (index !== undefined && eventId !== undefined)
    throw new TypeError("eventId and index both say which event: give one of them")
  if (index === undefined) checkEventId(eventId)
  else if (!Number.isSafeInteger(index) || index < 0)
    throw new RangeError("index must be a whole number from 0, the event's place in the log")
}

/** Whose values are asked for. */
export interface SubjectArgument {
  /** Default: `$SECUREML_AUDIT_DIR`, else "secureml_audit_logs". */
  readonly logDir?: string
  /** Identifier of the person, as it was given when values were recorded. */
  readonly subject: string
}

/** @throws TypeError, RangeError naming the field. */
export function checkSubjectArgument(given: SubjectArgument): void {
  checkArgument(given, ["logDir", "subject"], 'the argument must be an object, such as { subject: "customer-17" }')
  checkLogDir(given.logDir)
  checkSubject(given.subject, "subject")
}

const VERIFY_FIELDS = ["logDir", "publicKey", "against", "trustOnFirstUse", "index", "onProgress"]

/** @throws TypeError naming the field. */
export function checkVerifyArgument(given: object): void {
  checkArgument(given, VERIFY_FIELDS, 'the argument must be an object, such as { logDir: "secureml_audit_logs" }')
  const { logDir, publicKey, against, trustOnFirstUse, index, onProgress } = given as Readonly<Record<string, unknown>>
  checkLogDir(logDir)
  if (publicKey !== undefined && typeof publicKey !== "string")
    throw new TypeError("publicKey must be a verifier key, as text")
  if (against !== undefined && typeof against !== "string" && !hasNote(against))
    throw new TypeError("against must be a checkpoint: its text, or as flush() returned it")
  if (trustOnFirstUse !== undefined && typeof trustOnFirstUse !== "boolean")
    throw new TypeError("trustOnFirstUse must be true or false")
  if (index !== undefined && typeof index !== "boolean") throw new TypeError("index must be true or false")
  if (onProgress !== undefined && typeof onProgress !== "function") throw new TypeError("onProgress must be a function")
}

function hasNote(checkpoint: unknown): boolean {
  return isRecord(checkpoint) && typeof checkpoint["note"] === "string"
}
