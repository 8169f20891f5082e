/**
 * Entries from bytes. The bytes are not trusted: they may come from a log that anyone wrote. Pure.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { MAX_ENTRY_BYTES } from "./entry.ts"
import type { AuditEntry } from "./record.ts"

type Check = (value: unknown) => boolean

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const ISO_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3,9}Z$/

const isText: Check = (value) => typeof value === "string"
const isName: Check = (value) => typeof value === "string" && value !== ""
const isUuid: Check = (value) => typeof value === "string" && UUID.test(value)
const isTime: Check = (value) => typeof value === "string" && ISO_UTC.test(value)
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isObject: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value)
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText)
/** What stands in place of a personal value. */
const isMarker: Check = (value) => isObject(value) && has(value, "$secureml", (tag) => tag === "personal")
const isPosition: Check = (value) => isObject(value) && has(value, "id", isName) && has(value, "seq", isCount)

const REQUIRED: readonly (readonly [string, Check])[] = [
  ["v", (value) => value === 1],
  ["event_id", isUuid],
  ["event_type", isName],
  ["timestamp", isTime],
  ["operation_id", isName],
  ["operation_name", isName],
  ["sequence", isCount],
  ["writer", (value) => isPosition(value) && hasIfThere(value, "continues", isPosition)],
  ["details", isObject],
]

const OPTIONAL: readonly (readonly [string, Check])[] = [
  [
    "actor",
    (value) =>
      isObject(value) &&
      (has(value, "id", isName) || has(value, "id", isMarker)) &&
      ["type", "role"].every((key) => hasIfThere(value, key, isText)),
  ],
  ["occurred_at", isTime],
  ["parent_operation_id", isName],
  ["trace_id", isName],
  ["span_id", isName],
  ["regulations", isTexts],
  ["context", isObject],
]

// Own properties only: a `__proto__` key in hostile JSON must not lend an entry its fields.
function has(owner: unknown, key: string, check: Check): boolean {
  return Object.hasOwn(owner as object, key) && check((owner as Record<string, unknown>)[key])
}

function hasIfThere(owner: unknown, key: string, check: Check): boolean {
  return !Object.hasOwn(owner as object, key) || has(owner, key, check)
}

/**
 * Parses one entry. Keys that the format does not name are kept; a `__proto__` key stays data.
 *
 * @throws {@link AuditError} `ENTRY_MALFORMED`: too long, not UTF-8, not a JSON object, or an envelope field that is
 * missing or of the wrong type; the message names the field, never its content.
 * @example
 * ```ts
 * parseEntry(bytes).event_type // "data_access"
 * ```
 */
export function parseEntry(bytes: Uint8Array): AuditEntry {
  if (bytes.length > MAX_ENTRY_BYTES) throw malformed(`takes ${bytes.length} bytes; the limit is ${MAX_ENTRY_BYTES}`)
  const text = utf8Text(bytes)
  if (text === undefined) throw malformed("is not UTF-8")
  const entry = parseJson(text)
  if (!isObject(entry)) throw malformed("is not a JSON object")
  for (const [key, check] of REQUIRED) {
    if (!has(entry, key, check)) throw malformed(`has no valid ${key}`)
  }
  for (const [key, check] of OPTIONAL) {
    if (!hasIfThere(entry, key, check)) throw malformed(`has an invalid ${key}`)
  }
  return entry as AuditEntry
}

/**
 * Whether a JSON object holds nothing but optional fields of the envelope, each valid and there once.
 *
 * @param count - How many fields its text has, one named twice counted twice.
 */
export function areOptionalFields(json: string, count: number): boolean {
  const fields = parseJson(json)
  const names = Object.keys(fields as object)
  if (names.length !== count || names.some((name) => OPTIONAL.every(([key]) => key !== name))) return false
  return OPTIONAL.every(([key, check]) => hasIfThere(fields, key, check))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed("is not JSON")
  }
}

function malformed(what: string): AuditError {
  return new AuditError(
    "ENTRY_MALFORMED",
    `the entry ${what}; run \`secureml audit verify\` to see what else is damaged`,
  )
}

// `{"v":1,"event_id":"`: then the id, whose first 48 bits are the time.
const PREFIX = Array.from('{"v":1,"event_id":"', (char) => char.charCodeAt(0))
const ID_AT = PREFIX.length
/** Begin of a UUIDv7: hex digits stand where the x are. */
const TIME_SHAPE = "xxxxxxxx-xxxx-7xxx"

/**
 * The time of an entry as the hex digits that begin its id, read at a fixed offset without parsing: 12 for the
 * millisecond and 3 for the counter within it, so that keys compare as one process made them. "" for bytes that do not
 * begin like an entry.
 *
 * @example
 * ```ts
 * eventTimeKey(utf8('{"v":1,"event_id":"018bcfe5-6800-7000-9c22-186b2a5ed793",…')) // "018bcfe56800000"
 * ```
 */
export function eventTimeKey(bytes: Uint8Array): string {
  for (let i = 0; i < ID_AT; i++) {
    if (bytes[i] !== PREFIX[i]) return ""
  }
  let key = ""
  for (let i = 0; i < TIME_SHAPE.length; i++) {
    const code = bytes[ID_AT + i] ?? 0
    const literal = TIME_SHAPE[i]
    if (literal === "x" ? !isHexDigit(code) : code !== literal!.charCodeAt(0)) return ""
    if (literal === "x") key += String.fromCharCode(code)
  }
  return key
}

function isHexDigit(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102)
}
