/**
 * The record path of one trail: encode, number, append, acknowledge. Every line of it is paid on every call.
 * @module
 */
import { randomBytes } from "node:crypto"
import { type Stats, statSync } from "node:fs"
import { AuditError } from "../errors.ts"
import {
  type Actor,
  blankFor,
  EntryTemplate,
  encodeActor,
  encodeValue,
  eventTimeKey,
  isoTimestamp,
  type KeptValue,
  MAX_ENTRY_BYTES,
  MAX_EVENT_TYPE_BYTES,
  type Omission,
  parseEntry,
  personalMarker,
  type Redactor,
  recordNamedBy,
  utf8Bytes,
} from "../event/index.ts"
import {
  type Environment,
  formatPart,
  Ledger,
  type PartText,
  type Recorded,
  type RecordNote,
  recordChannel,
  type SealedReceipt,
  type WriterMark,
} from "../ledger/index.ts"
import { commitmentOf, PersonalValues } from "../privacy/index.ts"
import { nextEventId } from "./event-ids.ts"
import { countLost, lossesTold, pendingLosses } from "./losses.ts"
import type { Durability, FailedEvent, WriteErrorPolicy } from "./options.ts"
import type { Receipt } from "./receipt.ts"
import { Settlement } from "./settlement.ts"
import { levelOf, type TextLog } from "./text-log.ts"

/** An envelope at its largest: what a trail's own entries add to it is constant. */
const LARGEST_ENVELOPE = {
  eventId: "0".repeat(36),
  eventType: "x".repeat(MAX_EVENT_TYPE_BYTES),
  timestamp: "0".repeat(27),
  sequence: Number.MAX_SAFE_INTEGER,
  writerId: "0".repeat(36),
  writerSeq: Number.MAX_SAFE_INTEGER,
  continues: { id: "0".repeat(36), seq: Number.MAX_SAFE_INTEGER },
}
/** The same with nothing in it: cheaper to measure, which every trail does. */
const EMPTY_ENVELOPE = {
  eventId: "",
  eventType: "",
  timestamp: "",
  sequence: 0,
  writerId: "",
  writerSeq: 0,
  detailsJson: "",
}
const ANY_TEMPLATE = new EntryTemplate({ operationId: "", operationName: "" })
const ENVELOPE_BYTES = ANY_TEMPLATE.roomForDetails(EMPTY_ENVELOPE) - ANY_TEMPLATE.roomForDetails(LARGEST_ENVELOPE)
/** Most bytes that an event's values may take together when large ones are kept. */
const KEPT_BYTES = 16 * 1024 * 1024
/** Details get at least this much room, or the trail is refused. */
const LEAST_DETAILS_BYTES = 4_096

/** Opens the ledger of a directory in this thread. */
export function openLedger(logDir: string, environment: Environment): Ledger {
  const known = opened.get(logDir)
  if (known !== undefined && stillThere(logDir, known)) return known.ledger
  const onLost = (directory: string, { count, code }: { count: number; code: string }): void => {
    countLost(directory, count, isoTimestamp(Date.now()), code)
  }
  const ledger = Ledger.open(logDir, environment, {
    timeKey: eventTimeKey,
    writerOf,
    blanks: { recordNamedBy, blankFor },
    onLost,
  })
  opened.set(logDir, { ledger, atMs: monotonic(), stats: statSync(logDir) })
  return ledger
}

