/**
 * Repairs that an operator asked for, each leaving an entry that says what happened:
 * a hole in a journal is explained, a lost `.state/tree.json` is rebuilt from the published log, and a log that was
 * rolled back is set aside and continued in a successor. Resumable at any point; works under the mutex.
 * @module
 */
import { utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import type { Checkpoint } from "../proof/index.ts"
import { IDENTITY_FILE, PAYLOADS_FILE, PRUNED_FILE, RECOVERY_FILE, ROTATION_FILE, TREE_FILE } from "../store/index.ts"
import { byWriter, collectWriter, type JournalGap } from "./collect.ts"
import type { Identity, SealContext } from "./context.ts"
import { claimIdentity, parseObject, readIdentity } from "./identity.ts"
import { predecessors, publishedPositions, rebuildState, type WriterOf } from "./rebuild.ts"
import { checkHistory, publishedHead, refuseRecovering, type Sealed, sealLocked } from "./seal.ts"
import { ownVerifierKeys } from "./signing-keys.ts"
import {
  EMPTY_TREE,
  formatTreeState,
  parseTreeState,
  readTreeState,
  type TreeState,
  type WriterPosition,
  writeTreeState,
} from "./tree-state.ts"
import { Writer, type WriterMark } from "./writer.ts"

/** What was repaired, for the entry that says so. */
export type Recovery =
  | {
      readonly kind: "explained"
      readonly gaps: readonly JournalGap[]
      readonly writers: Readonly<Record<string, number>>
      /** Entries that waited behind the holes. */
      readonly behind: readonly Uint8Array[]
    }
  | { readonly kind: "rebuilt"; readonly treeSize: number }
  | {
      readonly kind: "successor"
      /** Directory inside the log directory that holds the old log. */
      readonly predecessor: string
      /** Last checkpoint that was signed, and the one that was found; notes. */
      readonly signed: string | undefined
      readonly found: string | undefined
      readonly writers: Readonly<Record<string, number>>
    }

/**
 * Repairs the log and seals the entry that says so, as the first of a writer of its own, before anything else. Call it
 * holding the mutex.
 * @param tell - Makes that entry.
 * @throws {@link AuditError} as {@link repair} and {@link sealLocked}.
 */
export async function recoverLocked(
  context: SealContext,
  writerOf: WriterOf,
  tell: (recovery: Recovery, mark: WriterMark) => string,
): Promise<{ recovery: Recovery; checkpoint: Checkpoint }> {
  const recovery = await repair(context, writerOf)
  const { checkpoint, tree } = await sealFirst(context, [(mark) => tell(recovery, mark)])
  // Only now: passed over before it is explained, a hole would be there for good if this process died in between.
  if (recovery.kind === "explained") await passOver(context, tree, recovery.gaps)
  await context.root.remove(RECOVERY_FILE)
  return { recovery, checkpoint }
}

/** Seals entries as those of a writer of its own, before anything else. */
async function sealFirst(context: SealContext, entries: readonly ((mark: WriterMark) => string)[]): Promise<Sealed> {
  const writer = new Writer(context.journal, context.parts, () => undefined)
  for (const entry of entries) writer.append(entry)
  writer.durableNow()
  const sealed = await sealLocked(context, { align: false, onlyWriter: writer.id, recovering: true })
  writer.close()
  return sealed
}

/** A log whose key was lost, and the one that goes on in its place. */
export interface Succession {
  readonly recovery: Successor
  readonly former: Identity
  readonly identity: Identity
}

/**
 * Sets a log aside whose key is lost, and goes on in a successor, whose first entries say so. Call it holding the mutex.
 * @param tell - Makes those entries, one after the other.
 * @throws {@link AuditError} `KEY_NOT_LOST`, `SEALING_UNAVAILABLE`.
 */
export async function succeedLocked(
  context: SealContext,
  writerOf: WriterOf,
  tell: readonly ((succession: Succession, mark: WriterMark) => string)[],
): Promise<{ succession: Succession; checkpoint: Checkpoint }> {
  const bytes = await context.root.read(RECOVERY_FILE)
  const begun = bytes === undefined ? undefined : parseObject(utf8Text(bytes))
  if (begun === undefined) await refuseKeyHere(context)
  else if (begun["succession"] !== true) await refuseRecovering(context)
  const recovery =
    begun === undefined
      ? await beginSuccessor(context, await readTreeState(context.root), writerOf, { succession: true })
      : await setAside(context, begun)
  const former = (await identityAside(context, recovery.predecessor))!
  const succession = { recovery, former, identity: (await readIdentity(context.root))! }
  const { checkpoint } = await sealFirst(
    context,
    tell.map((one) => (mark: WriterMark) => one(succession, mark)),
  )
  await context.root.remove(RECOVERY_FILE)
  return { succession, checkpoint }
}

/** Nobody gives up a log that can be signed. */
async function refuseKeyHere({ root, state, environment }: SealContext): Promise<void> {
  const identity = await readIdentity(root)
  if (identity === undefined) {
    throw new AuditError("SEALING_UNAVAILABLE", "this log has no key that could be lost; run secureml audit seal")
  }
  if (!(await ownVerifierKeys(identity.origin, state, environment)).includes(identity.verifierKey)) return
  throw new AuditError(
    "KEY_NOT_LOST",
    `the signing key of ${identity.origin} is here: run secureml audit key rotate or revoke`,
  )
}

function identityAside({ root }: SealContext, predecessor: string): Promise<Identity | undefined> {
  return readIdentity({ read: (path: string) => root.read(`${predecessor}/${path}`) })
}

/**
 * Finds out what is wrong and repairs it; an entry that says so comes before anything else is sealed.
 * @throws {@link AuditError} `NOTHING_TO_RECOVER`; `SEALING_UNAVAILABLE` where the log's key is not here.
 */
async function repair(context: SealContext, writerOf: WriterOf): Promise<Recovery> {
  const begun = await context.root.read(RECOVERY_FILE)
  if (begun !== undefined && !(await isOverlong(context, parseObject(utf8Text(begun))))) {
    const work = parseObject(utf8Text(begun))
    if (work["succession"] !== true) return setAside(context, work)
    throw new AuditError("SEALING_UNAVAILABLE", "what was begun is a succession: run secureml audit key succeed again")
  }
  const rebuilt = await rebuildState(context, writerOf)
  if (rebuilt !== undefined) return rebuilt
  const tree = await readTreeState(context.root)
  if (await isRolledBack(context, tree)) return beginSuccessor(context, tree, writerOf)
  // What stands before a hole is sealed first: explaining the hole passes over it.
  const { gaps } = await sealLocked(context, { align: false })
  if (gaps.length > 0) return explainGaps(context, gaps)
  throw new AuditError(
    "NOTHING_TO_RECOVER",
    "nothing is wrong with this log that recover could mend; run secureml audit verify",
  )
}

/**
 * A backup that was made in the middle of a recovery may be restored after that recovery had ended, and the successor
 * had been signed. One with nothing published gets another identity; one that has its first entry is a log that was
 * rolled back like any other.
 * @returns Whether the recovery that was begun has nothing left to do.
 */
async function isOverlong(context: SealContext, { moved }: Record<string, unknown>): Promise<boolean> {
  if (moved !== true || !(await isRolledBack(context, await readTreeState(context.root)))) return false
  const isPublished = (await publishedHead(context.blobs)) !== undefined
  await context.root.remove(isPublished ? RECOVERY_FILE : IDENTITY_FILE)
  return isPublished
}

async function isRolledBack(context: SealContext, tree: TreeState): Promise<boolean> {
  const identity = await readIdentity(context.root)
  if (identity === undefined) return false
  // Of a log that is older than a change of its key, any key of it will do.
  if ((await ownVerifierKeys(identity.origin, context.state, context.environment)).length === 0) {
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      `the signing key of ${identity.origin} is not here: run recover as the user who has it`,
    )
  }
  try {
    await checkHistory(context, identity, tree, await publishedHead(context.blobs))
    return false
  } catch (error) {
    if (error instanceof AuditError) return true
    throw error
  }
}

