/**
 * Every copy of a redacted entry that a log directory keeps: its line in journals and text logs, what lies beside it, its
 * bundles, also in logs that a recovery has set aside, and the query index. Its bundle comes last, since what it says is
 * needed to find the rest: cut off anywhere, it is done again from the beginning. Does I/O.
 * @module
 */
import * as fs from "node:fs"
import { equalBytes, fromBase64, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type AuditEntry, blankFor, fillerFor, parseEntry, redactionOf } from "../event/index.ts"
import {
  blankBundles,
  blankLines,
  bundleDirectories,
  originalOf,
  readTreeState,
  removeLeftovers,
} from "../ledger/index.ts"
import { leafHash, parseBundle, parseCheckpoint, parseTilePath, TILE_WIDTH } from "../proof/index.ts"
import { tryParse } from "../query/index.ts"
import {
  JOURNAL_DIRECTORY,
  LocalBlobs,
  LocalJournal,
  PARTS_DIRECTORY,
  RootDirectory,
  removePayloads,
} from "../store/index.ts"
import { whileNobodySeals } from "./lock.ts"
import { takeIndex } from "./remove.ts"
import { blankTextLogs } from "./text-logs.ts"

/** A sealed event that says that another entry was redacted. */
export interface RedactionRecord {
  readonly record: number
  readonly bytes: Uint8Array
}

/** What was overwritten. */
export interface Overwritten {
  readonly bundles: number
  /** In journals. */
  readonly lines: number
  /** In text logs. */
  readonly textLines: number
  /** Values that were kept beside the entry. */
  readonly values: number
}

/** What was done, and the copies in the directory that were left. */
export interface CopiesDone {
  readonly overwritten: Overwritten
  readonly left: readonly string[]
}

/** The entry that a record says is gone, where the log still has it. */
async function leftOf(
  root: RootDirectory,
  { record, bytes }: RedactionRecord,
): Promise<{ readonly entry: AuditEntry; readonly bytes: Uint8Array; readonly index: number } | undefined> {
  const event = tryParse(bytes)
  const redaction = event === undefined ? undefined : redactionOf(event)
  if (redaction === undefined || redaction.index >= record) return undefined
  const place = { index: redaction.index, leafHash: fromBase64(redaction.leafHash)! }
  const original = await originalOf(new LocalBlobs(root), place)
  const entry = original === undefined ? undefined : tryParse(original)
  return entry === undefined ? undefined : { entry, bytes: original!, index: redaction.index }
}

/**
 * Overwrites all copies of the entry that a sealed record says is gone.
 * @throws {@link AuditError} `RETENTION_BUSY`: somebody is making the index, or seals all the time; run it again.
 */
export async function overwriteCopies(root: RootDirectory, record: RedactionRecord): Promise<CopiesDone> {
  const found = await leftOf(root, record)
  if (found === undefined) return { overwritten: { bundles: 0, lines: 0, textLines: 0, values: 0 }, left: [] }
  const { entry, bytes, index } = found
  const text = utf8Text(bytes)!
  const textLogs = await blankTextLogs(root, entry.operation_id, text, record.record)
  const aside = await blankAside(root, bytes, blankOf(record, index, bytes))
  const taken = await takeIndex(root)
  if (taken === undefined)
    throw new AuditError(
      "RETENTION_BUSY",
      "somebody is making the query index; the entry is not removed yet: run it again",
    )
  try {
    await taken.reset()
    const { bundles, lines, values } = await whileNobodySeals(root, () => blankOwn(root, record, found))
    return {
      overwritten: {
        bundles: bundles + aside.bundles,
        lines,
        textLines: textLogs.overwritten,
        values: values + aside.values,
      },
      left: [
        ...textLogs.without.map((name) => `the text log ${name}, in which its line was not found`),
        ...aside.left.map((path) => `${path}, which is signed in the log that was set aside`),
      ],
    }
  } finally {
    taken.release()
  }
}

function blankOf({ record, bytes }: RedactionRecord, index: number, original: Uint8Array): Uint8Array {
  const blank = blankFor(bytes, record, index, leafHash(original))
  if (blank !== undefined) return blank
  throw new AuditError("LEDGER_CORRUPT", `event ${record} does not say that entry ${index} was redacted`)
}

