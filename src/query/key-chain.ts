/**
 * From the key that is trusted to the one that signs now: each that takes over is named by the one before it, in a
 * statement that an entry of the checked tree holds. What entries say of stolen and of lost keys is told, and trusted by
 * nobody. Reads only; the entries are untrusted.
 * @module
 */
import { equalBytes, fromBase64 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import type { AuditEntry, JsonObject } from "../event/index.ts"
import { earlierRoot } from "../ledger/index.ts"
import { type Checkpoint, checkKeyStatement, type KeyStatement, parseNote } from "../proof/index.ts"
import { hasLineOf, type TrustedKey } from "./check-key.ts"
import type { TreeCheck } from "./check-tree.ts"
import type { Finding } from "./findings.ts"
import type { Snapshot } from "./snapshot.ts"

/** Whether an entry tells of a key that takes over, or that nobody must trust any more. */
export function tellsOfKey({ event_type }: AuditEntry): boolean {
  return TELLERS.has(event_type)
}

/** Where the chain leads. */
export interface KeyChain {
  /** The newest key of the chain that has a line under the checkpoint; the one trusted where none has. */
  readonly key: TrustedKey | undefined
  /** All keys that are trusted because of the one that was: it, and those that took over. */
  readonly keys: readonly string[]
  readonly findings: readonly Finding[]
  /** What cannot be shown because of a stolen key. */
  readonly notProven: readonly string[]
}

/** What the chain is followed through. */
interface ChainSource {
  readonly head: Checkpoint
  readonly snapshot: Pick<Snapshot, "blobs" | "pruning">
  readonly key: TrustedKey | undefined
}

/**
 * Follows the keys of a log from the one that is trusted.
 * @param tree - The check of the tree under the checkpoint: where it found anything, nobody is followed.
 * @param entries - Those of the tree that tell of keys, by index.
 * @param knownSizes - Sizes of checkpoints that were given, or are remembered, and that the log has to extend.
 */
export async function chainOf(
  source: ChainSource,
  tree: Pick<TreeCheck, "findings" | "roots">,
  entries: ReadonlyMap<number, AuditEntry>,
  knownSizes: readonly number[],
): Promise<KeyChain> {
  const { key: trusted } = source
  const isWhole = tree.findings.length === 0 && tree.roots.size > 0
  const chain = new Chain(source, trusted?.verifierKey)
  for (const [index, entry] of isWhole ? [...entries].sort(([a], [b]) => a - b) : [])
    await TELLERS.get(entry.event_type)?.(chain, index, entry)
  for (const [index, entry] of chain.revocations) tellRevoked(chain, index, entry, Math.max(0, ...knownSizes))
  const { keys, findings, notProven } = chain
  const known = [...keys, ...(trusted?.besides ?? [])]
  if (trusted === undefined) return { key: undefined, keys: known, findings, notProven }
  // A key that was retired is none to fall back on.
  const otherwise = chain.retired.has(trusted.verifierKey) ? keys.at(-1)! : trusted.verifierKey
  const key = { ...trusted, verifierKey: chain.signing() ?? otherwise }
  return { key, keys: known, findings, notProven }
}

/** Whether two checkpoints carry signature lines of the same keys. */
export function haveSameKeys(one: Checkpoint, other: Checkpoint | undefined): boolean {
  const idsOf = ({ note }: Checkpoint): string =>
    parseNote(note)
      .signatures.map(({ keyId }) => keyId)
      .sort()
      .join()
  return other !== undefined && idsOf(one) === idsOf(other)
}

class Chain {
  readonly keys: string[]
  readonly findings: Finding[] = []
  readonly notProven: string[] = []
  readonly retired = new Set<string>()
  readonly revocations: [number, AuditEntry][] = []
  readonly source: ChainSource

  constructor(source: ChainSource, trusted: string | undefined) {
    this.keys = trusted === undefined ? [] : [trusted]
    this.source = source
  }

  /** The newest key that signed, of those that still may. */
  signing(): string | undefined {
    const { note } = this.source.head
    return this.keys.findLast((key) => !this.retired.has(key) && hasLineOf(note, key))
  }
}

type Teller = (chain: Chain, index: number, entry: AuditEntry) => Promise<void> | void

const TELLERS: ReadonlyMap<string, Teller> = new Map<string, Teller>([
  ["key_rotated", rotated],
  ["key_retired", retired],
  ["key_succeeded", succeeded],
  ["key_revoked", (chain, index, entry) => void chain.revocations.push([index, entry])],
])

async function rotated(chain: Chain, index: number, { details, timestamp }: AuditEntry): Promise<void> {
  const last = chain.keys.at(-1)
  const statement = last === undefined ? undefined : await statementBy(last, details)
  if (statement === undefined || statement.treeSize > index) return
  const { newKey, treeSize, rootHash } = statement
  const root = await rootAt(chain.source, treeSize)
  if (root !== undefined && !equalBytes(root, fromBase64(rootHash)!)) {
    const message = `the key ${last} named the one that takes over when the first ${treeSize} entries were other ones`
    chain.findings.push({ code: "key_statement_wrong", verdict: "rewritten", message, index })
    return
  }
  if (chain.keys.includes(newKey)) return
  chain.keys.push(newKey)
  const advice =
    chain.source.key?.source === "argument" ? "; the key given was an older one: give this one from now on" : ""
  const message = `the key ${newKey} has taken over from ${last}, which says so in a statement of ${timestamp} that it signed${advice}`
  chain.findings.push({ code: "key_rotated", message, index })
}

/** The root of the first entries of the tree that was checked; undefined where they were pruned. */
async function rootAt({ snapshot, head }: ChainSource, treeSize: number): Promise<Uint8Array | undefined> {
  const isPruned = treeSize < (snapshot.pruning?.minimumIndex ?? 0)
  return isPruned ? undefined : earlierRoot(snapshot.blobs, treeSize, head.treeSize)
}

/** Anybody's statement may stand in a log; the one that counts is signed by the key that the chain has come to. */
async function statementBy(key: string, { statement }: JsonObject): Promise<KeyStatement | undefined> {
  try {
    return typeof statement === "string" ? await checkKeyStatement(statement, key) : undefined
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** The entry is nobody's word: the newest key of a chain stays, whatever is said of it. */
function retired(chain: Chain, _: number, { details }: AuditEntry): void {
  const key = details["retired_key"]
  if (typeof key === "string" && chain.keys.indexOf(key) < chain.keys.length - 1) chain.retired.add(key)
}

/** The lost key can vouch for nothing: whoever knew it decides by themselves. */
function succeeded(chain: Chain, index: number, { details, timestamp }: AuditEntry): void {
  const { former_origin: origin, former_key: key } = details
  if (typeof origin !== "string" || typeof key !== "string") return
  const message = `entry ${index}, of ${timestamp}, says that the key ${key} was lost and that this log goes on in the place of ${JSON.stringify(origin)}. Nothing proves it. To accept it, get the new key from the log's operator by another way and give it with --public-key, or run verify --forget and pin it`
  chain.findings.push({ code: "key_succeeded", message, index })
}

/** Also nobody's word. It is told, and leads to no verdict: what the revoked key signs is judged by whom one trusts. */
function tellRevoked(chain: Chain, index: number, { details, timestamp }: AuditEntry, knownSize: number): void {
  const { revoked_keys: keys, from_index: from, tree_size: end, new_key: newKey } = details
  if (!Array.isArray(keys) || !isIndex(from) || !isIndex(end)) return
  const range = from < end ? `entries ${from} to ${end - 1} are in doubt` : "no entry was sealed since"
  const said = `entry ${index}, of ${timestamp}, says that ${keys.join(", ")} was stolen and that ${newKey} takes over`
  const signing = chain.signing()
  const advice =
    signing !== undefined && keys.includes(signing)
      ? "and yet it signs this log: either the thief goes on, or somebody without a key wrote that entry"
      : `${range}. Get the new key from the log's operator by another way: nothing that a stolen key signs can vouch for it`
  chain.findings.push({ code: "key_revoked", message: `${said}: ${advice}`, index: from })
  if (from >= end) return
  const doubt = `that the log's operator wrote entries ${from} to ${end - 1}: a key that was declared stolen has signed them`
  chain.notProven.push(`${doubt}${whatIsKnown(from, Math.min(from, knownSize))}`)
}

/** How many of the entries before those in doubt rest on more than the stolen key. */
function whatIsKnown(from: number, covered: number): string {
  if (from === 0) return ""
  const known = "those of a checkpoint that was given, or seen or signed before"
  if (covered === from) return `. The ${from} before are ${known}`
  return `. Of the ${from} before, the first ${covered} are ${known}; compare the others with one that was kept before the theft (--against)`
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
