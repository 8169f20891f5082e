/**
 * The user's own state directory, outside every log: signing keys, the last checkpoint signed and the last one seen
 * of each log, pinned verifier keys, digest secrets. 0700 and 0600. Does I/O.
 * Location: `$SECUREML_STATE_DIR`, else `$XDG_STATE_HOME/secureml`, else `~/.local/state/secureml`.
 * @module
 */
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { utf8, utf8Text } from "../../bytes.ts"
import { AuditError } from "../../errors.ts"
import type { Mutex, RememberedCheckpoint, SigningState } from "../contract.ts"
import { checkPrivateFile, errorCode, makeDirectory, PRIVATE, RootDirectory, syncDirectoryNow } from "./files.ts"
import { LocalMutex } from "./mutex.ts"
import { LocalSignerKeys } from "./signer-keys.ts"

/** Files of one user; made on first use. */
export class StateDirectory implements SigningState {
  readonly path: string
  #root: RootDirectory | undefined
  #locks: Map<string, Mutex> | undefined

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const base = environment["XDG_STATE_HOME"] || join(homedir(), ".local", "state")
    this.path = resolve(environment["SECUREML_STATE_DIR"] || join(base, "secureml"))
  }

  /** The signing keys of an origin; a file that others can read is refused. */
  signerKeys(origin: string): LocalSignerKeys {
    const name = `keys/${nameOf(origin)}.skey`
    return new LocalSignerKeys(join(this.path, name), () => this.#open(), name, false)
  }

  /**
   * Notes that the checkpoint last signed is published. Synced like the signature that it replaces: a rename may reach
   * the disk before the bytes do, and then a power cut would leave neither.
   */
  notePublished(checkpoint: RememberedCheckpoint): Promise<void> {
    return this.#write(`signed/${nameOf(checkpoint.origin)}.json`, { ...checkpoint, published: true })
  }

  /** The last checkpoint that this user signed for an origin. */
  signed(origin: string): RememberedCheckpoint | undefined {
    return this.#readCheckpoint(`signed/${nameOf(origin)}.json`)
  }

  /** Once resolved the signature is remembered for good. */
  rememberSigned(checkpoint: RememberedCheckpoint): Promise<void> {
    return this.#write(`signed/${nameOf(checkpoint.origin)}.json`, checkpoint)
  }

  /** The lock under which this user signs for an origin; undefined where no SQLite is installed. */
  signingLock(origin: string): Mutex | undefined {
    this.#locks ??= new Map()
    let lock = this.#locks.get(origin)
    if (lock === undefined) {
      lock = LocalMutex.open(this.#open(), `signed/${nameOf(origin)}.lock`)
      if (lock !== undefined) this.#locks.set(origin, lock)
    }
    return lock
  }

  /** Closes what the locks keep open. */
  close(): void {
    for (const lock of this.#locks?.values() ?? []) lock.close()
    this.#locks = undefined
  }

  /** The last good checkpoint seen at a real path. */
  seenAt(path: string): RememberedCheckpoint | undefined {
    return this.#readCheckpoint(`seen/${nameOf(path)}.json`)
  }

  /** The largest good checkpoint of an origin seen anywhere. */
  seenOf(origin: string): RememberedCheckpoint | undefined {
    return this.#readCheckpoint(`origins/${nameOf(origin)}.json`)
  }

  async rememberAt(checkpoint: RememberedCheckpoint): Promise<void> {
    await this.#write(`seen/${nameOf(checkpoint.path)}.json`, checkpoint)
  }

  async rememberOf(checkpoint: RememberedCheckpoint): Promise<void> {
    await this.#write(`origins/${nameOf(checkpoint.origin)}.json`, checkpoint)
  }

  /** Forgets what was seen at a real path, and what was pinned for that log. Returns whether there was anything. */
  forget(path: string): boolean {
    const seen = this.seenAt(path)
    if (seen === undefined) return false
    for (const name of [
      `seen/${nameOf(path)}.json`,
      `origins/${nameOf(seen.origin)}.json`,
      `pins/${nameOf(seen.origin)}.vkey`,
    ]) {
      fs.rmSync(this.#open().locate(name, false), { force: true })
    }
    return true
  }

  /** The verifier key pinned for an origin. */
  pin(origin: string): string | undefined {
    return this.#readText(`pins/${nameOf(origin)}.vkey`)?.trimEnd()
  }

  async writePin(origin: string, verifierKey: string): Promise<void> {
    await this.#open().replace(`pins/${nameOf(origin)}.vkey`, utf8(`${verifierKey}\n`))
  }

  /** 32 secret bytes for the log at a real path, made on first use; the same for every process of this user. */
  digestSecret(path: string): Uint8Array {
    const name = `secrets/${nameOf(path)}`
    const existing = this.#readSecret(name)
    if (existing !== undefined) return Buffer.from(existing, "hex")
    const file = this.#open().locate(name, true)
    const temporary = `${file}.${randomBytes(8).toString("hex")}`
    fs.writeFileSync(temporary, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx", flush: true })
    try {
      fs.linkSync(temporary, file)
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error
    } finally {
      fs.unlinkSync(temporary)
    }
    syncDirectoryNow(dirname(file))
    return Buffer.from(this.#readSecret(name) ?? "", "hex")
  }

  #open(): RootDirectory {
    if (this.#root === undefined) {
      makeDirectory(this.path, PRIVATE)
      this.#root = new RootDirectory(fs.realpathSync(this.path))
    }
    return this.#root
  }

  #readSecret(name: string): string | undefined {
    const path = join(this.path, name)
    const stats = fs.lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    checkPrivateFile(path, stats)
    return this.#readText(name)?.trimEnd()
  }

  #readText(name: string): string | undefined {
    if (this.#root === undefined && !fs.existsSync(this.path)) return undefined
    const bytes = this.#open().readNow(name)
    return bytes === undefined ? undefined : utf8Text(bytes)
  }

  #readCheckpoint(name: string): RememberedCheckpoint | undefined {
    const text = this.#readText(name)
    if (text === undefined) return undefined
    const { origin, path, note, published } = parseRecord(text)
    if (typeof origin !== "string" || typeof path !== "string" || typeof note !== "string") {
      throw new AuditError(
        "STATE_DIRECTORY_DAMAGED",
        `${join(this.path, name)} is damaged; remove it to forget the checkpoint it held`,
      )
    }
    return published === true ? { origin, path, note, published } : { origin, path, note }
  }

  #write(name: string, checkpoint: RememberedCheckpoint): Promise<void> {
    return this.#open().replace(name, utf8(`${JSON.stringify(checkpoint)}\n`))
  }
}

function parseRecord(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // Damaged: the caller finds no field, and says so.
    return {}
  }
}

/** Names from outside never become paths: a file is called after the hash of what it is about. */
function nameOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40)
}
