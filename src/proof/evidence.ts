/**
 * Evidence bundles: some entries of a log, with the proof that each is in it, checked without the log. Pure; whoever
 * has the files brings their bytes. Everything is untrusted but the caller's key.
 * Format: docs/format.md, "Evidence bundles".
 * @module
 */

import { equalBytes, utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { assertBytes, isWellFormedText } from "./arguments.ts"
import { MAX_ENTRY_BYTES } from "./bundle.ts"
import { type Checkpoint, verifyCheckpoint } from "./checkpoint.ts"
import {
  DESCRIBED_FILES,
  type DescribedFile,
  digestOf,
  EVIDENCE_NOT_PROVEN,
  type EvidenceFile,
  type FileDigest,
  formatManifest,
  formatProofLine,
  MAX_EVIDENCE_BYTES,
  MAX_EVIDENCE_ENTRIES,
} from "./evidence-manifest.ts"
import { leafHash } from "./hash.ts"
import { formatVerifierKey, toVerifierKey, type VerifierKey } from "./key.ts"
import { verifyInclusion } from "./merkle-proof.ts"

/** The files of a bundle by their names: bytes, or text. */
export type EvidenceFiles = { readonly [name: string]: Uint8Array | string }

/** An entry of a verified bundle: exactly as logged, and its place. */
export type EvidenceEntry = {
  readonly index: number
  readonly bytes: Uint8Array
}

/** What a verified bundle shows: these entries are at these places of the log. `rootHash` is base64. */
export type VerifiedEvidence = {
  readonly origin: string
  readonly treeSize: number
  readonly rootHash: string
  readonly checkpoint: Checkpoint
  /** By index, rising. Views of the bytes that were given. */
  readonly entries: readonly EvidenceEntry[]
  /** What the bundle does not show. */
  readonly notProven: readonly string[]
}

const NEWLINE = 0x0a
/** A proof has at most 63 hashes. */
const MAX_PROOF_LINE_BYTES = 4_096
const NAMES = Object.keys(MAX_EVIDENCE_BYTES) as readonly EvidenceFile[]

/**
 * Checks a whole bundle: its files are the five of the format and what the manifest says of them; the log's key signed
 * the checkpoint; each entry has a proof that leads to its root. Any other byte anywhere, and it does not verify.
 *
 * @param files - Names and contents of all files in the bundle, no more and no fewer.
 * @param vkey - The log's verifier key, from somewhere other than the bundle. With the bundle's own key it shows only
 * that the bundle agrees with itself.
 * @throws {@link AuditError} `EVIDENCE_FILES_WRONG` when a file is missing, or one too many.
 * @throws {@link AuditError} `EVIDENCE_TOO_LARGE` when a file, or the number of entries, is beyond the format's limits.
 * @throws {@link AuditError} `EVIDENCE_MALFORMED` when a file does not have the form that it must have.
 * @throws {@link AuditError} `EVIDENCE_MISMATCH` when the files disagree with the manifest or with each other.
 * @throws {@link AuditError} every code of `verifyCheckpoint` and `verifyInclusion`.
 * @example
 * ```ts
 * (await verifyEvidenceBundle({ "manifest.json": manifest, checkpoint, vkey, "entries.jsonl": entries, "proofs.jsonl": proofs }, key)).entries.length // 3
 * ```
 */
export async function verifyEvidenceBundle(
  files: EvidenceFiles,
  vkey: string | VerifierKey,
): Promise<VerifiedEvidence> {
  const key = toVerifierKey(vkey)
  const given = checkFiles(files)
  const claims = readClaims(given["manifest.json"])
  checkDigests(given, claims.files)
  const checkpoint = await verifyCheckpoint(given.checkpoint, key)
  if (!equalBytes(given.vkey, utf8(`${formatVerifierKey(key)}\n`)))
    throw mismatch("the file vkey does not hold the key that the checkpoint is signed with")
  const entries = checkEntries(given, claims.entries, checkpoint)
  checkManifest(given, claims.files, checkpoint, entries)
  const { origin, treeSize, rootHash } = checkpoint
  return { origin, treeSize, rootHash, checkpoint, entries, notProven: EVIDENCE_NOT_PROVEN }
}

type Given = Readonly<Record<EvidenceFile, Uint8Array>>

function checkFiles(files: EvidenceFiles): Given {
  if (typeof files !== "object" || files === null)
    throw new TypeError('files must be an object, such as { "manifest.json": bytes, … }')
  const names = Object.keys(files)
  const extra = names.find((name) => !(NAMES as readonly string[]).includes(name))
  const missing = NAMES.find((name) => !names.includes(name))
  if (extra !== undefined) throw filesWrong(`${JSON.stringify(extra)} is none of its files`)
  if (missing !== undefined) throw filesWrong(`${missing} is missing`)
  return Object.fromEntries(NAMES.map((name) => [name, checkFile(name, files[name]!)])) as Record<
    EvidenceFile,
    Uint8Array
  >
}

function checkFile(name: EvidenceFile, file: Uint8Array | string): Uint8Array {
  // A string has no more UTF-16 units than bytes: what is too long need not be encoded.
  if (typeof file !== "string") assertBytes(file, name)
  else if (!isWellFormedText(file)) throw malformed(`${name} is not UTF-8`)
  checkEvidenceSize(name, file.length)
  const bytes = typeof file === "string" ? utf8(file) : file
  checkEvidenceSize(name, bytes.length)
  return bytes
}

/**
 * Checks the size of a file before it is read.
 * @throws {@link AuditError} `EVIDENCE_TOO_LARGE`.
 */
export function checkEvidenceSize(name: EvidenceFile, bytes: number): void {
  const limit = MAX_EVIDENCE_BYTES[name]
  if (bytes <= limit) return
  throw new AuditError("EVIDENCE_TOO_LARGE", `${name} has ${bytes} bytes; ${limit} is the most in a bundle`)
}

/** What the manifest says, as far as it is needed to know how much to look at. */
type Claims = {
  readonly entries: number
  readonly files: Readonly<Record<DescribedFile, FileDigest>>
}

function readClaims(bytes: Uint8Array): Claims {
  const manifest = parseObject(utf8Text(bytes), "manifest.json")
  if (manifest["format"] !== "secureml-evidence-bundle" || manifest["v"] !== 1)
    throw malformed("manifest.json is not that of an evidence bundle of version 1")
  const { entries, files } = manifest
  if (!isCount(entries) || entries === 0) throw malformed("manifest.json has no valid number of entries")
  if (entries > MAX_EVIDENCE_ENTRIES)
    throw new AuditError(
      "EVIDENCE_TOO_LARGE",
      `the bundle claims ${entries} entries; ${MAX_EVIDENCE_ENTRIES} is the most`,
    )
  if (!isObject(files)) throw malformed("manifest.json does not describe its files")
  const digests = DESCRIBED_FILES.map((name) => [name, readDigest(files, name)])
  return { entries, files: Object.fromEntries(digests) as Record<DescribedFile, FileDigest> }
}

function readDigest(files: Readonly<Record<string, unknown>>, name: DescribedFile): FileDigest {
  const digest = Object.hasOwn(files, name) ? files[name] : undefined
  const { bytes, sha256 } = isObject(digest) ? digest : {}
  if (isCount(bytes) && typeof sha256 === "string") return { bytes, sha256 }
  throw malformed(`manifest.json does not describe ${name}`)
}

function checkDigests(given: Given, claimed: Readonly<Record<DescribedFile, FileDigest>>): void {
  for (const name of DESCRIBED_FILES) {
    const { bytes, sha256 } = claimed[name]
    if (given[name].length !== bytes)
      throw mismatch(`${name} has ${given[name].length} bytes, and manifest.json says ${bytes}`)
    if (digestOf(given[name]).sha256 !== sha256) throw mismatch(`${name} has another SHA-256 than manifest.json says`)
  }
}

function checkEntries(given: Given, count: number, { treeSize, rootHash }: Checkpoint): EvidenceEntry[] {
  const entries = linesOf(given["entries.jsonl"], "entries.jsonl", count, MAX_ENTRY_BYTES)
  const proofs = linesOf(given["proofs.jsonl"], "proofs.jsonl", count, MAX_PROOF_LINE_BYTES)
  let last = -1
  return entries.map((bytes, n) => {
    const { index, hashes } = parseProofLine(proofs[n]!, n + 1)
    if (index <= last) throw malformed(`line ${n + 1} of proofs.jsonl does not have a higher index than the one before`)
    last = index
    verifyInclusion({ index, treeSize, leafHash: leafHash(bytes), rootHash, proof: hashes })
    return { index, bytes }
  })
}

/** Exactly so many lines, each with its newline. Not split further than that: a file may be all newlines. */
function linesOf(bytes: Uint8Array, name: DescribedFile, count: number, longest: number): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start)
    if (end === -1) throw malformed(`${name} does not end in a newline`)
    if (end - start > longest) throw malformed(`line ${lines.length + 1} of ${name} has over ${longest} bytes`)
    if (lines.length === count) throw mismatch(`${name} has more lines than the ${count} entries of manifest.json`)
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  if (lines.length === count) return lines
  throw mismatch(`${name} has ${lines.length} lines, and manifest.json says ${count} entries`)
}

