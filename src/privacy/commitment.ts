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
  const hmac = createHmac("sha256", salt)
  for (const part of ["secureml/commit/v1", eventId, pointer, json]) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return hmac.digest("base64")
}

/** Whether a commitment opens for a value. */
export function opensCommitment(commitment: string, salt: Uint8Array, committed: Committed): boolean {
  const expected = Buffer.from(commitmentOf(salt, committed))
  const given = Buffer.from(commitment)
  return given.length === expected.length && timingSafeEqual(given, expected)
}
