/**
 * Lines of JSON, one object each: `{ event_type, details, timestamp?, operation_name?, operation_id?, actor?, … }`, and
 * what `list --json` gives. Without `details`, whatever else an object holds is its details. Pure.
 * @module
 */
import { isRecord } from "../event/index.ts"
import {
  type Candidate,
  type Fields,
  fieldOf,
  LineDamage,
  readActor,
  readEventType,
  readField,
  readId,
  readName,
  readObject,
  readRegulations,
} from "./candidate.ts"
import { parseExactJson } from "./exact-json.ts"
import { type StoredTime, storedTime, type Zone } from "./zone.ts"

/** Keys that have a place of their own in an entry. */
const PLACED = [
  "event_type",
  "occurred_at",
  "operation_id",
  "operation_name",
  "actor",
  "regulations",
  "parent_operation_id",
  "trace_id",
  "span_id",
  "context",
  "details",
] as const

/**
 * The record in a line.
 * @throws {@link LineDamage}
 */
export function readJsonLine(text: string, zone: Zone): Candidate {
  const record = parseExactJson(text)
  if (!isRecord(record)) throw new LineDamage("not_a_line")
  const time = timeOf(record, zone)
  const given = readField(record, "details", readObject)
  const rest = unplaced(record)
  const regulations = readField(record, "regulations", readRegulations)
  return {
    eventType: readEventType(fieldOf(record, "event_type")),
    details: given ?? rest,
    other: given === undefined ? undefined : rest,
    operationId: readField(record, "operation_id", readId),
    operationName: readField(record, "operation_name", readName),
    occurredAt: time?.text,
    naive: time?.naive ?? false,
    actor: readField(record, "actor", readActor),
    regulations,
    parentOperationId: readField(record, "parent_operation_id", readId),
    traceId: readField(record, "trace_id", readId),
    spanId: readField(record, "span_id", readId),
    context: readField(record, "context", readObject),
  }
}

/** When it happened, as far as the record says: claimed before recorded. */
function timeOf(record: Fields, zone: Zone): StoredTime | undefined {
  const read = (time: unknown): StoredTime => storedTime(time, zone)
  const recorded = readField(record, "timestamp", read)
  return readField(record, "occurred_at", read) ?? recorded
}

function unplaced(record: Fields): object {
  const { ...rest } = record as Record<string, unknown>
  for (const key of PLACED) delete rest[key]
  // Where both times are there, only one of them has a place.
  if (fieldOf(record, "occurred_at") === undefined) delete rest["timestamp"]
  return rest
}
