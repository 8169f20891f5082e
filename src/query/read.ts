/**
 * Reading records: a scan over the bundles in ledger order, then the unsealed tail, each record once.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { AuditEntry, AuditRecord, Correction } from "../event/index.ts"
import {
  type Environment,
  type PlacedEntry,
  proofTextFor,
  readBundle,
  receiptFor,
  type SealedReceipt,
} from "../ledger/index.ts"
import { type Checkpoint, TILE_WIDTH } from "../proof/index.ts"
import { findLogDirectory, type RootDirectory } from "../store/index.ts"
import { CORRECTION_TYPE, correctionsBy } from "./corrections.ts"
import { formatCursor, parseCursor } from "./cursor.ts"
import { type AuditQuery, checkQuery, compileFilter, type Filter, type RecordOf, timeOf } from "./filter.ts"
import { filterIn } from "./personal.ts"
import { RecordFiller } from "./record-filler.ts"
import { redactedBy } from "./redactions.ts"
import { sealedMatches } from "./sealed.ts"
import { entryText, type Snapshot, takeSnapshot } from "./snapshot.ts"

/** Records of one page, and how to go on. */
export interface AuditPage<R = AuditRecord> {
  readonly records: readonly R[]
  /** With `proofs`: the exact logged text of each record. */
  readonly entries?: readonly string[]
  /** Give it back as `cursor` for the next page; null when there is none. */
  readonly nextCursor: string | null
  /** The head that the sealed records are under; undefined while nothing is sealed. Not verified by reading. */
  readonly checkpoint: Checkpoint | undefined
  /** With `proofs`: a C2SP tlog-proof for each record, null for one that is not sealed yet, or was redacted. */
  readonly proofs?: readonly (string | null)[]
}

/** A query for one page. */
export interface PageQuery<T extends string = string> extends AuditQuery<T> {
  readonly proofs?: boolean
}

/** Records of a page when the caller does not say how many. */
const PAGE_SIZE = 1_000

/** A record with the bytes it was read from. */
interface Found {
  readonly record: AuditRecord
  readonly bytes: Uint8Array
  readonly isRedacted: boolean
}

/**
 * Streams the records that match, in ledger order (or newest first), the unsealed ones included, as the log has them: a
 * personal value is a marker.
 *
 * @throws TypeError, RangeError for a wrong query, naming the field.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`.
 */
export function streamRecords<const T extends string = string>(
  query: AuditQuery<T>,
  logDir: string,
  environment: Environment = process.env,
): AsyncGenerator<RecordOf<T>> {
  return stream(query, logDir, environment, undefined)
}

/** The same with personal values in their places, where they can be read here. */
export function streamFilled<const T extends string = string>(
  query: AuditQuery<T>,
  logDir: string,
  environment: Environment,
): AsyncGenerator<RecordOf<T>> {
  return stream(query, logDir, environment, new RecordFiller(logDir, environment, correctionsIn))
}

/** The corrections of a log, values filled; those of corrections themselves are not looked for. */
async function correctionsIn(
  logDir: string,
  environment: Environment,
): Promise<ReadonlyMap<string, readonly Correction[]>> {
  const filler = new RecordFiller(logDir, environment, undefined)
  const found: AuditRecord[] = []
  for await (const record of stream<string>({ eventType: CORRECTION_TYPE }, logDir, environment, filler))
    found.push(record as unknown as AuditRecord)
  return correctionsBy(found)
}

async function* stream<T extends string>(
  query: AuditQuery<T>,
  logDir: string,
  environment: Environment,
  filler: RecordFiller | undefined,
): AsyncGenerator<RecordOf<T>> {
  checkQuery(query)
  compileFilter(query)
  const root = findLogDirectory(logDir)
  if (root === undefined) return
  const filter = await filterIn(root, query, environment)
  const snapshot = await takeSnapshot(root)
  const from = query.cursor === undefined ? undefined : parseCursor(query.cursor, query.order ?? "asc")
  let left = query.limit ?? Number.POSITIVE_INFINITY
  try {
    for await (const { record, bytes } of findAll(snapshot, filter, query.order ?? "asc", from?.index)) {
      const shown = filler === undefined ? record : await filler.fill(record, bytes)
      yield shown as unknown as RecordOf<T>
      if (--left === 0) return
    }
  } finally {
    filler?.close()
  }
}

