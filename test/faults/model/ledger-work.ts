/**
 * What processes do with the ledger, as its schedule and its recovery command do it.
 * @module
 */
import { clock } from "./clock.ts"
import type { Writer, WriterMark } from "./engine.ts"
import {
  locked,
  nextInTree,
  type Recovery,
  recoverLocked,
  type SealContext,
  type Sealed,
  seal,
  tidy,
} from "./engine.ts"
import { factsOf } from "./published-log.ts"

/** Somebody else holds the lock. */
export const LOCKED = "locked"

/** The text of an entry. */
export function entryText(id: string, { id: writer, seq, continues }: WriterMark, extra: object = {}): string {
  return JSON.stringify({
    id,
    t: new Date(clock.wallMs).toISOString(),
    writer: { id: writer, seq, continues },
    ...extra,
  })
}

/** A seal, and the housekeeping that follows it. */
export async function sealAndTidy(context: SealContext, own: Writer, align: boolean): Promise<Sealed | typeof LOCKED> {
  const sealed = await seal(context, { align })
  if (sealed === undefined) return LOCKED
  for (const [id, count] of own.given) {
    if (id !== own.id && (sealed.tree.writers.get(id)?.next ?? 0) >= count) own.confirm(id)
  }
  await keepHouse(context, own, sealed.oldSize)
  return sealed
}

/** Housekeeping alone. */
export async function keepHouse(context: SealContext, own: Writer, oldSize: number): Promise<unknown> {
  return locked(context, () => tidy(context, own, oldSize))
}

/** Seals all that this process recorded; what is missing from the journal is written again from the open file. */
export async function flush(context: SealContext, own: Writer): Promise<Sealed | typeof LOCKED> {
  const given = own.given
  const sealed = await sealAndTidy(context, own, false)
  if (sealed === LOCKED || !(await isMissing(context, own, given, sealed))) return sealed
  own.rescue(await taken(context, own.id, sealed))
  return sealAndTidy(context, own, false)
}

/** Something that this process recorded is not in the tree. */
async function isMissing(
  context: SealContext,
  own: Writer,
  given: ReadonlyMap<string, number>,
  sealed: Sealed,
): Promise<boolean> {
  for (const [id, count] of given) {
    if ((await taken(context, id, sealed)) < count) return true
    if (!sealed.tree.writers.has(id)) own.leave(id, count)
  }
  return false
}

/** How many numbers of a writer are in the tree; where its row is gone, the tree itself knows. */
async function taken({ blobs }: SealContext, id: string, { tree }: Sealed): Promise<number> {
  return tree.writers.get(id)?.next ?? nextInTree(blobs, tree.size, id, writerOf)
}

function writerOf(entry: Uint8Array): { id: string; seq: number } {
  const { writerId, seq } = factsOf(Buffer.from(entry).toString())
  return { id: writerId, seq }
}

/** Recovers as an operator does; an entry tells of it. */
export async function recover(context: SealContext, id: string): Promise<Recovery["kind"] | typeof LOCKED> {
  const tell = ({ kind, ...recovery }: Recovery, mark: WriterMark): string =>
    entryText(id, mark, { recovery: { kind, writers: "writers" in recovery ? recovery.writers : {} } })
  const done = await locked(context, () => recoverLocked(context, writerOf, tell))
  return done?.recovery.kind ?? LOCKED
}
