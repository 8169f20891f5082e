/**
 * Pruning as C2SP tlog-tiles describes it: bundles and full tiles that end at or below a *minimum index* go, whatever
 * proves the rest stays. Which index that is, and why, an entry of the log says; `pruned.json` only tells where that
 * entry is. Knows nothing of events.
 * @module
 */
import { utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { parseTilePath, TILE_WIDTH, type TileId, tilePath } from "../proof/index.ts"
import { type BlobStore, type LogFiles, PRUNED_FILE } from "../store/index.ts"
import { parseObject } from "./identity.ts"

/** What `pruned.json` claims; the entry at `record` has to say the same. */
export interface PruneNote {
  /** A multiple of 256: entries below it may be gone. */
  readonly minimumIndex: number
  /** Index of the entry that says so. */
  readonly record: number
}

/** The note of a log; undefined where it has none that can be read. */
export async function readPruneNote(blobs: Pick<BlobStore, "get">): Promise<PruneNote | undefined> {
  const bytes = await blobs.get(PRUNED_FILE)
  if (bytes === undefined) return undefined
  try {
    const { v, minimum_index: minimumIndex, record } = parseObject(utf8Text(bytes))
    if (v !== 1 || !isIndex(minimumIndex) || !isIndex(record) || minimumIndex % TILE_WIDTH !== 0) return undefined
    return minimumIndex > 0 && record >= minimumIndex ? { minimumIndex, record } : undefined
  } catch (error) {
    if (error instanceof AuditError || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Once resolved readers know where the log begins, power loss or not. */
export function writePruneNote(root: LogFiles, { minimumIndex, record }: PruneNote): Promise<void> {
  return root.replace(PRUNED_FILE, utf8(`${JSON.stringify({ v: 1, minimum_index: minimumIndex, record })}\n`))
}

/** The first bundle that is kept. */
export async function firstBundle(blobs: Pick<BlobStore, "get">): Promise<number> {
  return ((await readPruneNote(blobs))?.minimumIndex ?? 0) / TILE_WIDTH
}

/** Files of one bundle's worth of the tree that go together, in the order in which they go. */
export interface PrunableFiles {
  /** Bundles among them, by number. */
  readonly bundles: readonly number[]
  readonly paths: readonly string[]
}

/**
 * What is still there of the tree below a minimum index, the oldest first, so that whatever cuts a removal off leaves
 * the newest. A partial tile goes with the full one in whose place it stood.
 */
export async function filesBelow(blobs: BlobStore, minimumIndex: number): Promise<PrunableFiles[]> {
  const groups = new Map<number, { bundles: number[]; paths: string[] }>()
  for (const path of await blobs.list("tile")) {
    const id = tileOf(path)
    const end = id === undefined ? Number.POSITIVE_INFINITY : fullEnd(id)
    if (id === undefined || end > minimumIndex) continue
    const group = groups.get(end) ?? { bundles: [], paths: [] }
    groups.set(end, group)
    group.paths.push(path)
    if (id.level === "entries" && id.width === TILE_WIDTH) group.bundles.push(id.index)
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group)
}

/** Undefined for a file that is no tile, which is nobody's business here. */
function tileOf(path: string): TileId | undefined {
  try {
    const id = parseTilePath(path)
    return tilePath(id) === path ? id : undefined
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** Index behind the last entry that the full tile covers. */
function fullEnd({ level, index }: TileId): number {
  return (index + 1) * TILE_WIDTH * (level === "entries" ? 1 : TILE_WIDTH ** level)
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
