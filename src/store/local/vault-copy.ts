/**
 * A vault as a whole, to be taken elsewhere and back. What comes back never brings a destroyed key with it. Does I/O.
 * @module
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { constants } from "node:fs"
import { dirname, join } from "node:path"
import { AuditError } from "../../errors.ts"
import { isMissing, makeDirectory, PRIVATE, syncDirectoryNow } from "./files.ts"
import { NOBODY, recordsIn, writeAll } from "./vault-records.ts"
import { checkOfRoot, readCheck, readRootKey, vaultPath, wrongRootKey } from "./vault-root.ts"

const SHARD = /^[0-9a-f]{2}$/
const ID_BYTES = 16
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/** All of a vault but its lists of erasures. */
export interface VaultCopy {
  readonly id: string
  /** Tells the root key from others. */
  readonly check: string
  /** In hex; undefined where the root key is kept elsewhere. */
  readonly rootKey: string | undefined
  /** Ids of destroyed keys, base64url. */
  readonly destroyed: readonly string[]
  /** Records of keys, by the file that they are in; those of destroyed keys are left out. */
  readonly shards: ReadonlyMap<string, Uint8Array>
}

/** What a copy brought. */
export interface VaultMerge {
  readonly added: number
  /** Keys in the copy that were destroyed since, or before: they were left out. */
  readonly refused: number
}

/**
 * Copies a vault.
 * @param rootKeyFile - Where the root key is kept instead of in the vault: then it is not copied.
 * @throws {@link AuditError} `VAULT_MISSING`.
 */
export function copyVault(stateDirectory: string, id: string, rootKeyFile: string | undefined): VaultCopy {
  const directory = vaultPath(stateDirectory, id)
  const check = readCheck(directory)
  if (check === undefined) {
    throw new AuditError("VAULT_MISSING", `the vault ${id} is not in ${stateDirectory}: there is nothing to copy`)
  }
  const rootKey = rootKeyFile === undefined ? readRootKey(directory, undefined).toString("hex") : undefined
  const destroyed = destroyedIn(directory)
  const shards = new Map<string, Uint8Array>()
  for (const name of shardsIn(directory)) {
    const kept = recordsOf(directory, name).filter((record) => !destroyed.has(record.id))
    // Of a key that was marked since the last record alone, in the place of the first.
    const last = new Map(kept.map((record) => [record.id, record.bytes]))
    shards.set(name, Buffer.concat([...last.values()]))
  }
  return { id, check, rootKey, destroyed: [...destroyed], shards }
}

/**
 * Brings a copy back: into the vault that is there, or as one. What is destroyed here, in the copy or by what the caller
 * knows stays destroyed. Can be done again after it was cut off.
 * @param erased - Ids of keys that erasures have destroyed.
 * @throws {@link AuditError} `VAULT_KEY_WRONG`: the vault here, or the root key, is another one; `VAULT_MISSING`: there is
 *   no root key. Nothing was changed.
 */
export function mergeVault(
  stateDirectory: string,
  copy: VaultCopy,
  erased: Iterable<string>,
  rootKeyFile: string | undefined,
): VaultMerge {
  const directory = vaultPath(stateDirectory, copy.id)
  checkRoot(directory, copy, rootKeyFile)
  makeDirectory(join(directory, "keys"), PRIVATE)
  const destroyed = addDestroyed(directory, new Set([...copy.destroyed, ...erased]))
  const merge = { added: 0, refused: 0 }
  for (const [shard, bytes] of copy.shards) {
    const known = new Set(recordsOf(directory, shard).map(({ id }) => id))
    const records = recordsIn(Buffer.from(bytes)).filter(({ id }) => !known.has(id))
    const fresh = records.filter(({ id }) => !destroyed.has(id))
    merge.refused += records.length - fresh.length
    merge.added += fresh.length
    append(join(directory, "keys", shard), Buffer.concat(fresh.map((record) => record.bytes)))
  }
  if (copy.rootKey !== undefined && rootKeyFile === undefined) place(join(directory, "root.key"), copy.rootKey)
  // Last: without it nobody takes this for a vault.
  place(join(directory, "root.check"), copy.check)
  for (const changed of [join(directory, "keys"), directory, dirname(directory)]) syncDirectoryNow(changed)
  return merge
}

/** Nothing is merged under another root key: nobody could tell then whose keys are whose. */
function checkRoot(directory: string, { check, rootKey }: VaultCopy, rootKeyFile: string | undefined): void {
  const here = readCheck(directory)
  const copied = rootKey === undefined ? undefined : checkOfRoot(Buffer.from(rootKey, "hex"))
  const isProvided = rootKeyFile !== undefined || copied === undefined
  const provided = isProvided ? checkOfRoot(readRootKey(directory, rootKeyFile)) : undefined
  for (const other of [here, copied, provided])
    if (other !== undefined && other !== check) throw wrongRootKey(directory)
}

function destroyedIn(directory: string): Set<string> {
  const bytes = readBytes(join(directory, "destroyed"))
  const ids = new Set<string>()
  for (let at = 0; at + ID_BYTES <= bytes.length; at += ID_BYTES)
    ids.add(bytes.toString("base64url", at, at + ID_BYTES))
  ids.delete(NOBODY)
  return ids
}

/** Adds to the list of destroyed keys; returns all of it. */
function addDestroyed(directory: string, ids: ReadonlySet<string>): ReadonlySet<string> {
  const known = destroyedIn(directory)
  const added = [...ids].filter((id) => !known.has(id) && Buffer.from(id, "base64url").length === ID_BYTES)
  append(join(directory, "destroyed"), Buffer.concat(added.map((id) => Buffer.from(id, "base64url"))))
  return new Set([...known, ...added])
}

function shardsIn(directory: string): readonly string[] {
  const keys = join(directory, "keys")
  return fs.existsSync(keys) ? fs.readdirSync(keys).filter((name) => SHARD.test(name)) : []
}

function recordsOf(directory: string, shard: string): ReturnType<typeof recordsIn> {
  return recordsIn(readBytes(join(directory, "keys", shard)))
}

function readBytes(path: string): Buffer {
  try {
    const fd = fs.openSync(path, constants.O_RDONLY | NO_FOLLOW)
    try {
      return fs.readFileSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0)
    throw error
  }
}

function append(path: string, bytes: Uint8Array): void {
  const fd = fs.openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_FOLLOW, 0o600)
  try {
    writeAll(fd, bytes)
    fs.fdatasyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** A small file, whole or not at all; one that is there stays. */
function place(path: string, text: string): void {
  if (fs.existsSync(path)) return
  const temporary = `${path}.${randomBytes(8).toString("hex")}`
  fs.writeFileSync(temporary, `${text}\n`, { mode: 0o600, flag: "wx", flush: true })
  fs.renameSync(temporary, path)
}
