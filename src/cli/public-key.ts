/**
 * A verifier key as it is typed: itself, or a file that holds it. Reads files.
 * @module
 */
import * as fs from "node:fs"
import { resolve } from "node:path"
import { AuditError } from "../errors.ts"
import { parseVerifierKey } from "../proof/index.ts"
import { UsageError } from "./failure.ts"

/** @throws {@link UsageError} when the text typed is no key; `VERIFIER_KEY_MALFORMED` when the file holds none. */
export function readPublicKey(text: string): string {
  const file = text.startsWith("@") ? text.slice(1) : fs.existsSync(text) ? text : undefined
  const key = file === undefined ? text : readTextFile(file, "--public-key").trim()
  try {
    parseVerifierKey(key)
  } catch (error) {
    if (file !== undefined || !(error instanceof AuditError)) throw error
    throw new UsageError(`--public-key is no verifier key, nor a file that is there: ${error.message} [${error.code}]`)
  }
  return key
}

/** The text of a file that a flag names. */
export function readTextFile(file: string, flag: string): string {
  try {
    return fs.readFileSync(file, "utf8")
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error)
    throw new Error(`${flag}: ${resolve(file)} cannot be read (${reason})`, { cause: error })
  }
}
