/**
 * Commitments: what stands in an entry for a value that is kept elsewhere. It opens for that value alone, and tells
 * nothing about it without the salt. Format: docs/format.md, "Commitments".
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto"

/** What a commitment binds together. */
export interface Committed {
  readonly eventId: string
  /** RFC 6901 pointer of the value inside the entry's details. */
  readonly pointer: string
  /** The value as it was encoded. */
  readonly json: string
}

/**
 * HMAC-SHA-256 under the salt over the domain and the three parts, each behind its length.
 *
 * @param salt - 32 random bytes, fresh for every value.
 * @returns 44 characters of base64.
 */
export function commitmentOf(salt: Uint8Array, { eventId, pointer, json }: Committed): string {
  return keyedDigest(salt, ["secureml/commit/v1", eventId, pointer, json]).toString("base64")
}

/** HMAC-SHA-256 over some parts, each behind its length. */
function keyedDigest(key: Uint8Array, parts: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + 4 + Buffer.byteLength(part), 0))
  let at = 0
  for (const part of parts) {
    const length = bytes.write(part, at + 4)
    at = bytes.writeUInt32BE(length, at) + length
  }
  return createHmac("sha256", key).update(bytes).digest()
}

/** Whether a commitment opens for a value. */
export function opensCommitment(commitment: string, salt: Uint8Array, committed: Committed): boolean {
  const expected = Buffer.from(commitmentOf(salt, committed))
  const given = Buffer.from(commitment)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** A line of a file that was imported. */
export interface ImportedLine {
  /** The kind of file, such as "python-secureml". */
  readonly from: string
  /** Base name of the file. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** Without its line break. */
  readonly text: string
}

/**
 * The commitment to an imported line: HMAC-SHA-256 under a salt of its own, which follows from the log's import key and
 * the line's place. Whoever is given salt and line can check it; nobody without the key can test a guess.
 *
 * @param key - The log's import key, 32 random bytes.
 * @returns 44 characters of base64.
 */
export function lineCommitmentOf(key: Uint8Array, { from, file, line, text }: ImportedLine): string {
  const place = [from, file, String(line)]
  const salt = keyedDigest(key, ["secureml/import-salt/v1", ...place])
  return keyedDigest(salt, ["secureml/import/v1", ...place, text]).toString("base64")
}

/** A UUID (version 8) that follows from the log's import key and some names; for what an import has to name itself. */
export function importedId(key: Uint8Array, names: readonly string[]): string {
  const hex = keyedDigest(key, ["secureml/import-id/v1", ...names]).toString("hex")
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
