/**
 * The public functions of the read side, with the log directory that the environment names as the default. Each checks
 * what it is given first, and rejects; none throws synchronously.
 * @module
 */
import { resolve } from "node:path"
import { AuditError } from "../errors.ts"
import type { AuditRecord } from "../event/index.ts"
import { currentRedirection, type Environment, type SealedReceipt } from "../ledger/index.ts"
import { checkHistogram, countRecords, type HistogramBucket, type HistogramQuery, histogramOf } from "./count.ts"
import {
  checkEventArgument,
  checkOperationArgument,
  checkProofArgument,
  checkSubjectArgument,
  checkVerifyArgument,
  type EventArgument,
  type OperationArgument,
  type ProofArgument,
  type SubjectArgument,
} from "./door-arguments.ts"
import { type AuditFilters, type AuditQuery, checkCounted, checkQuery, type RecordOf } from "./filter.ts"
import { type KeptValue, keptValuesOf } from "./kept-values.ts"
import { type DecisionTrace, eventsIn, traceOf } from "./lineage.ts"
import { type AuditOperation, operationOf } from "./operation.ts"
import { type AuditPage, type PageQuery, prove, readPage, streamFilled } from "./read.ts"
import { type SubjectReport, subjectReportOf } from "./subject.ts"
import { told, toldStream } from "./told.ts"
import { type VerificationReport, type VerifyOptions, verifyLog } from "./verify.ts"

const DEFAULT_LOG_DIR = "secureml_audit_logs"

/**
 * Where to read: what was asked for, else where a test sent the trails around this code, else the default.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`: the path is relative to a directory that was deleted.
 */
function directoryOf(logDir: string | undefined): string {
  const path = logDir ?? currentRedirection()?.logDir ?? (process.env["SECUREML_AUDIT_DIR"] || DEFAULT_LOG_DIR)
  try {
    return resolve(path)
  } catch (error) {
    const message = `the log directory ${path} cannot be found: the current directory is gone; give an absolute path as logDir or $SECUREML_AUDIT_DIR`
    throw new AuditError("LOG_DIR_UNREADABLE", message, { cause: error })
  }
}

/** A log that a test made has its key in a place of its own. */
function environmentOf(logDir: string): Environment {
  const redirected = currentRedirection()
  return redirected !== undefined && logDir === redirected.logDir ? redirected.environment : process.env
}

/** A query with a literal event type gives records of that type. */
type Records<T extends string> = string extends T ? AuditRecord : RecordOf<T> extends never ? AuditRecord : RecordOf<T>

/**
 * Streams records in ledger order, the unsealed ones last. Memory stays bounded by one bundle of 256 entries and the
 * unsealed tail. A directory that does not exist gives nothing.
 *
 * @throws TypeError, RangeError for a wrong query, naming the field.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`, `CURSOR_MALFORMED`, `LEDGER_CORRUPT`.
 * @example
 * ```ts
 * for await (const record of streamAuditLogs({ eventType: "model_inference" })) console.log(record.details.output)
 * ```
 */
export async function* streamAuditLogs<const T extends string = string>(
  query: AuditQuery<T> = {},
): AsyncGenerator<Records<T>, void, undefined> {
  yield* await recordsOf("streamAuditLogs", query)
}

/**
 * All records that match, in ledger order. Takes the filters of Python's `get_audit_logs` and more.
 *
 * @throws as {@link streamAuditLogs}.
 * @example
 * ```ts
 * await getAuditLogs({ operationName: "train", startTime: "2026-11-01", endTime: "2026-11-30" })
 * ```
 */
export async function getAuditLogs<const T extends string = string>(query: AuditQuery<T> = {}): Promise<Records<T>[]> {
  const records: Records<T>[] = []
  for await (const record of await recordsOf("getAuditLogs", query)) records.push(record)
  return records
}

