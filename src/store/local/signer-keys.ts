/**
 * The signing keys of one log as files: the key in use, and beside it, with its id behind the name, one that is about to
 * be used or was until lately. 0600; a file that others can read is refused. Does I/O.
 * @module
 */
import * as fs from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { utf8 } from "../../bytes.ts"
import { AuditError } from "../../errors.ts"
import type { SignerKeys } from "../contract.ts"
import { checkPrivateFile, errorCode, isMissing, RootDirectory } from "./files.ts"

const KEY_ID = /^[0-9a-f]{8}$/

/** Keys in one directory. Reads what lies there each time: another process may have changed it. */
export class LocalSignerKeys implements SignerKeys {
  readonly path: string
  readonly #name: string
  readonly #root: () => RootDirectory
  /** A file that the user named may be a link, as in a mounted secret; nothing in the state directory is. */
  readonly #follows: boolean

  /**
   * @param path - Of the key in use; absolute.
   * @param root - Opens a directory above it, for writing.
   * @param name - The path of the key in use inside that directory.
   */
  constructor(path: string, root: () => RootDirectory, name: string, follows: boolean) {
    this.path = path
    this.#root = root
    this.#name = name
    this.#follows = follows
  }

  /** The keys of a file that the user named. */
  static at(file: string): LocalSignerKeys {
    const path = resolve(file)
    return new LocalSignerKeys(path, () => new RootDirectory(dirname(path)), basename(path), true)
  }

  current(): string | undefined {
    return this.#read(this.path)
  }

  all(): readonly string[] {
    const prefix = `${basename(this.path)}.`
    const beside = namesIn(dirname(this.path))
      .filter((name) => name.startsWith(prefix) && KEY_ID.test(name.slice(prefix.length)))
      .sort()
    const texts = [this.path, ...beside.map((name) => join(dirname(this.path), name))].map((path) => this.#read(path))
    return texts.filter((text) => text !== undefined)
  }

  create(key: string): Promise<boolean> {
    return this.#write((root) => root.create(this.#name, utf8(`${key}\n`)))
  }

  addBeside(keyId: string, key: string): Promise<void> {
    return this.#write(async (root) => void (await root.create(this.#beside(keyId), utf8(`${key}\n`))))
  }

  async promote(keyId: string): Promise<void> {
    const key = this.#read(`${this.path}.${keyId}`)
    if (key === undefined) return
    await this.#write((root) => root.replace(this.#name, utf8(`${key}\n`)))
    await this.removeBeside(keyId)
  }

  removeBeside(keyId: string): Promise<void> {
    return this.#write((root) => root.remove(this.#beside(keyId)))
  }

  /** What cannot be written where the user wants it is told with its name. */
  async #write<T>(work: (root: RootDirectory) => Promise<T>): Promise<T> {
    try {
      return await work(this.#root())
    } catch (error) {
      if (error instanceof AuditError || !this.#follows) throw error
      throw new AuditError(
        "SEALING_UNAVAILABLE",
        `${this.path}, which SECUREML_SIGNING_KEY_FILE names, cannot be written (${errorCode(error)}): its directory must be there, and this user must be able to write in it`,
        { cause: error },
      )
    }
  }

  #beside(keyId: string): string {
    if (!KEY_ID.test(keyId)) throw new RangeError("keyId must be 8 hex digits")
    return `${this.#name}.${keyId}`
  }

  #read(path: string): string | undefined {
    const stats = (this.#follows ? fs.statSync : fs.lstatSync)(path, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    checkPrivateFile(path, stats)
    if (this.#follows) return fs.readFileSync(path, "utf8").trimEnd()
    const bytes = this.#root().readNow(join(dirname(this.#name), basename(path)))
    return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8").trimEnd()
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return fs.readdirSync(directory)
  } catch (error) {
    if (isMissing(error) || errorCode(error) === "EACCES") return []
    throw error
  }
}
