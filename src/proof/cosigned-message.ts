/**
 * What a cosigner signs with an Ed25519 `cosignature/v1` key, and how the signature carries its time. Pure.
 * Format: https://c2sp.org/tlog-cosignature, "Format" and "Ed25519 signed message".
 * @module
 */

import { concatBytes, utf8 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { assertCount, assertString } from "./arguments.ts"
import { SIGNATURE_BYTES } from "./ed25519.ts"

const TIMESTAMP_BYTES = 8

/** A time and the Ed25519 signature over it and the note's text. */
export type TimedSignature = { readonly timestamp: number; readonly signature: Uint8Array }

/**
 * The bytes that a cosignature signs.
 *
 * @param timestamp - POSIX time in seconds.
 * @param text - The note's whole text, extension lines included, with its last newline.
 * @example
 * ```ts
 * cosignedMessage(1767139200, "example.org\n...\n") // bytes of "cosignature/v1\ntime 1767139200\nexample.org\n...\n"
 * ```
 */
export function cosignedMessage(timestamp: number, text: string): Uint8Array {
  assertCount(timestamp, "timestamp")
  assertString(text, "text")
  return utf8(`cosignature/v1\ntime ${timestamp}\n${text}`)
}

/** The bytes after the key id in a cosignature's line: the time as a big-endian uint64, then the signature. */
export function encodeTimedSignature(timed: TimedSignature): Uint8Array {
  assertCount(timed.timestamp, "timestamp")
  const timestamp = new Uint8Array(TIMESTAMP_BYTES)
  for (let i = TIMESTAMP_BYTES - 1, rest = timed.timestamp; i >= 0; i--, rest = Math.floor(rest / 256)) {
    timestamp[i] = rest % 256
  }
  return concatBytes(timestamp, timed.signature)
}

/** The reverse. @throws AuditError `COSIGNATURE_MALFORMED` for another length, or a time from 2^53 seconds on. */
export function decodeTimedSignature(bytes: Uint8Array): TimedSignature {
  const timestamp = bytes.subarray(0, TIMESTAMP_BYTES).reduce((seconds, byte) => seconds * 256 + byte, 0)
  if (bytes.length !== TIMESTAMP_BYTES + SIGNATURE_BYTES || !Number.isSafeInteger(timestamp)) {
    throw new AuditError("COSIGNATURE_MALFORMED", "a cosignature is a time of 8 bytes and an Ed25519 signature of 64")
  }
  return { timestamp, signature: bytes.subarray(TIMESTAMP_BYTES) }
}
