/**
 * Any JavaScript value to JSON text, once, as it is at the time of the call. Pure; never throws for any value.
 *
 * What JSON can say is written as JSON.stringify writes it. What it cannot say is an object tagged `$secureml`:
 *
 * | tag | fields | stands for |
 * | --- | --- | --- |
 * | `undefined` | | undefined as an element of an array, map or set, or as the whole value; absent as a property |
 * | `hole` | | an element that a sparse array does not have |
 * | `number` | value: "NaN", "Infinity", "-Infinity", "-0" | a number without a JSON spelling |
 * | `bigint` | value: decimal text | a bigint |
 * | `date` | value: ISO 8601 in UTC, or null when invalid | a Date |
 * | `map` | entries: [[key, value], …] | a Map |
 * | `set` | values: […] | a Set |
 * | `regexp` | source, flags | a RegExp |
 * | `url` | href | a URL |
 * | `error` | name, message, code?, cause?, errors? | an Error; no stack, no other fields |
 * | `boxed` | value | new Number(1) and its like |
 * | `symbol` | description? | a symbol |
 * | `function` | name | a function or class |
 * | `typed_array` | type, length (elements) | a typed array, without its values |
 * | `bytes` | type, length (bytes) | Buffer, ArrayBuffer, SharedArrayBuffer, DataView, without their bytes |
 * | `tensor` | type (class), dtype, shape | an object of a class with an element type and a shape, without its values |
 * | `instance:<Class>` | its own enumerable properties | an object of any other class |
 * | `cycle` | up: 1 is the innermost value that holds it, 2 the next | a reference to a value that holds the marker |
 * | `depth` | type | a container below 64 levels |
 * | `kept` | type, bytes, length?, commitment | a value cut because of the limit and kept beside the log; see docs/format.md |
 * | `omitted` | type, bytes, length?, exact? | a value cut because of the limit; `exact` false: `bytes` is a lower bound |
 * | `personal` | commitment, joint? | a personal value, kept beside the log under the person's key; see docs/format.md |
 * | `redacted` | kind | a secret, or a personal value where none can be kept |
 * | `unreadable` | | a value whose getter, Proxy or toJSON threw |
 *
 * A caller's own key that is `$secureml` after any number of `$` gets one more `$`. A `toJSON` is honoured, once.
 * Symbol keys and properties that are not enumerable are no data, as in JSON.
 * @module
 */
import type { Commit, KeptValue, Omission } from "./cut.ts"
import type { PersonalHandler } from "./personal.ts"
import type { Redactor } from "./redactor.ts"
import { UNREADABLE_JSON } from "./scalar.ts"
import { type EncodePersonal, Walk } from "./walk.ts"

/** What {@link encodeValue} made of a value. */
export interface Encoded {
  readonly json: string
  /** Values that were cut, in the order of the text. */
  readonly omitted: readonly Omission[]
  /** With `keep`: the text of every value that was cut. */
  readonly kept: readonly KeptValue[]
  /** Values redacted as a whole, and texts with a redacted part. */
  readonly redactions: number
}

/** How to encode. */
export interface EncodeOptions {
  readonly limitBytes: number
  readonly redactor?: Redactor | undefined
  /** Keeps what is cut: values up to this many bytes in all, under a commitment. */
  readonly keep?: { readonly limitBytes: number; readonly commit: Commit } | undefined
  /** Keeps what is declared personal, under a commitment; without, it is redacted. */
  readonly personal?: PersonalHandler | undefined
}

/** Most bytes of one personal value; larger ones are cut as the details of an entry are. */
const PERSONAL_BYTES = 65_536

/**
 * Encodes any value as JSON of at most `limitBytes` (UTF-8), secrets redacted, too large values cut largest first.
 * Takes time in proportion to the limit, not to the value. Never throws.
 *
 * @example
 * ```ts
 * encodeValue({ loss: Number.NaN }, { limitBytes: 1024 }).json // {"loss":{"$secureml":"number","value":"NaN"}}
 * ```
 */
export function encodeValue(value: unknown, options: EncodeOptions): Encoded {
  return encodeAt(value, options, [])
}

function encodeAt(value: unknown, options: EncodeOptions, path: readonly string[]): Encoded {
  const { limitBytes, redactor, keep, personal } = options
  const walk = new Walk(keep?.limitBytes ?? limitBytes, redactor, insideOf(redactor, personal), path)
  try {
    const json = walk.value(value, "", 0)
    const { json: text, omitted, kept } = walk.finish(json, value, limitBytes, keep?.commit, personal)
    return { json: text, omitted, kept, redactions: walk.redactions }
  } catch {
    // Reached only when the caller's own stack is all but used up; the walk marks whatever throws in a value.
    return { json: UNREADABLE_JSON, omitted: [], kept: [], redactions: walk.redactions }
  }
}

/** A personal value inside another one is written like this: nothing could be kept for it. */
const NESTED = '{"$secureml":"redacted","kind":"personal"}'

/** How the inside of a personal value is encoded: secrets are redacted there as everywhere. */
function insideOf(redactor: Redactor | undefined, handler: PersonalHandler | undefined): EncodePersonal | undefined {
  if (handler === undefined) return undefined
  return (one, path) => {
    const { json, omitted } = encodeAt(one.reveal(), { limitBytes: PERSONAL_BYTES, redactor }, path)
    if (json.includes(NESTED)) handler.onNested()
    return { json, omitted, subjects: one.subjects }
  }
}
