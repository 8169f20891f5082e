/**
 * Overwriting the copies of one entry that a log keeps: in bundles of whatever width, in journals, and of what lies beside
 * it in parts. Its leaf hash stays in the tiles. Every step can be done again. Call it holding the mutex.
 * @module
 */
import { equalBytes } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { encodeBundle, leafHash, parseBundle, parseTilePath, TILE_WIDTH, tilePath } from "../proof/index.ts"
import { type BlobStore, formatLineBytes, isTemporaryName, type Journal, type LogFiles } from "../store/index.ts"

const READ_BYTES = 8 * 1024 * 1024

/** An entry of a tree. */
export interface EntryPlace {
  readonly index: number
  readonly leafHash: Uint8Array
}

/** The bundles that hold an entry: the full one, and partial ones that are still there, narrow ones first. */
async function bundlesOf(blobs: BlobStore, index: number): Promise<{ path: string; entries: Uint8Array[] }[]> {
  const full = fullPath(index)
  const found: { path: string; entries: Uint8Array[]; width: number }[] = []
  for (const path of [...(await blobs.list(`${full}.p`)), full]) {
    const bytes = await blobs.get(path)
    const width = widthOf(path)
    const entries = bytes === undefined || width === undefined ? undefined : entriesOf(bytes, width)
    if (entries !== undefined && width !== undefined && width > index % TILE_WIDTH) found.push({ path, entries, width })
  }
  return found.sort((a, b) => a.width - b.width)
}

function fullPath(index: number): string {
  return tilePath({ level: "entries", index: Math.floor(index / TILE_WIDTH), width: TILE_WIDTH })
}

function widthOf(path: string): number | undefined {
  try {
    return parseTilePath(path).width
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** Undefined for a file that is no bundle: verification says so. */
function entriesOf(bytes: Uint8Array, width: number): Uint8Array[] | undefined {
  try {
    return parseBundle(bytes, width)
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** The bytes of an entry, if a bundle still has them. */
export async function originalOf(blobs: BlobStore, place: EntryPlace): Promise<Uint8Array | undefined> {
  for (const { entries } of await bundlesOf(blobs, place.index)) {
    const bytes = entries[place.index % TILE_WIDTH]!
    if (equalBytes(leafHash(bytes), place.leafHash)) return bytes
  }
  return undefined
}

/**
 * Puts a blank in the place of an entry, in every bundle that has it. The widest of the tree comes last: as long as an
 * entry can be read, there is something left to do.
 * @param treeSize - What lies beyond was left by a sealer that died, and may have the entry in another place.
 * @returns How many bundles were replaced.
 */
export async function blankBundles(
  blobs: BlobStore,
  place: EntryPlace,
  blank: Uint8Array,
  treeSize: number,
): Promise<number> {
  const own = await bundlesOf(blobs, place.index)
  const beyond = (await blobs.list("tile/entries")).filter((path) => endOf(path) > treeSize)
  const others = beyond.filter((path) => own.every((bundle) => bundle.path !== path))
  let replaced = 0
  for (const path of others) replaced += await replaceIn(blobs, path, () => true, place, blank)
  const n = place.index % TILE_WIDTH
  for (const { path } of own) {
    const isMeant = beyond.includes(path) ? () => true : (at: number) => at === n
    replaced += await replaceIn(blobs, path, isMeant, place, blank)
  }
  return replaced
}

/** Returns 1 where a bundle had the entry in a place that is meant. */
async function replaceIn(
  blobs: BlobStore,
  path: string,
  isMeant: (n: number) => boolean,
  { leafHash: hash }: EntryPlace,
  blank: Uint8Array,
): Promise<0 | 1> {
  const bytes = await blobs.get(path)
  const width = widthOf(path)
  const entries = bytes === undefined || width === undefined ? undefined : entriesOf(bytes, width)
  const left = entries?.map((entry, n) => (isMeant(n) && equalBytes(leafHash(entry), hash) ? blank : entry))
  if (left === undefined || !left.includes(blank)) return 0
  await blobs.redact(path, encodeBundle(left))
  return 1
}

/** Index behind the last entry of a bundle; 0 for a file that is none. */
function endOf(path: string): number {
  const width = widthOf(path)
  return width === undefined ? 0 : parseTilePath(path).index * TILE_WIDTH + width
}

/** A line of a journal. */
export interface LinePlace {
  readonly writerId: string
  readonly seq: number
}

/**
 * Overwrites a writer's lines of one number, where they lie.
 * @param isMeant - Whether a line is one to overwrite.
 * @param filler - What to write instead, of so many bytes.
 */
export async function blankLines(
  journal: Journal,
  { writerId, seq }: LinePlace,
  isMeant: (entry: Uint8Array) => boolean,
  filler: (sizeBytes: number) => string,
): Promise<number> {
  let overwritten = 0
  for (const { name } of (await journal.segments()).filter((segment) => segment.writerId === writerId)) {
    for (let offset = 0; ; ) {
      const read = await journal.read(name, offset, READ_BYTES)
      for (const line of read?.lines ?? []) {
        if (line.seq !== seq || !isMeant(line.entry)) continue
        const bytes = formatLineBytes(seq, filler(line.entry.length))
        await journal.overwrite(name, line.endOffset - bytes.length, bytes)
        overwritten += 1
      }
      if (read?.end !== "more") break
      offset = read.endOffset
    }
  }
  return overwritten
}

/** Temporary files with some bytes in them, in the directories where those bytes are written: their writers died. */
export async function removeLeftovers(
  root: LogFiles,
  directories: readonly string[],
  bytes: Uint8Array,
): Promise<number> {
  let removed = 0
  const needle = Buffer.from(bytes)
  for (const directory of directories) {
    for (const name of (await root.names(directory)).filter(isTemporaryName)) {
      const path = directory === "." ? name : `${directory}/${name}`
      const found = await root.read(path)
      if (found === undefined || !Buffer.from(found.buffer, found.byteOffset, found.length).includes(needle)) continue
      await root.remove(path)
      removed += 1
    }
  }
  return removed
}

/** Directories in which the bundles of an entry are made. */
export function bundleDirectories(index: number): readonly string[] {
  const full = fullPath(index)
  return [full.slice(0, full.lastIndexOf("/")), `${full}.p`]
}
