/**
 * The keys of persons: one file of records a shard in the user's state directory, outside every log. A key is made
 * with the first value of its person and is durable before it is used; to destroy it its record is overwritten in place.
 * Synchronous, since a log call is; does I/O. Layout: docs/format.md, "The vault".
 * @module
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { constants } from "node:fs"
import { dirname, join } from "node:path"
import { crc32 } from "node:zlib"
import { utf8, utf8Text } from "../../bytes.ts"
import { AuditError } from "../../errors.ts"
import type { KeyVault, ListKind, SubjectKey } from "../contract.ts"
import { errorCode, makeDirectory, PRIVATE, type RootDirectory, syncDirectoryNow } from "./files.ts"
import { VAULT_FILE } from "./layout.ts"
import {
  CRC_AT,
  ID,
  KEPT,
  KEY_BYTES,
  MAGIC,
  MARKS_AT,
  NAME,
  NOBODY,
  NONCE,
  NONCE_BYTES,
  RECORD_BYTES,
  RESTRICTED,
  RETIRED,
  recordsIn,
  type VaultRecord,
  WRAPPED,
  writeAll,
} from "./vault-records.ts"
import { checkOfRoot, derived, readCheck, readRootKey, vaultPath, wrongRootKey } from "./vault-root.ts"

/** Keys that are remembered by the person's identifier and by their id. */
const REMEMBERED = 10_000
const LIST_NAME = /^[0-9a-f-]{36}\.json$/
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/** The vault of one log. Its caches are owned by one thread. */
export class LocalKeyVault implements KeyVault {
  readonly id: string
  readonly #directory: string
  readonly #nameKey: Buffer
  readonly #wrapKey: Buffer
  readonly #listKey: Buffer
  readonly #destroyedFd: number
  #destroyedBytes = -1
  #destroyed = new Set<string>()
  readonly #bySubject = new Map<string, SubjectKey>()
  readonly #byId = new Map<string, Uint8Array>()
  /** Records of a shard, as long as its file has not grown. */
  readonly #shards = new Map<string, { readonly sizeBytes: number; readonly records: readonly VaultRecord[] }>()

  private constructor(id: string, directory: string, root: Uint8Array, destroyedFd: number) {
    this.id = id
    this.#directory = directory
    this.#nameKey = derived(root, "secureml/vault-name/v1")
    this.#wrapKey = derived(root, "secureml/vault-wrap/v1")
    this.#listKey = derived(root, "secureml/vault-list/v1")
    this.#destroyedFd = destroyedFd
  }

  /**
   * The vault of a log: its id stands in the log's private state. Made with the first personal value.
   * @returns undefined where the log has none and `make` is not set.
   * @throws {@link AuditError} `VAULT_MISSING`: the log has one, and it is not in this user's state directory.
   */
  static ofLog(
    root: RootDirectory,
    stateDirectory: string,
    rootKeyFile: string | undefined,
    make: boolean,
  ): LocalKeyVault | undefined {
    const named = root.readNow(VAULT_FILE)
    let id = idIn(named)
    if (named === undefined) {
      if (!make) return undefined
      const made = LocalKeyVault.#make(stateDirectory, rootKeyFile)
      root.createNow(VAULT_FILE, utf8(`${JSON.stringify({ v: 1, vault: made })}\n`))
      id = idIn(root.readNow(VAULT_FILE))
      // Another process was first; nothing was kept in this one.
      if (id !== made) fs.rmSync(vaultPath(stateDirectory, made), { recursive: true, force: true })
    }
    const vault = id === undefined ? undefined : LocalKeyVault.#open(stateDirectory, id, rootKeyFile)
    if (vault !== undefined) return vault
    throw new AuditError(
      "VAULT_MISSING",
      `the vault of ${root.path} (${id ?? "unknown"}) is not in ${stateDirectory}: no personal value can be recorded or read; restore it from a backup, or set SECUREML_STATE_DIR`,
    )
  }

