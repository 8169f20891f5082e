/**
 * Housekeeping after a seal: parts, own segments, segments of owners that are gone, superseded partial tiles.
 * Never removes anything that is not both published and durable.
 * @module
 */
import { TILE_WIDTH, type TileId, tilePath } from "../proof/index.ts"
import { isTemporaryName, type Journal, RECOVERY_FILE, type SegmentInfo } from "../store/index.ts"
import { byWriter } from "./collect.ts"
import type { SealContext } from "./context.ts"
import { moveParts } from "./parts.ts"
import { publishedHead } from "./seal.ts"
import { readTreeState, type TreeState, UNSEEN, type WriterPosition, writeTreeState } from "./tree-state.ts"
import { OWNER_GONE_MS, type Writer } from "./writer.ts"

/** Tidies what the tree covers. Call it holding the mutex. */
export async function tidy(context: SealContext, own: Writer, oldSize: number): Promise<void> {
  // A recovery that was cut off may have moved half of the log away: what is here belongs to no tree.
  if ((await context.root.read(RECOVERY_FILE)) !== undefined) return
  await moveParts(context, own)
  const tree = await readTreeState(context.root)
  // A sealer that died since left a tree that nobody has published yet; the next one does.
  if ((await publishedHead(context.blobs))?.treeSize !== tree.size) return
  await removePartials(context, oldSize, tree.size)
  const kept = await tidySegments(context, own, tree)
  const waiting = (await context.parts.segments()).map(({ writerId }) => writerId)
  await dropRows(context, tree, new Set([...kept, ...waiting]))
  await removeTemporaries(context)
}

/** Partial tiles of every tile that became full since `oldSize`, and of the last full one before, in case a sealer died. */
async function removePartials({ blobs }: SealContext, oldSize: number, size: number): Promise<void> {
  for (let level = -1, span = TILE_WIDTH; span <= size; level++, span *= level === 0 ? 1 : TILE_WIDTH) {
    const last = Math.floor(size / span)
    for (let index = Math.max(0, Math.floor(oldSize / span) - 1); index < last; index++) {
      const id: TileId = { level: level === -1 ? "entries" : level, index, width: TILE_WIDTH }
      const partials = await blobs.list(`${tilePath(id)}.p`)
      if (partials.length > 0) await blobs.remove(partials)
    }
  }
}

/** Returns the writers that still have a segment. */
async function tidySegments(context: SealContext, own: Writer, tree: TreeState): Promise<ReadonlySet<string>> {
  const kept = new Set<string>([own.id])
  for (const [writerId, segments] of byWriter(await context.journal.segments())) {
    for (const segment of segments) {
      const gone = await tidySegment(context, own, segment, tree.writers.get(writerId))
      if (!gone) kept.add(writerId)
    }
  }
  return kept
}

async function tidySegment(
  { journal, nowMs }: SealContext,
  own: Writer,
  segment: SegmentInfo,
  position: WriterPosition | undefined,
): Promise<boolean> {
  const isOwn = own.retired.has(segment.name)
  if (!isOwn && (segment.writerId === own.id || nowMs() - segment.changedMs <= OWNER_GONE_MS)) return false
  if (!(await isPublished(journal, segment, position))) return false
  if (!isOwn && !segment.name.endsWith(".done")) {
    await journal.markDone(segment.name)
    return false
  }
  const released = await journal.release(segment.name, segment.sizeBytes)
  if (released) own.forgetRetired(segment.name)
  return released
}

/** Whether every whole line of a segment is in the tree; unfinished bytes at its end were never acknowledged. */
async function isPublished(
  journal: Journal,
  segment: SegmentInfo,
  position: WriterPosition = UNSEEN,
): Promise<boolean> {
  if (segment.number === position.segment && segment.sizeBytes === position.offset) return true
  for (let offset = segment.number === position.segment ? position.offset : 0; ; ) {
    const read = await journal.read(segment.name, offset, segment.sizeBytes)
    if (read === undefined || read.lines.some((line) => line.seq >= position.next)) return false
    if (read.end !== "more") return true
    offset = read.endOffset
  }
}

/** The row of a writer without segments is kept for a while: its owner may only be asleep. */
async function dropRows(context: SealContext, tree: TreeState, kept: ReadonlySet<string>): Promise<void> {
  const writers = new Map<string, WriterPosition>()
  let changed = false
  for (const [id, position] of tree.writers) {
    const { goneMs = context.nowMs(), ...row } = position
    if (kept.has(id)) writers.set(id, row)
    else if (context.nowMs() - goneMs <= OWNER_GONE_MS) writers.set(id, { ...row, goneMs })
    changed ||= kept.has(id) === (position.goneMs !== undefined) || !writers.has(id)
  }
  if (changed) await writeTreeState(context.root, { ...tree, writers })
}

/** Temporary files that a process left when it died. */
async function removeTemporaries({ root, blobs, nowMs }: SealContext): Promise<void> {
  for (const name of await root.names(".state")) {
    const made = /^\.tmp-\d+-(\d+)-/.exec(name)
    if (isTemporaryName(name) && made !== null && nowMs() - Number(made[1]) > OWNER_GONE_MS) {
      await blobs.remove([`.state/${name}`])
    }
  }
}
