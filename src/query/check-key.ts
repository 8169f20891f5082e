/**
 * Whom to believe: the verifier key by which a checkpoint is checked, and where it came from.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type Environment, ownVerifierKeys } from "../ledger/index.ts"
import { type Checkpoint, parseNote, parseVerifierKey, verifyCheckpoint } from "../proof/index.ts"
import type { BlobStore, StateDirectory } from "../store/index.ts"
import type { Finding } from "./findings.ts"

/** Where a key came from. The directory's own file is never a reason to trust it. */
export type KeySource = "argument" | "own" | "pinned" | "first_use" | "directory"

/** The key chosen. */
export interface TrustedKey {
  readonly verifierKey: string
  readonly source: KeySource
  /** Further keys that this user has for the log: one of them takes over, or did until lately. */
  readonly besides?: readonly string[]
}

/** Chooses a key: the caller's, this user's own for the origin, one pinned before, at last the directory's. */
export async function chooseKey(
  { origin, note }: Pick<Checkpoint, "origin" | "note">,
  options: { readonly publicKey?: string | undefined; readonly trustOnFirstUse?: boolean | undefined },
  state: StateDirectory,
  environment: Environment,
  directoryKey: string | undefined,
): Promise<TrustedKey | undefined> {
  if (options.publicKey !== undefined) return { verifierKey: options.publicKey, source: "argument" }
  const own = await ownVerifierKeys(origin, state, environment)
  if (own[0] !== undefined)
    return { verifierKey: own.find((key) => hasLineOf(note, key)) ?? own[0], source: "own", besides: own }
  const pinned = state.pin(origin)
  if (pinned !== undefined) return { verifierKey: pinned, source: "pinned" }
  if (directoryKey === undefined || !isVerifierKey(directoryKey.trimEnd())) return undefined
  return { verifierKey: directoryKey.trimEnd(), source: options.trustOnFirstUse === true ? "first_use" : "directory" }
}

/** Whether a key has a signature line under a note; it is not checked. */
export function hasLineOf(note: string, verifierKey: string): boolean {
  const { name, keyId } = parseVerifierKey(verifierKey)
  return parseNote(note).signatures.some((line) => line.name === name && line.keyId === keyId)
}

function isVerifierKey(text: string): boolean {
  try {
    parseVerifierKey(text)
    return true
  } catch (error) {
    if (error instanceof AuditError) return false
    throw error
  }
}

/** The text of the directory's `vkey`, or undefined when it is absent or no text. */
export async function readDirectoryKey(blobs: BlobStore): Promise<string | undefined> {
  const bytes = await blobs.get("vkey")
  return bytes === undefined ? undefined : (utf8Text(bytes) ?? "")
}

/**
 * Checks the signature, and that the directory's own key file says the same key.
 * @param known - All keys of the log that are trusted: while one takes over, the file may hold another than signs.
 */
export async function checkSignature(
  head: Checkpoint,
  key: TrustedKey | undefined,
  known: readonly string[],
  directoryKey: string | undefined,
): Promise<Finding[]> {
  const findings: Finding[] = []
  if (key === undefined) {
    findings.push({
      code: "key_missing",
      verdict: "unverifiable",
      message: "no key is known for this log and it carries none; give one with --public-key",
    })
    return findings
  }
  if (directoryKey !== undefined && !known.some((one) => directoryKey === `${one}\n`)) {
    const message = "the file vkey does not hold the key that this log is checked against"
    findings.push({ code: "vkey_file_differs", verdict: "wrong_key", message, path: "vkey" })
  }
  findings.push(...(await signatureFindings(head, key)))
  if (key.source === "directory") {
    const message =
      "the only key is the one in the log directory itself, which whoever rewrote the log could have put there; pin one with --public-key or --trust-on-first-use"
    findings.push({ code: "key_not_pinned", verdict: "unverifiable", message, path: "vkey" })
  }
  return findings
}

async function signatureFindings(head: Checkpoint, key: TrustedKey): Promise<Finding[]> {
  try {
    await verifyCheckpoint(head.note, key.verifierKey)
    return []
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    const { name } = parseVerifierKey(key.verifierKey)
    const signedByKey = hasLineOf(head.note, key.verifierKey)
    const message = signedByKey
      ? `the signature under the checkpoint is not one of ${name} over these bytes`
      : `the checkpoint is not signed by the key ${key.verifierKey}`
    return [
      {
        code: signedByKey ? "signature_wrong" : "signed_by_another_key",
        verdict: signedByKey ? "corrupt" : "wrong_key",
        message,
        path: "checkpoint",
      },
    ]
  }
}
