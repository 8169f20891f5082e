/**
 * Checkpoints: the signed size and root of a log. Pure but for the Ed25519 of the platform.
 * Format: https://c2sp.org/tlog-checkpoint. The text of a note, at least three lines, none empty:
 *
 *     <origin>
 *     <tree size, decimal>
 *     <root hash, base64>
 *     [extension lines, kept but not read]
 * @module
 */

import { toBase64, utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { assertCount, assertString, type HashInput, hashBytes, parseDecimal } from "./arguments.ts"
import { ED25519, isKeyName, type SignerKey, toVerifierKey, type VerifierKey } from "./key.ts"
import { openNote, parseNote, signNote } from "./note.ts"

/** The longest origin, in UTF-8 bytes: cosigned messages give its length in one byte. */
export const MAX_ORIGIN_BYTES = 255

/** The size and root of a log at one moment. `rootHash` is base64, `note` the whole signed text. */
export type Checkpoint = {
  readonly origin: string
  readonly treeSize: number
  readonly rootHash: string
  readonly note: string
}

/**
 * Reads a checkpoint without checking any signature.
 *
 * @param note - The signed note, as text or UTF-8 bytes.
 * @throws {@link AuditError} `CHECKPOINT_MALFORMED` when it has fewer than three lines or an empty one.
 * @throws {@link AuditError} `ORIGIN_MALFORMED` when the first line is over 255 bytes.
 * @throws {@link AuditError} `TREE_SIZE_MALFORMED` when the second is not a plain decimal below 2^53.
 * @throws {@link AuditError} `ROOT_HASH_MALFORMED` when the third is not 32 bytes in canonical base64.
 * @throws {@link AuditError} every code of `parseNote`.
 * @example
 * ```ts
 * parseCheckpoint(note) // { origin: "example.org/log", treeSize: 257, rootHash: "kYsc7GTz…", note }
 * ```
 */
export function parseCheckpoint(note: string | Uint8Array): Checkpoint {
  const { text } = parseNote(note)
  const lines = text.slice(0, -1).split("\n")
  const [origin = "", size = "", root = ""] = lines
  if (lines.length < 3 || lines.includes("")) {
    throw new AuditError("CHECKPOINT_MALFORMED", "a checkpoint has at least three lines, none of them empty")
  }
  const treeSize = parseDecimal(size)
  assertOriginLength(origin)
  if (treeSize === undefined) {
    throw new AuditError(
      "TREE_SIZE_MALFORMED",
      `the tree size ${JSON.stringify(size)} is not a plain decimal below 2^53`,
    )
  }
  const rootHash = toBase64(hashBytes(root, "the root hash", "ROOT_HASH_MALFORMED"))
  return { origin, treeSize, rootHash, note: typeof note === "string" ? note : utf8Text(note)! }
}

function assertOriginLength(origin: string): void {
  if (utf8(origin).length <= MAX_ORIGIN_BYTES) return
  throw new AuditError("ORIGIN_MALFORMED", `the origin has over ${MAX_ORIGIN_BYTES} bytes`)
}

/**
 * Checks that a new log can have this origin. Stricter than what is read: it must also be able to name the log's key.
 *
 * @throws {@link AuditError} `ORIGIN_MALFORMED` when it is empty, over 255 bytes, or has `+`, a space or a newline.
 * @example
 * ```ts
 * checkOrigin("example.org/log") // undefined
 * ```
 */
export function checkOrigin(origin: string): void {
  assertString(origin, "origin")
  assertOriginLength(origin)
  if (isKeyName(origin)) return
  throw new AuditError("ORIGIN_MALFORMED", "an origin is not empty and has no +, space or control character")
}

/**
 * The text that a log signs.
 *
 * @throws {@link AuditError} `ORIGIN_MALFORMED` as `checkOrigin` says.
 * @throws {@link AuditError} `ROOT_HASH_MALFORMED` when the root is not 32 bytes.
 * @example
 * ```ts
 * checkpointText("example.org/log", 0, EMPTY_ROOT) // "example.org/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
 * ```
 */
export function checkpointText(origin: string, treeSize: number, rootHash: HashInput): string {
  checkOrigin(origin)
  assertCount(treeSize, "treeSize")
  return `${origin}\n${treeSize}\n${toBase64(hashBytes(rootHash, "rootHash", "ROOT_HASH_MALFORMED"))}\n`
}

/**
 * Signs a checkpoint. Nothing here knows what was signed before: never sign two that are inconsistent.
 *
 * @param signerKeys - The log's keys, each named like the origin; two of them while a key is being replaced.
 * @throws {@link AuditError} `CHECKPOINT_ORIGIN_MISMATCH` when a key has another name than the origin.
 * @throws {@link AuditError} every code of `checkpointText` and `signNote`.
 * @example
 * ```ts
 * (await signCheckpoint({ origin: key.name, treeSize: 0, rootHash: EMPTY_ROOT }, [key])).treeSize // 0
 * ```
 */
export async function signCheckpoint(
  tree: { readonly origin: string; readonly treeSize: number; readonly rootHash: HashInput },
  signerKeys: readonly SignerKey[],
): Promise<Checkpoint> {
  const text = checkpointText(tree.origin, tree.treeSize, tree.rootHash)
  for (const { name } of signerKeys) assertOriginIs(tree.origin, name)
  return parseCheckpoint(await signNote(text, signerKeys))
}

function assertOriginIs(origin: string, keyName: string): void {
  if (origin === keyName) return
  throw new AuditError(
    "CHECKPOINT_ORIGIN_MISMATCH",
    `the key is named ${JSON.stringify(keyName)}, the log ${JSON.stringify(origin)}: they must be the same`,
  )
}

/**
 * Reads a checkpoint and checks that the log's own key signed it.
 *
 * @param note - The signed note, as text or UTF-8 bytes.
 * @param vkey - The log's verifier key, from somewhere other than the log itself.
 * @throws {@link AuditError} `NOTE_UNSIGNED` when that key did not sign, `NOTE_SIGNATURE_WRONG` when its signature is bad.
 * @throws {@link AuditError} `CHECKPOINT_ORIGIN_MISMATCH` when the origin is not the name of the key.
 * @throws {@link AuditError} `VERIFIER_KEY_TYPE_WRONG` when the key is a cosigner's.
 * @throws {@link AuditError} every code of `parseCheckpoint` and `parseVerifierKey`.
 * @throws {@link AuditError} `PLATFORM_UNSUPPORTED` where there is no Ed25519.
 * @example
 * ```ts
 * (await verifyCheckpoint(note, vkey)).treeSize // 257
 * ```
 */
export async function verifyCheckpoint(note: string | Uint8Array, vkey: string | VerifierKey): Promise<Checkpoint> {
  const key = toVerifierKey(vkey)
  if (key.type !== ED25519) {
    throw new AuditError("VERIFIER_KEY_TYPE_WRONG", `${key.name} is the key of a cosigner, not of a log`)
  }
  await openNote(note, [key])
  const checkpoint = parseCheckpoint(note)
  assertOriginIs(checkpoint.origin, key.name)
  return checkpoint
}
