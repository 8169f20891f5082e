/**
 * Sealing: journal lines become entries of the tree, the tree becomes tiles, and a signed checkpoint covers it.
 * Under the mutex, in an order that makes a crash anywhere repairable by doing it again:
 * journal sync, bundles, tiles, read back, tree.json, signature remembered, checkpoint.
 * @module
 */
import { equalBytes, fromBase64, toBase64, utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  type Checkpoint,
  checkpointText,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  verifyCheckpoint,
} from "../proof/index.ts"
import { type BlobStore, RECOVERY_FILE, type Signer } from "../store/index.ts"
import type { JournalGap } from "./collect.ts"
import type { Identity, SealContext, SealOptions } from "./context.ts"
import { grow } from "./grow.ts"
import { claimIdentity, publishIdentity, readIdentity } from "./identity.ts"
import { earlierRoot, publishedRoot } from "./published.ts"
import { findSigner } from "./signing-keys.ts"
import { readTreeState, type TreeState } from "./tree-state.ts"

/** Signing takes milliseconds: whoever holds the lock this long is stopped. */
const SIGNING_LOCK_MS = 5_000
const SIGNING_LOCK_STEP_MS = 5
// Taken when the module is loaded, so that fake timers of a test never hold back a seal.
const { setTimeout: startTimer } = globalThis

/** The cause of a `SEALING_UNAVAILABLE` that only says that this process has no key: nothing is wrong. */
export const NO_KEY: unique symbol = Symbol("no signing key here")

/** What a seal left behind. */
export interface Sealed {
  readonly checkpoint: Checkpoint
  readonly tree: TreeState
  /** Size of the tree before. */
  readonly oldSize: number
  /** How far each writer's journal had gone into it before. */
  readonly before: TreeState["writers"]
  readonly gaps: readonly JournalGap[]
}

/**
 * Seals what the journals hold. Undefined: another process is sealing right now.
 * @throws {@link AuditError} `SEALING_UNAVAILABLE`: no SQLite, or no key for this log here. Nothing was changed.
 * @throws {@link AuditError} `LOG_ROLLED_BACK`: this tree does not extend one that was signed before.
 */
export async function seal(context: SealContext, options: SealOptions): Promise<Sealed | undefined> {
  return locked(context, () => sealLocked(context, options))
}

/** Does some work holding the mutex; undefined when another process holds it. */
export async function locked<T>({ mutex }: SealContext, work: () => Promise<T>): Promise<T | undefined> {
  if (mutex === undefined) {
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      "no SQLite here to lock the log with: install the optional dependency libsql, or use Node 22.13 or later",
    )
  }
  if (!mutex.tryAcquire()) return undefined
  try {
    return await work()
  } finally {
    mutex.release()
  }
}

/** Seals; call it holding the mutex. */
export async function sealLocked(context: SealContext, options: SealOptions): Promise<Sealed> {
  if (options.recovering !== true) await refuseRecovering(context)
  const identity = await ownIdentity(context)
  const signer = await findSigner(identity, context.state, context.environment)
  if (signer === undefined) {
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      `the signing key of ${identity.origin} is not here: events are recorded; a process that has the key seals them`,
      { cause: NO_KEY },
    )
  }
  const before = await readTreeState(context.root)
  const head = await publishedHead(context.blobs)
  await checkHistory(context, identity, before, head)
  const publish = (tree: TreeState, head: Checkpoint | undefined) => publishHead(context, identity, signer, tree, head)
  const { tree, gaps, checkpoint } = await grow(context, before, options, head, publish)
  return { checkpoint, tree, oldSize: before.size, before: before.writers, gaps }
}

/** @throws {@link AuditError} `SEALING_UNAVAILABLE` while a recovery is not finished. */
export async function refuseRecovering({ root }: SealContext): Promise<void> {
  if ((await root.read(RECOVERY_FILE)) === undefined) return
  throw new AuditError(
    "SEALING_UNAVAILABLE",
    "a recovery of this log was begun and not finished: run secureml audit recover again",
  )
}

async function ownIdentity(context: SealContext): Promise<Identity> {
  const existing = await readIdentity(context.root)
  if (existing !== undefined) {
    // A process died while it made the identity: neither may it be durable, nor is there a key for people to copy.
    if ((await context.blobs.get("vkey")) === undefined) await publishIdentity(context.root, existing)
    return existing
  }
  const begun = (await readTreeState(context.root)).size > 0 || (await context.blobs.get("checkpoint")) !== undefined
  if (begun) {
    throw new AuditError(
      "IDENTITY_MALFORMED",
      ".state/log.json is gone although the log was sealed before; restore it from a backup, or run secureml audit recover",
    )
  }
  return claimIdentity(context.root, context.state, context.environment)
}

export async function publishedHead(blobs: Pick<BlobStore, "get">): Promise<Checkpoint | undefined> {
  const bytes = await blobs.get("checkpoint")
  return bytes === undefined ? undefined : parseCheckpoint(utf8Text(bytes) ?? "")
}

