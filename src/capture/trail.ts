/**
 * The trail: one operation's events, recorded synchronously, each answered with a receipt.
 * @module
 */
import { randomUUID } from "node:crypto"
import { resolve } from "node:path"
import { AuditError } from "../errors.ts"
import {
  type AuditEventMap,
  type ComplianceCheckArguments,
  checkEventType,
  checkOccurredAt,
  checkOperationName,
  complianceCheck,
  type DataAccessArguments,
  type DataTransformationArguments,
  dataAccess,
  dataTransformation,
  EntryTemplate,
  type ErrorArguments,
  encodeActor,
  encodeContext,
  errorDetails,
  givenDetails,
  isRecord,
  isReservedEventType,
  type ModelInferenceArguments,
  type ModelTrainingArguments,
  modelInference,
  modelTraining,
  nameInMessage,
  type Redactor,
  type ReservedEventType,
  type UserRequestArguments,
  userRequest,
} from "../event/index.ts"
import { currentRedirection, type Ledger, type LedgerMetrics, NO_KEY } from "../ledger/index.ts"
import { createRedactor, declarePersonal } from "../privacy/index.ts"
import type { Checkpoint } from "../proof/index.ts"
import {
  type CallOptions,
  checkCallOptions,
  checkTrailOptions,
  DEFAULT_LOG_DIR,
  DEFAULT_LOG_FORMAT,
  DEFAULT_LOG_LEVEL,
  type TrailOptions,
  type WriteErrorPolicy,
} from "./options.ts"
import { recordReads } from "./reads.ts"
import type { Receipt } from "./receipt.ts"
import { type EventParts, openLedger, Recorder, unheardListener } from "./recorder.ts"
import { namedRegulations } from "./regulations.ts"
import { Settlement } from "./settlement.ts"
import { ShownTypes, shownActor } from "./shown-names.ts"
import { TextLog } from "./text-log.ts"

/** Details of an event type that is declared, else any object. */
export type DetailsOf<T extends string> = T extends keyof AuditEventMap ? AuditEventMap[T] : object

/** What is private to a trail but needed by the rest of this folder. */
export interface TrailInside {
  readonly operationId: string
  readonly options: TrailOptions
  readonly redactor: Redactor
  readonly recorder: Recorder
  /** Real path of the log directory. */
  readonly ledger: Ledger
}

/** What the trail that is being made gets besides its arguments; set and taken back by {@link openNested} alone. */
let opening: { readonly within: TrailInside | undefined; readonly redactor: Redactor | undefined } | undefined

/**
 * Opens a trail that inherits from another one.
 * @param redactor - Made from these options before; else it is made now.
 */
export function openNested(
  operationName: string,
  options: TrailOptions,
  within: AuditTrail | undefined,
  redactor?: Redactor,
): AuditTrail {
  opening = { within: within === undefined ? undefined : insideOf(within), redactor }
  try {
    return new AuditTrail(operationName, options)
  } finally {
    opening = undefined
  }
}

let insideOf: (trail: AuditTrail) => TrailInside
let markEnded: (trail: AuditTrail, status: string) => void

/** The inside of a trail; through its recorder go the events of our own types, which `logEvent` refuses. */
export function trailInside(trail: AuditTrail): TrailInside {
  return insideOf(trail)
}

/** Records `audit_closed` without asking for a seal: that comes within a second, for many trails at once. */
export function endTrail(trail: AuditTrail, status: string): void {
  markEnded(trail, status)
}

/** Where failures go of a trail that was to be opened within another. */
export function writeErrorPolicy(options: TrailOptions, within: AuditTrail | undefined): WriteErrorPolicy {
  return options.onWriteError ?? (within === undefined ? undefined : insideOf(within).options.onWriteError) ?? "throw"
}

