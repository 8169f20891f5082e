/**
 * Checks of what callers give for the envelope. Each throws TypeError or RangeError naming the field, the limit and
 * the way out, and returns what is stored. Pure.
 * @module
 */
import type { Redactor } from "./redactor.ts"
import { isRecord, keysOf, nameInMessage } from "./shape.ts"
import { quote, utf8Bytes } from "./text.ts"
import { encodeValue } from "./value.ts"

/** Longest operation name, in UTF-8 bytes. */
export const MAX_OPERATION_NAME_BYTES = 1_024
/** Largest context, encoded, in UTF-8 bytes: it stands in every entry of the trail. */
export const MAX_CONTEXT_BYTES = 16_384
/** Longest event type, in UTF-8 bytes. */
export const MAX_EVENT_TYPE_BYTES = 256

const MAX_ACTOR_FIELD_BYTES = 1_024
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
// Types that only this package writes; design of the trail: nobody can log a fake erasure or a fake gap.
const RESERVED =
  /^(?:audit|function|erasure|erase|prune|pruned|hold|key|redact|redaction|restriction|correction|retention|recover|recovery|seal|secureml)(?:_|$)|^(?:events_lost|entry_redacted|redacted)$/

/** The reserved types as far as the compiler can tell them; {@link isReservedEventType} decides. */
export type ReservedEventType =
  | ReservedWord
  | `${ReservedWord}_${string}`
  | "events_lost"
  | "entry_redacted"
  | "redacted"
type ReservedWord =
  | "audit"
  | "function"
  | "erasure"
  | "erase"
  | "prune"
  | "pruned"
  | "hold"
  | "key"
  | "redact"
  | "redaction"
  | "restriction"
  | "correction"
  | "retention"
  | "recover"
  | "recovery"
  | "seal"
  | "secureml"

/**
 * The operation name, as given.
 *
 * @throws TypeError when it is not a string, or blank.
 * @throws RangeError over 1,024 bytes.
 */
export function checkOperationName(name: unknown): string {
  if (typeof name !== "string" || name.trim() === "") {
    throw new TypeError('operationName must be a non-empty string, such as "model_training"')
  }
  checkBytes("operationName", name, MAX_OPERATION_NAME_BYTES, "put the rest into context")
  return name
}

/**
 * The event type, as given: no control characters, no blanks around it, at most 256 bytes.
 *
 * @throws TypeError or RangeError naming `eventType`.
 */
export function checkEventType(type: unknown): string {
  if (typeof type !== "string" || type === "") {
    throw new TypeError('eventType must be a non-empty string, such as "model_deployed"')
  }
  if (type.trim() !== type || CONTROL.test(type) || LONE_SURROGATE.test(type)) {
    throw new TypeError("eventType must not hold control characters, nor begin or end with a blank")
  }
  checkBytes("eventType", type, MAX_EVENT_TYPE_BYTES, "put the rest into details")
  return type
}

/**
 * Whether only this package may log the type: `audit_*`, `function_*`, `events_lost`, `entry_redacted`, `redacted`, and
 * what erasure, restriction, correction, pruning, holds, keys, redaction, retention, recovery and sealing leave behind.
 *
 * @example
 * ```ts
 * isReservedEventType("audit_closed") // true
 * isReservedEventType("data_access") // false
 * ```
 */
export function isReservedEventType(type: string): boolean {
  return RESERVED.test(type.trim().toLowerCase())
}

/**
 * The context as JSON, secrets redacted.
 *
 * @throws TypeError when it is not an object.
 * @throws RangeError over 16,384 bytes or nested deeper than 64 levels.
 */
export function encodeContext(context: unknown, redactor: Redactor | undefined): string {
  if (!isRecord(context)) throw new TypeError('context must be an object, such as { environment: "production" }')
  const { json, omitted } = encodeValue(context, { limitBytes: MAX_CONTEXT_BYTES, redactor })
  if (omitted.length === 0) return json
  throw new RangeError(
    `context takes over ${MAX_CONTEXT_BYTES} bytes as JSON, or is nested over 64 levels; it stands in every entry, ` +
      "so keep ids and versions there and log the rest once as details",
  )
}

/**
 * The actor as JSON: id, then type and role when given.
 *
 * @param idJson - What stands in place of the id.
 * @throws TypeError when `id` is missing, a field is not a non-empty string, or an unknown field is there.
 * @throws RangeError for a field over 1,024 bytes.
 */
export function encodeActor(actor: unknown, idJson?: string): string {
  if (!isRecord(actor)) throw new TypeError('actor must be an object, such as { id: "ds1", type: "user" }')
  const unknown = keysOf(actor, "actor").find((key) => key !== "id" && key !== "type" && key !== "role")
  if (unknown !== undefined)
    throw new TypeError(`actor has no field ${nameInMessage(unknown)}; it has id, type and role`)
  const { id, type, role } = actor
  const ownJson = actorField("id", id)
  let json = `{"id":${idJson ?? ownJson}`
  if (type !== undefined) json += `,"type":${actorField("type", type)}`
  if (role !== undefined) json += `,"role":${actorField("role", role)}`
  return `${json}}`
}

function actorField(name: string, value: unknown): string {
  if (typeof value !== "string" || value.trim() === "") throw new TypeError(`actor.${name} must be a non-empty string`)
  checkBytes(`actor.${name}`, value, MAX_ACTOR_FIELD_BYTES, "log a shorter id")
  return quote(value)
}

function checkBytes(field: string, text: string, limitBytes: number, wayOut: string): void {
  const bytes = utf8Bytes(text)
  if (bytes > limitBytes) throw new RangeError(`${field} takes ${bytes} bytes; the limit is ${limitBytes}: ${wayOut}`)
}