/** Writer and number of an entry; undefined for bytes that are no event. */
export function writerOf(bytes: Uint8Array): { readonly id: string; readonly seq: number } | undefined {
  try {
    return parseEntry(bytes).writer
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** A ledger, and the directory as it was when all of it was checked. */
interface Opened {
  readonly ledger: Ledger
  readonly atMs: number
  readonly stats: Stats
}

/** By path as given; owned by this thread. */
const opened = new Map<string, Opened>()
/** Trails that follow each other this closely share one check of what is in the directory. */
const RECHECK_MS = 1_000
const monotonic = performance.now.bind(performance)

/** Whether the path leads to the same directory with the same mode: a moved or replaced one is opened anew. */
function stillThere(logDir: string, { ledger, atMs, stats }: Opened): boolean {
  if (monotonic() - atMs > RECHECK_MS || !ledger.isCurrent) return false
  try {
    const now = statSync(logDir)
    return now.ino === stats.ino && now.dev === stats.dev && now.mode === stats.mode
  } catch {
    // Opening it anew says what is wrong.
    return false
  }
}

/** Constant for a trail. */
export interface RecorderOptions {
  readonly ledger: Ledger
  readonly template: EntryTemplate
  readonly redactor: Redactor
  readonly operationName: string
  readonly operationId: string
  readonly durability: Durability
  readonly onWriteError: WriteErrorPolicy
  readonly keepLarge: boolean
  /** There where who acts is a personal value of theirs; the template then has no actor, and this may name one. */
  readonly sealedStaff?: { readonly actor: Actor | undefined } | undefined
}

/** What differs between the events of a trail. */
export interface EventParts {
  readonly actorJson?: string | undefined
  /** The same actor, for a trail that seals it. */
  readonly actor?: Actor | undefined
  readonly occurredAt?: string | undefined
  readonly regulations?: readonly string[] | undefined
  readonly durability?: Durability | undefined
}

/** Records the events of one trail. Owned by that trail. */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #roomBytes: number
  #sequence = 0
  textLog: TextLog | undefined
  /** Told once a trail. */
  #textLogFailed = false

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#roomBytes = MAX_ENTRY_BYTES - ENVELOPE_BYTES - Buffer.byteLength(options.template.entry(EMPTY_ENVELOPE))
    if (this.#roomBytes < LEAST_DETAILS_BYTES) {
      throw new RangeError(
        "operationName, context, actor and regulations together leave too little room in an entry of 65,535 bytes; shorten them",
      )
    }
  }

  /** Bytes that details may take in an entry with these parts. */
  #room({ actorJson = "", occurredAt = "", regulations = [] }: EventParts): number {
    const parts =
      utf8Bytes(actorJson) + occurredAt.length + (regulations.length === 0 ? 0 : utf8Bytes(JSON.stringify(regulations)))
    // Field names and quotes of the three.
    return this.#roomBytes - parts - 64
  }

  /**
   * Records one event now.
   * @throws TypeError when a personal value stands inside another one; nothing was written.
   * @throws {@link AuditError} `RECORD_FAILED`, `NOT_DURABLE`, `VAULT_MISSING`: the message says whether the event may still land.
   */
  record(eventType: string, details: object, parts: EventParts): Receipt {
    const { ledger, redactor, durability, keepLarge } = this.#options
    if (pendingLosses(ledger.path) !== undefined) this.#tellLosses()
    const now = Date.now()
    const eventId = nextEventId(now)
    const timestamp = isoTimestamp(now)
    const kept = keepLarge ? new KeptValues(eventId) : undefined
    const personal = new PersonalValues(eventId)
    const envelope = this.#options.sealedStaff === undefined ? parts : this.#sealActor(parts, personal)
    const limitBytes = this.#room(envelope)
    const { json, omitted, redactions } = encodeValue(details, { limitBytes, redactor, keep: kept, personal })
    personal.checkApart()
    const sequence = this.#sequence
    let recorded: Recorded
    try {
      const part = partOf(
        eventId,
        kept,
        personal.sealed(() => ledger.vault()),
      )
      recorded = this.#append(eventType, eventId, timestamp, json, envelope, details, part)
      if (redactions > 0) ledger.countRedacted(redactions)
      if ((parts.durability ?? durability) === "durable") ledger.durableNow()
    } catch (error) {
      return this.#failed(error, { eventType, eventId, timestamp, sequence })
    }
    return new EventReceipt(this.#options, recorded, eventId, eventType, timestamp, sequence, omitted)
  }

  /** The actor's id becomes a personal value of theirs. */
  #sealActor(parts: EventParts, personal: PersonalValues): EventParts {
    const actor = parts.actor ?? this.#options.sealedStaff?.actor
    if (actor === undefined) return parts
    const json = JSON.stringify(actor.id)
    const commitment = personal.commitAt({ pointer: "/actor/id", json, subjects: [actor.id] })
    return { ...parts, actorJson: encodeActor(actor, personalMarker(commitment, [actor.id])) }
  }

  #append(
    eventType: string,
    eventId: string,
    timestamp: string,
    detailsJson: string,
    parts: EventParts,
    details: object,
    part?: PartText,
  ): Recorded {
    const { ledger, template } = this.#options
    const sequence = this.#sequence
    let entry = ""
    const recorded = ledger.record((mark: WriterMark) => {
      entry = template.entry({
        eventId,
        eventType,
        timestamp,
        sequence,
        writerId: mark.id,
        writerSeq: mark.seq,
        continues: mark.continues,
        actorJson: parts.actorJson,
        occurredAt: parts.occurredAt,
        regulations: parts.regulations,
        detailsJson,
      })
      return entry
    }, part)
    // Taken only now: a write that failed takes no number.
    this.#sequence = sequence + 1
    if (recordChannel.hasSubscribers) {
      const note = { logDir: ledger.path, eventId, eventType, operationId: this.#options.operationId, sequence }
      recordChannel.publish({ ...note, bytes: utf8Bytes(entry) } satisfies RecordNote)
    }
    if (this.textLog !== undefined)
      this.#writeText(levelOf(eventType, details as Record<string, unknown>), timestamp, entry)
    return recorded
  }

  /** The event is in the ledger by now: a view of it that cannot be written must not make it count as lost. */
  #writeText(level: number, timestamp: string, entry: string): void {
    try {
      this.textLog?.write(level, timestamp, entry)
    } catch (error) {
      if (!this.#textLogFailed)
        warn(`a line of the text log is missing, the event is recorded: ${String(error)}`, "TEXT_LOG_FAILED")
      this.#textLogFailed = true
    }
  }

  /** A loss becomes an event as soon as writing works again. */
  #tellLosses(): void {
    const { ledger } = this.#options
    const lost = pendingLosses(ledger.path)!
    const now = Date.now()
    try {
      const eventId = nextEventId(now)
      this.#append("events_lost", eventId, isoTimestamp(now), JSON.stringify(lost), {}, lost)
      lossesTold(ledger.path)
    } catch (error) {
      // Still not writable: the event that follows fails too, is counted, and tells the caller.
      if (!(error instanceof AuditError)) throw error
    }
  }

  #failed(error: unknown, event: { eventType: string; eventId: string; timestamp: string; sequence: number }): Receipt {
    const { ledger, operationName, operationId, onWriteError } = this.#options
    const failure = error instanceof Error ? error : new Error(String(error))
    const kept = failure instanceof AuditError && failure.code === "NOT_DURABLE"
    if (!kept) countLost(ledger.path, 1, event.timestamp, systemCode(failure))
    if (onWriteError === "throw") throw failure
    const { eventType, ...rest } = event
    tellFailure(onWriteError, failure, { eventType, operationName, operationId })
    const rejected = (): Promise<never> => Settlement.of(Promise.reject(failure), () => undefined)
    return { eventType, ...rest, durable: rejected, sealed: rejected }
  }
}

