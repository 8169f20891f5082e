/**
 * Storage: the contracts, and the embedded driver that keeps a log in one directory.
 * @module
 */
export { blobStoreConformance, type ConformanceCase, journalConformance, mutexConformance } from "./conformance.ts"
export {
  type Blob,
  type BlobStore,
  type Journal,
  type JournalLine,
  type KeyVault,
  type ListKind,
  type LogFiles,
  type Mutex,
  type Payload,
  type PayloadStore,
  type RememberedCheckpoint,
  type SealedPart,
  type SegmentEnd,
  type SegmentInfo,
  type SegmentRead,
  SegmentWriteError,
  type SegmentWriter,
  type Signer,
  type SignerKeys,
  type SigningState,
  type SubjectKey,
} from "./contract.ts"
export { inLanes } from "./lanes.ts"
export { formatLine, formatLineBytes, formatLineInto, MAX_LINE_BYTES, parseLines } from "./lines.ts"
export { LocalBlobs } from "./local/blobs.ts"
export { closeIndexesUnder, indexBytes, LocalIndex, LocalIndexWriter } from "./local/event-index.ts"
export {
  checkPrivateFile,
  errorCode,
  isMissing,
  isTemporaryName,
  RootDirectory,
  syncDirectoryNow,
} from "./local/files.ts"
export {
  BLOCK_ENTRIES,
  type DailyCount,
  FILE_ENTRIES,
  type IndexBatch,
  type IndexState,
  type Postings,
} from "./local/index-file.ts"
export { LocalJournal } from "./local/journal.ts"
export { LocalKeyVault, vaultIdOf } from "./local/key-vault.ts"
export {
  CORRECTED_FILE,
  ERASURES_DIRECTORY,
  EXPIRED_FILE,
  findLogDirectory,
  IDENTITY_FILE,
  IMPORT_KEY_FILE,
  IMPORT_LOCK_FILE,
  INDEX_DIRECTORY,
  JOURNAL_DIRECTORY,
  networkFileSystem,
  openLogDirectory,
  PARTS_DIRECTORY,
  PAYLOADS_FILE,
  PRUNED_FILE,
  RECOVERY_FILE,
  RESTRICTIONS_DIRECTORY,
  RETENTION_LOCK_FILE,
  ROTATION_FILE,
  STATE,
  shareWithGroup,
  TREE_FILE,
  VAULT_FILE,
} from "./local/layout.ts"
export { LocalMutex } from "./local/mutex.ts"
export { countPayloads, removePayloads } from "./local/payload-removal.ts"
export { LocalPayloads } from "./local/payloads.ts"
export { LocalSignerKeys } from "./local/signer-keys.ts"
export { type Database, openDatabase } from "./local/sqlite.ts"
export { StateDirectory } from "./local/state-directory.ts"
export { copyVault, mergeVault, type VaultCopy, type VaultMerge } from "./local/vault-copy.ts"
export { Slices } from "./slices.ts"