  /** Makes a vault; once returned it survives power loss. Returns its id. */
  static #make(stateDirectory: string, rootKeyFile: string | undefined): string {
    const id = randomBytes(16).toString("hex")
    const directory = vaultPath(stateDirectory, id)
    const root = rootKeyFile === undefined ? randomBytes(KEY_BYTES) : readRootKey(directory, rootKeyFile)
    makeDirectory(directory, PRIVATE)
    const files = [
      ["root.check", `${checkOfRoot(root)}\n`],
      ["destroyed", ""],
      // Who keeps it elsewhere wants it nowhere else.
      ...(rootKeyFile === undefined ? [["root.key", `${root.toString("hex")}\n`] as const] : []),
    ] as const
    for (const [name, bytes] of files)
      fs.writeFileSync(join(directory, name), bytes, { mode: 0o600, flag: "wx", flush: true })
    for (let at = directory; at.length >= stateDirectory.length; at = dirname(at)) syncDirectoryNow(at)
    return id
  }

  /**
   * Opens a vault; undefined where there is none.
   * @param rootKeyFile - Where the root key is instead of in the vault: a file that a key service or a mount provides.
   * @throws {@link AuditError} `VAULT_MISSING` without its root key, `VAULT_KEY_WRONG` with another one,
   *   `KEY_FILE_INSECURE`, `STATE_DIRECTORY_DAMAGED`.
   */
  static #open(stateDirectory: string, id: string, rootKeyFile: string | undefined): LocalKeyVault | undefined {
    const directory = vaultPath(stateDirectory, id)
    const check = readCheck(directory)
    if (check === undefined) return undefined
    const root = readRootKey(directory, rootKeyFile)
    // Under another root key everybody would be somebody new, and get a key that nobody else can open.
    if (checkOfRoot(root) !== check) throw wrongRootKey(directory)
    return new LocalKeyVault(id, directory, root, openDestroyed(join(directory, "destroyed")))
  }

  keyFor(subject: string): SubjectKey {
    this.#refresh()
    const known = this.#bySubject.get(subject)
    if (known !== undefined) return known
    const name = this.#nameOf(subject)
    const key = this.#opened(this.#first(name) ?? this.#makeKey(name))
    if (this.#bySubject.size >= REMEMBERED) this.#bySubject.clear()
    this.#bySubject.set(subject, key)
    return key
  }

  keepingKey(id: string): SubjectKey {
    this.#refresh()
    const like = this.#recordWith(id)
    if (like === undefined)
      throw new AuditError("VAULT_MISSING", `there is no key ${id} in the vault ${this.#directory}; restore it`)
    const made = this.#appendKey(like.name, RETIRED | KEPT)
    const record = this.#recordWith(made)
    if (record !== undefined) return this.#opened(record)
    throw new AuditError("STATE_DIRECTORY_DAMAGED", `a key that was just written to ${this.#directory} is not there`)
  }

  retire(ids: readonly string[]): void {
    this.#mark(ids, (marks) => marks | RETIRED)
  }

  restrict(ids: readonly string[], isRestricted: boolean): void {
    this.#mark(ids, (marks) => (isRestricted ? marks | RESTRICTED : marks & ~RESTRICTED))
  }

  isRestricted(id: string): boolean {
    this.#refresh()
    return ((this.#recordWith(id)?.marks ?? 0) & (RESTRICTED | KEPT)) !== 0
  }

  /** Changed by adding: a record that is written over could be lost with the key in it. */
  #mark(ids: readonly string[], change: (marks: number) => number): void {
    this.#refresh()
    let isChanged = false
    for (const id of ids) {
      const record = this.#recordWith(id)
      if (record === undefined || change(record.marks) === record.marks) continue
      isChanged = true
      const bytes = Buffer.from(record.bytes)
      bytes[MARKS_AT] = change(record.marks)
      bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT)
      this.#append(shardOf(record.name), bytes)
    }
    if (isChanged) this.#addDestroyed([NOBODY])
    this.#refresh()
  }

  keysOf(subject: string): readonly SubjectKey[] {
    this.#refresh()
    return this.#recordsOf(this.#nameOf(subject)).map((record) => this.#opened(record))
  }

  /** The keys of a person that are left, each once. */
  #recordsOf(name: string): readonly VaultRecord[] {
    const records = this.#read(shardOf(name)).filter((one) => one.name === name && !this.#destroyed.has(one.id))
    return [...new Map(records.map((record) => [record.id, record])).values()]
  }

  key(id: string): Uint8Array | undefined {
    this.#refresh()
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const record = this.#recordWith(id)
    if (record === undefined) return undefined
    const { key } = this.#opened(record)
    if (this.#byId.size >= REMEMBERED) this.#byId.clear()
    this.#byId.set(id, key)
    return key
  }

  isDestroyed(id: string): boolean {
    this.#refresh()
    return this.#destroyed.has(id)
  }

  destroyed(): readonly string[] {
    this.#refresh()
    return [...this.#destroyed]
  }

  destroy(ids: readonly string[]): void {
    this.#refresh()
    // First the list: whoever looks from now on uses none of them, and a crash in between is finished the next time.
    const added = ids.filter((id) => !this.#destroyed.has(id))
    if (added.length > 0) this.#addDestroyed(added)
    this.#refresh()
    const known = ids.filter((id) => Buffer.from(id, "base64url").length === ID.end - ID.at)
    const shards = new Set(known.map((id) => Buffer.from(id, "base64url").toString("hex", 0, 1)))
    for (const shard of shards) this.#overwrite(shard, new Set(ids))
  }

  #addDestroyed(ids: readonly string[]): void {
    const idBytes = ID.end - ID.at
    const { size } = fs.fstatSync(this.#destroyedFd)
    // A write that was cut short; what follows it must begin where an id begins.
    if (size % idBytes !== 0) writeAll(this.#destroyedFd, Buffer.alloc(idBytes - (size % idBytes)))
    const bytes = ids.map((id) => Buffer.from(id, "base64url")).filter(({ length }) => length === idBytes)
    writeAll(this.#destroyedFd, Buffer.concat(bytes))
    fs.fdatasyncSync(this.#destroyedFd)
  }

  macOf(kind: ListKind, id: string, list: Uint8Array): string {
    return createHmac("sha256", this.#listKey).update(`${kind}\n${id}\n`).update(list).digest("hex")
  }

  lists(kind: ListKind): ReadonlyMap<string, Uint8Array> {
    const directory = join(this.#directory, kind)
    const names = fs.existsSync(directory) ? fs.readdirSync(directory) : []
    const lists = names.filter((name) => LIST_NAME.test(name))
    return new Map(lists.map((name) => [name.slice(0, -".json".length), fs.readFileSync(join(directory, name))]))
  }

  keepList(kind: ListKind, id: string, list: Uint8Array): void {
    const directory = join(this.#directory, kind)
    makeDirectory(directory, PRIVATE)
    const path = join(directory, `${id}.json`)
    const temporary = `${path}.${randomBytes(8).toString("hex")}`
    fs.writeFileSync(temporary, list, { mode: 0o600, flag: "wx", flush: true })
    fs.renameSync(temporary, path)
    for (const changed of [directory, this.#directory]) syncDirectoryNow(changed)
  }

  close(): void {
    fs.closeSync(this.#destroyedFd)
  }

  #overwrite(shard: string, ids: ReadonlySet<string>): void {
    const records = this.#read(shard).filter(({ id }) => ids.has(id))
    if (records.length === 0) return
    const fd = fs.openSync(this.#shardPath(shard), constants.O_RDWR | NO_FOLLOW)
    try {
      for (const { at } of records) fs.writeSync(fd, Buffer.alloc(RECORD_BYTES), 0, RECORD_BYTES, at)
      fs.fdatasyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    this.#shards.delete(shard)
  }

  /** Forgets what is remembered as soon as anybody has destroyed a key. */
  #refresh(): void {
    const { size } = fs.fstatSync(this.#destroyedFd)
    if (size === this.#destroyedBytes) return
    const idBytes = ID.end - ID.at
    const bytes = Buffer.alloc(size - (size % idBytes))
    for (let at = 0; at < bytes.length; ) {
      const count = fs.readSync(this.#destroyedFd, bytes, at, bytes.length - at, at)
      if (count === 0) break
      at += count
    }
    this.#destroyed = new Set()
    for (let at = 0; at < bytes.length; at += idBytes)
      this.#destroyed.add(bytes.toString("base64url", at, at + idBytes))
    this.#destroyed.delete(NOBODY)
    this.#bySubject.clear()
    this.#byId.clear()
    this.#shards.clear()
    this.#destroyedBytes = size
  }

  #recordWith(id: string): VaultRecord | undefined {
    const bytes = Buffer.from(id, "base64url")
    if (bytes.length !== ID.end - ID.at || this.#destroyed.has(id)) return undefined
    return this.#read(bytes.toString("hex", 0, 1)).findLast((one) => one.id === id)
  }

  #first(name: string): VaultRecord | undefined {
    return this.#recordsOf(name).find(({ marks }) => (marks & RETIRED) === 0)
  }

  /** Makes the key of a person. Two processes may do so at once: both then use the one that stands first. */
  #makeKey(name: string): VaultRecord {
    this.#appendKey(name, 0)
    const made = this.#first(name)
    if (made !== undefined) return made
    throw new AuditError("RECORD_FAILED", "the key of a person could not be read back: the event was not recorded")
  }

  /** Returns the id of the key. */
  #appendKey(name: string, marks: number): string {
    const nameBytes = Buffer.from(name, "base64url")
    const record = Buffer.alloc(RECORD_BYTES)
    MAGIC.copy(record)
    // The first byte names the shard, so that a key is found by its id as well.
    randomBytes(ID.end - ID.at).copy(record, ID.at)
    nameBytes.copy(record, ID.at, 0, 1)
    nameBytes.copy(record, NAME.at)
    const nonce = randomBytes(NONCE_BYTES)
    nonce.copy(record, NONCE.at)
    const cipher = createCipheriv("aes-256-gcm", this.#wrapKey, nonce)
    cipher.setAAD(record.subarray(ID.at, NAME.end))
    Buffer.concat([cipher.update(randomBytes(KEY_BYTES)), cipher.final(), cipher.getAuthTag()]).copy(record, WRAPPED.at)
    const isRestricted = this.#recordsOf(name).some((one) => (one.marks & RESTRICTED) !== 0)
    record[MARKS_AT] = isRestricted ? marks | RESTRICTED : marks
    record.writeUInt32BE(crc32(record.subarray(0, CRC_AT)), CRC_AT)
    this.#append(shardOf(name), record)
    return record.toString("base64url", ID.at, ID.end)
  }

  #append(shard: string, record: Buffer): void {
    const path = this.#shardPath(shard)
    makeDirectory(dirname(path), PRIVATE)
    const isNew = !fs.existsSync(path)
    const fd = openAtEnd(path)
    try {
      writeAll(fd, record)
      fs.fdatasyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    if (isNew) for (const directory of [dirname(path), this.#directory]) syncDirectoryNow(directory)
  }

  #read(shard: string): readonly VaultRecord[] {
    let fd: number
    try {
      fd = fs.openSync(this.#shardPath(shard), constants.O_RDONLY | NO_FOLLOW)
    } catch (error) {
      if (errorCode(error) === "ENOENT") return []
      throw error
    }
    try {
      const { size: sizeBytes } = fs.fstatSync(fd)
      const known = this.#shards.get(shard)
      if (known?.sizeBytes === sizeBytes) return known.records
      const records = recordsIn(fs.readFileSync(fd))
      this.#shards.set(shard, { sizeBytes, records })
      return records
    } finally {
      fs.closeSync(fd)
    }
  }

  #opened({ id, bytes }: VaultRecord): SubjectKey {
    const wrapped = bytes.subarray(WRAPPED.at, WRAPPED.end)
    const decipher = createDecipheriv("aes-256-gcm", this.#wrapKey, bytes.subarray(NONCE.at, NONCE.end))
    decipher.setAAD(bytes.subarray(ID.at, NAME.end))
    decipher.setAuthTag(wrapped.subarray(KEY_BYTES))
    try {
      return { id, key: Buffer.concat([decipher.update(wrapped.subarray(0, KEY_BYTES)), decipher.final()]) }
    } catch (error) {
      const message = `a key in ${this.#directory} does not open under the vault's root key; restore the vault from a backup`
      throw new AuditError("STATE_DIRECTORY_DAMAGED", message, { cause: error })
    }
  }

  #nameOf(subject: string): string {
    return createHmac("sha256", this.#nameKey).update(subject).digest("base64url")
  }

  #shardPath(shard: string): string {
    return join(this.#directory, "keys", shard)
  }
}

/** The id of the vault that a log's private state names. */
export function vaultIdOf(root: RootDirectory): string | undefined {
  return idIn(root.readNow(VAULT_FILE))
}

/** The id of a vault in the file that names it. */
function idIn(bytes: Uint8Array | undefined): string | undefined {
  const text = bytes === undefined ? "" : (utf8Text(bytes) ?? "")
  return /^\{"v":1,"vault":"([0-9a-f]{32})"\}\n$/.exec(text)?.[1]
}

function shardOf(name: string): string {
  return Buffer.from(name, "base64url").toString("hex", 0, 1)
}

/** Who may only read the vault reads it all the same. */
function openDestroyed(path: string): number {
  try {
    return openAtEnd(path)
  } catch (error) {
    if (!["EROFS", "EACCES", "EPERM"].includes(errorCode(error))) throw error
    return fs.openSync(path, constants.O_RDONLY | NO_FOLLOW)
  }
}

function openAtEnd(path: string): number {
  return fs.openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | NO_FOLLOW, 0o600)
}
