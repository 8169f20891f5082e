/**
 * Cosignatures: an outsider's statement that a checkpoint was the largest consistent one it had seen at a time.
 * Pure but for the Ed25519 of the platform. Format: https://c2sp.org/tlog-cosignature, `cosignature/v1`.
 * @module
 */

import { AuditError } from "../errors.ts"
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts"
import { COSIGNATURE_V1, toVerifierKey, type VerifierKey } from "./key.ts"
import { openNote } from "./note.ts"

/** A checked cosignature; `timestamp` in POSIX seconds, by the cosigner's clock. */
export type Cosignature = { readonly name: string; readonly timestamp: number; readonly checkpoint: Checkpoint }

/**
 * Checks that a cosigner has seen a checkpoint, and when. It does not check the log's own signature.
 *
 * @param note - The signed note, as text or UTF-8 bytes.
 * @param vkey - The cosigner's verifier key, of type 4.
 * @throws {@link AuditError} `VERIFIER_KEY_TYPE_WRONG` when the key is not a cosigner's.
 * @throws {@link AuditError} `COSIGNATURE_MALFORMED` when its line is not a time below 2^53 and a signature.
 * @throws {@link AuditError} `NOTE_UNSIGNED` when that key did not sign, `NOTE_SIGNATURE_WRONG` when its signature is bad.
 * @throws {@link AuditError} every code of `parseCheckpoint` and `parseVerifierKey`.
 * @throws {@link AuditError} `PLATFORM_UNSUPPORTED` where there is no Ed25519.
 * @example
 * ```ts
 * (await verifyCosignature(note, witnessKey)).timestamp // 1767139200
 * ```
 */
export async function verifyCosignature(note: string | Uint8Array, vkey: string | VerifierKey): Promise<Cosignature> {
  const key = toVerifierKey(vkey)
  if (key.type !== COSIGNATURE_V1) {
    throw new AuditError("VERIFIER_KEY_TYPE_WRONG", `${key.name} is the key of a log, not of a cosigner`)
  }
  const { verified } = await openNote(note, [key])
  return { name: key.name, timestamp: verified[0]!.timestamp!, checkpoint: parseCheckpoint(note) }
}
