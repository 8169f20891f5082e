/**
 * The verifier key that a log says is its own. Whoever can rewrite the log can rewrite that too.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import { readIdentity } from "../ledger/index.ts"
import { LocalBlobs, type RootDirectory } from "../store/index.ts"

/** The key of the private state, else of the file `vkey`; undefined where there is neither. */
export async function verifierKeyOf(root: RootDirectory): Promise<string | undefined> {
  const identity = await readIdentity(root)
  if (identity !== undefined) return identity.verifierKey
  const bytes = await new LocalBlobs(root).get("vkey")
  return bytes === undefined ? undefined : utf8Text(bytes)?.trim()
}
