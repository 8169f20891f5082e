/**
 * Receipts: an inclusion proof and the checkpoint it leads to, as one text. Pure but for the Ed25519 of the platform.
 * Format: https://c2sp.org/tlog-proof
 *
 *     c2sp.org/tlog-proof@v1
 *     [extra <base64>]
 *     index <decimal>
 *     <hash, base64>
 *     ...
 *
 *     <checkpoint, with its signatures>
 * @module
 */

import { fromBase64, toBase64, utf8 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { assertBytes, assertCount, assertString, hashBytes, isWellFormedText, parseDecimal } from "./arguments.ts"
import { type Checkpoint, parseCheckpoint, verifyCheckpoint } from "./checkpoint.ts"
import { assertHash, leafHash } from "./hash.ts"
import type { VerifierKey } from "./key.ts"
import { MAX_PROOF_HASHES, verifyInclusion } from "./merkle-proof.ts"

const HEADER = "c2sp.org/tlog-proof@v1"
const EXTRA = "extra "
const INDEX = "index "

/** A receipt taken apart. `extra` is covered by no signature. */
export type Proof = {
  readonly index: number
  readonly hashes: readonly Uint8Array[]
  readonly checkpoint: Checkpoint
  readonly extra?: Uint8Array
}

/** What a verified receipt shows: this entry is at `index` of the log. `rootHash` is base64. */
export type VerifiedProof = {
  readonly index: number
  readonly treeSize: number
  readonly rootHash: string
  readonly checkpoint: Checkpoint
}

/**
 * The text of a receipt. Checks its form, not whether it proves anything.
 *
 * @param proof.extra - Bytes for the receiver, which no signature covers.
 * @throws {@link AuditError} `PROOF_LENGTH_WRONG` when there are over 63 hashes.
 * @throws {@link AuditError} every code of `parseCheckpoint` for the checkpoint's note.
 */
export function formatProof(proof: Proof): string {
  assertCount(proof.index, "index")
  proof.hashes.forEach((hash, i) => {
    assertHash(hash, `hashes[${i}]`)
  })
  assertProofLength(proof.hashes.length)
  parseCheckpoint(proof.checkpoint.note)
  if (proof.extra !== undefined) assertBytes(proof.extra, "extra")
  const extra = proof.extra === undefined ? [] : [EXTRA + toBase64(proof.extra)]
  const head = [HEADER, ...extra, `${INDEX}${proof.index}`, ...proof.hashes.map(toBase64)]
  return `${head.join("\n")}\n\n${proof.checkpoint.note}`
}

function assertProofLength(count: number): void {
  if (count <= MAX_PROOF_HASHES) return
  throw new AuditError(
    "PROOF_LENGTH_WRONG",
    `the proof has ${count} hashes; no tree needs more than ${MAX_PROOF_HASHES}`,
  )
}

/**
 * Takes a receipt apart without checking what it proves.
 *
 * @throws {@link AuditError} `PROOF_MALFORMED` when a line before the checkpoint is not one of the format.
 * @throws {@link AuditError} `PROOF_HASH_MALFORMED` when a hash is not 32 bytes in canonical base64.
 * @throws {@link AuditError} `PROOF_LENGTH_WRONG` when there are over 63 hashes.
 * @throws {@link AuditError} every code of `parseCheckpoint`.
 * @example
 * ```ts
 * parseProof(text).index // 3
 * ```
 */
export function parseProof(proof: string): Proof {
  assertString(proof, "proof")
  const split = proof.indexOf("\n\n")
  if (split < 0) throw new AuditError("PROOF_MALFORMED", "a proof has an empty line before its checkpoint")
  const [header, ...lines] = proof.slice(0, split).split("\n")
  const extra = lines[0]?.startsWith(EXTRA) ? fromBase64(lines.shift()!.slice(EXTRA.length)) : null
  const indexLine = lines.shift() ?? ""
  const index = indexLine.startsWith(INDEX) ? parseDecimal(indexLine.slice(INDEX.length)) : undefined
  if (header !== HEADER || extra === undefined || index === undefined) {
    throw new AuditError("PROOF_MALFORMED", `a proof starts with ${HEADER} and its index, in their one spelling`)
  }
  assertProofLength(lines.length)
  const hashes = lines.map((line, i) => hashBytes(line, `proof hash ${i}`, "PROOF_HASH_MALFORMED"))
  const checkpoint = parseCheckpoint(proof.slice(split + 2))
  return { index, hashes, checkpoint, ...(extra === null ? {} : { extra }) }
}

/**
 * Checks that a receipt proves this entry: the log's key signed the checkpoint, and the proof leads to its root.
 *
 * @param proof - The receipt's text.
 * @param entry - The entry exactly as logged: its bytes, or its text.
 * @param vkey - The log's verifier key, from somewhere other than the receipt.
 * @throws {@link AuditError} `INDEX_OUT_OF_RANGE`, `PROOF_LENGTH_WRONG`, `INCLUSION_PROOF_WRONG` when it proves another
 * entry or none.
 * @throws {@link AuditError} every code of `parseProof` and `verifyCheckpoint`.
 * @example
 * ```ts
 * (await verifyProof(receipt.proof, receipt.entry, vkey)).index // 3
 * ```
 */
export async function verifyProof(
  proof: string,
  entry: Uint8Array | string,
  vkey: string | VerifierKey,
): Promise<VerifiedProof> {
  const leaf = leafHash(entryBytes(entry))
  const { index, hashes, checkpoint: claimed } = parseProof(proof)
  const checkpoint = await verifyCheckpoint(claimed.note, vkey)
  const { treeSize, rootHash } = checkpoint
  verifyInclusion({ index, treeSize, leafHash: leaf, rootHash, proof: hashes })
  return { index, treeSize, rootHash, checkpoint }
}

function entryBytes(entry: Uint8Array | string): Uint8Array {
  if (typeof entry !== "string") {
    assertBytes(entry, "entry")
    return entry
  }
  // Encoding would turn every lone surrogate into the same bytes: another text would verify too.
  if (!isWellFormedText(entry)) throw new TypeError("entry must be text without lone surrogates")
  return utf8(entry)
}
