/**
 * Summaries of captured arguments and results: type, size, shape and a keyed digest, never the value. Pure; the keyed
 * digest is passed in. Takes bounded time and never throws.
 * @module
 */
import { classNameOf, formOfConverted, tensorOf } from "./exotic.ts"
import { isPersonal } from "./personal.ts"
import type { JsonObject, JsonValue } from "./record.ts"
import { encodeValue } from "./value.ts"

/** Values that take more are summarised without a digest. */
const MAX_DIGEST_BYTES = 65_536
const SAMPLED_ELEMENTS = 256
const NAME_CHARS = 128

/** A digest under a secret of the log, as text: a plain hash of a short value could be guessed. */
export type KeyedDigest = (content: string | Uint8Array) => string

/**
 * What a value is, without the value.
 *
 * Numbers, booleans, null and undefined get no digest even under a key: so few values are likely that equal digests
 * would tell them. Key names of objects are counted, not named: they may be personal.
 *
 * @example
 * ```ts
 * summarise(["age", "sex"], digest) // { type: "array", length: 2, elements: "string", digest: "…" }
 * summarise(new Float32Array(3), digest) // { type: "typed_array", class: "Float32Array", length: 3, digest: "…" }
 * summarise(42, digest) // { type: "number" }
 * ```
 */
export function summarise(value: unknown, digest: KeyedDigest): JsonObject {
  try {
    return described(value, digest)
  } catch {
    return { type: "unreadable" }
  }
}

function described(value: unknown, digest: KeyedDigest): JsonObject {
  switch (typeof value) {
    case "string":
      return { type: "string", length: value.length, ...digestOf(value, digest) }
    case "function":
      return { type: "function", name: String(value.name).slice(0, NAME_CHARS) }
    case "object":
      return value === null ? { type: "null" } : objectSummary(value, digest)
    case "bigint":
      return { type: "bigint", ...digestOf(value, digest) }
    default:
      return { type: typeof value }
  }
}

function objectSummary(value: object, digest: KeyedDigest): JsonObject {
  // A digest under the log's secret would be the same wherever the value occurs.
  if (isPersonal(value)) return { type: "personal" }
  if (Array.isArray(value)) {
    const elements = elementType(value)
    return { type: "array", length: value.length, ...elements, ...digestOf(value, digest) }
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return binarySummary(value, digest)
  const tensor = tensorOf(value)
  const className = classNameOf(value)
  if (tensor !== undefined && className !== "Object") return { type: "tensor", class: className, ...tensor }
  return { ...kindOf(value, className), ...digestOf(value, digest) }
}

function binarySummary(value: ArrayBufferView | ArrayBuffer, digest: KeyedDigest): JsonObject {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
  const length = "length" in value ? Number(value.length) : bytes.length
  const type = "length" in value ? "typed_array" : "bytes"
  const summary = { type, class: classNameOf(value), length }
  return bytes.length > MAX_DIGEST_BYTES ? summary : { ...summary, digest: digest(bytes) }
}

function kindOf(value: object, className: string): JsonObject {
  const proto = Object.getPrototypeOf(value)
  if (proto === null || proto === Object.prototype) return { type: "object", keys: Object.keys(value).length }
  const form = formOfConverted(value)
  switch (form.as) {
    case "map":
    case "set":
      return { type: form.as, size: form.size }
    case "tagged":
      return { type: form.kind, class: className }
    case "plain":
      return { type: "object", keys: Object.keys(value).length }
    default:
      return { type: "object", class: className, keys: Object.keys(value).length }
  }
}

function elementType(list: readonly unknown[]): { elements?: JsonValue } {
  if (list.length === 0) return {}
  const types = new Set<string>()
  for (let i = 0; i < list.length && i < SAMPLED_ELEMENTS; i++) {
    const element = list[i]
    types.add(element === null ? "null" : Array.isArray(element) ? "array" : typeof element)
  }
  return { elements: types.size === 1 ? [...types][0]! : "mixed" }
}

function digestOf(value: unknown, digest: KeyedDigest): { digest?: string } {
  const { json, omitted } = encodeValue(value, { limitBytes: MAX_DIGEST_BYTES })
  return omitted.length > 0 ? {} : { digest: digest(json) }
}
