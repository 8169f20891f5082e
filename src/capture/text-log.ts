/**
 * The classic text log that Python's module writes: one line an event, for people. It is a view; nothing reads it
 * back, and it proves nothing. Does I/O.
 * @module
 */

import * as fs from "node:fs"
import { constants } from "node:fs"
import { join } from "node:path"
import { AuditError } from "../errors.ts"
import { errorCode } from "../store/index.ts"
import { compileLogFormat, type LogLine } from "./log-format.ts"

/** Characters that could steer a terminal or reorder text: C1 controls, bidi marks, line separators. */
const UNSAFE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
const LEVELS: ReadonlyMap<number, string> = new Map([
  [20, "INFO"],
  [30, "WARNING"],
  [40, "ERROR"],
])

/** Level of an event: 40 for errors, 30 for a failed check, else 20. */
export function levelOf(eventType: string, details: Readonly<Record<string, unknown>>): number {
  if (eventType === "error") return 40
  const failed =
    details["result"] === false || (typeof details["result"] === "string" && /^fail/i.test(details["result"]))
  return eventType === "compliance_check" && failed ? 30 : 20
}

/** One text log file. */
export class TextLog {
  readonly path: string
  readonly #fd: number
  readonly #format: (line: LogLine) => string
  readonly #threshold: number
  readonly #name: string

  constructor(
    directory: string,
    operationName: string,
    operationId: string,
    format: string,
    threshold: number,
    mode: number,
  ) {
    this.path = join(directory, textLogName(operationName, operationId))
    this.#format = compileLogFormat(format)
    this.#threshold = threshold
    this.#name = `secureml.audit.${operationId}`
    this.#fd = openTextLog(this.path, mode)
  }

  /** Writes the line of an event, unless its level is below the threshold. */
  write(level: number, timestamp: string, entry: string): void {
    if (level < this.#threshold) return
    const line = this.#format({
      asctime: timestamp.replace("T", " ").replace("Z", "").replace(".", ","),
      name: this.#name,
      levelname: LEVELS.get(level) ?? String(level),
      levelno: level,
      message: escapeUnsafe(entry),
    })
    fs.writeSync(this.#fd, `${line}\n`)
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

/** JSON text with every character that a terminal could obey written as `\uXXXX`; it parses to the same value. */
export function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

/**
 * Opens the file for appending, its mode whatever the umask.
 * @throws {@link AuditError} `UNSAFE_PATH`: a link, a directory or a pipe is there. `LOG_DIR_NOT_WRITABLE`.
 */
function openTextLog(path: string, mode: number): number {
  // Without O_NONBLOCK a pipe that nobody reads would stop the caller.
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
  let fd: number
  try {
    fd = fs.openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode)
  } catch (error) {
    const code = errorCode(error)
    if (["ELOOP", "EMLINK", "EISDIR", "ENXIO"].includes(code)) throw unsafe(path, error)
    throw new AuditError("LOG_DIR_NOT_WRITABLE", `the text log ${path} cannot be opened (${code})`, { cause: error })
  }
  if (fs.fstatSync(fd).isFile()) {
    fs.fchmodSync(fd, mode)
    return fd
  }
  fs.closeSync(fd)
  throw unsafe(path)
}

function unsafe(path: string, cause?: unknown): AuditError {
  const message = `${path} is a symbolic link, or no regular file, where the text log must be; remove it`
  return new AuditError("UNSAFE_PATH", message, { cause })
}

/** The file's name: an operation name never becomes a path, nor what a command takes for an option. */
function textLogName(operationName: string, operationId: string): string {
  const safe = operationName
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^\.+/, "_")
    .replace(/^-/, "_-")
    .slice(0, 100)
  return `${safe}_${operationId}.log`
}