/** Asynchronous, so that a wrong query rejects. */
async function recordsOf<T extends string>(
  name: string,
  query: AuditQuery<T>,
): Promise<AsyncIterable<Records<T>, void, undefined>> {
  checkQuery(query)
  const logDir = directoryOf(query.logDir)
  const records = streamFilled(query, logDir, environmentOf(logDir)) as unknown as AsyncGenerator<Records<T>>
  return toldStream(name, query, logDir, records)
}

/**
 * One page of records, by default 1,000, with a cursor for the next. Pages neither repeat nor skip while events are
 * added. A page that reaches the unsealed tail returns it whole. With `proofs: true` it carries the exact entries and
 * a C2SP tlog-proof for each sealed one.
 *
 * @throws as {@link streamAuditLogs}.
 */
export async function queryAuditLogs<const T extends string = string>(
  query: PageQuery<T> = {},
): Promise<AuditPage<Records<T>>> {
  checkQuery(query, ["proofs"])
  const logDir = directoryOf(query.logDir)
  const page = await told(
    "queryAuditLogs",
    query,
    logDir,
    () => readPage(query, logDir, environmentOf(logDir)),
    ({ records }) => records.length,
  )
  return page as unknown as AuditPage<Records<T>>
}

/**
 * How many records match, the unsealed ones included.
 *
 * @throws as {@link streamAuditLogs}.
 * @example
 * ```ts
 * await countAuditLogs({ eventType: "model_inference", startTime: "2026-11-24" }) // 1204
 * ```
 */
export async function countAuditLogs<const T extends string = string>(query: AuditFilters<T> = {}): Promise<number> {
  checkCounted(query)
  const logDir = directoryOf(query.logDir)
  return told(
    "countAuditLogs",
    query,
    logDir,
    () => countRecords(query, logDir, environmentOf(logDir)),
    (count) => count,
  )
}

/**
 * How many records match on each day (UTC), by type, operation, user, regulation or outcome. Days in order, the most
 * frequent value of a day first; a day without records is left out.
 *
 * @throws as {@link streamAuditLogs}.
 * @example
 * ```ts
 * await histogramAuditLogs({ by: "type" }) // [{ day: "2026-11-24", value: "data_access", count: 12 }, …]
 * ```
 */
export async function histogramAuditLogs<const T extends string = string>(
  query: HistogramQuery<T> = {},
): Promise<HistogramBucket[]> {
  checkHistogram(query)
  const logDir = directoryOf(query.logDir)
  return told(
    "histogramAuditLogs",
    query,
    logDir,
    () => histogramOf(query, logDir, environmentOf(logDir)),
    ({ length }) => length,
  )
}

/**
 * One run's whole story: when it ran and how it ended, who ran it, in which operation and with which others inside, what
 * it recorded, its errors, and which of its events are missing. An operation without `audit_closed` is "unfinished".
 *
 * @throws TypeError for a wrong argument, naming the field.
 * @throws {@link AuditError} `OPERATION_NOT_FOUND`, `LOG_DIR_UNREADABLE`, `LEDGER_CORRUPT`.
 * @example
 * ```ts
 * (await getOperation({ operationId: audit.operationId })).status // "completed"
 * ```
 */
export async function getOperation(query: OperationArgument): Promise<AuditOperation> {
  checkOperationArgument(query)
  const logDir = directoryOf(query.logDir)
  return told(
    "getOperation",
    query,
    logDir,
    () => operationOf(logDir, query.operationId),
    () => 1,
  )
}

/**
 * Which version of which model made a decision, on which data and for what purpose it was trained, and who approved it:
 * each an event, with the reason why it belongs there and how certain that is. What the log does not say is listed as
 * missing; nothing is guessed silently.
 *
 * @param query - The decision's event id, or its `index`.
 * @throws TypeError, RangeError for a wrong argument, naming the field.
 * @throws {@link AuditError} `EVENT_NOT_FOUND`, `NOT_A_DECISION`, `LOG_DIR_UNREADABLE`, `LEDGER_CORRUPT`.
 * @example
 * ```ts
 * const { trainings, missing } = await traceDecision({ eventId: decision.eventId })
 * trainings.find(({ isChosen }) => isChosen)?.certainty // "digest"
 * missing // [{ hop: "approval", reason: "no check that passed and no approval stands between …" }]
 * ```
 */