function parseProofLine(line: Uint8Array, number: number): { index: number; hashes: readonly string[] } {
  const what = `line ${number} of proofs.jsonl`
  const text = utf8Text(line)
  const { index, hashes } = parseObject(text, what)
  if (!isCount(index) || !Array.isArray(hashes) || !hashes.every((hash) => typeof hash === "string"))
    throw malformed(`${what} has no valid index and hashes`)
  // One spelling only: no further key, no blank, no other form of a number.
  if (formatProofLine(index, hashes) !== text) throw malformed(`${what} is not in its one spelling`)
  return { index, hashes }
}

function checkManifest(
  given: Given,
  files: Claims["files"],
  checkpoint: Checkpoint,
  entries: readonly EvidenceEntry[],
): void {
  const right = formatManifest({
    checkpoint,
    entries: entries.length,
    firstIndex: entries[0]!.index,
    lastIndex: entries.at(-1)!.index,
    files,
  })
  if (equalBytes(given["manifest.json"], utf8(right))) return
  throw mismatch("manifest.json is not the one that these files have: it says other things, or in another spelling")
}

function parseObject(text: string | undefined, what: string): Readonly<Record<string, unknown>> {
  const value = text === undefined ? undefined : parseJson(text)
  if (isObject(value)) return value
  throw malformed(`${what} is not a JSON object`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function filesWrong(what: string): AuditError {
  return new AuditError("EVIDENCE_FILES_WRONG", `a bundle has these files and no others: ${NAMES.join(", ")}; ${what}`)
}

function malformed(what: string): AuditError {
  return new AuditError("EVIDENCE_MALFORMED", what)
}

function mismatch(what: string): AuditError {
  return new AuditError("EVIDENCE_MISMATCH", what)
}
