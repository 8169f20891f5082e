/**
 * Who a log is: `.state/log.json` (origin and verifier key), made once by whoever seals first, and the signing key
 * that belongs to it. Only the maker generates a key; a process whose key does not match records and never signs.
 * @module
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { dirname, resolve } from "node:path"
import { utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  checkpointText,
  EMPTY_ROOT,
  formatSignerKey,
  parseSignerKey,
  parseVerifierKey,
  signNote,
  verifierKeyOf,
} from "../proof/index.ts"
import {
  checkPrivateFile,
  IDENTITY_FILE,
  type LogFiles,
  type Signer,
  type SigningState,
  syncDirectoryNow,
} from "../store/index.ts"

/** What `.state/log.json` says. */
export interface Identity {
  readonly origin: string
  readonly verifierKey: string
}

/** Environment variables, passed in. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The identity of a log, or undefined when it has none yet. */
export async function readIdentity(root: Pick<LogFiles, "read">): Promise<Identity | undefined> {
  const bytes = await root.read(IDENTITY_FILE)
  return bytes === undefined ? undefined : parseIdentity(bytes)
}

function parseIdentity(bytes: Uint8Array): Identity {
  const { v, origin, vkey } = parseObject(utf8Text(bytes))
  if (v !== 1 || typeof origin !== "string" || typeof vkey !== "string" || parseVerifierKey(vkey).name !== origin) {
    throw new AuditError(
      "IDENTITY_MALFORMED",
      `${IDENTITY_FILE} is damaged; restore it from a backup, or run secureml audit recover`,
    )
  }
  return { origin, verifierKey: vkey }
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
  const text = `${JSON.stringify({ v: 1, origin: identity.origin, vkey: identity.verifierKey })}\n`
  // Somebody may have made it meanwhile, had the mutex failed to exclude them.
  const claimed = (await root.create(IDENTITY_FILE, utf8(text))) ? identity : ((await readIdentity(root)) ?? identity)
  await writeVerifierKey(root, claimed)
  return claimed
}

/** Writes the public key beside the log, for people to copy. */
function writeVerifierKey(root: LogFiles, { verifierKey }: Identity): Promise<void> {
  return root.replace("vkey", utf8(`${verifierKey}\n`))
}

/** The key for a new log: the file that the environment names, else one of this user for the origin. */
async function ownKey(state: SigningState, environment: Environment): Promise<string> {
  const wanted = environment["SECUREML_ORIGIN"]
  const keyFile = environment["SECUREML_SIGNING_KEY_FILE"]
  const existing = keyFile === undefined ? undefined : readKeyFile(keyFile)
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
  if (keyFile !== undefined) {
    createKeyFile(resolve(keyFile), key)
    return readKeyFile(keyFile) ?? key
  }
  // Durable before the first use: a log whose key was lost could never be sealed again.
  return (await state.createSignerKey(origin, key)) ? key : (state.signerKey(origin) ?? key)
}

/** Makes a key file whole or not at all, and durable. */
function createKeyFile(path: string, key: string): void {
  const temporary = `${path}.${randomBytes(8).toString("hex")}`
  try {
    fs.writeFileSync(temporary, `${key}\n`, { mode: 0o600, flag: "wx", flush: true })
    fs.linkSync(temporary, path)
    syncDirectoryNow(dirname(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      `the file that SECUREML_SIGNING_KEY_FILE names cannot be made: ${(error as NodeJS.ErrnoException).code}; make its directory first`,
      { cause: error },
    )
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

function readKeyFile(keyFile: string): string | undefined {
  const path = resolve(keyFile)
  const stats = fs.statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  checkPrivateFile(path, stats)
  return fs.readFileSync(path, "utf8").trimEnd()
}

/** The verifier key that belongs to this user's own signing key of an origin, or undefined when there is none here. */
export async function ownVerifierKey(
  origin: string,
  state: SigningState,
  environment: Environment,
): Promise<string | undefined> {
  const keyFile = environment["SECUREML_SIGNING_KEY_FILE"]
  const texts = [keyFile === undefined ? undefined : readKeyFile(keyFile), state.signerKey(origin)]
  for (const text of texts) {
    const key = text === undefined ? undefined : await parseSignerKey(text)
    if (key?.name === origin) return verifierKeyOf(key)
  }
  return undefined
}

/** The signer of a log, or undefined when this process has no key that matches it. */
export async function findSigner(
  identity: Identity,
  state: SigningState,
  environment: Environment,
): Promise<Signer | undefined> {
  const keyFile = environment["SECUREML_SIGNING_KEY_FILE"]
  const text = keyFile === undefined ? state.signerKey(identity.origin) : readKeyFile(keyFile)
  if (text === undefined) return undefined
  const key = await parseSignerKey(text)
  if (verifierKeyOf(key) !== identity.verifierKey) return undefined
  return { verifierKey: identity.verifierKey, sign: (note) => signNote(note, [key]) }
}