/** The records of some events, in ledger order, as the log has them; those that are not in it are left out. */
export async function* readEvents(root: RootDirectory, eventIds: readonly string[]): AsyncGenerator<AuditRecord> {
  if (eventIds.length === 0) return
  const snapshot = await takeSnapshot(root)
  const filter = compileFilter({}, new Set(eventIds))
  for await (const { record } of findAll(snapshot, filter, "asc", undefined)) yield record
}

/** One page of the records that match, personal values in their places; see `queryAuditLogs`. */
export async function readPage<const T extends string = string>(
  query: PageQuery<T>,
  logDir: string,
  environment: Environment,
): Promise<AuditPage<RecordOf<T>>> {
  checkQuery(query, ["proofs"])
  compileFilter(query)
  const root = findLogDirectory(logDir)
  if (root === undefined) return { records: [], nextCursor: null, checkpoint: undefined }
  const filter = await filterIn(root, query, environment)
  const snapshot = await takeSnapshot(root)
  const { found, nextCursor } = await fillPage(snapshot, filter, query)
  const records = (await filled(found, logDir, environment)) as unknown as RecordOf<T>[]
  const page = { records, nextCursor, checkpoint: snapshot.head }
  if (query.proofs !== true) return page
  const proofs: (string | null)[] = []
  for (const { record, isRedacted } of found)
    proofs.push(
      record.index === null || isRedacted ? null : await proofTextFor(snapshot.blobs, snapshot.head!, record.index),
    )
  return { ...page, entries: found.map(({ bytes }) => entryText(bytes)), proofs }
}

/** One record with personal values in their places, and with its corrections. */
export async function fillRecord(
  record: AuditRecord,
  bytes: Uint8Array,
  logDir: string,
  environment: Environment,
): Promise<AuditRecord> {
  const [shown] = await filled([{ record, bytes, isRedacted: false }], logDir, environment)
  return shown!
}

async function filled(found: readonly Found[], logDir: string, environment: Environment): Promise<AuditRecord[]> {
  const filler = new RecordFiller(logDir, environment, correctionsIn)
  const records: AuditRecord[] = []
  try {
    for (const { record, bytes } of found) records.push(await filler.fill(record, bytes))
    return records
  } finally {
    filler.close()
  }
}

async function fillPage(
  snapshot: Snapshot,
  filter: Filter,
  query: PageQuery,
): Promise<{ found: Found[]; nextCursor: string | null }> {
  const order = query.order ?? "asc"
  const limit = query.limit ?? PAGE_SIZE
  const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor, order)
  const found: Found[] = []
  let sealed = 0
  for await (const one of findAll(snapshot, filter, order, cursor?.index)) {
    const { index } = one.record
    // The tail has no stable place to stop at, so it is never cut in two.
    if (index !== null && sealed === limit) {
      return { found, nextCursor: formatCursor({ order, treeSize: snapshot.treeSize, index }) }
    }
    if (index === null && order === "asc" && sealed === limit) {
      return { found, nextCursor: formatCursor({ order, treeSize: snapshot.treeSize, index: snapshot.treeSize }) }
    }
    if (index !== null) sealed += 1
    found.push(one)
  }
  return { found, nextCursor: null }
}

/** Everything that matches, in order; `start` is the first index to look at. */
async function* findAll(
  snapshot: Snapshot,
  filter: Filter,
  order: "asc" | "desc",
  start: number | undefined,
): AsyncGenerator<Found> {
  if (order === "desc" && start === undefined) yield* tailFound(snapshot, filter, order)
  yield* sealedFound(snapshot, filter, order, start)
  if (order === "asc") yield* tailFound(snapshot, filter, order)
}

async function* sealedFound(
  snapshot: Snapshot,
  filter: Filter,
  order: "asc" | "desc",
  start: number | undefined,
): AsyncGenerator<Found> {
  const { treeSize } = snapshot
  const from = order === "asc" ? (start ?? 0) : 0
  const to = order === "asc" ? treeSize : Math.min((start ?? treeSize) + 1, treeSize)
  for await (const { entry, index, bytes, redactedBy: by } of sealedMatches(snapshot, filter, order, from, to))
    yield { record: toRecord(entry, index), bytes, isRedacted: by !== undefined }
}

function* tailFound({ tail }: Snapshot, filter: Filter, order: "asc" | "desc"): Generator<Found> {
  for (const { entry, bytes } of order === "asc" ? tail : [...tail].reverse()) {
    if (filter.test(entry)) yield { record: toRecord(entry, null), bytes, isRedacted: false }
  }
}

