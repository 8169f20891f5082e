/**
 * Deleting personal values: the lines of parts that hold them are overwritten where they lie, and the rows of the payload
 * store. Can be done again at any time, and is, since a writer may have been in the middle of a call.
 * @module
 */
import { utf8 } from "../bytes.ts"
import { formatLineBytes, type Journal, type SealedPart } from "../store/index.ts"
import type { SealContext } from "./context.ts"
import { addLate, ERASURES, erasedKeys } from "./erasures.ts"
import { shareLists } from "./lists.ts"
import { formatPart, moveParts, parsePart } from "./parts.ts"
import { RESTRICTIONS } from "./restrictions.ts"
import type { Writer } from "./writer.ts"

const READ_BYTES = 8 * 1024 * 1024

/** A line of parts without what is to be erased, and where it goes. */
interface Blanked {
  readonly segment: string
  readonly offset: number
  readonly line: Uint8Array
}

/**
 * Deletes everything that needs one of the keys which erasures have named, and destroys the keys. Call it holding the
 * mutex.
 */
export async function applyErasures(context: SealContext, own: Writer): Promise<void> {
  if (!context.keepsPersonal()) return
  const vault = context.vault()
  // Without it nobody can tell whether a list is one.
  if (vault === undefined) return
  const { root } = context
  // A vault that was restored from before has keys without the mark, which new ones would inherit.
  for (const { keys, liftedBy } of await shareLists(root, vault, RESTRICTIONS))
    if (liftedBy === undefined) vault.restrict(keys, true)
  const erased = erasedKeys(await shareLists(root, vault, ERASURES))
  // A store that was restored from before may hold values whose keys were destroyed since.
  const keys = [...new Set([...erased.keys(), ...vault.destroyed()])]
  if (keys.length === 0) return
  await moveParts(context, own)
  const { found, blanked } = await waitingUnder(context, new Set(keys))
  // First the lists: a value that is gone must never be one that no list names.
  await addLate(root, vault, erased, found)
  for (const store of [context.payloads(), ...context.payloadsAside()]) {
    if (store === undefined) continue
    try {
      await addLate(root, vault, erased, store.sealedUnder(keys))
      store.deleteUnder(keys)
    } finally {
      store.close()
    }
  }
  for (const { segment, offset, line } of blanked) await context.parts.overwrite(segment, offset, line)
  vault.destroy([...erased.keys()])
}

/** Puts other parts in the place of those in the store that need one of some keys. Call it holding the mutex. */
export async function rewrapParts(
  context: SealContext,
  own: Writer,
  keys: readonly string[],
  rewrap: (part: SealedPart) => SealedPart | undefined,
): Promise<void> {
  await moveParts(context, own)
  const store = context.payloads()
  if (store === undefined) return
  try {
    const pairs = store.sealedUnder(keys).flatMap((part) => {
      const by = rewrap(part)
      return by === undefined ? [] : [{ part, by }]
    })
    store.replaceAll(pairs)
  } finally {
    store.close()
  }
}

/** What waits in parts and needs one of the keys, and the lines without it: of the same length, so that they fit. */
async function waitingUnder(
  { parts }: SealContext,
  keys: ReadonlySet<string>,
): Promise<{ found: SealedPart[]; blanked: Blanked[] }> {
  const found: SealedPart[] = []
  const blanked: Blanked[] = []
  for (const { name } of await parts.segments()) {
    for (let offset = 0; ; ) {
      const read = await parts.read(name, offset, READ_BYTES)
      for (const { seq, entry, endOffset } of read?.lines ?? []) {
        const { payloads, sealed } = parsePart(entry)
        const gone = sealed.filter((part) => part.keys.some((key) => keys.has(key)))
        if (gone.length === 0) continue
        const left = formatPart(
          gone[0]!.eventId,
          payloads.map(({ pointer, salt, json }) => ({ pointer, salt, json })),
          sealed.filter((part) => !gone.includes(part)),
        )
        const line = formatLineBytes(seq, left + " ".repeat(entry.length - utf8(left).length))
        found.push(...gone)
        blanked.push({ segment: name, offset: endOffset - line.length, line })
      }
      if (read?.end !== "more") break
      offset = read.endOffset
    }
  }
  return { found, blanked }
}

/** Overwrites what waits in parts for some events: a sealer would move it into the store again. Nobody may seal meanwhile. */
export async function blankParts(parts: Journal, eventIds: ReadonlySet<string>): Promise<void> {
  for (const { name } of await parts.segments()) {
    for (let offset = 0; ; ) {
      const read = await parts.read(name, offset, READ_BYTES)
      for (const { seq, entry, endOffset } of read?.lines ?? []) {
        const { payloads, sealed } = parsePart(entry)
        const eventId = (payloads[0] ?? sealed[0])?.eventId
        if (eventId === undefined || !eventIds.has(eventId)) continue
        const line = formatLineBytes(seq, `{}${" ".repeat(entry.length - 2)}`)
        await parts.overwrite(name, endOffset - line.length, line)
      }
      if (read?.end !== "more") break
      offset = read.endOffset
    }
  }
}