/** Records the events of one operation. See the README for a first example. */
export class AuditTrail implements Disposable, AsyncDisposable {
  readonly operationName: string
  /** UUID; every event of this trail carries it. */
  readonly operationId: string = randomUUID()
  readonly startTime: Date = new Date()
  /** Absolute path of the log directory. */
  readonly logDir: string
  /** As stored: plain JSON data. */
  readonly context: Readonly<Record<string, unknown>>
  readonly regulations: readonly string[]
  readonly #options: TrailOptions
  readonly #ledger: Ledger
  readonly #recorder: Recorder
  readonly #inside: TrailInside
  #types: ShownTypes | undefined
  /** Set while reads of the directory are recorded. */
  readonly #stopRecordingReads: (() => void) | undefined
  /** "ended": `audit_closed` is recorded, and nobody has asked for the seal. */
  #closing: Promise<Checkpoint | undefined> | "ended" | undefined

  static {
    insideOf = (trail) => trail.#inside
    markEnded = (trail, status) => {
      if (trail.#closing !== undefined) return
      trail.#recordClosed(status, undefined)
      trail.#closing = "ended"
    }
  }

  /**
   * Makes the directory, opens the journal and records `audit_started`. Needs no key; nothing is synced.
   *
   * @throws TypeError, RangeError: names the argument; nothing was written.
   * @throws {@link AuditError} `LOG_DIR_NOT_WRITABLE`, `UNSAFE_PATH`, `NETWORK_FILE_SYSTEM`, `RECORD_FAILED`.
   */
  constructor(operationName: string, options?: TrailOptions)
  constructor(options: TrailOptions & { readonly operationName: string })
  constructor(first: string | (TrailOptions & { readonly operationName: string }), second: TrailOptions = {}) {
    const { within: parent, redactor: given } = opening ?? {}
    opening = undefined
    const { operationName, options } = splitArguments(first, second)
    this.#options = inherit(options, parent)
    const {
      context,
      logDir,
      redact,
      durability = "recorded",
      onWriteError = "throw",
      keepLarge = false,
    } = this.#options
    const redirected = currentRedirection()
    this.logDir = redirected?.logDir ?? absolute(logDir ?? (process.env["SECUREML_AUDIT_DIR"] || DEFAULT_LOG_DIR))
    this.regulations = namedRegulations(this.#options.regulations)
    const redactor =
      given ?? (parent !== undefined && options.redact === undefined ? parent.redactor : createRedactor(redact))
    this.operationName = redactor.redactText(operationName)
    const actor = shownActor(this.#options.actor, redactor)
    const contextJson = context === undefined ? undefined : encodeContext(context, redactor)
    this.context = contextJson === undefined ? {} : (JSON.parse(contextJson) as Record<string, unknown>)
    const sealsStaff = this.#options.privacy?.staff === "sealed"
    const actorJson = actor === undefined ? undefined : encodeActor(actor)
    const template = new EntryTemplate({
      operationId: this.operationId,
      operationName: this.operationName,
      parentOperationId: parent?.operationId,
      actorJson: sealsStaff ? undefined : actorJson,
      regulations: this.regulations,
      contextJson,
    })
    this.#ledger = openLedger(this.logDir, redirected?.environment ?? process.env)
    const { operationId } = this
    const recorder = new Recorder({
      ledger: this.#ledger,
      template,
      redactor,
      operationName: this.operationName,
      operationId,
      durability,
      onWriteError,
      keepLarge,
      sealedStaff: sealsStaff ? { actor } : undefined,
    })
    this.#recorder = recorder
    this.#inside = { operationId, options: this.#options, redactor, recorder, ledger: this.#ledger }
    if (this.#options.fileLogging === true) this.setupFileLogging()
    this.#recorder.record(
      "audit_started",
      { start_time: this.startTime.toISOString(), regulations: this.regulations },
      {},
    )
    if (this.#options.auditReads === true)
      this.#stopRecordingReads = recordReads({ operationId, logDir: this.#ledger.path, actor, redactor, sealsStaff })
  }

  /**
   * Counters of this thread for the log directory, of all its trails: what was recorded, what waits to be synced and
   * sealed, what failed. To be told as it happens, subscribe to the channels `secureml.audit.record`, `.seal` and
   * `.error` of `node:diagnostics_channel`.
   *
   * @example
   * ```ts
   * audit.metrics().unsealed // 0: a checkpoint covers everything
   * ```
   */
  metrics(): LedgerMetrics {
    return this.#ledger.metrics
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Records an event of a type of your own.
   *
   * @throws TypeError for one of our own types (`audit_…`, `function_…`, …); nothing was written.
   * @throws {@link AuditError} `TRAIL_CLOSED`, `RECORD_FAILED`.
   * @example
   * ```ts
   * audit.logEvent("model_deployed", { model_id: "m1", region: "eu" }).sequence // 1
   * ```
   */
  logEvent<const T extends string>(
    eventType: T extends ReservedEventType ? never : T,
    details: DetailsOf<T>,
    options?: CallOptions,
  ): Receipt {
    checkEventType(eventType)
    this.#types ??= new ShownTypes(this.#inside.redactor)
    const shownType = this.#types.of(eventType)
    if (isReservedEventType(eventType)) {
      throw new TypeError(
        `eventType ${nameInMessage(eventType)} is one that only secureml itself records; choose another name`,
      )
    }
    return this.#log(shownType, options, (evidence) => givenDetails(details, evidence))
  }

  /** Records that data was read: which data set, which columns, how many records, and for what purpose. */
  logDataAccess(access: DataAccessArguments, options?: CallOptions): Receipt {
    return this.#log("data_access", options, (evidence, actorId) => dataAccess(access, evidence, actorId))
  }

  /** Records a step that made other data out of data. */
  logDataTransformation(transformation: DataTransformationArguments, options?: CallOptions): Receipt {
    return this.#log("data_transformation", options, (evidence) => dataTransformation(transformation, evidence))
  }

  /** Records that a model was trained. */
  logModelTraining(training: ModelTrainingArguments, options?: CallOptions): Receipt {
    return this.#log("model_training", options, (evidence) => modelTraining(training, evidence))
  }

  /** Records what a model decided. */
  logModelInference(inference: ModelInferenceArguments, options?: CallOptions): Receipt {
    return this.#log("model_inference", options, (evidence) => modelInference(inference, evidence))
  }

  /** Records the result of a check. */
  logComplianceCheck(check: ComplianceCheckArguments, options?: CallOptions): Receipt {
    return this.#log("compliance_check", options, (evidence) => complianceCheck(check, evidence))
  }

  /** Records what a person asked for: access, erasure, an objection. */
  logUserRequest(request: UserRequestArguments, options?: CallOptions): Receipt {
    return this.#log("user_request", options, (evidence) => userRequest(request, evidence))
  }

  /** Records an error; an `Error` gives its name and message. */
  logError(error: ErrorArguments | Error, options?: CallOptions): Receipt {
    return this.#log("error", options, (evidence) => errorDetails(error, evidence))
  }

  /**
   * Starts the classic text log beside the ledger, if it is not running yet.
   * @throws {@link AuditError} `TRAIL_CLOSED`; `UNSAFE_PATH` when a link or no file is in its place.
   */
  setupFileLogging(): void {
    if (this.closed) throw trailClosed(this.operationName)
    if (this.#recorder.textLog !== undefined) return
    const { logFormat = DEFAULT_LOG_FORMAT, logLevel = DEFAULT_LOG_LEVEL } = this.#options
    const { path, fileMode } = this.#ledger
    this.#recorder.textLog = new TextLog(path, this.operationName, this.operationId, logFormat, logLevel, fileMode)
  }

  #log(
    eventType: string,
    callOptions: CallOptions | undefined,
    detailsOf: (evidence: Readonly<Record<string, unknown>> | undefined, actorId: string | undefined) => object,
  ): Receipt {
    if (this.closed) throw trailClosed(this.operationName)
    const options = checkCallOptions(callOptions)
    const parts = this.#parts(options)
    const actorId = (options.actor ?? this.#options.actor)?.id
    const details = detailsOf(options.evidence, actorId)
    const { privacy } = this.#options
    return this.#recorder.record(eventType, declarePersonal(eventType, details, options, privacy), parts)
  }

  #parts({ actor: given, occurredAt, regulations, durability }: CallOptions): EventParts {
    const actor = given === undefined ? undefined : shownActor(given, this.#inside.redactor)
    return {
      actorJson: actor === undefined ? undefined : encodeActor(actor),
      actor,
      occurredAt: occurredAt === undefined ? undefined : checkOccurredAt(occurredAt),
      regulations:
        regulations === undefined
          ? undefined
          : namedRegulations([...this.regulations, ...namedRegulations(regulations)]),
      durability,
    }
  }

  /**
   * Resolves when everything this process recorded so far in this directory is sealed.
   * @throws {@link AuditError} `SEALING_UNAVAILABLE` (its message says why), `LOG_ROLLED_BACK`, `LEDGER_CORRUPT`.
   */
  flush(): Promise<Checkpoint> {
    return Settlement.of(this.#ledger.flush(), this.#unheard("flush"))
  }

  /**
   * Ends the operation: `audit_closed` is recorded before the call returns.
   *
   * @returns Resolves with the checkpoint once sealed, or with undefined where no signing key is here.
   * @throws TypeError when `status` is no text, or `details` no object; the trail is still open.
   * @throws {@link AuditError} `RECORD_FAILED`: the trail is still open.
   */
  close(status: string = "completed", details?: Readonly<Record<string, unknown>>): Promise<Checkpoint | undefined> {
    if (this.#closing === undefined || this.#closing === "ended") {
      if (this.#closing === undefined) this.#recordClosed(status, details)
      this.#closing = Settlement.of(this.#sealClosed(), this.#unheard("audit_closed"))
    }
    return this.#closing
  }

  #recordClosed(status: string, details: Readonly<Record<string, unknown>> | undefined): void {
    if (typeof status !== "string" || status === "") throw new TypeError('status must be a string such as "completed"')
    if (details !== undefined && !isRecord(details)) throw new TypeError("details must be an object, or left out")
    const end = { status, end_time: new Date().toISOString(), ...(details === undefined ? {} : { details }) }
    this.#recorder.record("audit_closed", end, {})
    this.#stopRecordingReads?.()
    this.#recorder.textLog?.close()
    this.#recorder.textLog = undefined
  }

  async #sealClosed(): Promise<Checkpoint | undefined> {
    try {
      return await this.#ledger.flush()
    } catch (error) {
      if (error instanceof AuditError && error.cause === NO_KEY) return undefined
      throw error
    }
  }

  #unheard(eventType: string): (error: unknown) => void {
    const { operationName, operationId } = this
    return unheardListener(this.#options.onWriteError ?? "throw", { eventType, operationName, operationId })
  }

  /** Closes with status "disposed", unless closed before. */
  [Symbol.dispose](): void {
    if (!this.closed) void this.close("disposed")
  }

  /** Closes with status "disposed", unless closed before, and waits for the seal. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.closed) await this.close("disposed")
  }
}

function splitArguments(
  first: string | (TrailOptions & { readonly operationName: string }),
  second: TrailOptions,
): { operationName: string; options: TrailOptions } {
  if (typeof first === "object" && first !== null) {
    checkTrailOptions(first, ["operationName"])
    if (Object.keys(second).length > 0)
      throw new TypeError("options go into the first argument when operationName is in it")
    const { operationName, ...options } = first
    return { operationName: checkOperationName(operationName), options }
  }
  checkOperationName(first)
  checkTrailOptions(second)
  return { operationName: first, options: second }
}

/** A nested trail's own options come first; context and regulations add up. */
function inherit(own: TrailOptions, parent: TrailInside | undefined): TrailOptions {
  if (parent === undefined) return own
  const { fileLogging: _, ...inherited } = parent.options
  return {
    ...inherited,
    ...own,
    context: { ...inherited.context, ...own.context },
    regulations: [...(inherited.regulations ?? []), ...(own.regulations ?? [])],
  }
}

/** @throws {@link AuditError} `LOG_DIR_NOT_WRITABLE`: the path is relative to a directory that was deleted. */
function absolute(logDir: string): string {
  try {
    return resolve(logDir)
  } catch (error) {
    const message = `the log directory ${logDir} cannot be found: the current directory is gone; give an absolute path as logDir or $SECUREML_AUDIT_DIR`
    throw new AuditError("LOG_DIR_NOT_WRITABLE", message, { cause: error })
  }
}

function trailClosed(operationName: string): AuditError {
  return new AuditError(
    "TRAIL_CLOSED",
    `the trail ${JSON.stringify(operationName)} is closed; open a new one to go on logging`,
  )
}
