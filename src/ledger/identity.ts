/**
 * Who a log is: `.state/log.json` (origin and verifier key), made once by whoever seals first. Only the maker generates
 * a key; a process whose key does not match records and never signs. A key changes by an act of its own (rotate.ts).
 * @module
 */
import { randomBytes } from "node:crypto"
import { utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  checkpointText,
  EMPTY_ROOT,
  formatSignerKey,
  parseSignerKey,
  parseVerifierKey,
  verifierKeyOf,
} from "../proof/index.ts"
import { IDENTITY_FILE, type LogFiles, type SigningState } from "../store/index.ts"
import type { Environment, Identity } from "./context.ts"
import { keysOfFile } from "./signing-keys.ts"

/** The identity of a log, or undefined when it has none yet. */
export async function readIdentity(root: Pick<LogFiles, "read">): Promise<Identity | undefined> {
  const bytes = await root.read(IDENTITY_FILE)
  return bytes === undefined ? undefined : parseIdentity(bytes)
}

function parseIdentity(bytes: Uint8Array): Identity {
  const { v, origin, vkey, previous } = parseObject(utf8Text(bytes))
  const isNamed = (key: unknown): key is string => typeof key === "string" && parseVerifierKey(key).name === origin
  if (v !== 1 || typeof origin !== "string" || !isNamed(vkey)) throw malformed()
  if (previous === undefined) return { origin, verifierKey: vkey }
  const { vkey: former, since } = (previous ?? {}) as Record<string, unknown>
  if (!isNamed(former) || typeof since !== "string") throw malformed()
  return { origin, verifierKey: vkey, previous: { verifierKey: former, since } }
}

function malformed(): AuditError {
  return new AuditError(
    "IDENTITY_MALFORMED",
    `${IDENTITY_FILE} is damaged; restore it from a backup, or run secureml audit recover`,
  )
}

/** The text of `.state/log.json`. */
export function formatIdentity({ origin, verifierKey, previous }: Identity): Uint8Array {
  const before = previous === undefined ? {} : { previous: { vkey: previous.verifierKey, since: previous.since } }
  return utf8(`${JSON.stringify({ v: 1, origin, vkey: verifierKey, ...before })}\n`)
}

/** The object that a JSON text holds, or an empty one. */
export function parseObject(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "")
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Makes the identity of a log that has none. Call it holding the mutex. */
export async function claimIdentity(root: LogFiles, state: SigningState, environment: Environment): Promise<Identity> {
  const key = await ownKey(state, environment)
  const signer = await parseSignerKey(key)
  return publishIdentity(root, { origin: signer.name, verifierKey: verifierKeyOf(signer) })
}

/** Once resolved the identity survives power loss, also one that a process made which died before it did. */
export async function publishIdentity(root: LogFiles, identity: Identity): Promise<Identity> {
  // Somebody may have made it meanwhile, had the mutex failed to exclude them.
  const isNew = await root.create(IDENTITY_FILE, formatIdentity(identity))
  const claimed = isNew ? identity : ((await readIdentity(root)) ?? identity)
  await writeVerifierKey(root, claimed)
  return claimed
}

/** Writes the public key beside the log, for people to copy. */
export function writeVerifierKey(root: LogFiles, { verifierKey }: Identity): Promise<void> {
  return root.replace("vkey", utf8(`${verifierKey}\n`))
}

/** The key for a new log: the file that the environment names, else one of this user for the origin. */
async function ownKey(state: SigningState, environment: Environment): Promise<string> {
  const wanted = environment["SECUREML_ORIGIN"]
  const file = keysOfFile(environment)
  const existing = file?.current()
  if (existing !== undefined) {
    const { name } = await parseSignerKey(existing)
    if (wanted === undefined || wanted === name) return existing
    throw new AuditError(
      "IDENTITY_MALFORMED",
      `SECUREML_ORIGIN is ${JSON.stringify(wanted)}, but the key of SECUREML_SIGNING_KEY_FILE belongs to ${JSON.stringify(name)}; make them agree`,
    )
  }
  const origin = wanted ?? `secureml.local/${randomBytes(16).toString("hex")}`
  // Throws ORIGIN_MALFORMED for a name that no checkpoint can carry.
  checkpointText(origin, 0, EMPTY_ROOT)
  const key = await formatSignerKey(origin, randomBytes(32))
  const keys = file ?? state.signerKeys(origin)
  // Durable before the first use: a log whose key was lost could never be sealed again.
  return (await keys.create(key)) ? key : (keys.current() ?? key)
}
