/**
 * A disk in memory with a page cache: what was written is there for everyone at once, and survives power loss only
 * after a sync; the same holds for names and the sync of their directory. No faults here: actor.ts decides on them.
 *
 * Weaker than common file systems: names of one directory may survive in any combination. Two mercies: cutting a file
 * back is durable at once, and a rename into another directory is durable with the sync of either.
 * @module
 */
import { Inode } from "./inode.ts"

/** A change of names that no sync has made durable yet. */
interface PendingNames {
  /** A sync of one of these makes it durable. */
  readonly directories: readonly string[]
  readonly removed: readonly string[]
  readonly added: readonly (readonly [path: string, inode: Inode])[]
}

/** What a reader finds under each path. */
export type View = ReadonlyMap<string, Content>

/** Files of a directory, by what follows it in their paths. */
export type Copy = ReadonlyMap<string, FileCopy>

export interface FileCopy {
  readonly bytes: Buffer
  /** As in the file that it is a copy of. */
  readonly content: object
}

export interface Content {
  readonly inode: Inode
  readonly bytes: Buffer
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"))
}

/** Random numbers of one seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Disk {
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #pending: PendingNames[] = []
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  find(path: string): Inode | undefined {
    return this.#names.get(path)
  }

  require(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined) throw systemError("ENOENT", path)
    return inode
  }

  /** A new empty file under a name that must be free. */
  create(path: string): Inode {
    const inode = new Inode(this.#nowMs)
    this.link(inode, path)
    return inode
  }

  link(inode: Inode, path: string): void {
    if (this.#names.has(path)) throw systemError("EEXIST", path)
    this.#change([directoryOf(path)], [], [[path, inode]])
  }

  /** Moves a file, or all that is in a directory, over whatever is there; a change all or nothing. */
  rename(from: string, to: string): void {
    const moved = [...this.#names].filter(([path]) => path === from || path.startsWith(`${from}/`))
    if (moved.length === 0) throw systemError("ENOENT", from)
    this.#change(
      [directoryOf(from), directoryOf(to)],
      moved.map(([path]) => path),
      moved.map(([path, inode]) => [`${to}${path.slice(from.length)}`, inode]),
    )
  }

  unlink(path: string): void {
    const inode = this.require(path)
    this.#change([directoryOf(path)], [path], [])
    if (inode.links > 0) return
    inode.removed = true
    inode.lostNameSinceAppend = true
  }

  #change(directories: readonly string[], removed: PendingNames["removed"], added: PendingNames["added"]): void {
    for (const path of removed) this.#drop(path)
    for (const [path, inode] of added) {
      this.#drop(path)
      this.#names.set(path, inode)
      inode.links += 1
      inode.changedMs = this.#nowMs()
    }
    this.#pending.push({ directories, removed, added })
  }

  #drop(path: string): void {
    const inode = this.#names.get(path)
    if (inode !== undefined) inode.links -= 1
    this.#names.delete(path)
  }

  /** Names that are directly in a directory, or of directories in it. */
  namesIn(directory: string): string[] {
    const inside = [...this.#names.keys()].filter((path) => path.startsWith(`${directory}/`))
    return [...new Set(inside.map((path) => path.slice(directory.length + 1).split("/")[0]!))]
  }

  /** Paths of all files below a directory. */
  pathsBelow(directory: string): string[] {
    return [...this.#names.keys()].filter((path) => path.startsWith(`${directory}/`))
  }

  /** Whether a failed sync took pages of a file whose name has this in it. */
  hasDropped(part: string): boolean {
    return [...this.#names].some(([path, inode]) => inode.hasDropped && path.includes(part))
  }

  syncDirectory(directory: string): void {
    this.#pending = this.#pending.filter((change) => {
      if (!change.directories.includes(directory)) return true
      this.#settle(change)
      return false
    })
  }

  #settle({ removed, added }: PendingNames): void {
    for (const path of removed) this.#durableNames.delete(path)
    for (const [path, inode] of added) this.#durableNames.set(path, inode)
  }

  /** The kernel writes everything back, as it does within a minute. */
  writeBack(): void {
    for (const change of this.#pending.splice(0)) this.#settle(change)
    for (const inode of this.#names.values()) inode.sync()
  }

  /** The power fails: of what was not synced a random part stays. */
  cutPower(seed: number): void {
    const random = randomOf(seed)
    // A fourth of the seeds lose everything, a fourth nothing, the others anything between.
    const bias = [0, 1, 0.5, 0.5][Math.trunc(seed) % 4]!
    for (const change of this.#pending.splice(0)) if (random() < bias) this.#settle(change)
    this.#names = new Map(this.#durableNames)
    for (const inode of new Set(this.#names.values())) {
      inode.cutPower(random, bias)
      inode.links = 0
    }
    for (const inode of this.#names.values()) inode.links += 1
  }

  /** What every reader sees. */
  get now(): View {
    return new Map([...this.#names].map(([path, inode]) => [path, { inode, bytes: inode.bytes() }]))
  }

  /** What is left if the power fails now and takes everything that it can, removals having come through. */
  get worst(): View {
    const kept = [...this.#durableNames].filter(([, inode]) => !inode.removed)
    return new Map(kept.map(([path, inode]) => [path, { inode, bytes: inode.durableBytes() }]))
  }

  /** A copy of a directory, as a backup takes it. */
  copyOf(directory: string): Copy {
    const copyOfOne = (inode: Inode): FileCopy => ({ content: inode.content, bytes: Buffer.from(inode.bytes()) })
    return new Map(
      this.pathsBelow(directory).map((path) => [path.slice(directory.length), copyOfOne(this.require(path))]),
    )
  }

  /** Puts a copy in the place of a directory, durably. */
  restore(directory: string, copy: Copy): void {
    for (const path of this.pathsBelow(directory)) this.unlink(path)
    for (const [path, { bytes, content }] of copy) {
      const inode = this.create(`${directory}${path}`)
      inode.append(bytes)
      inode.content = content
      inode.sync()
    }
    const isInside = (path: string): boolean => path.startsWith(`${directory}/`)
    for (const path of [...this.#durableNames.keys()].filter(isInside)) this.#durableNames.delete(path)
    for (const path of this.pathsBelow(directory)) this.#durableNames.set(path, this.require(path))
    this.#pending = this.#pending.filter(({ directories }) => !directories.every((path) => isInside(`${path}/`)))
  }
}
