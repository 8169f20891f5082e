/**
 * Files to import: opened without following a link, read in pieces. Does I/O.
 * @module
 */
import { isUtf8 } from "node:buffer"
import * as fs from "node:fs"
import { constants } from "node:fs"
import { basename, resolve } from "node:path"
import { toHex } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { errorCode } from "../store/index.ts"

const CHUNK_BYTES = 256 * 1024
const LOG_SUFFIX = ".log"

/** A file to import. */
export interface SourceFile {
  /** Base name, as it is recorded and told. */
  readonly name: string
  readonly open: () => AsyncIterable<Buffer>
}

/** A file that cannot be read, and why. */
export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile"
}

/** The files of a directory that the Python module wrote, by name, and how many others are there. */
export function pythonFiles(directory: string): { readonly files: readonly SourceFile[]; readonly others: number } {
  const root = realDirectory(directory)
  const slash = Buffer.from(`${root}/`)
  // As bytes: a name may be no UTF-8.
  const names = fs.readdirSync(root, { encoding: "buffer" }).sort(Buffer.compare)
  const logs = names.filter((name) => name.toString("latin1").endsWith(LOG_SUFFIX))
  const files = logs.map((name) => ({
    name: nameText(name),
    open: () => chunksOf(Buffer.concat([slash, name]), constants.O_NOFOLLOW ?? 0),
  }))
  return { files, others: names.length - logs.length }
}

/** A name as text; bytes of one that is no UTF-8 as `\\xNN`, so that two names never become one. */
function nameText(name: Buffer): string {
  return isUtf8(name)
    ? name.toString()
    : name.toString("latin1").replace(/[^ -~]/g, (char) => `\\x${toHex(Buffer.from(char, "latin1"))}`)
}

function realDirectory(directory: string): string {
  const path = resolve(directory)
  try {
    const real = fs.realpathSync(path)
    if (fs.statSync(real).isDirectory()) return real
  } catch (error) {
    throw unreadable(`${path} cannot be read (${errorCode(error)}); nothing was imported`, error)
  }
  throw unreadable(`${path} is not a directory; nothing was imported`)
}

/** A single file or pipe, which the caller named: a link is followed. `-` is standard input. */
export function namedFile(path: string): SourceFile {
  if (path === "-") return { name: "-", open: () => streamed(process.stdin, "standard input") }
  const absolute = resolve(path)
  try {
    fs.accessSync(absolute, constants.R_OK)
    if (fs.statSync(absolute).isDirectory()) throw Object.assign(new Error("a directory"), { code: "EISDIR" })
  } catch (error) {
    throw unreadable(`${absolute} cannot be read (${errorCode(error)}); nothing was imported`, error)
  }
  return { name: basename(absolute), open: () => streamed(fs.createReadStream(absolute), absolute) }
}

async function* streamed(stream: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  try {
    yield* stream
  } catch (error) {
    throw unreadable(`${name} cannot be read on (${errorCode(error)}); what came before it is imported`, error)
  }
}

function unreadable(message: string, cause?: unknown): AuditError {
  return new AuditError("IMPORT_SOURCE_UNREADABLE", message, { cause })
}

/**
 * The bytes of a regular file.
 * @throws {@link UnreadableFile}
 */
async function* chunksOf(path: Buffer, flags: number): AsyncGenerator<Buffer> {
  const fd = opened(path, flags)
  const chunkBytes = Math.min(CHUNK_BYTES, fs.fstatSync(fd).size + 1)
  try {
    for (;;) {
      // A new one each time: lines are views of it.
      const chunk = Buffer.allocUnsafeSlow(chunkBytes)
      const count = readSome(fd, chunk)
      if (count === 0) return
      yield chunk.subarray(0, count)
    }
  } finally {
    fs.closeSync(fd)
  }
}

function opened(path: Buffer, flags: number): number {
  try {
    // Without O_NONBLOCK a pipe that nobody writes to would stop the import.
    const fd = fs.openSync(path, constants.O_RDONLY | flags | (constants.O_NONBLOCK ?? 0))
    if (fs.fstatSync(fd).isFile()) return fd
    fs.closeSync(fd)
  } catch (error) {
    const code = errorCode(error)
    if (code === "ELOOP" || code === "EMLINK") throw new UnreadableFile("is a symbolic link, which is not followed")
    throw new UnreadableFile(`cannot be opened (${code})`, { cause: error })
  }
  throw new UnreadableFile("is no regular file")
}

function readSome(fd: number, chunk: Buffer): number {
  try {
    return fs.readSync(fd, chunk)
  } catch (error) {
    throw new UnreadableFile(`cannot be read on (${errorCode(error)})`, { cause: error })
  }
}
