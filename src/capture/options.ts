/**
 * What a trail can be told, and what a single call can be told: types, defaults and checks. No I/O.
 * @module
 */
import { type Actor, isArray, isRecord, keysOf, nameInMessage } from "../event/index.ts"
import {
  checkDeclared,
  checkPrivacy,
  type PersonalPath,
  type PrivacyOptions,
  type RedactOptions,
} from "../privacy/index.ts"
import { compileLogFormat } from "./log-format.ts"

/** The text log's line, as Python's logging formats it. */
export const DEFAULT_LOG_FORMAT: string = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
/** Python's INFO. */
export const DEFAULT_LOG_LEVEL: number = 20
/** Used when neither `logDir` nor `$SECUREML_AUDIT_DIR` says otherwise. */
export const DEFAULT_LOG_DIR: string = "secureml_audit_logs"

/** What a returned log call promises: the operating system has the bytes, or the disk has. */
export type Durability = "recorded" | "durable"

/** How much of arguments and results `auditFunction` stores. */
export type CaptureMode = "summary" | "full" | "none"

/** The event that could not be written. */
export interface FailedEvent {
  readonly eventType: string
  readonly operationName: string
  readonly operationId: string
}

/** Throw into the caller, or tell a callback and let the caller go on. */
export type WriteErrorPolicy = "throw" | ((error: Error, event: FailedEvent) => void)

/** Options of a trail. */
export interface TrailOptions {
  /** Default: `$SECUREML_AUDIT_DIR`, else {@link DEFAULT_LOG_DIR}. */
  readonly logDir?: string
  /** Threshold of the text log only; the ledger records everything. Default 20. */
  readonly logLevel?: number
  /** Format of the text log's lines. */
  readonly logFormat?: string
  /** Starts the text log, as `setupFileLogging()` does. */
  readonly fileLogging?: boolean
  /** Stored with every event of the trail; at most 16,384 bytes once encoded. */
  readonly context?: Readonly<Record<string, unknown>>
  /** For example `["GDPR", "HIPAA"]`. */
  readonly regulations?: readonly string[]
  /** Who acts, unless a call says otherwise. */
  readonly actor?: Actor
  readonly durability?: Durability
  readonly onWriteError?: WriteErrorPolicy
  /** What to redact besides the defaults, which are always on. */
  readonly redact?: RedactOptions
  /**
   * What never enters the tree, whatever a call says: all details of some event types, or who of the staff did it.
   * Always so: `user_id` of a user request, and `input_data` and `output` of an inference that names `subjects`.
   */
  readonly privacy?: PrivacyOptions
  /**
   * Keeps a value that is too large for an entry, up to 16 MiB an event, beside the log: the entry carries a
   * commitment to it, `getKeptValues` reads it, and it is not in the tree. Default false: only a marker is left.
   */
  readonly keepLarge?: boolean
  /**
   * Records an `audit_read` event for each read of this log directory through this package, in this thread, while the
   * trail is open: which function, what was asked for, how many records came back. Values that could name a person are
   * not written down, only that one was given. Default false.
   */
  readonly auditReads?: boolean
  /** Only for `auditFunction`. Default "summary". */
  readonly capture?: CaptureMode
}

/** Options of one call. */
export interface CallOptions {
  /** Further keys for `details`, as written. */
  readonly evidence?: Readonly<Record<string, unknown>>
  readonly actor?: Actor
  /** When it happened, if not now. */
  readonly occurredAt?: Date | string
  /** Added to the trail's. */
  readonly regulations?: readonly string[]
  readonly durability?: Durability
  /** Identifiers of the persons that the event is about; they are not written into the entry. */
  readonly subjects?: readonly string[]
  /**
   * Where in the details personal values stand: JSON pointers or dotted paths, such as `"/input_data"`. They belong to
   * the one person in `subjects`, or say whose they are: `{ path: "/rows/0", subject: "customer-17" }`.
   */
  readonly personal?: readonly (string | PersonalPath)[]
}

const TRAIL_FIELDS: readonly string[] = [
  "logDir",
  "logLevel",
  "logFormat",
  "fileLogging",
  "context",
  "regulations",
  "actor",
  "durability",
  "onWriteError",
  "redact",
  "privacy",
  "keepLarge",
  "auditReads",
  "capture",
]
const CALL_FIELDS: readonly string[] = [
  "evidence",
  "actor",
  "occurredAt",
  "regulations",
  "durability",
  "subjects",
  "personal",
]

/** @throws TypeError, RangeError: names the option. */
export function checkTrailOptions(options: TrailOptions, extraFields: readonly string[] = []): void {
  checkFields(options, [...TRAIL_FIELDS, ...extraFields], "options of a trail")
  const { logDir, logLevel, logFormat, fileLogging, context, regulations, durability, onWriteError, capture } = options
  if (logDir !== undefined && (typeof logDir !== "string" || logDir === ""))
    throw new TypeError("logDir must be a path")
  if (logLevel !== undefined && !Number.isFinite(logLevel))
    throw new TypeError("logLevel must be a number, such as 20 for INFO")
  if (logFormat !== undefined) {
    if (typeof logFormat !== "string") throw new TypeError("logFormat must be a string")
    compileLogFormat(logFormat)
  }
  if (fileLogging !== undefined && typeof fileLogging !== "boolean")
    throw new TypeError("fileLogging must be true or false")
  if (context !== undefined) {
    if (!isRecord(context)) throw new TypeError("context must be an object")
    keysOf(context, "context")
  }
  if (regulations !== undefined && !isArray(regulations))
    throw new TypeError('regulations must be an array of names, such as ["GDPR"]')
  if (options.keepLarge !== undefined && typeof options.keepLarge !== "boolean")
    throw new TypeError("keepLarge must be true or false")
  if (options.auditReads !== undefined && typeof options.auditReads !== "boolean")
    throw new TypeError("auditReads must be true or false")
  if (options.privacy !== undefined) checkPrivacy(options.privacy)
  checkDurability(durability)
  if (onWriteError !== undefined && onWriteError !== "throw" && typeof onWriteError !== "function") {
    throw new TypeError('onWriteError must be "throw" or a function')
  }
  if (capture !== undefined && !["summary", "full", "none"].includes(capture)) {
    throw new TypeError('capture must be "summary", "full" or "none"')
  }
}

/** @throws TypeError: names the option. */
export function checkCallOptions(options: CallOptions | undefined): CallOptions {
  if (options === undefined) return {}
  checkFields(options, CALL_FIELDS, "options of a call")
  const { evidence, durability } = options
  if (evidence !== undefined && !isRecord(evidence))
    throw new TypeError("evidence must be an object whose keys go into details")
  checkDurability(durability)
  checkDeclared(options)
  return options
}

function checkFields(options: unknown, fields: readonly string[], what: string): void {
  if (!isRecord(options)) throw new TypeError(`the ${what} must be an object`)
  for (const field of keysOf(options, `the ${what}`)) {
    if (!fields.includes(field))
      throw new TypeError(`the ${what} have no ${nameInMessage(field)}; they have ${fields.join(", ")}`)
  }
}

function checkDurability(durability: unknown): void {
  if (durability !== undefined && durability !== "recorded" && durability !== "durable") {
    throw new TypeError('durability must be "recorded" or "durable"')
  }
}