type Successor = Recovery & { readonly kind: "successor" }

async function beginSuccessor(
  context: SealContext,
  tree: TreeState,
  writerOf: WriterOf,
  why: { readonly succession?: true } = {},
): Promise<Successor> {
  // Where bundles are damaged nothing but tree.json knows.
  const writers = await publishedPositions(context, tree, writerOf).catch((error: unknown) => {
    if (error instanceof AuditError) return tree.writers
    throw error
  })
  const identity = await readIdentity(context.root)
  const last = (await predecessors(context)).at(-1)
  const predecessor = `predecessor-${Number(last?.slice("predecessor-".length) ?? 0) + 1}`
  const signed = identity === undefined ? undefined : context.state.signed(identity.origin)?.note
  const work = {
    v: 1,
    ...why,
    predecessor,
    signed,
    found: utf8Text((await context.blobs.get("checkpoint")) ?? new Uint8Array(0)),
    tree: utf8Text(formatTreeState({ ...EMPTY_TREE, writers })),
  }
  await context.root.replace(RECOVERY_FILE, utf8(`${JSON.stringify(work)}\n`))
  return setAside(context, work)
}

/** Moves the old log into its own directory; each step may have been done by an attempt that was cut off. */
async function setAside(context: SealContext, work: Record<string, unknown>): Promise<Successor> {
  const { predecessor, signed, found, tree, moved } = work
  if (typeof predecessor !== "string" || !/^predecessor-\d+$/.test(predecessor) || typeof tree !== "string") {
    throw new AuditError("TREE_STATE_DAMAGED", `${RECOVERY_FILE} is damaged; remove it and run recover again`)
  }
  if (moved !== true) await moveAll(context, predecessor, work)
  const { writers: published } = parseTreeState(utf8(tree))
  const writers = new Map([...published].map(([id, { goneMs: _, ...position }]) => [id, position]))
  if ((await context.root.read(TREE_FILE)) === undefined) await writeTreeState(context.root, { ...EMPTY_TREE, writers })
  const oldOrigin = (await identityAside(context, predecessor))?.origin
  if ((await readIdentity(context.root)) === undefined) await claimSuccessor(context, predecessor, oldOrigin)
  context.state.forget(context.root.path)
  return {
    kind: "successor",
    predecessor,
    signed: typeof signed === "string" ? signed : undefined,
    found: typeof found === "string" && found !== "" ? found : undefined,
    writers: Object.fromEntries([...writers].map(([id, { next }]) => [id, next])),
  }
}

