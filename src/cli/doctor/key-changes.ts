/**
 * Keys on the move: one that takes over, a change that was cut off, copies that were made. Reads only.
 * @module
 */
import { AuditError } from "../../errors.ts"
import { type Identity, ownVerifierKeys, readChange, readIdentity } from "../../ledger/index.ts"
import { tryParse } from "../../query/index.ts"
import { LocalKeyVault, StateDirectory, vaultIdOf } from "../../store/index.ts"
import { type Diagnosis, note, ok, type Patient, problem, spanText } from "./diagnosis.ts"

const COMMANDS = { rotate: "rotate", finish: "rotate --finish", revoke: "revoke" } as const
const EXPORTED = Buffer.from('"event_type":"key_exported"')

/** Looks at a key that takes over, and at the vault. */
export async function examineKeyChanges(patient: Patient): Promise<Diagnosis[]> {
  const { root, nowMs } = patient
  const change = await readChange({ root })
  const found: Diagnosis[] = []
  if (change !== undefined)
    found.push(
      problem(
        "rotation",
        "a change of the signing key was begun and cut off; the log is sealed and verified as ever",
        `run secureml audit key ${COMMANDS[change.kind]} again`,
      ),
    )
  const identity = await readIdentity(root)
  if (identity?.previous !== undefined) found.push(overlap(identity.previous, nowMs))
  return [...found, ...(await vault(patient, identity))]
}

function overlap({ since }: NonNullable<Identity["previous"]>, nowMs: number): Diagnosis {
  const open = spanText(nowMs - Date.parse(since))
  return note(
    "rotation",
    `a new signing key has been taking over since ${since}, for ${open}: two keys sign`,
    "once everybody who verifies has the new one, run secureml audit key rotate --finish",
  )
}

async function vault({ root, environment }: Patient, identity: Identity | undefined): Promise<Diagnosis[]> {
  if (vaultIdOf(root) === undefined) return []
  const rootKeyFile = environment["SECUREML_VAULT_KEY_FILE"]
  const state = new StateDirectory(environment)
  try {
    LocalKeyVault.ofLog(root, state.path, rootKeyFile, false)?.close()
    const where = rootKeyFile === undefined ? "its root key in it" : `its root key in ${rootKeyFile}`
    return [ok("vault", `the vault with the keys of persons is here, ${where}`)]
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    const own = identity === undefined ? [] : await ownVerifierKeys(identity.origin, state, environment)
    // Somebody who only records plain events, or reads, has neither.
    const isGuest = own.length === 0 && error.code === "VAULT_MISSING"
    return [(isGuest ? note : problem)("vault", error.message, `see docs/errors.md, ${error.code}`)]
  }
}

/** Copies of keys that entries tell of. */
export class CopyCount {
  #copies = 0
  #vaults = 0
  #latest = ""

  see(bytes: Buffer): void {
    if (!bytes.includes(EXPORTED)) return
    const entry = tryParse(bytes)
    if (entry?.event_type !== "key_exported") return
    this.#copies += 1
    if (entry.details["what"] === "signing_key_and_vault") this.#vaults += 1
    if (entry.timestamp > this.#latest) this.#latest = entry.timestamp
  }

  diagnoses(): Diagnosis[] {
    if (this.#copies === 0) return []
    const times = (count: number): string => (count === 1 ? "once" : `${count} times`)
    const withVault = this.#vaults === 0 ? "" : `, ${times(this.#vaults)} with the keys of persons`
    const message = `keys were copied out of here ${times(this.#copies)}, last at ${this.#latest}${withVault}`
    const advice =
      this.#vaults === 0
        ? "know where the copies are: whoever has one can sign this log"
        : "know where the copies are: no erasure reaches those of the vault, so destroy them when somebody was erased"
    return [note("key_copies", message, advice)]
  }
}
