/**
 * Changing the key of a log: a key takes over from another one, takes over for good, or takes over from one that was
 * stolen. Each leaves an entry. What was begun is noted in `.state/rotation.json`, so that it is finished after a crash
 * anywhere; meanwhile the log is sealed and verified as ever. Works under the mutex.
 * @module
 */
import { randomBytes } from "node:crypto"
import { utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  type Checkpoint,
  formatSignerKey,
  parseSignerKey,
  parseVerifierKey,
  signKeyStatement,
  verifierKeyOf,
} from "../proof/index.ts"
import { IDENTITY_FILE, ROTATION_FILE, type SignerKeys } from "../store/index.ts"
import type { Identity, SealContext } from "./context.ts"
import { formatIdentity, parseObject, readIdentity, writeVerifierKey } from "./identity.ts"
import type { WriterOf } from "./rebuild.ts"
import { nextInTree } from "./receipt.ts"
import { checkHistory, publishedHead, refuseRecovering, sealLocked } from "./seal.ts"
import { findSignerKey, keysOf } from "./signing-keys.ts"
import { readTreeState } from "./tree-state.ts"
import { Writer, type WriterMark } from "./writer.ts"

/** What to do with the key of a log. */
export type KeyAct =
  | { readonly kind: "rotate"; readonly reason?: string | undefined }
  | { readonly kind: "finish"; readonly reason?: string | undefined }
  /** Entries from an index on, as far as the keys in use now have signed them, are in doubt. */
  | { readonly kind: "revoke"; readonly reason: string; readonly fromIndex: number }

/** A change that was begun, as it lies in its file and as the entry tells it. */
export interface KeyChange {
  readonly v: 1
  readonly kind: KeyAct["kind"]
  readonly origin: string
  /** Keys that sign no more when it is done; for "rotate" the one that goes on signing beside the new one. */
  readonly oldKeys: readonly string[]
  readonly newKey: string
  /** ISO 8601. */
  readonly since: string
  /** Entries under the last checkpoint of the old keys alone. */
  readonly treeSize: number
  readonly reason?: string
  readonly fromIndex?: number
  /** The old key's word on the new one. */
  readonly statement?: string
  /** Id of the writer whose only entry tells of the change. */
  readonly writer?: string
}

/** What a change came to. */
export interface ChangedKey {
  readonly change: KeyChange
  readonly checkpoint: Checkpoint
  /** It had been begun before, and cut off. */
  readonly resumed: boolean
}

/** What changing works with. */
interface Work {
  readonly context: SealContext
  readonly keys: SignerKeys
  readonly writerOf: WriterOf
  readonly tell: (change: KeyChange, mark: WriterMark) => string
}

/**
 * Changes the key of a log, or finishes a change that was begun. Call it holding the mutex.
 * @param tell - Makes the entry that tells of it.
 * @throws {@link AuditError} `SEALING_UNAVAILABLE` without the key; `ROTATION_OPEN`, `ROTATION_NOT_OPEN`; as `sealLocked`.
 * @throws RangeError where `fromIndex` is beyond what is sealed.
 */
export async function changeKey(
  context: SealContext,
  act: KeyAct,
  writerOf: WriterOf,
  tell: Work["tell"],
): Promise<ChangedKey> {
  const identity = await requireIdentity(context)
  const work = { context, keys: keysOf(identity.origin, context.state, context.environment), writerOf, tell }
  const begun = await readChange(context)
  if (begun !== undefined && begun.kind !== act.kind) {
    throw new AuditError(
      "ROTATION_OPEN",
      `a change of the key was begun and cut off: run secureml audit key ${COMMANDS[begun.kind]} again first`,
    )
  }
  if (begun !== undefined && (await findSignerKey(work.keys, begun.newKey)) === undefined) throw damaged()
  await refuseRecovering(context)
  const change = begun ?? (await begin(work, identity, act))
  const checkpoint = await FINISH[change.kind](work, change)
  await context.root.remove(ROTATION_FILE)
  return { change, checkpoint, resumed: begun !== undefined }
}

const COMMANDS: Readonly<Record<KeyAct["kind"], string>> = {
  rotate: "rotate",
  finish: "rotate --finish",
  revoke: "revoke",
}

