/**
 * Signed notes: a text, an empty line, signature lines. Pure but for the Ed25519 of the platform.
 * Format: https://c2sp.org/signed-note
 *
 *     <text, ends in a newline>
 *
 *     — <key name> <base64 of 4-byte key id and signature>
 * @module
 */

import { concatBytes, fromBase64, fromHex, toBase64, toHex, utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { assertBytes, assertString, isWellFormedText } from "./arguments.ts"
import { cosignedMessage, decodeTimedSignature } from "./cosigned-message.ts"
import { ed25519Verify, SIGNATURE_BYTES } from "./ed25519.ts"
import { COSIGNATURE_V1, isKeyName, type SignerKey, toVerifierKey, type VerifierKey } from "./key.ts"

/** The most signature lines read; each may cost a public-key operation (x/mod has the same limit). */
export const MAX_SIGNATURES = 100

/** One signature line, taken apart and not checked. `keyId` is 8 lowercase hex digits. */
export type NoteSignature = { readonly name: string; readonly keyId: string; readonly signature: Uint8Array }

/** A note taken apart, with nothing checked. */
export type ParsedNote = { readonly text: string; readonly signatures: readonly NoteSignature[] }

/** A key whose signature was checked; `timestamp` in POSIX seconds where the key is a cosigner's. */
export type VerifiedSignature = { readonly name: string; readonly keyId: string; readonly timestamp?: number }

/** A note that at least one known key has signed. */
export type OpenedNote = {
  readonly text: string
  /** One for each known key, in the order of the note. */
  readonly verified: readonly VerifiedSignature[]
  /** How many lines are by keys that nobody named; they count for nothing. */
  readonly unverifiedCount: number
}

const LINE_START = "\u2014 "
const KEY_ID_BYTES = 4

/** The note as text. @throws AuditError `NOTE_NOT_TEXT` when it is not UTF-8 or has a control character. */
function noteText(note: string | Uint8Array): string {
  if (typeof note !== "string") assertBytes(note, "note")
  const text = typeof note === "string" ? note : utf8Text(note)
  assertNoteText(text)
  return text
}

function assertNoteText(text: string | undefined): asserts text is string {
  if (text !== undefined && isWellFormedText(text) && !/[\u0000-\u0009\u000b-\u001f]/.test(text)) return
  throw new AuditError("NOTE_NOT_TEXT", "a note is UTF-8 without control characters other than newline")
}

/**
 * Takes a note apart without checking any signature.
 *
 * @param note - Its text, or its UTF-8 bytes.
 * @throws {@link AuditError} `NOTE_NOT_TEXT` when it is not UTF-8 or has a control character other than newline.
 * @throws {@link AuditError} `NOTE_MALFORMED` when it does not end in an empty line and signature lines.
 * @throws {@link AuditError} `NOTE_SIGNATURE_MALFORMED` when a line after the empty one is not a signature.
 * @throws {@link AuditError} `NOTE_TOO_MANY_SIGNATURES` from 101 on.
 * @example
 * ```ts
 * parseNote("hello\n\n— example.org AAAAAAA=\n").signatures // [{ name: "example.org", keyId: "00000000", signature: … }]
 * ```
 */
export function parseNote(note: string | Uint8Array): ParsedNote {
  const whole = noteText(note)
  const split = whole.lastIndexOf("\n\n")
  if (split < 0 || split + 2 === whole.length || !whole.endsWith("\n")) {
    throw new AuditError("NOTE_MALFORMED", "a note ends in an empty line and one or more signature lines")
  }
  const lines = whole.slice(split + 2, -1).split("\n")
  if (lines.length > MAX_SIGNATURES) {
    throw new AuditError(
      "NOTE_TOO_MANY_SIGNATURES",
      `the note has ${lines.length} signatures; ${MAX_SIGNATURES} are read`,
    )
  }
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) }
}

function parseSignatureLine(line: string): NoteSignature {
  const [name = "", payload = "", ...rest] = line.slice(LINE_START.length).split(" ")
  const bytes = fromBase64(payload)
  const whole = line.startsWith(LINE_START) && rest.length === 0 && isKeyName(name)
  if (!whole || bytes === undefined || bytes.length <= KEY_ID_BYTES) {
    throw new AuditError("NOTE_SIGNATURE_MALFORMED", `a signature line is "${LINE_START}<key name> <base64>"`)
  }
  return { name, keyId: toHex(bytes.subarray(0, KEY_ID_BYTES)), signature: bytes.subarray(KEY_ID_BYTES) }
}

function formatSignatureLine(line: NoteSignature): string {
  return `${LINE_START}${line.name} ${toBase64(concatBytes(fromHex(line.keyId)!, line.signature))}\n`
}

