/**
 * What a test needs to play those who have, or forge, the keys of a log.
 * @module
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { AuditTrail, verifyAuditLog } from "../src/audit.ts"
import { describeKey, sealLog } from "../src/capture/index.ts"
import {
  type Checkpoint,
  checkpointText,
  formatSignerKey,
  parseCheckpoint,
  parseSignerKey,
  type SignerKey,
  signNote,
  verifierKeyOf,
} from "../src/proof/index.ts"
import { type LocalSignerKeys, StateDirectory } from "../src/store/index.ts"
import { writeEntries } from "./log-of-entries.ts"
import { type Place, restart } from "./place.ts"

/** Runs something as a user with another state directory. */
export async function as<T>(place: Place, user: string, run: () => Promise<T>): Promise<T> {
  const own = process.env["SECUREML_STATE_DIR"]
  await restart(place)
  process.env["SECUREML_STATE_DIR"] = `${place.directory}/${user}`
  try {
    return await run()
  } finally {
    await restart(place)
    process.env["SECUREML_STATE_DIR"] = own
  }
}

/** Logs some events and seals them. */
export async function logSome({ logDir }: Place, count = 3): Promise<Checkpoint> {
  const audit = new AuditTrail("work", { logDir })
  for (let n = 0; n < count - 2; n++) audit.logEvent("step", { n })
  return (await audit.close())!
}

/** Verdict, codes of findings and the key, as one verification gives them. */
export async function verdictOf({ logDir }: Place, options: Partial<Parameters<typeof verifyAuditLog>[0]> = {}) {
  const { verdict, findings, publicKey, keySource, notProven } = await verifyAuditLog({ logDir, ...options })
  return { verdict, codes: findings.map(({ code }) => code), findings, publicKey, keySource, notProven }
}

export const headOf = ({ logDir }: Place): Checkpoint => parseCheckpoint(fs.readFileSync(`${logDir}/checkpoint`))
export const vkeyOf = async ({ logDir }: Place): Promise<string> => (await describeKey({ logDir })).verifierKey

/** The text of the signing key in use. */
export function signingKeyOf(place: Place): string {
  return fs.readFileSync(new StateDirectory(process.env).signerKeys(headOf(place).origin).path, "utf8").trim()
}

/** Signs the head anew with some keys and nothing else. */
export async function signHead(place: Place, keys: readonly string[]): Promise<void> {
  const { origin, treeSize, rootHash } = headOf(place)
  const signers = await Promise.all(keys.map(parseSignerKey))
  fs.writeFileSync(`${place.logDir}/checkpoint`, await signNote(checkpointText(origin, treeSize, rootHash), signers))
}

/** A key of somebody's own making. */
export async function newKey(origin: string): Promise<{ text: string; key: SignerKey; vkey: string }> {
  const text = await formatSignerKey(origin, randomBytes(32))
  const key = await parseSignerKey(text)
  return { text, key, vkey: verifierKeyOf(key) }
}

/**
 * Who can write to the log directory makes a key the log's, adds an entry, and seals.
 * @param text - The key.
 */
export async function takeOver(place: Place, text: string, entry: object | undefined): Promise<void> {
  const { origin } = headOf(place)
  const vkey = verifierKeyOf(await parseSignerKey(text))
  await as(place, "thief", async () => {
    const keys: LocalSignerKeys = new StateDirectory(process.env).signerKeys(origin)
    await keys.create(text)
    fs.writeFileSync(`${place.logDir}/.state/log.json`, `${JSON.stringify({ v: 1, origin, vkey })}\n`)
    fs.writeFileSync(`${place.logDir}/vkey`, `${vkey}\n`)
    fs.rmSync(`${place.logDir}/checkpoint`)
    if (entry !== undefined) writeEntries(place.logDir, 1, () => entry)
    await sealLog({ logDir: place.logDir })
  })
}
