/**
 * The text of an entry. Pure. Format: docs/format.md; the order of keys is fixed, and the hash covers the text as
 * it is made here, so nothing re-serialises it later.
 * @module
 */
import { quote, utf8Bytes } from "./text.ts"

/** Largest entry in UTF-8 bytes: tlog-tiles prefixes an entry with a 16-bit length. */
export const MAX_ENTRY_BYTES = 65_535

/** What stays the same for every entry of a trail. Fields that end in Json are encoded already. */
export interface FixedParts {
  readonly operationId: string
  readonly operationName: string
  readonly actorJson?: string | undefined
  readonly parentOperationId?: string | undefined
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  readonly regulations?: readonly string[] | undefined
  readonly contextJson?: string | undefined
}

/** What an entry has of its own; `actorJson` and `regulations` take the place of the trail's. */
export interface EntryParts {
  readonly eventId: string
  readonly eventType: string
  readonly timestamp: string
  readonly sequence: number
  readonly writerId: string
  readonly writerSeq: number
  readonly continues?: { readonly id: string; readonly seq: number } | undefined
  readonly actorJson?: string | undefined
  readonly occurredAt?: string | undefined
  readonly regulations?: readonly string[] | undefined
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  readonly detailsJson: string
}

/** Builds the entries of one trail; everything that is the same in all of them is encoded once. */
export class EntryTemplate {
  private readonly operation: string
  private readonly actor: string
  private readonly parent: string
  private readonly trace: string
  private readonly regulations: string
  private readonly context: string

  constructor(fixed: FixedParts) {
    this.operation = `","operation_id":${quote(fixed.operationId)},"operation_name":${quote(fixed.operationName)}`
    this.actor = rawField("actor", fixed.actorJson)
    this.parent = textField("parent_operation_id", fixed.parentOperationId)
    this.trace = textField("trace_id", fixed.traceId) + textField("span_id", fixed.spanId)
    this.regulations = listField("regulations", fixed.regulations)
    this.context = rawField("context", fixed.contextJson)
  }

  /**
   * The text of one entry, on one line. The caller sees to it that it keeps to {@link MAX_ENTRY_BYTES}: the details
   * are encoded with what {@link EntryTemplate.roomForDetails} says is left.
   */
  entry(parts: EntryParts): string {
    const { actorJson, regulations, traceId, spanId } = parts
    return (
      `{"v":1,"event_id":"${parts.eventId}","event_type":${quote(parts.eventType)},"timestamp":"${parts.timestamp}` +
      `${this.operation},"sequence":${parts.sequence},"writer":{"id":"${parts.writerId}","seq":${parts.writerSeq}` +
      (parts.continues === undefined ? "}" : `,"continues":${JSON.stringify(parts.continues)}}`) +
      (actorJson === undefined ? this.actor : rawField("actor", actorJson)) +
      (parts.occurredAt === undefined ? "" : textField("occurred_at", parts.occurredAt)) +
      this.parent +
      (traceId === undefined && spanId === undefined
        ? this.trace
        : textField("trace_id", traceId) + textField("span_id", spanId)) +
      (regulations === undefined ? this.regulations : listField("regulations", regulations)) +
      `${this.context},"details":${parts.detailsJson}}`
    )
  }

  /** Bytes that the details of such an entry may take. */
  roomForDetails(parts: Omit<EntryParts, "detailsJson">): number {
    return MAX_ENTRY_BYTES - utf8Bytes(this.entry({ ...parts, detailsJson: "" }))
  }
}

function textField(name: string, text: string | undefined): string {
  return text === undefined ? "" : `,"${name}":${quote(text)}`
}

function rawField(name: string, json: string | undefined): string {
  return json === undefined ? "" : `,"${name}":${json}`
}

function listField(name: string, list: readonly string[] | undefined): string {
  return list === undefined || list.length === 0 ? "" : `,"${name}":[${list.map(quote).join(",")}]`
}