/**
 * Checks the signatures of a note. A key is known when name and id both fit; lines by unknown keys are ignored, and
 * one bad signature by a known key refuses the whole note.
 *
 * @param note - Its text, or its UTF-8 bytes.
 * @param vkeys - The keys to trust, as text or parsed.
 * @throws {@link AuditError} `NOTE_SIGNATURE_WRONG` when a known key did not make its signature.
 * @throws {@link AuditError} `NOTE_UNSIGNED` when no known key signed.
 * @throws {@link AuditError} `COSIGNATURE_MALFORMED` when a known cosigner's line is not a time and a signature.
 * @throws {@link AuditError} every code of `parseNote`, and of `parseVerifierKey` for `vkeys`.
 * @throws {@link AuditError} `PLATFORM_UNSUPPORTED` where there is no Ed25519.
 * @example
 * ```ts
 * (await openNote(await signNote("hello\n", [key]), [verifierKeyOf(key)])).text // "hello\n"
 * ```
 */
export async function openNote(
  note: string | Uint8Array,
  vkeys: readonly (string | VerifierKey)[],
): Promise<OpenedNote> {
  const known = knownKeys(vkeys)
  const { text, signatures } = parseNote(note)
  const verified = new Map<VerifierKey, VerifiedSignature>()
  let unverifiedCount = 0
  for (const line of signatures) {
    const key = known.get(`${line.name}+${line.keyId}`)
    if (key === undefined) {
      unverifiedCount++
      continue
    }
    const checked = await checkSignature(key, text, line.signature)
    if (!verified.has(key)) verified.set(key, checked)
  }
  if (verified.size === 0) throw new AuditError("NOTE_UNSIGNED", `none of ${known.size} known keys signed this note`)
  return { text, verified: [...verified.values()], unverifiedCount }
}

function knownKeys(vkeys: readonly (string | VerifierKey)[]): Map<string, VerifierKey> {
  if (!Array.isArray(vkeys)) throw new TypeError("vkeys must be an array of verifier keys")
  const known = new Map<string, VerifierKey>()
  for (const key of vkeys.map(toVerifierKey)) {
    const label = `${key.name}+${key.keyId}`
    const other = known.get(label)
    // An id has only 32 bits: a second key can be made to fit the first one's.
    if (other !== undefined && toHex(other.publicKey) !== toHex(key.publicKey)) {
      throw new RangeError(`vkeys must not hold two different keys ${label}`)
    }
    known.set(label, key)
  }
  return known
}

async function checkSignature(key: VerifierKey, text: string, signature: Uint8Array): Promise<VerifiedSignature> {
  const { name, keyId, publicKey } = key
  if (key.type === COSIGNATURE_V1) {
    const timed = decodeTimedSignature(signature)
    await assertSigned(key, cosignedMessage(timed.timestamp, text), timed.signature)
    return { name, keyId, timestamp: timed.timestamp }
  }
  await assertSigned({ name, publicKey }, utf8(text), signature)
  return { name, keyId }
}

async function assertSigned(
  key: Pick<VerifierKey, "name" | "publicKey">,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  const length = signature.length === SIGNATURE_BYTES
  if (length && (await ed25519Verify(key.publicKey, message, signature))) return
  throw new AuditError("NOTE_SIGNATURE_WRONG", `${key.name} did not sign this: the text or the signature was altered`)
}

/**
 * A note of this text, signed by each key in turn.
 *
 * @param text - Ends in a newline; no control character but newline.
 * @throws {@link AuditError} `NOTE_NOT_TEXT` when the text has a control character or a lone surrogate.
 * @throws RangeError when the text does not end in a newline, or there is no key.
 * @throws {@link AuditError} `KEY_NAME_MALFORMED` when a key has no possible name.
 * @throws {@link AuditError} `NOTE_SIGNATURE_MALFORMED` when a key's `sign` gives anything but 64 bytes.
 * @example
 * ```ts
 * await signNote("hello\n", [key]) // "hello\n\n— example.org …\n"
 * ```
 */
export async function signNote(text: string, signerKeys: readonly SignerKey[]): Promise<string> {
  assertString(text, "text")
  assertNoteText(text)
  if (!text.endsWith("\n")) throw new RangeError("text must end in a newline")
  if (signerKeys.length === 0) throw new RangeError("signerKeys must hold a key")
  let note = `${text}\n`
  for (const { name, keyId, sign } of signerKeys) {
    if (!isKeyName(name)) throw new AuditError("KEY_NAME_MALFORMED", `${JSON.stringify(name)} is no key name`)
    const signature = await sign(utf8(text))
    if (signature.length !== SIGNATURE_BYTES) {
      throw new AuditError("NOTE_SIGNATURE_MALFORMED", `the signer ${name} gave ${signature.length} bytes, not 64`)
    }
    note += formatSignatureLine({ name, keyId, signature })
  }
  return note
}
