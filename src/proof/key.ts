/**
 * The keys of signed notes as text: verifier keys of https://c2sp.org/signed-note, "Verifier keys", and signer keys as
 * golang.org/x/mod/sumdb/note writes them. Pure.
 *
 *     <name>+<8 hex digits of the key id>+<base64 of type byte and public key>
 *     PRIVATE+KEY+<name>+<8 hex digits of the key id>+<base64 of type byte and seed>
 * @module
 */

import { concatBytes, fromBase64, toBase64, toHex, utf8 } from "../bytes.ts"
import { AuditError, type AuditErrorCode } from "../errors.ts"
import { assertBytes, assertString, isWellFormedText } from "./arguments.ts"
import { ed25519Signer, KEY_BYTES } from "./ed25519.ts"
import { sha256 } from "./sha256.ts"

/** Type byte of a key that signs the note's text with Ed25519. */
export const ED25519 = 0x01
/** Type byte of a key that cosigns checkpoints with a time, with Ed25519. */
export const COSIGNATURE_V1 = 0x04

/** A public key that signatures are checked with. `keyId` is 8 lowercase hex digits. */
export type VerifierKey = {
  readonly name: string
  readonly keyId: string
  readonly type: typeof ED25519 | typeof COSIGNATURE_V1
  readonly publicKey: Uint8Array
}

/**
 * A private Ed25519 key that signs notes. It does not show its seed; a key in an HSM or a KMS can have the same shape,
 * with `keyId` from {@link verifierKeyId}. `sign` gives the 64-byte signature of a message.
 */
export type SignerKey = {
  readonly name: string
  readonly keyId: string
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>
}

