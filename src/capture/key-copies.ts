/**
 * Keys that leave this machine in a file, and come back from one. Both are entries of the log, without anything secret:
 * a copy of a vault is out of the reach of every later erasure, so whoever reports on one must know of it.
 * @module
 */
import * as fs from "node:fs"
import { basename, dirname, resolve, sep } from "node:path"
import { utf8 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  findSignerKey,
  formatKeyCopy,
  type Identity,
  importSigningKey,
  type KeyCopy,
  keysOf,
  matchingKeys,
  parseKeyCopy,
  readIdentity,
} from "../ledger/index.ts"
import { parseSignerKey, verifierKeyOf } from "../proof/index.ts"
import { checkPrivateFile, copyVault, LocalKeyVault, RootDirectory, StateDirectory, vaultIdOf } from "../store/index.ts"
import { recordAct } from "./acts.ts"
import { requireDirectory } from "./operate.ts"
import { openLedger } from "./recorder.ts"

/** Bytes of a record of a vault, for counting. */
const RECORD_BYTES = 128

/** What to copy, and where. */
export interface KeyCopyRequest {
  readonly logDir: string
  readonly file: string
  /** The keys of persons, too. */
  readonly vault: boolean
}

/** What went out. */
export interface KeyExport {
  /** Absolute. */
  readonly file: string
  readonly origin: string
  /** Verifier keys of the signing keys in it. */
  readonly keys: readonly string[]
  /** Keys of persons in it; absent without the vault. */
  readonly persons?: number
  /** Whether the vault's root key is in it; without it the keys of persons open nowhere but where that key is kept. */
  readonly rootKey?: boolean
}

/**
 * Writes the signing key of a log, and on request its vault, into a new file, 0600. The export is recorded, and the record
 * durable, before there is a file.
 * @throws RangeError where something has the file's name, or it is inside the log; nothing was written.
 * @throws {@link AuditError} `SEALING_UNAVAILABLE` without the key, `VAULT_MISSING` without a vault.
 */
export async function exportKeys({ logDir, file, vault }: KeyCopyRequest): Promise<KeyExport> {
  const root = requireDirectory(logDir)
  const path = newFile(file, root.path)
  const identity = await requireIdentity(root)
  const copy = { ...(await signingKeys(identity)), ...(vault ? vaultOf(root) : {}) }
  const report = reportOf(path, copy)
  const { keys, persons, rootKey } = report
  const details = { what: whatOf(vault), keys, ...(persons === undefined ? {} : { persons, root_key: rootKey }) }
  await recordAct({ logDir: root.path, operationName: "audit_key", eventType: "key_exported", details }).durable()
  const directory = new RootDirectory(dirname(path))
  if (await directory.create(basename(path), utf8(formatKeyCopy(copy)))) return report
  throw alreadyThere(path)
}

/** What came back. */
export interface KeyImport {
  readonly origin: string
  readonly verifierKey: string
  /** False: the signing key was here already. */
  readonly newKey: boolean
  /** Keys of persons that were added, and those that were left out because the persons were erased. */
  readonly persons?: { readonly added: number; readonly erased: number }
}

/**
 * Brings the signing key of a log, and on request its vault, back from such a file. Nobody who was erased comes back.
 * @throws {@link AuditError} `KEY_COPY_MALFORMED`, `KEY_NOT_OF_LOG`, `KEY_FILE_INSECURE`, `VAULT_KEY_WRONG`: nothing was imported.
 */
export async function importKeys({ logDir, file, vault }: KeyCopyRequest): Promise<KeyImport> {
  const root = requireDirectory(logDir)
  const identity = await requireIdentity(root)
  const copy = readCopy(file)
  const ledger = openLedger(root.path, process.env)
  const keys = keysOf(identity.origin, new StateDirectory(process.env), process.env)
  const matching = await matchingKeys(copy, identity, keys)
  const merge = vault ? await ledger.importVault(copy) : undefined
  const newKey = await importSigningKey(matching, identity, keys)
  const persons = merge === undefined ? {} : { persons: { added: merge.added, erased: merge.refused } }
  const { origin, verifierKey } = identity
  const details = { what: whatOf(vault), keys: [verifierKey], ...persons }
  recordAct({ logDir: root.path, operationName: "audit_key", eventType: "key_imported", details })
  return { origin, verifierKey, newKey, ...persons }
}

/** One word, since a list of two would look like the name of a secret and its value. */
function whatOf(withVault: boolean): string {
  return withVault ? "signing_key_and_vault" : "signing_key"
}

async function requireIdentity(root: RootDirectory): Promise<Identity> {
  const identity = await readIdentity(root)
  if (identity !== undefined) return identity
  throw new AuditError(
    "SEALING_UNAVAILABLE",
    "this log has no key yet: it gets one with its first seal; run secureml audit seal",
  )
}

async function signingKeys({ origin, verifierKey, previous }: Identity): Promise<KeyCopy & { keys: string[] }> {
  const keys = keysOf(origin, new StateDirectory(process.env), process.env)
  if ((await findSignerKey(keys, verifierKey)) === undefined)
    throw new AuditError("SEALING_UNAVAILABLE", `the signing key of ${origin} is not here: there is nothing to copy`)
  const wanted = [verifierKey, ...(previous === undefined ? [] : [previous.verifierKey])]
  const found = await Promise.all(
    keys.all().map(async (text) => ({ text, key: verifierKeyOf(await parseSignerKey(text)) })),
  )
  const ours = found.filter(({ key }) => wanted.includes(key))
  return { origin, signingKeys: ours.map(({ text }) => text), keys: ours.map(({ key }) => key) }
}

function vaultOf(root: RootDirectory): Pick<KeyCopy, "vault"> {
  const id = vaultIdOf(root)
  if (id === undefined)
    throw new AuditError("VAULT_MISSING", "this log has no personal values, and so no vault: copy without it")
  const state = new StateDirectory(process.env).path
  const rootKeyFile = process.env["SECUREML_VAULT_KEY_FILE"]
  const vault = LocalKeyVault.ofLog(root, state, rootKeyFile, false)!
  try {
    return { vault: { ...copyVault(state, id, rootKeyFile), erasures: vault.lists("erasures") } }
  } finally {
    vault.close()
  }
}

function reportOf(file: string, { origin, keys, vault }: KeyCopy & { readonly keys: readonly string[] }): KeyExport {
  if (vault === undefined) return { file, origin, keys }
  const bytes = [...vault.shards.values()].reduce((sum, shard) => sum + shard.length, 0)
  return { file, origin, keys, persons: bytes / RECORD_BYTES, rootKey: vault.rootKey !== undefined }
}

function newFile(file: string, log: string): string {
  const path = resolve(file)
  if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw alreadyThere(path)
  const directory = fs.existsSync(dirname(path)) ? fs.realpathSync(dirname(path)) : undefined
  if (directory === undefined) throw new RangeError(`${dirname(path)} is not there; make it first`)
  if (`${directory}${sep}`.startsWith(`${log}${sep}`))
    throw new RangeError(`${path} is inside the log: whoever can read the log would have its keys; name another place`)
  return `${directory}${sep}${basename(path)}`
}

function alreadyThere(path: string): RangeError {
  return new RangeError(`${path} is there already, and keys replace nothing; name another file`)
}

function readCopy(file: string): KeyCopy {
  const path = resolve(file)
  const stats = fs.statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new RangeError(`${path} is not there`)
  checkPrivateFile(path, stats)
  return parseKeyCopy(fs.readFileSync(path))
}