/** Refuses to go on unless the last tree that was signed is a prefix of this one. */
export async function checkHistory(
  context: SealContext,
  identity: Identity,
  tree: TreeState,
  head: Checkpoint | undefined,
): Promise<void> {
  if (!equalBytes(await publishedRoot(context.blobs, tree.size), tree.root)) {
    throw new AuditError(
      "LEDGER_CORRUPT",
      "the published tiles do not have the root of .state/tree.json; nothing was signed; run secureml audit verify",
    )
  }
  const remembered = context.state.signed(identity.origin)
  const signed = remembered === undefined ? undefined : parseCheckpoint(remembered.note)
  if (signed !== undefined) await checkExtends(context, tree, signed)
  if (head === undefined || head.note === signed?.note) return
  // One behind what this user has signed is replaced at once, whoever signed it. One that this user never signed: an older
  // process of another user with the same key published it.
  const isBehind = signed !== undefined && head.treeSize < signed.treeSize
  await checkExtends(context, tree, isBehind ? head : await verifyByAny(head.note, identity))
}

/** While a key takes over, the last checkpoint may still be one of the key before. */
function verifyByAny(note: string, { origin, verifierKey, previous }: Identity): Promise<Checkpoint> {
  const isFormer = previous !== undefined && !signatureIds(note, origin).includes(keyIdOf(verifierKey))
  return verifyCheckpoint(note, isFormer ? previous.verifierKey : verifierKey)
}

async function checkExtends(context: SealContext, tree: TreeState, old: Checkpoint): Promise<void> {
  const root = fromBase64(old.rootHash)!
  if (old.treeSize <= tree.size && equalBytes(await earlierRoot(context.blobs, old.treeSize, tree.size), root)) return
  throw new AuditError(
    "LOG_ROLLED_BACK",
    `this log has ${tree.size} entries, but ${old.treeSize} ${old.treeSize <= tree.size ? "other ones " : ""}were signed before: a restored backup or a copied directory looks like this. ` +
      "Events are still recorded, nothing is signed. Restore the newer state, or run secureml audit recover --reason",
  )
}

/**
 * Signs and publishes the tree, unless the published head says so already under the keys that sign now. One that was not noted
 * as published may be there and not survive power loss: publishing it failed, or was cut off. It is published again
 * before anything is tidied because of it.
 */
async function publishHead(
  context: SealContext,
  identity: Identity,
  signer: Signer,
  tree: TreeState,
  head: Checkpoint | undefined,
): Promise<Checkpoint> {
  const rootHash = toBase64(tree.root)
  if (head?.treeSize === tree.size && head.rootHash === rootHash && isSignedAsNow(head, identity, signer)) {
    const signed = context.state.signed(identity.origin)
    const isUnsure = signed?.note === head.note && signed.published !== true
    if (isUnsure) await rememberAndPublish(context, identity.origin, tree, head.note)
    return head
  }
  const note = await signer.sign(checkpointText(identity.origin, tree.size, rootHash))
  await rememberAndPublish(context, identity.origin, tree, note)
  return parseCheckpoint(note)
}

/** Whether every key of ours has signed, and none that has had its day. */
function isSignedAsNow({ note }: Checkpoint, { origin, verifierKey, previous }: Identity, signer: Signer): boolean {
  const there = signatureIds(note, origin)
  const may = [verifierKey, ...(previous === undefined ? [] : [previous.verifierKey])].map(keyIdOf)
  return signer.verifierKeys.every((key) => there.includes(keyIdOf(key))) && there.every((id) => may.includes(id))
}

/** Ids of the log's own keys that have a line under a checkpoint; nothing is checked. */
function signatureIds(note: string, origin: string): readonly string[] {
  return parseNote(note).signatures.flatMap(({ name, keyId }) => (name === origin ? keyId : []))
}

function keyIdOf(verifierKey: string): string {
  return parseVerifierKey(verifierKey).keyId
}

/**
 * Remembers a signature for good before anyone can see it, so that no second tree is ever signed for the same size. The
 * log's own mutex is copied along with its directory, or taken away; this lock belongs to the user who signs, and a
 * sealer that comes too late never puts an older checkpoint in the place of a newer one.
 */
async function rememberAndPublish(context: SealContext, origin: string, tree: TreeState, note: string): Promise<void> {
  const lock = context.state.signingLock(origin)
  for (let waitedMs = 0; lock?.tryAcquire() === false; waitedMs += SIGNING_LOCK_STEP_MS) {
    if (waitedMs > SIGNING_LOCK_MS) {
      throw new AuditError(
        "SEALING_UNAVAILABLE",
        "another process of this user is signing for this log and makes no progress; it may be stopped",
      )
    }
    await new Promise((resolve) => startTimer(resolve, SIGNING_LOCK_STEP_MS))
  }
  try {
    const signed = context.state.signed(origin)
    if (signed !== undefined) await checkExtends(context, tree, parseCheckpoint(signed.note))
    const checkpoint = { origin, path: context.root.path, note }
    await context.state.rememberSigned(checkpoint)
    await context.blobs.replaceHead("checkpoint", utf8(note))
    // Tells a checkpoint that is about to be published from one that was, and is gone.
    await context.state.notePublished(checkpoint)
  } finally {
    lock?.release()
  }
}
