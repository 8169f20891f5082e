/**
 * The ledger: journals become a signed tree. It sees bytes, never events, so it cannot branch on what they say.
 * @module
 */
export { type BlankRules, explanationOf, leafHashAt } from "./blanks.ts"
export { byWriter, collectWriter, type JournalGap, type RaggedSegment, type WriterLines } from "./collect.ts"
export type { Environment, Identity, SealContext } from "./context.ts"
export { type ErrorNote, type RecordNote, recordChannel, type SealNote } from "./diagnostics.ts"
export { blankParts } from "./erase.ts"
export { ERASURES, type Erasure, erasedKeys, type Kept } from "./erasures.ts"
export { readIdentity } from "./identity.ts"
export { type ChangedKey, type KeyAct, type KeyChange, readChange } from "./key-change.ts"
export { formatKeyCopy, type KeyCopy, parseKeyCopy } from "./key-copy.ts"
export { importSigningKey, matchingKeys } from "./key-import.ts"
export { closeLedgersUnder, Ledger, type LedgerHooks, type LedgerMetrics, type Recorded } from "./ledger.ts"
export { readLists } from "./lists.ts"
export type { PartText } from "./part-writer.ts"
export { formatPart, PayloadReader } from "./parts.ts"
export { filesBelow, type PrunableFiles, type PruneNote, readPruneNote, writePruneNote } from "./pruning.ts"
export {
  earlierFrontier,
  earlierRoot,
  entriesIn,
  publishedConsistency,
  publishedInclusion,
  publishedRoot,
  readBundle,
  readBundleBytes,
  readTile,
} from "./published.ts"
export { type ReadNote, type ReadWatcher, readWatcher, watchReads } from "./read-watch.ts"
export { findEntry, type PlacedEntry, proofTextFor, receiptFor, type SealedReceipt } from "./receipt.ts"
export type { Recovery, Succession } from "./recover.ts"
export {
  blankBundles,
  blankLines,
  bundleDirectories,
  type EntryPlace,
  originalOf,
  removeLeftovers,
} from "./redact.ts"
export { currentRedirection, type Redirection, redirectTrails } from "./redirection.ts"
export { RESTRICTIONS, type Restriction } from "./restrictions.ts"
export { NO_KEY, type Sealed, seal } from "./seal.ts"
export { findSignerKey, keysOf, ownVerifierKeys } from "./signing-keys.ts"
export { EMPTY_TREE, readTreeState, type TreeState, type WriterPosition } from "./tree-state.ts"
export type { Continues, WriterMark } from "./writer.ts"
