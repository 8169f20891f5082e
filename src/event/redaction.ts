/**
 * Redacted entries: what the event that records a redaction keeps of the entry, and the *blank* that stands in the
 * entry's place from then on. Every byte of a blank follows from that event, so that nothing can be hidden in one. Pure.
 * Format: docs/format.md, "Redacted entries".
 * @module
 */
import { fromBase64, toBase64, utf8 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { parseEntry } from "./parse.ts"
import type { AuditEntry, JsonObject, JsonValue } from "./record.ts"
import { isRecord } from "./shape.ts"

/** Type of the event that says of another entry that it was redacted. */
export const ENTRY_REDACTED = "entry_redacted"
/** Type of what stands in the place of a redacted entry. */
export const REDACTED = "redacted"

/** A blank has no id of its own: this, and its index in hex. The entry's id is the salt of its leaf hash, and goes. */
const ID_PREFIX = "00000000-0000-7000-8000-"
const BEGINNING = `{"v":1,"event_id":"${ID_PREFIX}`

/** What is said of a redacted entry. */
export interface Redaction {
  readonly index: number
  /** Base64. */
  readonly leafHash: string
  /** What is kept: place and numbers, which verification and recovery need. */
  readonly kept: JsonObject
}

/**
 * What is kept of an entry: its time, its numbers within operation and writer, and the line that it was imported from.
 *
 * @example
 * ```ts
 * keptOf(entry) // { timestamp: "2026-11-24T…", operation_id: "…", sequence: 3, writer: { id: "…", seq: 41 } }
 * ```
 */
export function keptOf({ timestamp, operation_id, sequence, writer, context }: AuditEntry): JsonObject {
  const { id, seq, continues } = writer
  const kept = { timestamp, operation_id, sequence }
  const mark: unknown = context?.["imported"]
  return {
    ...kept,
    writer: { id, seq, ...(continues === undefined ? {} : { continues: { id: continues.id, seq: continues.seq } }) },
    ...(isImported(mark) ? { imported: { from: mark.from, file: mark.file, line: mark.line } } : {}),
  }
}

/** Without its commitment: that is a digest of what goes. */
function isImported(mark: unknown): mark is { readonly from: string; readonly file: string; readonly line: number } {
  if (!isRecord(mark) || mark["$secureml"] !== "imported") return false
  return typeof mark["from"] === "string" && typeof mark["file"] === "string" && Number.isSafeInteger(mark["line"])
}

/** What an event of type {@link ENTRY_REDACTED} says; undefined for every other entry, and where it says it wrongly. */
export function redactionOf({ event_type, details }: AuditEntry): Redaction | undefined {
  const { index, leaf_hash: leafHash, kept } = details
  if (event_type !== ENTRY_REDACTED || !Number.isSafeInteger(index) || (index as number) < 0) return undefined
  if (typeof leafHash !== "string" || fromBase64(leafHash)?.length !== 32 || !isRecord(kept)) return undefined
  const redaction = { index: index as number, leafHash, kept: kept as JsonObject }
  return tryEntry(utf8(blankText(redaction, 0))) === undefined ? undefined : redaction
}

/** The text that stands in the place of a redacted entry; `record` is the index of the event that says so. */
export function blankText({ index, kept }: Pick<Redaction, "index" | "kept">, record: number): string {
  const { timestamp, operation_id, sequence, writer, imported } = kept
  return JSON.stringify({
    v: 1,
    event_id: `${ID_PREFIX}${index.toString(16).padStart(12, "0")}`,
    event_type: REDACTED,
    timestamp,
    operation_id,
    operation_name: REDACTED,
    sequence,
    writer: writerOf(writer),
    ...(isRecord(imported) ? { context: { imported: { $secureml: "imported", ...markOf(imported) } } } : {}),
    details: { by: record },
  })
}

/** Nothing but the fields that are kept, in their order: what else a record may hold gets into no blank. */
function writerOf(writer: JsonValue | undefined): object {
  if (!isRecord(writer)) return {}
  const { id, seq, continues } = writer as JsonObject
  const before = isRecord(continues) ? { continues: { id: continues["id"], seq: continues["seq"] } } : {}
  return { id, seq, ...before }
}

function markOf({ from, file, line }: Readonly<Record<string, unknown>>): object {
  return { from, file, line }
}

/**
 * The index of the event that explains a blank, as the blank names it; undefined for bytes that are no blank. What it
 * names has to be looked up, and to say the same: see {@link blankFor}.
 */
export function recordNamedBy(bytes: Uint8Array): number | undefined {
  for (let at = 0; at < BEGINNING.length; at++) if (bytes[at] !== BEGINNING.charCodeAt(at)) return undefined
  const entry = tryEntry(bytes)
  const by = entry?.event_type === REDACTED ? entry.details["by"] : undefined
  return Number.isSafeInteger(by) && (by as number) >= 0 ? (by as number) : undefined
}

/**
 * The bytes that stand, by an event, in the place of an entry with a leaf hash; undefined where the event says nothing
 * of the kind. An event stands behind the entry that it is about.
 *
 * @param record - Bytes of the event, and `recordIndex` its place.
 */
export function blankFor(
  record: Uint8Array,
  recordIndex: number,
  index: number,
  leafHash: Uint8Array,
): Uint8Array | undefined {
  const entry = tryEntry(record)
  const redaction = entry === undefined ? undefined : redactionOf(entry)
  if (redaction?.index !== index || index >= recordIndex || redaction.leafHash !== toBase64(leafHash)) return undefined
  return utf8(blankText(redaction, recordIndex))
}

function tryEntry(bytes: Uint8Array): AuditEntry | undefined {
  try {
    return parseEntry(bytes)
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/**
 * A blank that takes as many bytes as what it is written over, in a file whose lines cannot move: with spaces behind it,
 * or, where it is too long, empty but for its braces.
 */
export function fillerFor(redaction: Pick<Redaction, "index" | "kept">, record: number, sizeBytes: number): string {
  const text = blankText(redaction, record)
  const fitting = utf8(text).length <= sizeBytes ? text : "{}"
  return fitting + " ".repeat(sizeBytes - utf8(fitting).length)
}

/** Whether an entry is a blank, as far as its own text goes: nobody else can give that type to an event. */
export function isBlank({ event_type }: Pick<AuditEntry, "event_type">): boolean {
  return event_type === REDACTED
}
