/**
 * Entries with their proofs, all under one checkpoint: what an evidence bundle is made of. Reads only.
 * @module
 */
import { publishedInclusion } from "../ledger/index.ts"
import type { Checkpoint } from "../proof/index.ts"
import type { RootDirectory } from "../store/index.ts"
import { type AuditFilters, checkCounted, compileFilter } from "./filter.ts"
import type { RedactedEntry } from "./redactions.ts"
import { remembering } from "./remembered.ts"
import { sealedMatches } from "./sealed.ts"
import { takeSnapshot } from "./snapshot.ts"

/** Tiles that are kept: more than one proof needs, in a tree of any size. */
const KEPT_TILES = 32

/** A sealed entry, and the hashes that lead from it to the root. */
export interface ProvenEntry {
  readonly index: number
  readonly bytes: Uint8Array
  readonly hashes: readonly Uint8Array[]
}

/** The sealed entries that match, under one head. */
export interface Evidence {
  /** The published head, not verified; undefined while nothing is sealed. */
  readonly head: Checkpoint | undefined
  /** Records that match and are not sealed yet: they cannot be proven. */
  readonly unsealed: number
  /** Redacted entries that match and were passed over so far: there is nothing left that could be proven. */
  readonly redacted: readonly RedactedEntry[]
  /** By index, rising; none while nothing is sealed. */
  readonly entries: AsyncIterable<ProvenEntry>
}

/**
 * Looks for the entries that match.
 *
 * @throws TypeError, RangeError for a wrong filter, naming the field.
 * @throws {@link AuditError} `LEDGER_CORRUPT` and others, also while the entries are read.
 */
export async function findEvidence(root: RootDirectory, query: AuditFilters): Promise<Evidence> {
  checkCounted(query)
  const filter = compileFilter(query)
  const snapshot = await takeSnapshot(root)
  const { head, treeSize, tail } = snapshot
  const blobs = remembering(snapshot.blobs, KEPT_TILES)
  const redacted: RedactedEntry[] = []
  async function* entries(): AsyncGenerator<ProvenEntry> {
    for await (const { index, bytes, redactedBy } of sealedMatches(snapshot, filter, "asc", 0, treeSize)) {
      if (redactedBy === undefined) yield { index, bytes, hashes: await publishedInclusion(blobs, index, treeSize) }
      else redacted.push({ index, by: redactedBy })
    }
  }
  return { head, unsealed: tail.filter(({ entry }) => filter.test(entry)).length, redacted, entries: entries() }
}
