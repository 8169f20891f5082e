/**
 * What is under a log: file system, room, SQLite. Reads only.
 * @module
 */
import * as fs from "node:fs"
import { AuditError } from "../../errors.ts"
import { networkFileSystem, openDatabase } from "../../store/index.ts"
import { type Diagnosis, note, ok, type Patient, problem, sizeText } from "./diagnosis.ts"

/** Names of local file systems by the magic number that statfs reports on Linux. */
const LOCAL: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0x794c7630, "overlay"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
])
const IN_MEMORY: ReadonlySet<string | undefined> = new Set(["tmpfs", "ramfs"])
const LOW_BYTES = 1024 * 1024 * 1024
const LEAST_BYTES = 64 * 1024 * 1024
const LEAST_FILES = 1_000

/** What a path is on, as far as the system says. */
export interface FileSystem {
  readonly name: string
  readonly inMemory: boolean
  /** The writable layer of a container. */
  readonly overlay: boolean
}

/** The file system of a path that exists. */
export function fileSystemOf(path: string): FileSystem {
  const magic = fs.statfsSync(path).type >>> 0
  const known = process.platform === "linux" ? (networkFileSystem(path) ?? LOCAL.get(magic)) : process.platform
  return { name: known ?? `0x${magic.toString(16)}`, inMemory: IN_MEMORY.has(known), overlay: known === "overlay" }
}

/** Looks at what is under a log. */
export function examinePlatform({ root }: Patient): Diagnosis[] {
  return [fileSystem(root.path), room(fs.statfsSync(root.path)), sqlite()]
}

function fileSystem(path: string): Diagnosis {
  const check = "file_system"
  const { name, inMemory, overlay } = fileSystemOf(path)
  const network = networkFileSystem(path)
  if (network !== undefined)
    return problem(
      check,
      `the log is on ${network}, where locks and durability are not proven`,
      "move it to a local disk",
    )
  if (inMemory)
    return problem(check, `the log is on ${name}: it is gone when the machine restarts`, "move it to a disk")
  if (overlay)
    return note(
      check,
      "the log is in the writable layer of a container: it is gone with the container",
      "put it on a volume",
    )
  return ok(check, `the log is on ${name}`)
}

/** Whether there is room for what comes. */
export function room({
  bavail,
  bsize,
  ffree,
  files,
}: Pick<fs.StatsFs, "bavail" | "bsize" | "ffree" | "files">): Diagnosis {
  const check = "disk_space"
  const free = bavail * bsize
  // Some file systems make inodes as they need them, and report none.
  const noFiles = files > 0 && ffree < LEAST_FILES
  const message = noFiles ? `there is room for ${ffree} more files` : `${sizeText(free)} are free`
  if (free < LEAST_BYTES || noFiles)
    return problem(check, message, "free some: when nothing is left, events can no longer be recorded")
  return free < LOW_BYTES
    ? note(check, message, "see to it that there is always room for what comes")
    : ok(check, message)
}

function sqlite(): Diagnosis {
  const check = "sqlite"
  try {
    const database = openDatabase(":memory:")
    database?.close()
    if (database !== undefined) return ok(check, "SQLite is here, for sealing and for the index")
  } catch (error) {
    if (!(error instanceof AuditError || error instanceof Error)) throw error
    return problem(
      check,
      `SQLite does not work here: ${error.message}`,
      "reinstall the package with its optional dependencies",
    )
  }
  return problem(
    check,
    "there is no SQLite, so nothing can be sealed",
    "use Node 22.13 or later, or run npm install libsql",
  )
}
