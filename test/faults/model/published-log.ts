/**
 * A verifier of its own for what a log has published: RFC 6962 and tlog-tiles written down a second time, slowly and
 * literally. It shares no code with the product.
 * @module
 */
import { createHash } from "node:crypto"
import type { View } from "./disk.ts"
import type { Inode } from "./inode.ts"

const WIDTH = 256
const HASH_BYTES = 32

/** What one entry says of itself. */
export interface EntryFacts {
  readonly id: string
  readonly writerId: string
  readonly seq: number
  readonly json: { readonly recovery?: { readonly kind: string; readonly writers?: Record<string, number> } }
}

/** A bundle, and the leaf hashes of its entries. */
interface Bundle {
  readonly entries: readonly EntryFacts[]
  readonly leaves: readonly Buffer[]
}

/** A log whose tiles and bundles are all there and agree. */
export interface PublishedTree {
  readonly size: number
  readonly root: string
  readonly entries: readonly EntryFacts[]
  readonly leaves: readonly Buffer[]
}

/** Something that a stranger would object to. */
export class Objection extends Error {}

export const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const LEAF = Buffer.from([0])
const NODE = Buffer.from([1])

/** MTH of RFC 6962, section 2.1, over leaf hashes. */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return leaves[0]!
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return sha256(NODE, rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

/** Trees read last; one whose files have not changed since is not hashed again. */
const known = new Map<string, { readonly contents: readonly object[]; readonly tree: PublishedTree }>()
const KNOWN_TREES = 16

/** Reads a tree of some size with every tile that belongs to it. */
export function readTree(view: View, directory: string, size: number): PublishedTree {
  const files = pathsOf(size).map(({ path, width }) => fileOf(view, `${directory}/tile/${path}`, width))
  const contents = files.map(({ inode, bytes }) => (isWhole(inode, bytes) ? inode.content : {}))
  const name = `${directory} ${size}`
  const last = known.get(name)
  if (last?.contents.every((content, n) => content === contents[n]) === true) return last.tree
  const tree = readAll(view, directory, size)
  known.delete(name)
  known.set(name, { contents, tree })
  if (known.size > KNOWN_TREES) known.delete([...known.keys()][0]!)
  return tree
}

/** Every tile and bundle of a tree. */
function pathsOf(size: number): { readonly path: string; readonly width: number }[] {
  const paths: { path: string; width: number }[] = []
  for (let level = -1, count = size; count > 0; level++, count = level > 0 ? Math.floor(count / WIDTH) : count) {
    for (let index = 0; index * WIDTH < count; index++) {
      const path = `${level === -1 ? "entries" : level}/${tileNumber(index)}`
      paths.push({ path, width: Math.min(WIDTH, count - index * WIDTH) })
    }
  }
  return paths
}

function readAll(view: View, directory: string, size: number): PublishedTree {
  const entries: EntryFacts[] = []
  const leaves: Buffer[] = []
  for (let index = 0; index * WIDTH < size; index++) {
    const width = Math.min(WIDTH, size - index * WIDTH)
    const bundle = bundleOf(view, `${directory}/tile/entries/${tileNumber(index)}`, width)
    entries.push(...bundle.entries.slice(0, width))
    leaves.push(...bundle.leaves.slice(0, width))
  }
  const root = checkTiles(view, directory, leaves)
  return { size, root: root.toString("base64"), entries, leaves }
}

/** Tile numbers in groups of three digits: 1234067 is x001/x234/067. */
function tileNumber(index: number): string {
  const last = String(index % 1_000).padStart(3, "0")
  let path = last
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000)) {
    path = `x${String(rest % 1_000).padStart(3, "0")}/${path}`
  }
  return path
}

/** Entries up to which a tile or bundle reaches. */
export function endOfTile(path: string): number {
  const [, level, index, width] = /\/tile\/(\d+|entries)\/([x\d/]+)(?:\.p\/(\d+))?$/.exec(path) ?? []
  const number = Number(index?.replaceAll(/[x/]/g, ""))
  return (number * WIDTH + Number(width ?? WIDTH)) * (level === "entries" ? 1 : WIDTH ** Number(level))
}

