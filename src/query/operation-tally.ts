/**
 * What the records of one operation add up to: when it ran, what came of it, which of its numbers are not there. Pure.
 * @module
 */
import { type Actor, type AuditRecord, isBlank, type JsonObject } from "../event/index.ts"

/** Errors of one operation that are listed; all are counted. */
const MOST_ERRORS = 100

/** One operation in short. Times are those of its entries. */
export interface OperationSummary {
  readonly operationId: string
  readonly operationName: string
  /**
   * As `audit_closed` says; "unfinished" when there is none. "act" for what secureml records about something done with
   * the log, such as an export: it has no beginning and no end.
   */
  readonly status: string
  readonly startedAt: string
  /** Null as long as there is no `audit_closed`. */
  readonly endedAt: string | null
  /** From start to end by our clock, which may have been set in between; null without an end. */
  readonly durationMs: number | null
  readonly lastEventAt: string
  /** Events that are there. */
  readonly eventCount: number
}

/** Numbers of an operation that no event has, both included. */
export interface MissingEvents {
  readonly from: number
  readonly to: number
  /** Event id of a recovery that declared them as lost, or of the prune record that says that the beginning is gone; null when nothing explains the hole. */
  readonly explainedBy: string | null
}

/** An error event of an operation. */
export interface OperationError {
  readonly eventId: string
  readonly index: number | null
  readonly timestamp: string
  readonly errorType: string
  readonly message: string
}

/** What the records of an operation say of it. */
export interface OperationFacts extends OperationSummary {
  readonly actor: Actor | null
  readonly regulations: readonly string[]
  readonly context: JsonObject | null
  /** Operation id of the trail that it was opened in. */
  readonly parent: string | null
  /** How many events of each type. */
  readonly events: Readonly<Record<string, number>>
  /** The first 100 of them; `events.error` counts all. */
  readonly errors: readonly OperationError[]
  readonly isSealed: boolean
  /** First and last ledger index; null while nothing is sealed. Entries of others may stand between them. */
  readonly indexes: { readonly first: number; readonly last: number } | null
}

/** Adds up the records of one operation, given in ledger order. */
export class OperationTally {
  /** The first one of which more is left than its place. */
  #first: AuditRecord
  #opened: AuditRecord | undefined
  #closed: AuditRecord | undefined
  #lastEventAt = ""
  #eventCount = 0
  readonly #events = new Map<string, number>()
  readonly #errors: OperationError[] = []
  readonly #regulations = new Set<string>()
  #unsealed = 0
  #indexes: { first: number; last: number } | undefined
  /** Runs of numbers seen, the end not included; one run where nothing is missing. */
  #runs: { first: number; next: number }[] = []

  constructor(first: AuditRecord) {
    this.#first = first
  }

  /** The next record. */
  see(record: AuditRecord): void {
    const { event_type, timestamp, index } = record
    if (isBlank(this.#first)) this.#first = record
    this.#eventCount += 1
    this.#events.set(event_type, (this.#events.get(event_type) ?? 0) + 1)
    for (const name of record.regulations ?? []) this.#regulations.add(name)
    if (timestamp > this.#lastEventAt) this.#lastEventAt = timestamp
    if (event_type === "audit_started") this.#opened ??= record
    if (event_type === "audit_closed") this.#closed = record
    if (event_type === "error" && this.#errors.length < MOST_ERRORS) this.#errors.push(errorOf(record))
    if (index === null) this.#unsealed += 1
    else this.#indexes = { first: this.#indexes?.first ?? index, last: index }
    const run = this.#runs.at(-1)
    if (run !== undefined && run.next === record.sequence) run.next += 1
    else this.#runs.push({ first: record.sequence, next: record.sequence + 1 })
  }

  get summary(): OperationSummary {
    const { operation_id, operation_name } = this.#first
    const startedAt = (this.#opened ?? this.#first).timestamp
    const endedAt = this.#closed?.timestamp ?? null
    return {
      operationId: operation_id,
      operationName: operation_name,
      status: this.#status,
      startedAt,
      endedAt,
      durationMs: endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt),
      lastEventAt: this.#lastEventAt,
      eventCount: this.#eventCount,
    }
  }

  get facts(): OperationFacts {
    const { actor, context, parent_operation_id } = this.#opened ?? this.#first
    return {
      ...this.summary,
      actor: actor ?? null,
      regulations: [...this.#regulations],
      context: context ?? null,
      parent: parent_operation_id ?? null,
      events: Object.fromEntries(this.#events),
      errors: this.#errors,
      isSealed: this.#unsealed === 0,
      indexes: this.#indexes ?? null,
    }
  }

  get #status(): string {
    if (this.#closed !== undefined) return closingStatus(this.#closed)
    // The first event of whatever was opened is `audit_started`: what begins otherwise never was.
    const isAct = this.#first.sequence === 0 && this.#opened === undefined
    return isAct ? "act" : "unfinished"
  }

  /** Numbers below the last one that no record had, both ends included. */
  get holes(): readonly { readonly from: number; readonly to: number }[] {
    const holes: { from: number; to: number }[] = []
    let next = 0
    for (const run of [...this.#runs].sort((a, b) => a.first - b.first)) {
      if (run.first > next) holes.push({ from: next, to: run.first - 1 })
      next = Math.max(next, run.next)
    }
    return holes
  }
}

/** The status that an `audit_closed` event gives. */
export function closingStatus({ details }: AuditRecord): string {
  const { status } = details
  return typeof status === "string" ? status : "closed"
}

function errorOf({ event_id, index, timestamp, details }: AuditRecord): OperationError {
  const { error_type, message } = details
  return { eventId: event_id, index, timestamp, errorType: textOf(error_type), message: textOf(message) }
}

/** Details of a hostile log may hold anything in any place. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "")
}
