/**
 * The classic text log that Python's module writes: one line an event, for people. It is a view; nothing reads it
 * back, and it proves nothing. Does I/O.
 * @module
 */

import * as fs from "node:fs"
import { constants } from "node:fs"
import { join } from "node:path"

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
  readonly #format: string
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
    this.#format = format
    this.#threshold = threshold
    this.#name = `secureml.audit.${operationId}`
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0)
    this.#fd = fs.openSync(this.path, flags, mode)
    fs.fchmodSync(this.#fd, mode)
  }

  /** Writes the line of an event, unless its level is below the threshold. */
  write(level: number, timestamp: string, entry: string): void {
    if (level < this.#threshold) return
    const values: Record<string, string> = {
      asctime: timestamp.replace("T", " ").replace("Z", "").replace(".", ","),
      name: this.#name,
      levelname: LEVELS.get(level) ?? String(level),
      levelno: String(level),
      message: escapeUnsafe(entry),
    }
    const line = this.#format.replace(/%\((\w+)\)[sd]/g, (token, key: string) => values[key] ?? token)
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

/** The file's name: an operation name never becomes a path. */
function textLogName(operationName: string, operationId: string): string {
  const safe = operationName
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^\.+/, "_")
    .slice(0, 100)
  return `${safe}_${operationId}.log`
}
