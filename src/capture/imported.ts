/**
 * Records of other logs, written as events of this one in a way that nobody can mistake for live ones: their context
 * says `imported`, under a tag that no caller can write, and a type of our own gets `imported_` before it.
 * Format: docs/format.md, "Imported entries".
 * @module
 */
import {
  type Actor,
  EntryTemplate,
  encodeActor,
  encodeValue,
  isoTimestamp,
  isReservedEventType,
  MAX_CONTEXT_BYTES,
  type Redactor,
} from "../event/index.ts"
import type { Ledger, WriterMark } from "../ledger/index.ts"
import { createRedactor } from "../privacy/index.ts"
import { nextEventId } from "./event-ids.ts"
import { openLedger } from "./recorder.ts"

/** Where an imported record stood. */
export interface ImportMark {
  /** The kind of file, such as "python-secureml". */
  readonly from: string
  /** Base name of the file. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** Opens for the original line alone; see `lineCommitmentOf`. */
  readonly commitment: string
}

/** A record to import. Its fields are checked by whoever read it. */
export interface ImportedEvent {
  /** As the original says it. */
  readonly eventType: string
  readonly details: object
  readonly operationId: string
  readonly operationName: string
  readonly sequence: number
  readonly occurredAt?: string | undefined
  readonly actor?: Actor | undefined
  readonly regulations?: readonly string[] | undefined
  readonly parentOperationId?: string | undefined
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  readonly context?: object | undefined
  /** What else the original said, and the entry has no place for. */
  readonly other?: object | undefined
  readonly mark: ImportMark
}

/** Bytes that stand in the context of every imported entry, and that no caller can bring into one. */
export const IMPORT_MARK: Buffer = Buffer.from('"context":{"imported":{"$secureml":"imported",')
const PREFIX = "imported_"
/** Most bytes of what the original said besides, and of its context; the rest is cut to markers. */
const MAX_OTHER_BYTES = 4_096
const MAX_KEPT_CONTEXT_BYTES: number = MAX_CONTEXT_BYTES - MAX_OTHER_BYTES - 2_048
/** Stands for a writer's mark at its largest, which is not known before the entry is written. */
const WIDEST_MARK = "0".repeat(36)

/**
 * The type that an imported record gets: its own, but one that only this package records becomes `imported_…`.
 *
 * @example
 * ```ts
 * importedEventType("audit_started") // "imported_audit_started"
 * ```
 */
export function importedEventType(eventType: string): string {
  return isReservedEventType(eventType) ? `${PREFIX}${eventType}` : eventType
}

/** Writes imported records into one log; owned by one import. */
export class ImportRecorder {
  readonly ledger: Ledger
  readonly #redactor: Redactor = createRedactor()

  constructor(logDir: string) {
    this.ledger = openLedger(logDir, process.env)
  }

  /**
   * Records one. Secrets are redacted, and what is too large is cut, as in every event.
   * @returns Its id, and whether something was cut.
   * @throws {@link AuditError} `RECORD_FAILED`.
   */
  record(event: ImportedEvent): { readonly eventId: string; readonly cut: boolean } {
    const now = Date.now()
    const eventId = nextEventId(now)
    const context = this.#context(event)
    const template = templateOf(event, context.json)
    const envelope = {
      eventId,
      eventType: importedEventType(event.eventType),
      timestamp: isoTimestamp(now),
      sequence: event.sequence,
      occurredAt: event.occurredAt,
    }
    const widest = { id: WIDEST_MARK, seq: Number.MAX_SAFE_INTEGER }
    const limitBytes = template.roomForDetails({
      ...envelope,
      writerId: widest.id,
      writerSeq: widest.seq,
      continues: widest,
    })
    const details = encodeValue(event.details, { limitBytes, redactor: this.#redactor })
    this.ledger.record(({ id, seq, continues }: WriterMark) =>
      template.entry({ ...envelope, writerId: id, writerSeq: seq, continues, detailsJson: details.json }),
    )
    return { eventId, cut: context.cut || details.omitted.length > 0 }
  }

  /** The mark first, then what the original had as its context; a mark in there is no mark of ours. */
  #context({ mark, other, context = {} }: ImportedEvent): { readonly json: string; readonly cut: boolean } {
    const { imported, ...own } = context as { readonly imported?: unknown }
    const said = imported === undefined ? (other ?? {}) : { ...other, context: { imported } }
    const saidJson = encodeValue(said, { limitBytes: MAX_OTHER_BYTES, redactor: this.#redactor })
    const ownJson = encodeValue(own, { limitBytes: MAX_KEPT_CONTEXT_BYTES, redactor: this.#redactor })
    const { from, file, line, commitment } = mark
    const fields = JSON.stringify({ from, file, line, commitment }).slice(1, -1)
    // Cut as a whole, it is one marker, and no member of the context.
    const whole = ownJson.omitted.some(({ pointer }) => pointer === "")
    const inside = `${fieldOf("other", saidJson.json)}${whole ? fieldOf("context", ownJson.json) : ""}`
    const rest = whole || ownJson.json === "{}" ? "" : `,${ownJson.json.slice(1, -1)}`
    return {
      json: `{"imported":{"$secureml":"imported",${fields}${inside}}${rest}}`,
      cut: saidJson.omitted.length + ownJson.omitted.length > 0,
    }
  }
}

function fieldOf(name: string, json: string): string {
  return json === "{}" ? "" : `,"${name}":${json}`
}

function templateOf(event: ImportedEvent, contextJson: string): EntryTemplate {
  const { operationId, operationName, parentOperationId, traceId, spanId, regulations, actor } = event
  const actorJson = actor === undefined ? undefined : encodeActor(actor)
  return new EntryTemplate({
    operationId,
    operationName,
    parentOperationId,
    traceId,
    spanId,
    regulations,
    actorJson,
    contextJson,
  })
}