/** The large values of one event, each under a commitment with a salt of its own. */
class KeptValues {
  readonly limitBytes = KEPT_BYTES
  readonly #eventId: string
  readonly #values: { pointer: string; salt: string; json: string }[] = []

  constructor(eventId: string) {
    this.#eventId = eventId
  }

  readonly commit = ({ pointer, json }: KeptValue): string => {
    const salt = randomBytes(32)
    this.#values.push({ pointer, salt: salt.toString("base64"), json })
    return commitmentOf(salt, { eventId: this.#eventId, pointer, json })
  }

  get values(): readonly { readonly pointer: string; readonly salt: string; readonly json: string }[] {
    return this.#values
  }
}

/** What goes beside the log, or undefined when there is nothing. */
function partOf(
  eventId: string,
  kept: KeptValues | undefined,
  sealed: ReturnType<PersonalValues["sealed"]>,
): PartText | undefined {
  const values = kept?.values ?? []
  if (values.length + sealed.length === 0) return undefined
  return { text: formatPart(eventId, values, sealed), hasLarge: values.length > 0 }
}

/** The operating system's code of a failure, else ours. */
function systemCode(failure: Error): string {
  const cause = failure.cause as NodeJS.ErrnoException | undefined
  return cause?.code ?? (failure as NodeJS.ErrnoException).code ?? failure.name
}

/** Calls the callback; what it throws must not reach the code that was logging. */
export function tellFailure(
  callback: (error: Error, event: FailedEvent) => void,
  failure: Error,
  event: FailedEvent,
): void {
  try {
    callback(failure, event)
  } catch (error) {
    warn(`onWriteError threw: ${error instanceof Error ? error.message : String(error)}`, "ON_WRITE_ERROR_THREW")
  }
}

/** One warning of ours. */
export function warn(message: string, code: string): void {
  process.emitWarning(message, { type: "SecuremlWarning", code })
}

/** Where a rejection goes that nobody awaits. */
export function unheardListener(policy: WriteErrorPolicy, event: FailedEvent): (error: unknown) => void {
  return (error) => {
    const failure = error instanceof Error ? error : new Error(String(error))
    if (policy !== "throw") tellFailure(policy, failure, event)
    else warn(failure.message, failure instanceof AuditError ? failure.code : "AUDIT_FAILED")
  }
}

class EventReceipt implements Receipt {
  readonly eventId: string
  readonly eventType: string
  readonly timestamp: string
  readonly sequence: number
  readonly omitted?: readonly Omission[]
  readonly #trail: RecorderOptions
  readonly #recorded: Recorded

  constructor(
    trail: RecorderOptions,
    recorded: Recorded,
    eventId: string,
    eventType: string,
    timestamp: string,
    sequence: number,
    omitted: readonly Omission[],
  ) {
    this.#trail = trail
    this.#recorded = recorded
    this.eventId = eventId
    this.eventType = eventType
    this.timestamp = timestamp
    this.sequence = sequence
    if (omitted.length > 0) this.omitted = omitted
  }

  durable(): Promise<void> {
    return this.#settle(this.#trail.ledger.durable(this.#recorded.durableMark))
  }

  sealed(): Promise<SealedReceipt> {
    return this.#settle(this.#trail.ledger.prove(Buffer.from(`{"v":1,"event_id":"${this.eventId}"`), this.#recorded))
  }

  #settle<T>(promise: Promise<T>): Promise<T> {
    const { operationName, operationId, onWriteError } = this.#trail
    const event = { eventType: this.eventType, operationName, operationId }
    return Settlement.of(promise, unheardListener(onWriteError, event))
  }
}