/** Once resolved all of the old log is out of the way, and a later attempt touches nothing of its successor. */
async function moveAll(context: SealContext, predecessor: string, work: Record<string, unknown>): Promise<void> {
  const files = [TREE_FILE, IDENTITY_FILE, ROTATION_FILE, PAYLOADS_FILE, "checkpoint", "vkey", PRUNED_FILE, "tile"]
  for (const name of files) {
    await context.root.move(name, `${predecessor}/${name}`)
  }
  await context.root.replace(RECOVERY_FILE, utf8(`${JSON.stringify({ ...work, moved: true })}\n`))
}

/** A successor is another log: it needs an origin of its own. */
async function claimSuccessor(context: SealContext, predecessor: string, oldOrigin: string | undefined): Promise<void> {
  const { root, state, environment } = context
  const wanted = environment["SECUREML_ORIGIN"]
  let number = Number(predecessor.slice("predecessor-".length))
  // An older backup may be restored a second time: what was signed for the successor that is gone now stays signed.
  while (wanted !== undefined && state.signed(`${wanted}/successor-${number}`) !== undefined) number += 1
  const origin = wanted === undefined ? undefined : `${wanted}/successor-${number}`
  const identity = await claimIdentity(root, state, { ...environment, SECUREML_ORIGIN: origin })
  if (identity.origin !== oldOrigin) return
  await context.blobs.remove([IDENTITY_FILE])
  throw new AuditError(
    "IDENTITY_MALFORMED",
    "SECUREML_SIGNING_KEY_FILE holds the key of the old log; name a new file for the successor and run recover again",
  )
}

/** What has to be said of some holes. */
async function explainGaps(context: SealContext, gaps: readonly JournalGap[]): Promise<Recovery> {
  const behind: Uint8Array[] = []
  const groups = byWriter(await context.journal.segments())
  for (const { writerId, found } of gaps) {
    const segments = groups.get(writerId) ?? []
    behind.push(...(await collectWriter(context.journal, segments, goingOnAt(found), Number.MAX_SAFE_INTEGER)).entries)
  }
  return {
    kind: "explained",
    gaps,
    writers: Object.fromEntries(gaps.map(({ writerId, found }) => [writerId, found])),
    behind,
  }
}

/** Lets sealing go on behind the holes. */
async function passOver(context: SealContext, tree: TreeState, gaps: readonly JournalGap[]): Promise<void> {
  const writers = new Map(tree.writers)
  for (const { writerId, found } of gaps) writers.set(writerId, goingOnAt(found))
  await writeTreeState(context.root, { ...tree, writers })
}

/** The place in a journal is found by reading from its start and passing over lower numbers. */
function goingOnAt(next: number): WriterPosition {
  return { next, segment: 0, offset: 0 }
}
