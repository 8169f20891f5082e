/**
 * Personal values as they are kept: those of one event that belong to the same persons are encrypted together, with
 * their places and salts, under the persons' keys. Format: docs/format.md, "Personal values". No I/O.
 * @module
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto"
import type { SealedPart, SubjectKey } from "../store/index.ts"
import { freshBytes } from "./fresh-bytes.ts"

/** A value, where its marker stands, and the salt of its commitment. */
export interface PersonalValue {
  /** RFC 6901 pointer inside the entry, such as "/details/user_id". */
  readonly pointer: string
  /** 32 random bytes. */
  readonly salt: Uint8Array
  /** The value as it was encoded. */
  readonly json: string
}

const DOMAIN = "secureml/seal/v1"
const CIPHER = "aes-256-gcm"
const NONCE_BYTES = 12
const TAG_BYTES = 16
const SALT_BYTES = 32
const LENGTH_BYTES = 4
const COUNT_BYTES = 2
/** Lengths are rounded up to a multiple of this, each value's and that of all together. */
const STEP_BYTES = 64

/** Encrypts some values of one event. AES-256-GCM; the event and the key ids are authenticated with them. */
export function sealValues(eventId: string, keys: readonly SubjectKey[], values: readonly PersonalValue[]): SealedPart {
  const sorted = [...keys].sort((a, b) => (a.id < b.id ? -1 : 1))
  const ids = sorted.map(({ id }) => id)
  const nonce = freshBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, keyOf(sorted.map(({ key }) => key)), nonce)
  cipher.setAAD(boundTo(eventId, ids))
  const data = Buffer.concat([nonce, cipher.update(packed(values)), cipher.final(), cipher.getAuthTag()])
  return { eventId, keys: ids, data }
}

/**
 * Decrypts what {@link sealValues} made.
 * @param keyWith - The key with an id; undefined when it is not there.
 * @returns "withheld" without one of the keys; "damaged" when it does not open under them.
 */
export function openValues(
  { eventId, keys, data }: SealedPart,
  keyWith: (id: string) => Uint8Array | undefined,
): readonly PersonalValue[] | "withheld" | "damaged" {
  const found = keys.map(keyWith)
  if (!found.every((key) => key !== undefined)) return "withheld"
  if (data.length < NONCE_BYTES + TAG_BYTES) return "damaged"
  try {
    const decipher = createDecipheriv(CIPHER, keyOf(found as Uint8Array[]), data.subarray(0, NONCE_BYTES))
    decipher.setAAD(boundTo(eventId, keys))
    decipher.setAuthTag(data.subarray(data.length - TAG_BYTES))
    const bytes = Buffer.concat([
      decipher.update(data.subarray(NONCE_BYTES, data.length - TAG_BYTES)),
      decipher.final(),
    ])
    return unpacked(bytes)
  } catch {
    return "damaged"
  }
}

/** One person's key as it is; of several, a key that takes all of them. */
function keyOf(keys: readonly Uint8Array[]): Uint8Array {
  const [first, ...others] = keys
  if (others.length === 0) return first!
  const hmac = createHmac("sha256", first!).update("secureml/joint/v1")
  for (const key of others) hmac.update(key)
  return hmac.digest()
}

/** The domain, the event and the keys, each behind its length. */
function boundTo(eventId: string, ids: readonly string[]): Buffer {
  const parts = [DOMAIN, eventId, ...ids]
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + LENGTH_BYTES + Buffer.byteLength(part), 0))
  let at = 0
  for (const part of parts) at = textInto(bytes, part, at)
  return bytes
}

/** Writes a text behind its length; returns where it ends. */
function textInto(bytes: Buffer, text: string, at: number): number {
  const length = bytes.write(text, at + LENGTH_BYTES)
  bytes.writeUInt32BE(length, at)
  return at + LENGTH_BYTES + length
}

/** Place, salt and value of each, texts behind their lengths; blanks behind a value hide how long it is. */
function packed(values: readonly PersonalValue[]): Buffer {
  const sizes = values.map(({ json }) => rounded(Buffer.byteLength(json)))
  const size = values.reduce(
    (sum, { pointer }, n) => sum + 2 * LENGTH_BYTES + Buffer.byteLength(pointer) + SALT_BYTES + sizes[n]!,
    COUNT_BYTES,
  )
  // JSON may end with blanks.
  const bytes = Buffer.alloc(rounded(size), " ")
  let at = bytes.writeUInt16BE(values.length, 0)
  for (const [n, { pointer, salt, json }] of values.entries()) {
    at = textInto(bytes, pointer, at)
    bytes.set(salt, at)
    at = bytes.writeUInt32BE(sizes[n]!, at + SALT_BYTES)
    bytes.write(json, at)
    at += sizes[n]!
  }
  return bytes
}

function rounded(length: number): number {
  return Math.ceil(length / STEP_BYTES) * STEP_BYTES
}

function unpacked(bytes: Buffer): PersonalValue[] {
  let at = COUNT_BYTES
  const take = (length: number): Buffer => {
    at += length
    if (at > bytes.length) throw new RangeError("cut off")
    return bytes.subarray(at - length, at)
  }
  return Array.from({ length: bytes.readUInt16BE(0) }, () => ({
    pointer: take(take(4).readUInt32BE(0)).toString(),
    salt: take(SALT_BYTES),
    json: take(take(4).readUInt32BE(0)).toString().trimEnd(),
  }))
}
