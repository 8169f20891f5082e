/**
 * What a trace says about a disk: which bytes and which names were there when, and since when each survives power loss.
 * Pure. Files and directories that the trace did not make are taken to be durable. Bytes are on the disk when a sync of
 * their file that began after the write has succeeded, a name when one of its directory has.
 * @module
 */
import { dirname } from "node:path"
import { type Call, parseTrace } from "./strace.ts"

const NEVER = Number.POSITIVE_INFINITY

/** One write, shown by its beginning. */
export interface Write {
  readonly text: string
  readonly at: number
  syncedAt: number
}

/** The bytes of a file. */
export interface Content {
  readonly writes: Write[]
}

/** A name in a directory. */
export interface Name {
  readonly path: string
  readonly content: Content
  /** Line of the trace in which the call that made it began, and the one in which it had ended. */
  readonly givenAt: number
  readonly madeAt: number
  syncedAt: number
  goneAt: number
  /** When its absence survives power loss. */
  goneSyncedAt: number
}

/** The disk through time, which is counted in lines of the trace. */
export class TracedDisk {
  readonly names: Name[] = []
  /** Lines that the child printed. */
  readonly said: { readonly text: string; readonly at: number }[] = []
  readonly #open = new Map<number, { readonly path: string; readonly content: Content }>()

  constructor(trace: string) {
    for (const call of parseTrace(trace)) if (call.result >= 0) this.#apply(call)
  }

  #apply(call: Call): void {
    const { name, args } = call
    if (name === "openat") this.#opened(call)
    else if (name === "close") this.#open.delete(Number.parseInt(args, 10))
    else if (name.startsWith("write") || name.startsWith("pwrite")) this.#wrote(call)
    else if (name === "fsync" || name === "fdatasync") this.#synced(call)
    else if (name === "mkdir") this.#give(pathsIn(args)[0]!, { writes: [] }, call)
    else if (name.startsWith("link")) this.#linked(call)
    else if (name.startsWith("rename")) this.#renamed(call)
    else if (name.startsWith("unlink") || name === "rmdir") this.#remove(pathsIn(args)[0]!, call)
  }

  #opened(call: Call): void {
    const path = pathsIn(call.args)[0]!
    const known = this.nameAt(path, NEVER)
    const content = known?.content ?? { writes: [] }
    if (known === undefined && call.args.includes("O_CREAT")) this.#give(path, content, call)
    this.#open.set(call.result, { path, content })
  }

  #wrote(call: Call): void {
    const fd = Number.parseInt(call.args, 10)
    const text = call.args.slice(call.args.indexOf('"'))
    if (fd === 1) this.said.push({ text: text.slice(1, text.lastIndexOf("\\n")), at: call.beganAt })
    this.#open.get(fd)?.content.writes.push({ text, at: call.endedAt, syncedAt: NEVER })
  }

  #synced({ args, beganAt, endedAt }: Call): void {
    const open = this.#open.get(Number.parseInt(args, 10))
    if (open === undefined) return
    for (const write of open.content.writes) if (write.at <= beganAt) write.syncedAt = Math.min(write.syncedAt, endedAt)
    for (const name of this.names) {
      if (dirname(name.path) !== open.path) continue
      if (name.madeAt <= beganAt) name.syncedAt = Math.min(name.syncedAt, endedAt)
      if (name.goneAt <= beganAt) name.goneSyncedAt = Math.min(name.goneSyncedAt, endedAt)
    }
  }

  #linked(call: Call): void {
    const [from, to] = pathsIn(call.args)
    this.#give(to!, this.nameAt(from!, NEVER)?.content ?? { writes: [] }, call)
  }

  #renamed(call: Call): void {
    const [from, to] = pathsIn(call.args)
    const content = this.nameAt(from!, NEVER)?.content ?? { writes: [] }
    this.#remove(from!, call)
    this.#remove(to!, call)
    this.#give(to!, content, call)
  }

  #give(path: string, content: Content, { beganAt: givenAt, endedAt: madeAt }: Call): void {
    this.names.push({ path, content, givenAt, madeAt, syncedAt: NEVER, goneAt: NEVER, goneSyncedAt: NEVER })
  }

  #remove(path: string, { endedAt }: Call): void {
    const name = this.nameAt(path, NEVER)
    if (name !== undefined) name.goneAt = endedAt
  }

  /** What a path named at a moment, if the trace made it. */
  nameAt(path: string, at: number): Name | undefined {
    return this.names.findLast((name) => name.path === path && name.madeAt < at && name.goneAt >= at)
  }

  /** What of a file, its name and the directories above it would not survive power loss at a moment. */
  missingAt(name: Name, at: number, which: (write: Write) => boolean = () => true): string | undefined {
    const { path, content, syncedAt } = name
    if (content.writes.some((write) => write.at <= at && write.syncedAt > at && which(write))) return `bytes of ${path}`
    return syncedAt > at ? `the name of ${path}` : this.#missingAbove(dirname(path), at)
  }

  #missingAbove(path: string, at: number): string | undefined {
    const made = this.names.find((name) => name.path === path)
    if (made !== undefined && made.syncedAt > at) return `the name of ${path}`
    return dirname(path) === path ? undefined : this.#missingAbove(dirname(path), at)
  }
}

/** The quoted paths among a call's arguments. */
function pathsIn(args: string): string[] {
  return [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1]!)
}