function toRecord(entry: AuditEntry, index: number | null): AuditRecord {
  return { ...entry, index, sealed: index !== null }
}

/** The event of an id; `timeMs` is NaN when its time is not known. */
function idFilter(eventId: string, timeMs: number): Filter {
  const isKnown = !Number.isNaN(timeMs)
  return {
    test: (entry) => entry.event_id === eventId,
    needles: [[Buffer.from(JSON.stringify(eventId))]],
    terms: [],
    words: [],
    fromMs: isKnown ? timeMs : Number.NEGATIVE_INFINITY,
    toMs: isKnown ? timeMs : Number.POSITIVE_INFINITY,
    isIndexed: false,
  }
}

/** What to look for in the log. */
export interface ProveQuery {
  readonly logDir: string
  /** The event's id, or its ledger index. */
  readonly eventId: string | number
  /** Its index is not below; a hint that saves time. */
  readonly fromIndex?: number
}

/**
 * A receipt for a sealed event.
 *
 * @throws {@link AuditError} `EVENT_NOT_FOUND`, `EVENT_NOT_SEALED`, `EVENT_PRUNED`, `ENTRY_REDACTED`.
 */
export async function prove({ logDir, eventId, fromIndex = 0 }: ProveQuery): Promise<SealedReceipt> {
  if (typeof eventId !== "string" && typeof eventId !== "number") throw new TypeError("eventId must be a string")
  const root = findLogDirectory(logDir)
  const snapshot = root === undefined ? undefined : await takeSnapshot(root)
  const place = snapshot === undefined ? undefined : await findSealed(snapshot, eventId, fromIndex)
  if (snapshot !== undefined && place !== undefined) {
    await refuseRedacted(snapshot, place)
    return receiptFor(snapshot.blobs, snapshot.head!, place)
  }
  if (snapshot?.tail.some(({ entry }) => entry.event_id === eventId)) {
    throw new AuditError(
      "EVENT_NOT_SEALED",
      `event ${eventId} is recorded and not sealed yet; flush the trail or run secureml audit seal`,
    )
  }
  const pruned = prunedText(snapshot?.pruning)
  throw new AuditError(
    "EVENT_NOT_FOUND",
    `there is no event ${JSON.stringify(eventId)} in ${root?.path ?? logDir}${pruned}`,
  )
}

/** Nobody has the bytes any more that a proof would be about. */
async function refuseRedacted({ blobs, treeSize }: Snapshot, place: PlacedEntry): Promise<void> {
  const by = await redactedBy(blobs, place, treeSize)
  if (by === undefined) return
  throw new AuditError(
    "ENTRY_REDACTED",
    `entry ${place.index} was redacted by event ${by}: the tree still has its leaf hash, and nobody has the entry to prove`,
  )
}

/** Why something may not be there any more. */
export function prunedText(pruning: Snapshot["pruning"]): string {
  return pruning === undefined
    ? ""
    : `; entries below index ${pruning.minimumIndex} were pruned, as entry ${pruning.record} says`
}

/**
 * The sealed entry with an event id, or at an index; undefined when there is none.
 * @throws {@link AuditError} `EVENT_PRUNED` for an index below which nothing is kept.
 */
export async function findSealed(
  snapshot: Snapshot,
  eventId: string | number,
  fromIndex: number,
): Promise<PlacedEntry | undefined> {
  const { blobs, treeSize } = snapshot
  if (typeof eventId === "number") {
    if (!Number.isSafeInteger(eventId) || eventId < 0 || eventId >= treeSize) return undefined
    if (eventId < (snapshot.pruning?.minimumIndex ?? 0)) {
      throw new AuditError("EVENT_PRUNED", `entry ${eventId} is not kept any more${prunedText(snapshot.pruning)}`)
    }
    const entries = await readBundle(blobs, Math.floor(eventId / TILE_WIDTH), treeSize)
    return { index: eventId, bytes: entries[eventId % TILE_WIDTH]! }
  }
  // The time in the id leads to it; an id that was made otherwise is looked for everywhere.
  for (const timeMs of [timeOf(eventId), Number.NaN]) {
    const filter = idFilter(eventId, timeMs)
    for await (const match of sealedMatches(snapshot, filter, "desc", fromIndex, treeSize)) return match
  }
  return undefined
}
