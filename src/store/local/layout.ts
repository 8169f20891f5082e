/**
 * The log directory: opening it, its modes, and the names of its private files. Does I/O.
 * Layout: docs/format.md, "The log directory".
 * @module
 */
import * as fs from "node:fs"
import { resolve } from "node:path"
import { AuditError } from "../../errors.ts"
import { errorCode, GROUP, makeDirectory, PRIVATE, RootDirectory } from "./files.ts"

export const STATE = ".state"
export const IDENTITY_FILE = ".state/log.json"
export const TREE_FILE = ".state/tree.json"
/** A change of the signing key that was begun. */
export const ROTATION_FILE = ".state/rotation.json"
export const RECOVERY_FILE = ".state/recovery.json"
/** Public, beside the checkpoint: below which index nothing is kept, and which entry says so. */
export const PRUNED_FILE = "pruned.json"
export const RETENTION_LOCK_FILE = ".state/retention.lock"
export const LOCK_FILE = ".state/lock"
export const JOURNAL_DIRECTORY = ".state/journal"
export const PARTS_DIRECTORY = ".state/parts"
export const PAYLOADS_FILE = ".state/payloads.sqlite"
export const VAULT_FILE = ".state/vault.json"
export const ERASURES_DIRECTORY = ".state/erasures"
export const RESTRICTIONS_DIRECTORY = ".state/restrictions"
/** There once an event of the log corrects another one. */
export const CORRECTED_FILE = ".state/corrected.json"
/** Which values went because their own time was over, and which events say so. */
export const EXPIRED_FILE = ".state/expired.json"
export const IMPORT_KEY_FILE = ".state/import.key"
export const IMPORT_LOCK_FILE = ".state/import.lock"
export const INDEX_DIRECTORY = ".state/index"

/** File systems on which locks and durability are not proven, by the magic number that statfs reports. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x517b, "smb"],
  [0x65735546, "fuse"],
  [0x01021997, "9p"],
  [0x00c36400, "ceph"],
  [0x5346414f, "afs"],
])

/** Opens the log directory for writing; makes it, its state directory and its journal directory when missing. */
export function openLogDirectory(logDir: string, allowedFileSystems: string | undefined): RootDirectory {
  const path = resolve(logDir)
  try {
    makeDirectory(path, PRIVATE)
    const root = rootOf(fs.realpathSync(path))
    root.locate(`${JOURNAL_DIRECTORY}/x`, true)
    root.locate(`${PARTS_DIRECTORY}/x`, true)
    refuseNetworkFileSystem(root.path, allowedFileSystems)
    return root
  } catch (error) {
    if (error instanceof AuditError) throw error
    throw new AuditError(
      "LOG_DIR_NOT_WRITABLE",
      `the log directory ${path} cannot be written (${errorCode(error)}); choose another with logDir or $SECUREML_AUDIT_DIR`,
      { cause: error },
    )
  }
}

/** Opens an existing log directory for reading, or undefined when there is none. */
export function findLogDirectory(logDir: string): RootDirectory | undefined {
  const path = resolve(logDir)
  try {
    const real = fs.realpathSync(path)
    if (!fs.statSync(real).isDirectory()) throw new AuditError("LOG_DIR_UNREADABLE", `${path} is not a directory`)
    return rootOf(real)
  } catch (error) {
    if (error instanceof AuditError) throw error
    if (errorCode(error) === "ENOENT") return undefined
    throw new AuditError("LOG_DIR_UNREADABLE", `the log directory ${path} cannot be read (${errorCode(error)})`, {
      cause: error,
    })
  }
}

/** A group that was let in at `init` is recognised by the mode of the state directory. */
function rootOf(realPath: string): RootDirectory {
  const state = fs.lstatSync(`${realPath}/${STATE}`, { throwIfNoEntry: false })
  const shared = state !== undefined && (state.mode & 0o070) === 0o070 && process.platform !== "win32"
  return new RootDirectory(realPath, shared ? GROUP : PRIVATE)
}

/** Lets one group write to a new log directory: 2770 and 0660, others never. */
export function shareWithGroup(logDir: string, groupId: number): void {
  const root = openLogDirectory(logDir, undefined)
  for (const directory of [
    root.path,
    ...[STATE, JOURNAL_DIRECTORY, PARTS_DIRECTORY].map((name) => `${root.path}/${name}`),
  ]) {
    fs.chownSync(directory, -1, groupId)
    fs.chmodSync(directory, GROUP.directoryMode)
  }
}

/** Name of the network file system that a path is on, or undefined; known on Linux only. */
export function networkFileSystem(path: string): string | undefined {
  return process.platform === "linux" ? NETWORK_FILE_SYSTEMS.get(fs.statfsSync(path).type >>> 0) : undefined
}

function refuseNetworkFileSystem(path: string, allowed: string | undefined): void {
  const kind = networkFileSystem(path)
  if (kind === undefined || allowed?.split(",").includes(kind)) return
  throw new AuditError(
    "NETWORK_FILE_SYSTEM",
    `${path} is on ${kind}, where locks and durability are not proven; use a local directory, or set SECUREML_ALLOW_FILE_SYSTEM=${kind} to accept the risk`,
  )
}
