/**
 * The root key of a vault, under which the keys of persons are encrypted: in the vault, or in a file that a key service
 * or a mount provides. Does I/O.
 * @module
 */
import { createHmac, hkdfSync } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { AuditError } from "../../errors.ts"
import { checkPrivateFile, isMissing } from "./files.ts"

const HEX_KEY = /^[0-9a-f]{64}$/

/** Where a vault lies. */
export function vaultPath(stateDirectory: string, id: string): string {
  return join(stateDirectory, "vaults", id)
}

/** A key for one purpose. */
export function derived(root: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", root, new Uint8Array(0), purpose, 32))
}

/** What tells the root key of a vault from any other, and nothing about it. */
export function checkOfRoot(root: Uint8Array): string {
  return createHmac("sha256", derived(root, "secureml/vault-check/v1")).update("secureml").digest("hex")
}

/** What a vault says of its root key; undefined where there is no vault, or only a part of one. */
export function readCheck(directory: string): string | undefined {
  return readText(join(directory, "root.check"))
}

/**
 * The root key of a vault.
 * @throws {@link AuditError} `VAULT_MISSING`, `KEY_FILE_INSECURE`, `STATE_DIRECTORY_DAMAGED`.
 */
export function readRootKey(directory: string, rootKeyFile: string | undefined): Buffer {
  const path = rootKeyFile ?? join(directory, "root.key")
  const text = readText(path)
  if (text === undefined) {
    throw new AuditError(
      "VAULT_MISSING",
      rootKeyFile === undefined
        ? `the vault ${directory} has no root key: name the file that holds it in SECUREML_VAULT_KEY_FILE`
        : `${path}, which SECUREML_VAULT_KEY_FILE names, is not there: have the key service put the vault's root key into it`,
    )
  }
  if (HEX_KEY.test(text)) return Buffer.from(text, "hex")
  throw new AuditError("STATE_DIRECTORY_DAMAGED", `${path} holds no root key of a vault; restore it from a backup`)
}

/** The error of a root key that is not the one of a vault. */
export function wrongRootKey(directory: string): AuditError {
  return new AuditError(
    "VAULT_KEY_WRONG",
    `the root key is not the one of the vault ${directory}: nothing was read or made with it; see SECUREML_VAULT_KEY_FILE`,
  )
}

function readText(path: string): string | undefined {
  try {
    checkPrivateFile(path, fs.statSync(path))
    return fs.readFileSync(path, "utf8").trim()
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