/** Copies of the log itself; nobody seals meanwhile. */
async function blankOwn(
  root: RootDirectory,
  record: RedactionRecord,
  { entry, bytes, index }: { readonly entry: AuditEntry; readonly bytes: Uint8Array; readonly index: number },
): Promise<Pick<Overwritten, "bundles" | "lines" | "values">> {
  const hash = leafHash(bytes)
  const redaction = redactionOf(parseEntry(record.bytes))!
  const line = { writerId: entry.writer.id, seq: entry.writer.seq }
  const filler = (sizeBytes: number): string => fillerFor(redaction, record.record, sizeBytes)
  // The values in parts first: a sealer would move them into the store again.
  await blankLines(
    new LocalJournal(root, PARTS_DIRECTORY),
    line,
    () => true,
    (size) => `{}${" ".repeat(size - 2)}`,
  )
  const values = removePayloads(root, [entry.event_id])
  const isEntry = (found: Uint8Array): boolean => equalBytes(leafHash(found), hash)
  const lines = await blankLines(new LocalJournal(root), line, isEntry, filler)
  await removeLeftovers(root, [...bundleDirectories(index), JOURNAL_DIRECTORY], bytes)
  const { size } = await readTreeState(root)
  const place = { index, leafHash: hash }
  const bundles = await blankBundles(new LocalBlobs(root), place, blankOf(record, index, bytes), size)
  return { values, lines, bundles }
}

/**
 * An entry of a log that was set aside before it was signed there went into its successor: then the old log has a copy
 * that no checkpoint covers. One that is signed there stays, since that log has no event to explain it.
 */
async function blankAside(
  root: RootDirectory,
  bytes: Uint8Array,
  blank: Uint8Array,
): Promise<{ bundles: number; values: number; left: string[] }> {
  const done = { bundles: 0, values: 0, left: [] as string[] }
  const eventId = parseEntry(bytes).event_id
  for (const name of (await root.names(".")).filter((one) => /^predecessor-\d{1,9}$/.test(one))) {
    if (!fs.lstatSync(root.locate(name, false)).isDirectory()) continue
    const aside = new RootDirectory(`${root.path}/${name}`, root.access)
    const blobs = new LocalBlobs(aside)
    const signed = await signedSize(blobs)
    const left = done.left.length
    for (const path of await blobs.list("tile/entries")) {
      const index = await placeIn(blobs, path, bytes)
      if (index === undefined) continue
      if (index < signed) done.left.push(`${name}/${path}`)
      else {
        await blobs.redact(path, replaced((await blobs.get(path))!, bytes, blank))
        done.bundles += 1
      }
    }
    if (done.left.length === left) done.values += removePayloads(aside, [eventId])
  }
  return done
}

/** Entries under the checkpoint of a log that was set aside; all of them where it cannot be read. */
async function signedSize(blobs: LocalBlobs): Promise<number> {
  const head = await blobs.get("checkpoint")
  try {
    return head === undefined ? 0 : parseCheckpoint(head).treeSize
  } catch (error) {
    if (error instanceof AuditError) return Number.POSITIVE_INFINITY
    throw error
  }
}

/** Where in a log the entry stands that a bundle has; undefined where it has it not. */
async function placeIn(blobs: LocalBlobs, path: string, entry: Uint8Array): Promise<number | undefined> {
  const bytes = await blobs.get(path)
  if (bytes === undefined || offsetIn(bytes, entry) === -1) return undefined
  try {
    const { index, width } = parseTilePath(path)
    const n = parseBundle(bytes, width).findIndex((one) => equalBytes(one, entry))
    return n === -1 ? undefined : index * TILE_WIDTH + n
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** A bundle with other bytes in the place of an entry, its length in front of them. */
function replaced(bundle: Uint8Array, entry: Uint8Array, blank: Uint8Array): Uint8Array {
  const at = offsetIn(bundle, entry)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(blank.length)
  return Buffer.concat([bundle.subarray(0, at - 2), length, blank, bundle.subarray(at + entry.length)])
}

function offsetIn(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(Buffer.from(part))
}
