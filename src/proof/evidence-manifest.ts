/**
 * The manifest of an evidence bundle: what its files are and what they prove. Everything in it follows from the other
 * files, so there is one right text for each bundle, and whoever checks it writes it anew and compares. Pure.
 * Format: docs/format.md, "Evidence bundles".
 * @module
 */

import { toHex } from "../bytes.ts"
import type { Checkpoint } from "./checkpoint.ts"
import { sha256 } from "./sha256.ts"

/** The version of the format. */
const VERSION = 1

/** Files that the manifest describes, in its order; the manifest itself is the fifth of a bundle. */
export const DESCRIBED_FILES = ["checkpoint", "entries.jsonl", "proofs.jsonl", "vkey"] as const

/** One of {@link DESCRIBED_FILES}. */
export type DescribedFile = (typeof DESCRIBED_FILES)[number]

/** The name of a file of a bundle. */
export type EvidenceFile = DescribedFile | "manifest.json"

/** Most entries in a bundle. */
export const MAX_EVIDENCE_ENTRIES = 100_000

const KIB = 1024
const MIB = 1024 * KIB

/** The most bytes that each file of a bundle may have, and with that the names of all of them. */
export const MAX_EVIDENCE_BYTES: Readonly<Record<EvidenceFile, number>> = {
  "manifest.json": 64 * KIB,
  checkpoint: 64 * KIB,
  vkey: 4 * KIB,
  "entries.jsonl": 256 * MIB,
  "proofs.jsonl": 256 * MIB,
}

/** What no bundle of version 1 can show; part of its manifest, word by word. */
export const EVIDENCE_NOT_PROVEN: readonly string[] = [
  "that these are all entries that somebody asked for: each one is shown to be in the log, and not what else is",
  "that every event was logged: what was never recorded leaves no trace",
  "that the times are true: they are the recording machine's own clock",
  "that whoever holds the signing key did not rewrite what no outsider has seen: compare the checkpoint with one kept elsewhere",
]

/** Size and SHA-256 of a file. */
export type FileDigest = {
  readonly bytes: number
  readonly sha256: string
}

/** What a manifest says of a bundle. */
export type EvidenceSummary = {
  readonly checkpoint: Pick<Checkpoint, "origin" | "treeSize" | "rootHash">
  readonly entries: number
  readonly firstIndex: number
  readonly lastIndex: number
  readonly files: Readonly<Record<DescribedFile, FileDigest>>
}

/** Size and SHA-256 of some bytes. */
export function digestOf(bytes: Uint8Array): FileDigest {
  return { bytes: bytes.length, sha256: toHex(sha256(bytes)) }
}

/** The manifest's one spelling: keys in this order, indented by two blanks, with a newline at its end. */
export function formatManifest({ checkpoint, entries, firstIndex, lastIndex, files }: EvidenceSummary): string {
  const { origin, treeSize, rootHash } = checkpoint
  const manifest = {
    format: "secureml-evidence-bundle",
    v: VERSION,
    origin,
    tree_size: treeSize,
    root_hash: rootHash,
    entries,
    first_index: firstIndex,
    last_index: lastIndex,
    files: Object.fromEntries(DESCRIBED_FILES.map((name) => [name, files[name]])),
    not_proven: EVIDENCE_NOT_PROVEN,
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** The line of `proofs.jsonl` for an entry, without its newline. `hashes` are base64. */
export function formatProofLine(index: number, hashes: readonly string[]): string {
  return JSON.stringify({ index, hashes })
}
