/**
 * What recovery reads out of the published log itself: `log.json` and `tree.json` where they are lost, and how far the
 * log goes into each writer's journal.
 * @module
 */
import { equalBytes, fromBase64 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type Checkpoint, openNote, parseVerifierKey, TILE_WIDTH } from "../proof/index.ts"
import { type BlobStore, IDENTITY_FILE } from "../store/index.ts"
import type { Identity, SealContext } from "./context.ts"
import { formatIdentity, readIdentity } from "./identity.ts"
import { firstBundle } from "./pruning.ts"
import { publishedRoot, readBundle } from "./published.ts"
import { publishedHead } from "./seal.ts"
import { ownVerifierKeys } from "./signing-keys.ts"
import { EMPTY_TREE, readTreeState, type TreeState, type WriterPosition, writeTreeState } from "./tree-state.ts"

/** Reads writer id and number from an entry's bytes; the ledger itself knows nothing about events. */
export type WriterOf = (entry: Uint8Array) => { readonly id: string; readonly seq: number } | undefined

/** Published files of a log. */
type Published = Pick<BlobStore, "get">

/** `log.json` and `tree.json` from the published log, if this user's key signed it and nothing newer. */
export async function rebuildState(
  context: SealContext,
  writerOf: WriterOf,
): Promise<{ readonly kind: "rebuilt"; readonly treeSize: number } | undefined> {
  const head = await publishedHead(context.blobs)
  const identityBroken = await isBroken(
    () => readIdentity(context.root),
    (identity) => identity === undefined,
  )
  const stateBroken = await isBroken(
    () => readTreeState(context.root),
    (tree) => tree === EMPTY_TREE && head !== undefined && head.treeSize > 0,
  )
  if (head === undefined && stateBroken) {
    // Nothing was ever published: nobody has seen the tree that is lost, and it is built again from the journals.
    await writeTreeState(context.root, EMPTY_TREE)
    return { kind: "rebuilt", treeSize: 0 }
  }
  if (head === undefined || (!identityBroken && !stateBroken)) return undefined
  const identity = await identityOf(head, context)
  if (identityBroken) await context.root.replace(IDENTITY_FILE, formatIdentity(identity))
  if (stateBroken) await writeTreeState(context.root, await rebuildTree(context, head, writerOf))
  return { kind: "rebuilt", treeSize: head.treeSize }
}

/** Who a log is, by the keys of this user that have signed its head: while a key takes over there are two. */
async function identityOf(head: Checkpoint, context: SealContext): Promise<Identity> {
  const { origin } = head
  const own = await ownVerifierKeys(origin, context.state, context.environment)
  if (own.length === 0) {
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      `the signing key of ${origin} is not here: run recover as the user who has it`,
    )
  }
  const { verified } = await openNote(head.note, own)
  const [verifierKey, former] = own.filter((key) => verified.some(({ keyId }) => keyId === parseVerifierKey(key).keyId))
  const since = new Date(context.nowMs()).toISOString()
  return {
    origin,
    verifierKey: verifierKey!,
    ...(former === undefined ? {} : { previous: { verifierKey: former, since } }),
  }
}

async function isBroken<T>(read: () => Promise<T>, isEmpty: (value: T) => boolean): Promise<boolean> {
  try {
    return isEmpty(await read())
  } catch (error) {
    if (error instanceof AuditError) return true
    throw error
  }
}

async function rebuildTree(context: SealContext, head: Checkpoint, writerOf: WriterOf): Promise<TreeState> {
  const root = await publishedRoot(context.blobs, head.treeSize)
  if (!equalBytes(root, fromBase64(head.rootHash)!)) {
    throw new AuditError(
      "LEDGER_CORRUPT",
      "the published tiles do not have the root of the checkpoint; restore them from a copy first",
    )
  }
  const writers = new Map<string, WriterPosition>()
  // A journal may still hold lines that went into a log which was set aside.
  for (const name of await predecessors(context)) {
    const aside: Published = { get: (path) => context.blobs.get(`${name}/${path}`) }
    const size = (await publishedHead(aside))?.treeSize ?? 0
    await passOver(aside, size, writerOf, writers).catch((error: unknown) => {
      if (!(error instanceof AuditError)) throw error
    })
  }
  await passOver(context.blobs, head.treeSize, writerOf, writers)
  return { size: head.treeSize, root, writers }
}

/** Directories of the logs that were set aside, oldest first. */
export async function predecessors({ root }: SealContext): Promise<string[]> {
  const numbers = (await root.names(".")).flatMap((name) => Number(/^predecessor-(\d{1,9})$/.exec(name)?.[1] ?? 0))
  return numbers
    .filter((number) => number > 0)
    .sort((a, b) => a - b)
    .map((number) => `predecessor-${number}`)
}

/** Each writer goes on behind its last entry in a tree. */
async function passOver(
  blobs: Published,
  treeSize: number,
  writerOf: WriterOf,
  writers: Map<string, WriterPosition>,
): Promise<void> {
  for (let bundle = await firstBundle(blobs); bundle * TILE_WIDTH < treeSize; bundle++) {
    for (const entry of await readBundle(blobs, bundle, treeSize)) {
      const writer = writerOf(entry)
      // Offsets are found again by reading from the start and passing over numbers that were taken.
      if (writer !== undefined) writers.set(writer.id, { next: writer.seq + 1, segment: 0, offset: 0 })
    }
  }
}

/**
 * How far the published log goes into each writer's journal. What only tree.json covers was never signed: unless the
 * successor takes it again, it is in neither log.
 */
export async function publishedPositions(
  { blobs }: SealContext,
  tree: TreeState,
  writerOf: WriterOf,
): Promise<TreeState["writers"]> {
  const writers = new Map(tree.writers)
  const headSize = (await publishedHead(blobs))?.treeSize ?? 0
  for (let bundle = Math.floor(headSize / TILE_WIDTH); bundle * TILE_WIDTH < tree.size; bundle++) {
    const entries = await readBundle(blobs, bundle, tree.size)
    for (const entry of entries.slice(Math.max(0, headSize - bundle * TILE_WIDTH))) {
      const { id, seq } = writerOf(entry) ?? { id: "", seq: Number.POSITIVE_INFINITY }
      if (seq < (writers.get(id)?.next ?? 0)) writers.set(id, { next: seq, segment: 0, offset: 0 })
    }
  }
  return writers
}