/** A partial tile, or the full one that has taken its place. */
function fileOf(view: View, path: string, width: number): { inode: Inode; bytes: Buffer } {
  const file = (width < WIDTH ? view.get(`${path}.p/${width}`) : undefined) ?? view.get(path)
  if (file === undefined) throw new Objection(`${path} with ${width} of 256 is missing`)
  return file
}

/** What a view shows of a file is all of it. */
function isWhole(inode: Inode, bytes: Buffer): boolean {
  return bytes.length === inode.size && inode.isDurable
}

/** By the content of the file. */
const bundles = new WeakMap<object, Bundle>()

function bundleOf(view: View, path: string, width: number): Bundle {
  const { inode, bytes } = fileOf(view, path, width)
  const bundle = (isWhole(inode, bytes) ? bundles.get(inode.content) : undefined) ?? parseBundle(bytes, path)
  if (isWhole(inode, bytes)) bundles.set(inode.content, bundle)
  if (bundle.entries.length < width) throw new Objection(`${path} holds ${bundle.entries.length} entries, not ${width}`)
  return bundle
}

function parseBundle(bytes: Buffer, path: string): Bundle {
  const entries: EntryFacts[] = []
  const leaves: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) throw new Objection(`${path} ends inside an entry`)
    const entry = bytes.subarray(at + 2, end)
    entries.push(factsOf(entry.toString()))
    leaves.push(sha256(LEAF, entry))
    at = end
  }
  return { entries, leaves }
}

export function factsOf(text: string): EntryFacts {
  try {
    const json = JSON.parse(text)
    return { id: json.id, writerId: json.writer.id, seq: json.writer.seq, json }
  } catch {
    throw new Objection(`an entry is none: ${text.slice(0, 80)}`)
  }
}

/** Level by level: each tile is there and holds the hashes of what is below. Returns the root. */
function checkTiles(view: View, directory: string, leaves: readonly Buffer[]): Buffer {
  const tops: Buffer[] = []
  let hashes = leaves
  for (let level = 0; hashes.length > 0; level++) {
    const above: Buffer[] = []
    for (let index = 0; index * WIDTH < hashes.length; index++) {
      const part = hashes.slice(index * WIDTH, (index + 1) * WIDTH)
      const path = `${directory}/tile/${level}/${tileNumber(index)}`
      const { bytes } = fileOf(view, path, part.length)
      const expected = Buffer.concat(part)
      if (!bytes.subarray(0, part.length * HASH_BYTES).equals(expected)) throw new Objection(`${path} has other hashes`)
      if (part.length === WIDTH) above.push(fullRoot(expected, part))
      else tops.unshift(...perfectRoots(part))
    }
    hashes = above
  }
  return tops.length === 0 ? rootOf(leaves) : fold(tops)
}

const fullRoots = new Map<string, Buffer>()

function fullRoot(key: Buffer, part: readonly Buffer[]): Buffer {
  const name = sha256(key).toString("latin1")
  const known = fullRoots.get(name) ?? rootOf(part)
  fullRoots.set(name, known)
  return known
}

/** Roots of the perfect subtrees of a row of hashes that is no power of 256 wide, largest first. */
function perfectRoots(part: readonly Buffer[]): Buffer[] {
  const roots: Buffer[] = []
  for (let at = 0, size = WIDTH / 2; size >= 1; size /= 2) {
    if ((part.length & size) === 0) continue
    roots.push(rootOf(part.slice(at, at + size)))
    at += size
  }
  return roots
}

/** The root over perfect subtrees: the smaller ones on the right are joined first. */
function fold(roots: readonly Buffer[]): Buffer {
  return roots.reduceRight((right, left) => sha256(NODE, left, right))
}
