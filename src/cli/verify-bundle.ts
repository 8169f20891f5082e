/**
 * `secureml audit verify --bundle`: checks an evidence bundle, without the log it is from. Needs no network and changes
 * nothing.
 * @module
 */
import { resolve } from "node:path"
import { utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import type { Environment } from "../ledger/index.ts"
import { EVIDENCE_NOT_PROVEN, parseCheckpoint, verifyEvidenceBundle } from "../proof/index.ts"
import { chooseKey, type Finding, type KeySource, type TrustedKey, type Verdict, worstVerdict } from "../query/index.ts"
import { isMissing, StateDirectory } from "../store/index.ts"
import { readEvidence } from "./evidence-files.ts"

/** What the check of a bundle found. */
export interface BundleReport {
  readonly verdict: Verdict
  readonly findings: readonly Finding[]
  /** Absolute. */
  readonly bundle: string
  /** Of the checkpoint, once it could be read. */
  readonly origin?: string
  readonly treeSize?: number
  readonly rootHash?: string
  /** Entries that were shown to be in the log. */
  readonly entries: number
  readonly firstIndex?: number
  readonly lastIndex?: number
  readonly publicKey?: string
  readonly keySource?: KeySource
  /** What a bundle cannot show. */
  readonly notProven: readonly string[]
}

/** Codes that say: by the trusted key this is not signed. */
const OTHER_KEY: ReadonlySet<string> = new Set(["NOTE_UNSIGNED", "CHECKPOINT_ORIGIN_MISMATCH"])

/**
 * Checks a bundle. By the key that is given, else this user's own, else one pinned before; the bundle's own shows no
 * more than that it agrees with itself.
 * @throws the system's error when it cannot be read.
 */
export async function verifyBundle(
  directory: string,
  publicKey: string | undefined,
  environment: Environment,
): Promise<BundleReport> {
  const bundle = resolve(directory)
  const report: BundleReport = {
    verdict: "unverifiable",
    findings: [],
    bundle,
    entries: 0,
    notProven: EVIDENCE_NOT_PROVEN,
  }
  let key: TrustedKey | undefined
  try {
    const files = readEvidence(bundle)
    key = await keyFor(files, publicKey, environment)
    const { origin, treeSize, rootHash, entries } = await verifyEvidenceBundle(files, key.verifierKey)
    const findings = key.source === "directory" ? [NOT_PINNED] : []
    const [firstIndex, lastIndex] = [entries[0]!.index, entries.at(-1)!.index]
    const shown = { origin, treeSize, rootHash, entries: entries.length, firstIndex, lastIndex, ...keyFacts(key) }
    return { ...report, ...shown, findings, verdict: worstVerdict(findings, "intact") }
  } catch (error) {
    if (isMissing(error)) return { ...report, findings: [NO_BUNDLE] }
    if (!(error instanceof AuditError)) throw error
    const verdict = OTHER_KEY.has(error.code) ? "wrong_key" : "corrupt"
    const finding: Finding = { code: error.code.toLowerCase(), verdict, message: error.message }
    return { ...report, verdict, findings: [finding], ...keyFacts(key) }
  }
}

const NO_BUNDLE: Finding = {
  code: "no_bundle",
  verdict: "unverifiable",
  message: "there is no bundle: the directory does not exist",
}

const NOT_PINNED: Finding = {
  code: "key_not_pinned",
  verdict: "unverifiable",
  message:
    "the only key is the one in the bundle itself, which whoever made the bundle chose; give the log's own with --public-key",
  path: "vkey",
}

async function keyFor(
  files: ReturnType<typeof readEvidence>,
  publicKey: string | undefined,
  environment: Environment,
): Promise<TrustedKey> {
  const { origin, note } = parseCheckpoint(files.checkpoint)
  const state = new StateDirectory(environment)
  const inside = utf8Text(files.vkey)
  const key = await chooseKey({ origin, note }, { publicKey }, state, environment, inside)
  if (key !== undefined) return key
  throw new AuditError("EVIDENCE_MALFORMED", "the file vkey of the bundle holds no verifier key")
}

function keyFacts(key: TrustedKey | undefined): { publicKey?: string; keySource?: KeySource } {
  return key === undefined ? {} : { publicKey: key.verifierKey, keySource: key.source }
}
