/**
 * The signing keys that this process has for a log: in the file that the environment names, else in the user's state
 * directory. Read each time, since another process may have changed them.
 * @module
 */
import { parseSignerKey, type SignerKey, signNote, verifierKeyOf } from "../proof/index.ts"
import { LocalSignerKeys, type Signer, type SignerKeys, type SigningState } from "../store/index.ts"
import type { Environment, Identity } from "./context.ts"

/** The keys in the file that the environment names; undefined where it names none. */
export function keysOfFile(environment: Environment): SignerKeys | undefined {
  const file = environment["SECUREML_SIGNING_KEY_FILE"]
  return file === undefined ? undefined : LocalSignerKeys.at(file)
}

/** Where this process's keys for a log are. */
export function keysOf(origin: string, state: SigningState, environment: Environment): SignerKeys {
  return keysOfFile(environment) ?? state.signerKeys(origin)
}

/** The verifier keys of all signing keys that this user has for an origin; the one in use first. */
export async function ownVerifierKeys(
  origin: string,
  state: SigningState,
  environment: Environment,
): Promise<readonly string[]> {
  const texts = [keysOfFile(environment), state.signerKeys(origin)].flatMap((keys) => keys?.all() ?? [])
  const keys = await Promise.all(texts.map(parseSignerKey))
  return [...new Set(keys.filter(({ name }) => name === origin).map(verifierKeyOf))]
}

/** The signing key that belongs to a verifier key, or undefined when it is not here. */
export async function findSignerKey(keys: SignerKeys, verifierKey: string): Promise<SignerKey | undefined> {
  for (const text of keys.all()) {
    const key = await parseSignerKey(text)
    if (verifierKeyOf(key) === verifierKey) return key
  }
  return undefined
}

/**
 * The signer of a log, or undefined when this process has no key that matches it. While a key takes over, the one before
 * signs too, where it is here.
 */
export async function findSigner(
  identity: Identity,
  state: SigningState,
  environment: Environment,
): Promise<Signer | undefined> {
  const keys = keysOf(identity.origin, state, environment)
  const key = await findSignerKey(keys, identity.verifierKey)
  if (key === undefined) return undefined
  const former = identity.previous === undefined ? undefined : await findSignerKey(keys, identity.previous.verifierKey)
  const signers = former === undefined ? [key] : [key, former]
  return { verifierKeys: signers.map(verifierKeyOf), sign: (note) => signNote(note, signers) }
}