const SIGNER_PREFIX = "PRIVATE+KEY+"
// Go's unicode.IsSpace, which x/mod applies to names; JavaScript's \s is another set.
const UNICODE_SPACE = /[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
// No note may hold these, so no key with such a name could ever sign one.
const CONTROL = /[\u0000-\u001f]/

/** Whether a text can be the name of a key: not empty, no `+`, no Unicode space, nothing that a note must not hold. */
export function isKeyName(name: string): boolean {
  return name !== "" && isWellFormedText(name) && !/\+/.test(name) && !UNICODE_SPACE.test(name) && !CONTROL.test(name)
}

function assertKeyName(name: string): void {
  assertString(name, "name")
  if (isKeyName(name)) return
  throw new AuditError("KEY_NAME_MALFORMED", `${JSON.stringify(name)} is no key name: it is empty, or has + or a space`)
}

/** The id of a key: the first 4 bytes of SHA-256 over name, newline, type byte and public key, in hex. */
export function verifierKeyId(name: string, type: number, publicKey: Uint8Array): string {
  return toHex(sha256(concatBytes(utf8(`${name}\n`), new Uint8Array([type]), publicKey)).subarray(0, 4))
}

/** The three fields after any prefix. Split at the first two `+` only, for base64 has that character too. */
function splitKey(text: string): { name: string; keyId: string; type: number; material: Uint8Array } | undefined {
  const match = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(text)
  const typed = fromBase64(match?.[3] ?? "")
  if (match === null || typed === undefined || typed.length === 0) return undefined
  return { name: match[1]!, keyId: match[2]!, type: typed[0]!, material: typed.subarray(1) }
}

/**
 * The verifier key that a line of text spells. No space or newline around it.
 *
 * @throws {@link AuditError} `VERIFIER_KEY_MALFORMED` when it is not name, id and canonical base64 of a whole key.
 * @throws {@link AuditError} `KEY_NAME_MALFORMED` when the name is empty or has a space.
 * @throws {@link AuditError} `VERIFIER_KEY_TYPE_UNKNOWN` when it is not Ed25519 (1) or an Ed25519 cosigner (4).
 * @throws {@link AuditError} `VERIFIER_KEY_ID_MISMATCH` when the id is not that of this name and key.
 * @example
 * ```ts
 * parseVerifierKey("webtessera.fixture.log+dc00151b+AUeIGKl2KxQNkIaKQYoZiZT3MbL8/GB3Q3Yo3fTwAV2+").keyId // "dc00151b"
 * ```
 */
export function parseVerifierKey(vkey: string): VerifierKey {
  assertString(vkey, "vkey")
  const key = splitKey(vkey)
  if (key === undefined) {
    throw new AuditError("VERIFIER_KEY_MALFORMED", "a verifier key is <name>+<8 hex digits>+<base64>, and this is not")
  }
  assertKeyName(key.name)
  const { name, keyId, type } = key
  if (type !== ED25519 && type !== COSIGNATURE_V1) {
    throw new AuditError("VERIFIER_KEY_TYPE_UNKNOWN", `the key of ${name} is of type ${type}; 1 and 4 are supported`)
  }
  assertKeyLength(key.material, "VERIFIER_KEY_MALFORMED", name)
  if (keyId !== verifierKeyId(name, type, key.material)) {
    throw new AuditError("VERIFIER_KEY_ID_MISMATCH", `the key of ${name} has another id than ${keyId}: it was altered`)
  }
  return { name, keyId, type, publicKey: key.material.slice() }
}

function assertKeyLength(material: Uint8Array, code: AuditErrorCode, name: string): void {
  if (material.length === KEY_BYTES) return
  throw new AuditError(code, `the key of ${name} has ${material.length} bytes instead of ${KEY_BYTES}`)
}

/** A verifier key that is given as text or already parsed. */
export function toVerifierKey(vkey: string | VerifierKey): VerifierKey {
  return typeof vkey === "string" ? parseVerifierKey(vkey) : parseVerifierKey(formatVerifierKey(vkey))
}

/**
 * The text of a verifier key.
 *
 * @example
 * ```ts
 * formatVerifierKey(parseVerifierKey(vkey)) === vkey // true
 * ```
 */
export function formatVerifierKey(key: VerifierKey): string {
  return `${key.name}+${key.keyId}+${toBase64(concatBytes(new Uint8Array([key.type]), key.publicKey))}`
}

/**
 * The signer key that a line of text spells.
 *
 * @throws {@link AuditError} `SIGNER_KEY_MALFORMED` when it is not prefix, name, id and canonical base64 of a whole key.
 * @throws {@link AuditError} `KEY_NAME_MALFORMED` when the name is empty or has a space.
 * @throws {@link AuditError} `SIGNER_KEY_TYPE_UNKNOWN` when it is not Ed25519 (1).
 * @throws {@link AuditError} `SIGNER_KEY_ID_MISMATCH` when the id is not that of this name and key.
 * @throws {@link AuditError} `PLATFORM_UNSUPPORTED` where there is no Ed25519.
 */
export async function parseSignerKey(skey: string): Promise<SignerKey> {
  assertString(skey, "skey")
  const key = skey.startsWith(SIGNER_PREFIX) ? splitKey(skey.slice(SIGNER_PREFIX.length)) : undefined
  if (key === undefined) {
    throw new AuditError("SIGNER_KEY_MALFORMED", `a signer key is ${SIGNER_PREFIX}<name>+<8 hex digits>+<base64>`)
  }
  assertKeyName(key.name)
  if (key.type !== ED25519) {
    throw new AuditError("SIGNER_KEY_TYPE_UNKNOWN", `the signer key of ${key.name} is not an Ed25519 key`)
  }
  assertKeyLength(key.material, "SIGNER_KEY_MALFORMED", key.name)
  const signer = await signerFromSeed(key.name, key.material)
  if (signer.keyId !== key.keyId) {
    throw new AuditError("SIGNER_KEY_ID_MISMATCH", `the signer key of ${key.name} has another id: it was altered`)
  }
  return signer
}

async function signerFromSeed(name: string, seed: Uint8Array): Promise<SignerKey> {
  const { publicKey, sign } = await ed25519Signer(seed)
  return { name, keyId: verifierKeyId(name, ED25519, publicKey), publicKey, sign }
}

/**
 * The text of a new signer key. Keep it secret: it holds the seed.
 *
 * @param seed - 32 random bytes.
 * @throws {@link AuditError} `KEY_NAME_MALFORMED` when the name is empty, or has `+` or a space.
 * @throws RangeError when the seed is not 32 bytes.
 */
export async function formatSignerKey(name: string, seed: Uint8Array): Promise<string> {
  assertKeyName(name)
  assertBytes(seed, "seed")
  if (seed.length !== KEY_BYTES) throw new RangeError(`seed must be ${KEY_BYTES} bytes`)
  const { keyId } = await signerFromSeed(name, seed)
  return `${SIGNER_PREFIX}${name}+${keyId}+${toBase64(concatBytes(new Uint8Array([ED25519]), seed))}`
}

/**
 * The text of the verifier key that checks what a signer key signs.
 *
 * @example
 * ```ts
 * verifierKeyOf(await parseSignerKey(skey)) // "webtessera.fixture.log+dc00151b+AUeIGKl2KxQNkIaKQYoZiZT3MbL8/GB3Q3Yo3fTwAV2+"
 * ```
 */
export function verifierKeyOf(signerKey: SignerKey): string {
  const { name, publicKey } = signerKey
  return formatVerifierKey({ name, keyId: verifierKeyId(name, ED25519, publicKey), type: ED25519, publicKey })
}