export async function traceDecision(query: ProofArgument): Promise<DecisionTrace> {
  checkProofArgument(query)
  const logDir = directoryOf(query.logDir)
  return told("traceDecision", query, logDir, () => traceOf(logDir, query.index ?? query.eventId), eventsIn)
}

/**
 * The proof that one event is in the log. Together with the entry it verifies with `secureml/verify` and with other
 * people's tools.
 *
 * @param query - The event's id, or its `index`, with which nothing has to be searched.
 * @throws TypeError, RangeError for a wrong argument, naming the field.
 * @throws {@link AuditError} `EVENT_NOT_FOUND`, `EVENT_NOT_SEALED`.
 */
export async function proveEvent(query: ProofArgument): Promise<SealedReceipt> {
  checkProofArgument(query)
  const logDir = directoryOf(query.logDir)
  return told(
    "proveEvent",
    query,
    logDir,
    () => prove({ logDir, eventId: query.index ?? query.eventId }),
    () => 1,
  )
}

/**
 * The values of an event that were too large for its entry and were kept with `keepLarge`, each checked against the
 * commitment in the entry.
 *
 * @throws TypeError for a wrong argument, naming the field.
 * @throws {@link AuditError} `EVENT_NOT_FOUND`.
 * @example
 * ```ts
 * await getKeptValues({ eventId }) // [{ pointer: "/input_data", state: "present", value: [...] }]
 * ```
 */
export async function getKeptValues(query: EventArgument): Promise<KeptValue[]> {
  checkEventArgument(query)
  const logDir = directoryOf(query.logDir)
  return told(
    "getKeptValues",
    query,
    logDir,
    () => keptValuesOf(logDir, query.eventId),
    ({ length }) => length,
  )
}

/**
 * Everything that a log holds of one person, decrypted: for an answer to a request for access (GDPR Art. 15, 45 CFR
 * 164.528). Values of other persons in the same events stay withheld. It leaves an `audit_read` event where a trail with
 * `auditReads` is open; `secureml audit subject -` always leaves one.
 *
 * @throws TypeError, RangeError for a wrong argument, naming the field.
 * @throws {@link AuditError} `VAULT_MISSING`, `LOG_DIR_UNREADABLE`.
 * @example
 * ```ts
 * (await subjectReport({ subject: "customer-17" })).records.length // 3
 * ```
 */
export async function subjectReport(query: SubjectArgument): Promise<SubjectReport> {
  checkSubjectArgument(query)
  const logDir = directoryOf(query.logDir)
  return told(
    "subjectReport",
    query,
    logDir,
    () => subjectReportOf(logDir, query.subject, environmentOf(logDir)),
    ({ records }) => records.length,
  )
}

/**
 * Verifies a whole log: signature, tree, sequences, earlier checkpoints, journals. Never a false alarm while writers
 * write. Failure is a verdict, not an exception.
 *
 * @returns The report; `report.verdict` is "intact" when nothing is wrong and everything is sealed.
 * @throws TypeError for a wrong argument, naming the field; an option that does not exist is one.
 * @throws {@link AuditError} only when it could not run: `LOG_DIR_UNREADABLE`, or a malformed argument.
 * @example
 * ```ts
 * (await verifyAuditLog({ logDir: "secureml_audit_logs" })).verdict // "intact"
 * ```
 */
export async function verifyAuditLog(options: Partial<VerifyOptions> = {}): Promise<VerificationReport> {
  checkVerifyArgument(options)
  const logDir = directoryOf(options.logDir)
  return verifyLog({ ...options, logDir }, environmentOf(logDir))
}
