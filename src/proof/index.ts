/**
 * Transparency-log proofs: RFC 6962 hashing, tiles, bundles, notes, checkpoints and receipts, by the formats of C2SP.
 * Pure: no I/O, no clock, no randomness, no import of a Node built-in; runs in a browser.
 * What only hashes is synchronous; what signs or checks a signature returns a promise.
 * @module
 */

export type { HashInput } from "./arguments.ts"
export { bundleLeafHashes, encodeBundle, entryStarts, MAX_ENTRY_BYTES, parseBundle } from "./bundle.ts"
export {
  type Checkpoint,
  checkOrigin,
  checkpointText,
  MAX_ORIGIN_BYTES,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from "./checkpoint.ts"
export { type Cosignature, verifyCosignature } from "./cosignature.ts"
export { cosignedMessage } from "./cosigned-message.ts"
export {
  checkEvidenceSize,
  type EvidenceEntry,
  type EvidenceFiles,
  type VerifiedEvidence,
  verifyEvidenceBundle,
} from "./evidence.ts"
export {
  type DescribedFile,
  EVIDENCE_NOT_PROVEN,
  type EvidenceFile,
  type FileDigest,
  formatManifest,
  formatProofLine,
  MAX_EVIDENCE_BYTES,
  MAX_EVIDENCE_ENTRIES,
} from "./evidence-manifest.ts"
export { Frontier } from "./frontier.ts"
export { EMPTY_ROOT, leafHash, leafHashes, nodeHash } from "./hash.ts"
export {
  formatSignerKey,
  formatVerifierKey,
  parseSignerKey,
  parseVerifierKey,
  type SignerKey,
  type VerifierKey,
  verifierKeyId,
  verifierKeyOf,
} from "./key.ts"
export { checkKeyStatement, type KeyStatement, signKeyStatement } from "./key-statement.ts"
export { type ConsistencyCheck, type InclusionCheck, verifyConsistency, verifyInclusion } from "./merkle-proof.ts"
export {
  type NoteSignature,
  type OpenedNote,
  openNote,
  type ParsedNote,
  parseNote,
  signNote,
  type VerifiedSignature,
} from "./note.ts"
export { formatProof, type Proof, parseProof, type VerifiedProof, verifyProof } from "./proof-text.ts"
export { sha256 } from "./sha256.ts"
export {
  entryBundlesFor,
  newTiles,
  parseTilePath,
  partialsOf,
  TILE_WIDTH,
  type TileId,
  tileAt,
  tilePath,
  tilesOfSize,
} from "./tile.ts"
export {
  consistencyProof,
  inclusionProof,
  type ReadTile,
  rangeHashFromTiles,
  rootFromTiles,
  tileRoot,
  tilesForRanges,
} from "./tile-reader.ts"
export { consistencyRanges, frontierRanges, inclusionRanges, type Range, rangeHash } from "./tree.ts"
