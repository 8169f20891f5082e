/**
 * All that a reader finds of a log in a view of the disk: trees that verify, lines that wait, values kept beside.
 * Parses journals and private files by itself.
 * @module
 */
import { crc32 } from "node:zlib"
import type { Content, View } from "./disk.ts"
import type { Inode } from "./inode.ts"
import { type EntryFacts, factsOf, Objection, type PublishedTree, readTree } from "./published-log.ts"
import { type Head, openHead } from "./signed-note.ts"

/** A log that was signed, with the tree of its head. */
export interface SignedTree {
  readonly head: Head
  readonly tree: PublishedTree
}

export interface Sight {
  /** Logs that were set aside, oldest first, and the one that goes on. */
  readonly logs: readonly SignedTree[]
  readonly current: SignedTree | undefined
  /** Whole lines of the journals. */
  readonly lines: readonly EntryFacts[]
  /** Events whose values are kept somewhere. */
  readonly kept: ReadonlySet<string>
}

/** Reads everything; throws an {@link Objection} when a log does not verify. */
export function look(view: View, directory: string): Sight {
  const files = whileMoving(new Map([...view].filter(([path]) => path.startsWith(`${directory}/`))), directory)
  const aside = [...files.keys()].flatMap((path) => /\/predecessor-(\d+)\/checkpoint$/.exec(path)?.[1] ?? [])
  const numbers = aside.map(Number).sort((a, b) => a - b)
  const logs = numbers.flatMap((number) => signedTree(files, `${directory}/predecessor-${number}`) ?? [])
  const current = signedTree(files, directory)
  const below = (folder: string): Content[] =>
    [...files].filter(([path]) => path.startsWith(`${directory}/.state/${folder}/`)).map(([, content]) => content)
  return {
    logs: current === undefined ? logs : [...logs, current],
    current,
    lines: below("journal").flatMap((content) => linesOf(content)),
    kept: new Set([...below("parts").flatMap((content) => partsOf(content)), ...payloadsIn(files)]),
  }
}

/** A recovery that was cut off has moved some of a log into its new place: that log is where its pieces are. */
function whileMoving(view: View, directory: string): View {
  const work = jsonOf(view.get(`${directory}/.state/recovery.json`)) as { predecessor?: string; moved?: boolean }
  if (work?.predecessor === undefined || work.moved === true) return view
  const aside = `${directory}/${work.predecessor}`
  return new Map(
    [...view].map(([path, content]) => [
      path.startsWith(`${aside}/`) ? `${directory}${path.slice(aside.length)}` : path,
      content,
    ]),
  )
}

/** What a JSON file holds; undefined where there is none, or it is damaged. */
export function jsonOf(content: Content | undefined): unknown {
  try {
    return JSON.parse(content?.bytes.toString() ?? "")
  } catch {
    return undefined
  }
}

/** The verifier key of a log: its private file says it, or the public one where that is gone. */
export function verifierKeyIn(view: View, directory: string): string | undefined {
  const { vkey } = (jsonOf(view.get(`${directory}/.state/log.json`)) ?? {}) as { vkey?: string }
  return vkey ?? view.get(`${directory}/vkey`)?.bytes.toString().trimEnd()
}

function signedTree(view: View, directory: string): SignedTree | undefined {
  const note = view.get(`${directory}/checkpoint`)?.bytes.toString()
  if (note === undefined) return undefined
  const vkey = verifierKeyIn(view, directory)
  if (vkey === undefined) throw new Objection(`${directory} has a checkpoint, but no verifier key`)
  const head = openHead(note, vkey)
  return { head, tree: treeOf(view, directory, head) }
}

/** The tree of a head. */
export function treeOf(view: View, directory: string, { size, root }: Head): PublishedTree {
  const tree = readTree(view, directory, size)
  if (tree.root !== root) throw new Objection(`${directory}: the entries do not have the root of the checkpoint`)
  return tree
}

const parsed = new WeakMap<Inode, { generation: number; from: number; lines: EntryFacts[] }>()

/** Lines of a journal segment; what was parsed before is kept while the file only grows. */
function linesOf({ inode, bytes }: Content): readonly EntryFacts[] {
  const isWhole = bytes.length === inode.size
  let known = parsed.get(inode)
  if (!isWhole || known?.generation !== inode.generation) {
    known = { generation: inode.generation, from: 0, lines: [] }
    if (isWhole && inode.isDurable) parsed.set(inode, known)
  }
  for (let end = bytes.indexOf(10, known.from); end !== -1; end = bytes.indexOf(10, known.from)) {
    const body = wholeLine(bytes.subarray(known.from, end))
    if (body !== undefined) known.lines.push(factsOf(body.toString().replace(/^\d+ /, "")))
    known.from = end + 1
  }
  return known.lines
}

function wholeLine(line: Buffer): Buffer | undefined {
  const body = line.subarray(9)
  return line.subarray(0, 9).toString() === `${crc32(body).toString(16).padStart(8, "0")} ` ? body : undefined
}

function partsOf({ bytes }: Content): string[] {
  return bytes
    .toString()
    .split("\n")
    .flatMap((line) => wholeLine(Buffer.from(line))?.toString().replace(/^\d+ /, "") ?? [])
    .map((text) => (JSON.parse(text) as { event_id: string }).event_id)
}

/** The store of the log, and those of the logs set aside. */
function payloadsIn(view: View): string[] {
  return [...view]
    .filter(([path]) => path.endsWith("/payloads.sqlite"))
    .flatMap(([, { bytes }]) => bytes.toString().split("\n"))
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { eventId: string }).eventId)
}
