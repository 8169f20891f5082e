/**
 * Personal values as they are kept: those of one event that belong to the same persons are encrypted together, with
 * their places and salts, under the persons' keys. Format: docs/format.md, "Personal values". No I/O.
 * @module
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto"
import type { SealedPart, SubjectKey } from "../store/index.ts"

/** A value, where its marker stands, and the salt of its commitment. */
export interface PersonalValue {
  /** RFC 6901 pointer inside the entry, such as "/details/user_id". */
  readonly pointer: string
  /** 32 random bytes, base64. */
  readonly salt: string
  /** The value as it was encoded. */
  readonly json: string
}

const DOMAIN = "secureml/seal/v1"
const CIPHER = "aes-256-gcm"
const NONCE_BYTES = 12
const TAG_BYTES = 16
const SALT_BYTES = 32
/** Lengths are rounded up to a multiple of this, each value's and that of all together. */
const STEP_BYTES = 64

/** Encrypts some values of one event. AES-256-GCM; the event and the key ids are authenticated with them. */
export function sealValues(eventId: string, keys: readonly SubjectKey[], values: readonly PersonalValue[]): SealedPart {
  const sorted = [...keys].sort((a, b) => (a.id < b.id ? -1 : 1))
  const ids = sorted.map(({ id }) => id)
  const nonce = randomBytes(NONCE_BYTES)
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
  return Buffer.concat([DOMAIN, eventId, ...ids].flatMap((part) => [lengthOf(Buffer.from(part)), Buffer.from(part)]))
}

function lengthOf(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return length
}

/** Place, salt and value of each, texts behind their lengths; blanks behind a value hide how long it is. */
function packed(values: readonly PersonalValue[]): Buffer {
  const parts = values.flatMap(({ pointer, salt, json }) => {
    const [place, value] = [Buffer.from(pointer), padded(Buffer.from(json))]
    return [lengthOf(place), place, Buffer.from(salt, "base64"), lengthOf(value), value]
  })
  return padded(Buffer.concat([Buffer.from([values.length >> 8, values.length & 255]), ...parts]))
}

function unpacked(bytes: Buffer): PersonalValue[] {
  let at = 2
  const take = (length: number): Buffer => {
    at += length
    if (at > bytes.length) throw new RangeError("cut off")
    return bytes.subarray(at - length, at)
  }
  return Array.from({ length: bytes.readUInt16BE(0) }, () => ({
    pointer: take(take(4).readUInt32BE(0)).toString(),
    salt: take(SALT_BYTES).toString("base64"),
    json: take(take(4).readUInt32BE(0)).toString().trimEnd(),
  }))
}

/** JSON may end with blanks. */
function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((STEP_BYTES - (bytes.length % STEP_BYTES)) % STEP_BYTES, " ")])
}