const FINISH: Readonly<Record<KeyAct["kind"], (work: Work, change: KeyChange) => Promise<Checkpoint>>> = {
  rotate: finishRotate,
  finish: finishRetire,
  revoke: finishRevoke,
}

async function requireIdentity(context: SealContext): Promise<Identity> {
  const identity = await readIdentity(context.root)
  if (identity !== undefined) return identity
  throw new AuditError(
    "SEALING_UNAVAILABLE",
    "this log has no key yet: it gets one with its first seal; run secureml audit seal",
  )
}

/** The change that was begun in a log and not finished. */
export async function readChange({ root }: Pick<SealContext, "root">): Promise<KeyChange | undefined> {
  const bytes = await root.read(ROTATION_FILE)
  if (bytes === undefined) return undefined
  const change = parseObject(utf8Text(bytes)) as Partial<Record<keyof KeyChange, unknown>>
  const { v, kind, origin, oldKeys, newKey, since } = change
  const isKnown = v === 1 && typeof kind === "string" && Object.hasOwn(FINISH, kind)
  const areTexts = [origin, newKey, since, ...(Array.isArray(oldKeys) ? oldKeys : [undefined])].every(
    (text) => typeof text === "string",
  )
  if (isKnown && areTexts) return change as unknown as KeyChange
  throw damaged()
}

function damaged(): AuditError {
  return new AuditError(
    "IDENTITY_MALFORMED",
    `${ROTATION_FILE} is damaged, or the key that it names is not here; remove it, and begin again`,
  )
}

async function note({ root }: SealContext, change: KeyChange): Promise<KeyChange> {
  await root.replace(ROTATION_FILE, utf8(`${JSON.stringify(change)}\n`))
  return change
}

/** Nothing of a change is seen before this has ended. */
async function begin(work: Work, identity: Identity, act: KeyAct): Promise<KeyChange> {
  const { context, keys } = work
  const { origin, verifierKey, previous } = identity
  const oldKey = await findSignerKey(keys, verifierKey)
  if (oldKey === undefined) {
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      `the signing key of ${origin} is not here; if it is lost for good, see secureml audit key succeed`,
    )
  }
  const reason = act.reason === undefined ? {} : { reason: act.reason }
  const since = new Date(context.nowMs()).toISOString()
  const common = { v: 1 as const, kind: act.kind, origin, since, ...reason }
  if (act.kind === "finish") {
    if (previous === undefined)
      throw new AuditError(
        "ROTATION_NOT_OPEN",
        "no key is taking over in this log: begin with secureml audit key rotate",
      )
    const treeSize = (await readTreeState(context.root)).size
    return note(context, { ...common, oldKeys: [previous.verifierKey], newKey: verifierKey, treeSize })
  }
  if (act.kind === "revoke") {
    const treeSize = await lastSigned(context, identity)
    if (act.fromIndex > treeSize)
      throw new RangeError(`fromIndex is ${act.fromIndex}, and only ${treeSize} entries are sealed`)
    const oldKeys = previous === undefined ? [verifierKey] : [verifierKey, previous.verifierKey]
    const newKey = await makeKey(keys, identity)
    return note(context, { ...common, oldKeys, newKey, treeSize, fromIndex: act.fromIndex })
  }
  if (previous !== undefined) {
    throw new AuditError(
      "ROTATION_OPEN",
      `a key has been taking over since ${previous.since}: run secureml audit key rotate --finish first`,
    )
  }
  const { checkpoint } = await sealLocked(context, { align: false })
  const newKey = await makeKey(keys, identity)
  const { treeSize, rootHash } = checkpoint
  const statement = await signKeyStatement({ origin, treeSize, rootHash, newKey }, oldKey)
  return note(context, { ...common, oldKeys: [verifierKey], newKey, treeSize, statement })
}

/** How far the keys in use have signed; nothing more is signed by them. */
async function lastSigned(context: SealContext, identity: Identity): Promise<number> {
  const head = await publishedHead(context.blobs)
  await checkHistory(context, identity, await readTreeState(context.root), head)
  if (head === undefined) return 0
  // Somebody else may have signed it with the same key: from now on it is known here.
  const { origin } = identity
  await context.state.rememberSigned({ origin, path: context.root.path, note: head.note, published: true })
  return head.treeSize
}

