/**
 * Deleting personal values: the lines of parts that hold them are overwritten where they lie, and the rows of the payload
 * store. Can be done again at any time, and is, since a writer may have been in the middle of a call.
 * @module
 */
import { utf8 } from "../bytes.ts"
import { formatLine, type SegmentInfo } from "../store/index.ts"
import type { SealContext } from "./context.ts"
import { addErased, erasedKeys, readErasures, shareErasures } from "./erasures.ts"
import { formatPart, moveParts, parsePart } from "./parts.ts"
import type { Writer } from "./writer.ts"

const READ_BYTES = 8 * 1024 * 1024

/**
 * Deletes everything that needs one of the keys which erasures have named, and destroys the keys. Call it holding the
 * mutex.
 * @returns How many parts there were.
 */
export async function applyErasures(context: SealContext, own: Writer | undefined): Promise<number> {
  if (!context.keepsPersonal()) return 0
  const vault = context.vault()
  const erasures = vault === undefined ? await readErasures(context.root) : await shareErasures(context.root, vault)
  const erased = erasedKeys(erasures)
  // A store that was restored from before may hold values whose keys were destroyed since.
  const keys = new Set([...erased.keys(), ...(vault?.destroyed() ?? [])])
  if (keys.size === 0) return 0
  if (own !== undefined) await moveParts(context, own)
  let count = 0
  const late = new Map<string, string[]>()
  for (const segment of await context.parts.segments()) {
    for (const { eventId, key } of await eraseIn(context, segment, keys)) {
      count += 1
      const id = erased.get(key)
      if (id !== undefined) late.set(id, [...(late.get(id) ?? []), eventId])
    }
  }
  for (const [id, events] of late) await addErased(context.root, id, events)
  for (const store of [context.payloads(), ...context.payloadsAside()]) {
    try {
      count += store?.deleteUnder([...keys]) ?? 0
    } finally {
      store?.close()
    }
  }
  vault?.destroy([...erased.keys()])
  return count
}

/** Overwrites what needs one of the keys in a segment. Returns the events, and the key that each needed. */
async function eraseIn(
  { parts }: SealContext,
  { name }: SegmentInfo,
  keys: ReadonlySet<string>,
): Promise<{ eventId: string; key: string }[]> {
  const found: { eventId: string; key: string }[] = []
  for (let offset = 0; ; ) {
    const read = await parts.read(name, offset, READ_BYTES)
    if (read === undefined) return found
    for (const { seq, entry, endOffset } of read.lines) {
      const { payloads, sealed } = parsePart(entry)
      const gone = sealed.filter((part) => part.keys.some((key) => keys.has(key)))
      if (gone.length === 0) continue
      const { eventId } = gone[0]!
      const left = formatPart(
        eventId,
        payloads.map(({ pointer, salt, json }) => ({ pointer, salt, json })),
        sealed.filter((part) => !gone.includes(part)),
      )
      const blanks = " ".repeat(entry.length - utf8(left).length)
      const line = utf8(formatLine(seq, left + blanks))
      await parts.overwrite(name, endOffset - line.length, line)
      for (const part of gone) found.push({ eventId, key: part.keys.find((key) => keys.has(key))! })
    }
    if (read.end !== "more") return found
    offset = read.endOffset
  }
}
