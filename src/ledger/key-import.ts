/**
 * Keys that come back from a copy: the signing key of the log, and what its vault lacks. Nothing of another log is taken,
 * no key that the log no longer has, and no key of a person who was erased. Does I/O.
 * @module
 */
import { AuditError } from "../errors.ts"
import { parseSignerKey, parseVerifierKey, verifierKeyOf } from "../proof/index.ts"
import { type KeyVault, mergeVault, type SignerKeys, type VaultMerge } from "../store/index.ts"
import type { Identity } from "./context.ts"
import { ERASURES, type Erasure, erasedKeys } from "./erasures.ts"
import type { KeyCopy } from "./key-copy.ts"
import { openList } from "./lists.ts"

/** Signing keys of a log by their verifier keys. */
export type MatchingKeys = ReadonlyMap<string, string>

/**
 * The signing keys of a copy, if they are those of a log.
 * @throws {@link AuditError} `KEY_NOT_OF_LOG`: the copy, or the key that is here, is of another log; and those of bad keys.
 */
export async function matchingKeys(copy: KeyCopy, identity: Identity, keys: SignerKeys): Promise<MatchingKeys> {
  const matching = new Map<string, string>()
  for (const text of copy.signingKeys) {
    const key = await parseSignerKey(text)
    if (key.name === identity.origin) matching.set(verifierKeyOf(key), text)
  }
  if (!matching.has(identity.verifierKey)) {
    const isOther = copy.origin !== identity.origin
    const what = isOther ? `is of the log ${copy.origin}` : "does not hold the key that this log has now"
    throw new AuditError("KEY_NOT_OF_LOG", `the copy ${what}: nothing was imported; this log is ${identity.origin}`)
  }
  const current = keys.current()
  const here = current === undefined ? identity.origin : (await parseSignerKey(current)).name
  if (here === identity.origin) return matching
  throw new AuditError("KEY_NOT_OF_LOG", `${keys.path} holds the key of ${here}: name another file for this log`)
}

/**
 * Brings the signing key of a log back, and the one that it takes over from.
 * @returns False where it was here already.
 */
export async function importSigningKey(given: MatchingKeys, identity: Identity, keys: SignerKeys): Promise<boolean> {
  const { verifierKey, previous } = identity
  const former = previous === undefined ? undefined : given.get(previous.verifierKey)
  if (former !== undefined) await keys.addBeside(parseVerifierKey(previous!.verifierKey).keyId, former)
  const current = keys.current()
  if (current !== undefined && verifierKeyOf(await parseSignerKey(current)) === verifierKey) return false
  const { keyId } = parseVerifierKey(verifierKey)
  await keys.addBeside(keyId, given.get(verifierKey)!)
  await keys.promote(keyId)
  return true
}

/**
 * Brings back what the vault lacks. A person who was erased, here or where the copy was made, stays erased.
 * @param vaultId - Of the log.
 * @param erasures - Of the log.
 * @throws {@link AuditError} `KEY_NOT_OF_LOG`, `VAULT_KEY_WRONG`.
 */
export function importVault(
  { vault }: KeyCopy,
  vaultId: string | undefined,
  erasures: readonly Erasure[],
  where: { readonly stateDirectory: string; readonly rootKeyFile: string | undefined },
): VaultMerge {
  if (vault === undefined)
    throw new AuditError("KEY_NOT_OF_LOG", "the copy holds no vault: it was made without --vault; nothing was imported")
  if (vault.id !== vaultId)
    throw new AuditError("KEY_NOT_OF_LOG", "the copy holds the vault of another log: nothing was imported")
  const copied = erasuresIn(vault.erasures)
  const erased = erasedKeys([...copied, ...erasures]).keys()
  return mergeVault(where.stateDirectory, vault, erased, where.rootKeyFile)
}

/** Keeps the lists of erasures that a copy knows of and a vault does not, or not as completed. */
export function importErasures({ vault: copied }: KeyCopy, vault: KeyVault): void {
  const known = new Map(erasuresIn(vault.lists("erasures"), vault).map((erasure) => [erasure.id, erasure]))
  for (const { id, completedBy } of erasuresIn(copied?.erasures ?? new Map(), vault)) {
    const here = known.get(id)
    const isNews = here === undefined || (here.completedBy === undefined && completedBy !== undefined)
    if (isNews) vault.keepList("erasures", id, copied!.erasures.get(id)!)
  }
}

function erasuresIn(lists: ReadonlyMap<string, Uint8Array>, vault?: KeyVault): readonly Erasure[] {
  return [...lists].flatMap(([id, bytes]) => openList(ERASURES, id, bytes, vault) ?? [])
}