/** A new key, durable beside the one in use. Those of changes that were cut off before they began are removed. */
async function makeKey(keys: SignerKeys, { origin, verifierKey, previous }: Identity): Promise<string> {
  const current = keys.current()
  for (const text of keys.all().filter((one) => one !== current)) {
    const left = await parseSignerKey(text)
    const isOfLog = [verifierKey, previous?.verifierKey].includes(verifierKeyOf(left))
    if (left.name === origin && !isOfLog) await keys.removeBeside(left.keyId)
  }
  const text = await formatSignerKey(origin, randomBytes(32))
  const key = await parseSignerKey(text)
  await keys.addBeside(key.keyId, text)
  return verifierKeyOf(key)
}

/** The old key signs the entry that names the new one; then both sign. */
async function finishRotate(work: Work, change: KeyChange): Promise<Checkpoint> {
  const { context } = work
  const { origin, oldKeys, newKey, since } = change
  const [oldKey = ""] = oldKeys
  if ((await requireIdentity(context)).verifierKey !== newKey) {
    await tellOnce(work, change)
    await identify(context, { origin, verifierKey: newKey, previous: { verifierKey: oldKey, since } })
  }
  const text = work.keys.current()
  const isOld = text !== undefined && verifierKeyOf(await parseSignerKey(text)) === oldKey
  if (isOld) await work.keys.addBeside(parseVerifierKey(oldKey).keyId, text)
  return handOver(work, change)
}

/** The entry is signed by both keys; then the new one signs alone. */
async function finishRetire(work: Work, change: KeyChange): Promise<Checkpoint> {
  const { context, keys } = work
  const { origin, oldKeys, newKey } = change
  if ((await requireIdentity(context)).previous !== undefined) {
    await tellOnce(work, change)
    await identify(context, { origin, verifierKey: newKey })
  }
  const { checkpoint } = await sealLocked(context, { align: false })
  for (const key of oldKeys) await keys.removeBeside(parseVerifierKey(key).keyId)
  return checkpoint
}

/** The old keys sign nothing any more: the entry is the first thing that the new one signs. */
async function finishRevoke(work: Work, change: KeyChange): Promise<Checkpoint> {
  const { context, keys } = work
  const { origin, oldKeys, newKey } = change
  await identify(context, { origin, verifierKey: newKey })
  await tellOnce(work, change)
  const checkpoint = await handOver(work, change)
  for (const key of oldKeys) await keys.removeBeside(parseVerifierKey(key).keyId)
  return checkpoint
}

async function identify(context: SealContext, identity: Identity): Promise<void> {
  await context.root.replace(IDENTITY_FILE, formatIdentity(identity))
}

/** Publishes under the new key and shows it to others; only then is it the one that this user has in use. */
async function handOver({ context, keys }: Work, { origin, newKey }: KeyChange): Promise<Checkpoint> {
  const { checkpoint } = await sealLocked(context, { align: false })
  await writeVerifierKey(context.root, { origin, verifierKey: newKey })
  await keys.promote(parseVerifierKey(newKey).keyId)
  return checkpoint
}

/** Seals the entry that tells of a change, unless an attempt that was cut off has got that far. */
async function tellOnce(work: Work, change: KeyChange): Promise<void> {
  const { context, writerOf, tell } = work
  if (change.writer !== undefined) {
    // Whatever such an attempt left in its journal goes into the tree with this.
    const { tree } = await sealLocked(context, { align: false })
    const next = await nextInTree(context.blobs, tree.size, change.writer, writerOf)
    // Infinite: not among the entries that a prune has left.
    if (next > 0 && Number.isFinite(next)) return
  }
  const writer = new Writer(context.journal, context.parts, () => undefined)
  await note(context, { ...change, writer: writer.id })
  writer.append((mark) => tell(change, mark))
  writer.durableNow()
  await sealLocked(context, { align: false, onlyWriter: writer.id })
  writer.close()
}
