/**
 * Redacted entries as readers and verification meet them: a blank in the place of the entry, explained by an event of
 * the same tree, or by nothing. Reads only; what is read is untrusted.
 * @module
 */
import { equalBytes, fromBase64 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { blankFor, ENTRY_REDACTED, recordNamedBy, redactionOf } from "../event/index.ts"
import { type BlankRules, explanationOf, leafHashAt, readBundle } from "../ledger/index.ts"
import { leafHash, TILE_WIDTH } from "../proof/index.ts"
import type { BlobStore } from "../store/index.ts"
import type { Finding } from "./findings.ts"
import { readEntries, readHead, tryParse } from "./snapshot.ts"

/** An entry that was redacted, and the index of the event that says so. */
export interface RedactedEntry {
  readonly index: number
  readonly by: number
}

const RULES: BlankRules = { recordNamedBy, blankFor }
/** Bytes without which an entry records no redaction. */
export const REDACTION_RECORD: Buffer = Buffer.from(`"event_type":"${ENTRY_REDACTED}"`)

/** By which event an entry was redacted whose bytes these are; undefined: it was not, or nothing explains it. */
export async function redactedBy(
  blobs: BlobStore,
  { index, bytes }: { readonly index: number; readonly bytes: Uint8Array },
  treeSize: number,
): Promise<number | undefined> {
  const named = recordNamedBy(bytes)
  if (named === undefined) return undefined
  // The event may have been sealed since the caller looked at the log.
  const size = named < treeSize ? treeSize : ((await readHead(blobs))?.treeSize ?? 0)
  if (index >= size) return undefined
  return explanationOf(blobs, RULES, { index, bytes, leafHash: await leafHashAt(blobs, index, size) }, size)
}

/** What there is to say of a blank. */
export interface BlankCheck {
  /** An event of the tree explains it. */
  readonly redacted?: RedactedEntry
  /** No event of the tree does. */
  readonly finding?: Finding
  /** It names an event behind this tree: one that was sealed meanwhile, perhaps. */
  readonly later?: number
}

/** Looks at bytes that do not have their leaf hash; undefined where they are no blank at all. */
export async function checkBlank(
  blobs: Pick<BlobStore, "get">,
  entry: { readonly index: number; readonly bytes: Uint8Array; readonly leafHash: Uint8Array },
  treeSize: number,
): Promise<BlankCheck | undefined> {
  const { index, bytes } = entry
  const named = recordNamedBy(bytes)
  if (named === undefined) return undefined
  const by = await explanationOf(blobs, RULES, entry, treeSize)
  if (by !== undefined) return { redacted: { index, by } }
  const message = `entry ${index} is blank, and entry ${named} does not say that it was redacted`
  const finding: Finding = { code: "redaction_unexplained", verdict: "corrupt", message, index }
  return named < treeSize ? { finding } : { finding, later: named }
}

/** What there is to say of an event that records a redaction. */
export interface RecordCheck {
  /** The entry that it names, with the leaf hash that the tree has for it. */
  readonly named?: number
  readonly finding?: Finding
}

/** Whether what an event says of another entry is so: it has the leaf hash that is named, and is not there any more. */
export async function checkRecord(
  blobs: Pick<BlobStore, "get">,
  record: { readonly index: number; readonly bytes: Uint8Array },
  treeSize: number,
): Promise<RecordCheck> {
  const entry = tryParse(record.bytes)
  if (entry?.event_type !== ENTRY_REDACTED) return {}
  const redaction = redactionOf(entry)
  const wrong = (message: string): RecordCheck => ({
    finding: { code: "redaction_record_wrong", verdict: "corrupt", message, index: record.index },
  })
  if (redaction === undefined || redaction.index >= record.index)
    return wrong(`entry ${record.index} is to say which entry was redacted, and does not`)
  const { index } = redaction
  try {
    const hash = await leafHashAt(blobs, index, treeSize)
    if (!equalBytes(fromBase64(redaction.leafHash)!, hash))
      return wrong(`entry ${record.index} says that entry ${index} was redacted, and names another leaf hash`)
    const bytes = (await readBundle(blobs, Math.floor(index / TILE_WIDTH), treeSize))[index % TILE_WIDTH]!
    if (!equalBytes(leafHash(bytes), hash)) return { named: index }
    const message = `entry ${record.index} says that entry ${index} was redacted, and it is still there: run secureml audit redact again`
    return { named: index, finding: { code: "redaction_unfinished", message, index } }
  } catch (error) {
    // The entry was pruned since, or its bundle is damaged, which is told where it stands.
    if (error instanceof AuditError) return {}
    throw error
  }
}

/** Whether an event between two sizes of a log says that one of some entries was redacted. */
export async function wasRedactedSince(
  blobs: BlobStore,
  indexes: ReadonlySet<number>,
  from: number,
  to: number,
): Promise<boolean> {
  if (indexes.size === 0) return false
  for await (const { index, bytes } of readEntries(blobs, from, to)) {
    if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(REDACTION_RECORD)) continue
    const { named } = await checkRecord(blobs, { index, bytes }, to)
    if (named !== undefined && indexes.has(named)) return true
  }
  return false
}
