/**
 * Redacting one entry, the last resort: somebody logged what must not be there, and it was not declared as personal. Decide,
 * record, seal, and only then overwrite. What was cut off is finished by doing it again.
 * Why it is done in this way: docs/decisions/0013-a-redacted-entry-keeps-its-leaf-hash.md.
 * @module
 */
import { toBase64, utf8 } from "../bytes.ts"
import { recordAct, sealLog } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import {
  type Actor,
  type AuditEntry,
  ENTRY_REDACTED,
  isReservedEventType,
  keptOf,
  parseEntry,
  type Redactor,
} from "../event/index.ts"
import { readIdentity, type SealedReceipt } from "../ledger/index.ts"
import { createRedactor } from "../privacy/index.ts"
import { leafHash, verifyProof } from "../proof/index.ts"
import { findSealed, prove, readEntries, redactedBy, streamRecords, takeSnapshot } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"
import { holdTests, listHolds } from "./holds.ts"
import { locked, requireRoot } from "./lock.ts"
import { type Overwritten, overwriteCopies, type RedactionRecord } from "./redacted-copies.ts"
import { repeatsValueOf } from "./repeats.ts"
import { restrictionTests } from "./restrict.ts"

/** Which entry to redact, and why. */
export interface RedactOptions {
  readonly logDir: string
  /** Event id, or ledger index. */
  readonly event: string | number
  /** Why. It stays in the log for good, and must not repeat what is removed. */
  readonly reason: string
  /** Default: the user of the operating system. */
  readonly actor?: Actor
}

/** What was done. */
export interface RedactReport {
  readonly result: "redacted" | "already_redacted"
  readonly index: number
  /** Index of the event that says so. */
  readonly by: number
  readonly overwritten: Overwritten
  /** Copies that this package cannot reach, for whoever has to. */
  readonly outOfReach: readonly string[]
}

const OUT_OF_REACH = [
  "backups, mirrors and other copies of the log directory made before",
  "exports, evidence bundles and receipts that were handed out, and what readers printed or copied",
  "other entries of this log that say the same, and text logs that were moved or renamed",
  "snapshots and freed blocks of the disk, swapped memory, and that of processes that recorded or read the entry",
]
const NOTHING: Overwritten = { bundles: 0, lines: 0, textLines: 0, values: 0 }
/** Of our own types those that only tell what a caller did; on every other one something in the log depends. */
const REDACTABLE: ReadonlySet<string> = new Set([
  "audit_started",
  "audit_closed",
  "audit_read",
  "audit_exported",
  "audit_disclosed",
  "function_call",
  "function_return",
  "correction_recorded",
])
/** Numbers and ids of the entry are written as they are. */
const AS_IT_IS: Redactor = { keyRule: () => undefined, redactText: (text) => text }

/**
 * Blanks one entry in every copy that the log directory keeps. Its leaf hash stays, and with it the root and every proof
 * of other entries. The event `entry_redacted` that says so is sealed before anything is overwritten.
 *
 * @throws TypeError, RangeError naming the field: no reason, or one that repeats a value of the entry.
 * @throws {@link AuditError} `RETENTION_HELD`: a hold, or the restriction of a person, covers the entry; nothing was changed, and the refusal is recorded.
 * @throws {@link AuditError} `REDACTION_REFUSED`, `EVENT_NOT_FOUND`, `EVENT_PRUNED`, `LEDGER_CORRUPT`, `RETENTION_BUSY`;
 *   `SEALING_UNAVAILABLE` without the log's key.
 * @example
 * ```ts
 * await redactEntry({ logDir, event: 17, reason: "a social security number in purpose, ticket 4711" })
 * // { result: "redacted", index: 17, by: 42, … }
 * ```
 */
export async function redactEntry(options: RedactOptions): Promise<RedactReport> {
  const { logDir, event, reason } = options
  if (typeof reason !== "string" || reason.trim() === "") throw new TypeError("reason must say why")
  const root = requireRoot(logDir)
  return locked(root, async () => {
    // Without the key nothing could be recorded for good; and what is asked for may not be sealed yet.
    await sealLog({ logDir: root.path })
    const found = await sealedEntry(root, event)
    if ("by" in found) return { result: "already_redacted", ...found, overwritten: NOTHING, outOfReach: OUT_OF_REACH }
    await refuseHeld(root, found.entry, found.index)
    refuseRepeated(found.entry, reason)
    const record = await recordRedaction(root, found, options)
    const { overwritten, left } = await overwriteCopies(root, record)
    const outOfReach = [...left, ...OUT_OF_REACH]
    return { result: "redacted", index: found.index, by: record.record, overwritten, outOfReach }
  })
}

