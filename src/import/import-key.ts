/**
 * The import key of a log: 32 random bytes under which its imported lines are committed to, so that a later import
 * knows them again. Made once, private like the rest of `.state`. Does I/O.
 * @module
 */
import { randomBytes } from "node:crypto"
import { fromHex, toHex, utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { IMPORT_KEY_FILE, type LogFiles } from "../store/index.ts"

const KEY_BYTES = 32

/**
 * The key of a log, or undefined when it has none.
 * @throws {@link AuditError} `IMPORT_KEY_MISSING`: the file is damaged.
 */
export async function readImportKey(root: Pick<LogFiles, "read">): Promise<Uint8Array | undefined> {
  const bytes = await root.read(IMPORT_KEY_FILE)
  if (bytes === undefined) return undefined
  const key = fromHex((utf8Text(bytes) ?? "").trimEnd())
  if (key?.length === KEY_BYTES) return key
  throw keyMissing("is damaged")
}

/** Makes the key of a log that has none; durable before it is used. */
export async function makeImportKey(root: LogFiles): Promise<Uint8Array> {
  const key = randomBytes(KEY_BYTES)
  const isNew = await root.create(IMPORT_KEY_FILE, utf8(`${toHex(key)}\n`))
  return isNew ? key : ((await readImportKey(root)) ?? key)
}

/** Without it nobody can tell which lines the log has. */
export function keyMissing(state: string): AuditError {
  return new AuditError(
    "IMPORT_KEY_MISSING",
    `${IMPORT_KEY_FILE} ${state}, and the log has imported records: without it nobody can tell which; restore it from a backup, or import into another log`,
  )
}
