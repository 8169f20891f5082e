/**
 * The statement by which a log's key names the one that takes over. A signed note that no checkpoint can be, for its
 * second line is no size:
 *
 *     secureml/key-rotation/v1
 *     <origin>
 *     <tree size, decimal>
 *     <root hash, base64>
 *     <verifier key that takes over>
 *
 * It quotes the tree that the old key stood for, so that the new one cannot be used on another history. Pure.
 * @module
 */
import { AuditError } from "../errors.ts"
import { parseDecimal } from "./arguments.ts"
import { checkpointText } from "./checkpoint.ts"
import { ED25519, parseVerifierKey, type SignerKey } from "./key.ts"
import { openNote, signNote } from "./note.ts"

const HEADER = "secureml/key-rotation/v1"

/** What a key says of the one that takes over. */
export type KeyStatement = {
  readonly origin: string
  /** Entries that the log had, and their root in base64. */
  readonly treeSize: number
  readonly rootHash: string
  /** Verifier key that takes over; named like the origin. */
  readonly newKey: string
}

function statementText({ origin, treeSize, rootHash, newKey }: KeyStatement): string {
  const { name, type } = parseVerifierKey(newKey)
  if (name !== origin || type !== ED25519)
    throw new AuditError("KEY_STATEMENT_MALFORMED", `the key that takes over is not one of ${origin}`)
  return `${HEADER}\n${checkpointText(origin, treeSize, rootHash)}${newKey}\n`
}

/** The statement, signed by the key that hands over. */
export function signKeyStatement(statement: KeyStatement, oldKey: SignerKey): Promise<string> {
  return signNote(statementText(statement), [oldKey])
}

/**
 * Checks a statement.
 *
 * @param note - The signed note.
 * @param oldKey - The verifier key that is trusted.
 * @throws {@link AuditError} `KEY_STATEMENT_MALFORMED` when it is no such statement in its one spelling.
 * @throws {@link AuditError} `NOTE_UNSIGNED`, `NOTE_SIGNATURE_WRONG` when that key did not sign it.
 */
export async function checkKeyStatement(note: string, oldKey: string): Promise<KeyStatement> {
  const { text } = await openNote(note, [oldKey])
  const [, origin = "", size = "", rootHash = "", newKey = ""] = text.split("\n")
  const statement = { origin, treeSize: parseDecimal(size) ?? -1, rootHash, newKey }
  if (parseVerifierKey(oldKey).name !== origin || !isSpelledLike(statement, text))
    throw new AuditError("KEY_STATEMENT_MALFORMED", "this is no statement of a key that takes over in this log")
  return statement
}

function isSpelledLike(statement: KeyStatement, text: string): boolean {
  try {
    return statementText(statement) === text
  } catch (error) {
    if (error instanceof AuditError || error instanceof RangeError) return false
    throw error
  }
}