/** An entry as the tree has it. */
interface FoundEntry {
  readonly index: number
  readonly entry: AuditEntry
  readonly bytes: Uint8Array
}

/** The entry that is meant; or where it was, and by which event it was redacted. */
async function sealedEntry(
  root: RootDirectory,
  event: string | number,
): Promise<FoundEntry | { readonly index: number; readonly by: number }> {
  const snapshot = await takeSnapshot(root)
  const place = await findSealed(snapshot, event, 0)
  const by = place === undefined ? undefined : await redactedBy(snapshot.blobs, place, snapshot.treeSize)
  if (place !== undefined && by !== undefined) return { index: place.index, by }
  const receipt = await prove({ logDir: root.path, eventId: event })
  const entry = redactable(receipt)
  const { verifierKey } = (await readIdentity(root))!
  // What was tampered with must not be redacted: that would remove what shows it.
  await verifyProof(receipt.proof, utf8(receipt.entry), verifierKey).catch((cause: unknown) => {
    const message = `entry ${receipt.index} is not what was signed; nothing was redacted; run secureml audit verify`
    throw new AuditError("LEDGER_CORRUPT", message, { cause })
  })
  return { index: receipt.index, entry, bytes: utf8(receipt.entry) }
}

function redactable({ index, entry }: SealedReceipt): AuditEntry {
  const parsed = parsedOr(entry, () => refused(index, "it is no event of this format"))
  const { event_type: type } = parsed
  if (isReservedEventType(type) && !REDACTABLE.has(type))
    throw refused(index, `what the log says of itself depends on it, as on every event of type ${type}`)
  return parsed
}

function parsedOr(entry: string, otherwise: () => AuditError): AuditEntry {
  try {
    return parseEntry(utf8(entry))
  } catch (error) {
    throw error instanceof AuditError ? otherwise() : error
  }
}

function refused(index: number, why: string): AuditError {
  return new AuditError("REDACTION_REFUSED", `entry ${index} cannot be redacted: ${why}; nothing was changed`)
}

/** The hold, or the restriction of a person, that covers an entry. */
async function coverOf(root: RootDirectory, entry: AuditEntry): Promise<string | undefined> {
  const tests = [...(await holdTests(root, await listHolds({ logDir: root.path }))), ...(await restrictionTests(root))]
  return tests.find(({ test }) => test(entry))?.source
}

/** A refusal is worth knowing too. */
async function refuseHeld(root: RootDirectory, entry: AuditEntry, index: number): Promise<void> {
  const source = await coverOf(root, entry)
  if (source === undefined) return
  const act = { logDir: root.path, operationName: "audit_redaction", eventType: "redaction_refused" }
  recordAct({ ...act, details: { index, source } })
  throw new AuditError("RETENTION_HELD", `entry ${index} must be kept: ${source}; nothing was redacted`)
}

function refuseRepeated(entry: AuditEntry, reason: string): void {
  if (!repeatsValueOf(entry, reason)) return
  throw new RangeError(
    "reason must not repeat what the entry says, since it stays in the log: name the field and a ticket instead",
  )
}

/** Once resolved the event that says so is sealed: a new one, or the one of an attempt that was cut off. */
async function recordRedaction(
  root: RootDirectory,
  { index, entry, bytes }: FoundEntry,
  { reason, actor }: RedactOptions,
): Promise<RedactionRecord> {
  const said = createRedactor().redactText(reason)
  const details = { index, leaf_hash: toBase64(leafHash(bytes)), reason: said, kept: keptOf(entry) }
  const earlier = await recordLike(root, details)
  if (earlier !== undefined) return earlier
  const act = { logDir: root.path, operationName: "audit_redaction", eventType: ENTRY_REDACTED, details }
  const receipt = await recordAct({
    ...act,
    redactor: AS_IT_IS,
    ...(actor === undefined ? {} : { actor }),
  }).sealed()
  return { record: receipt.index, bytes: utf8(receipt.entry) }
}

/** Whoever can write into a journal can make such an event: only one that says all of this, and no more, is taken up. */
async function recordLike(root: RootDirectory, details: object): Promise<RedactionRecord | undefined> {
  const { blobs } = await takeSnapshot(root)
  for await (const record of streamRecords({ eventType: ENTRY_REDACTED }, root.path)) {
    const { index } = record
    if (index === null || JSON.stringify(record.details) !== JSON.stringify(details)) continue
    for await (const { bytes } of readEntries(blobs, index, index + 1)) return { record: index, bytes }
  }
  return undefined
}
