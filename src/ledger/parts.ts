/**
 * Parts: large values of entries, kept beside the log under a commitment. A part waits in `.state/parts`, written
 * before its entry; once the entry is in the tree it moves to the payload store.
 * @module
 */
import { fromBase64, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  LocalJournal,
  LocalPayloads,
  PARTS_DIRECTORY,
  PAYLOADS_FILE,
  type Payload,
  type PayloadStore,
  type RootDirectory,
  type SealedPart,
  type SegmentInfo,
} from "../store/index.ts"
import { byWriter } from "./collect.ts"
import type { SealContext } from "./context.ts"
import { addLate, ERASURES, erasedKeys } from "./erasures.ts"
import { parseObject } from "./identity.ts"
import { readLists } from "./lists.ts"
import { readTreeState } from "./tree-state.ts"
import { OWNER_GONE_MS, type Writer } from "./writer.ts"

/** Most bytes of parts in memory at once, but for one line that is larger. */
const READ_BYTES = 8 * 1024 * 1024

/** What is kept beside one entry. */
export interface Part {
  readonly payloads: readonly Payload[]
  readonly sealed: readonly SealedPart[]
}

/** The text of a part. */
export function formatPart(
  eventId: string,
  values: readonly Omit<Payload, "eventId">[],
  sealed: readonly Omit<SealedPart, "eventId">[],
): string {
  const personal = sealed.map(({ keys, data }) => ({
    keys,
    data: Buffer.from(data.buffer, data.byteOffset, data.length).toString("base64"),
  }))
  return JSON.stringify({ event_id: eventId, values, ...(sealed.length === 0 ? {} : { personal }) })
}

/** What is in a part; nothing when it is damaged. */
export function parsePart(bytes: Uint8Array): Part {
  const { event_id, values, personal } = parseObject(utf8Text(bytes))
  if (typeof event_id !== "string" || !Array.isArray(values)) return { payloads: [], sealed: [] }
  return {
    payloads: parsePayloads(event_id, values),
    sealed: Array.isArray(personal) ? parseSealed(event_id, personal) : [],
  }
}

function parseSealed(eventId: string, list: readonly unknown[]): SealedPart[] {
  return list.flatMap((value) => {
    const { keys, data } = (value ?? {}) as Record<string, unknown>
    const areKeys = Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === "string")
    const bytes = typeof data === "string" ? fromBase64(data) : undefined
    return areKeys && bytes !== undefined ? [{ eventId, keys: keys as string[], data: bytes }] : []
  })
}

function parsePayloads(event_id: string, values: readonly unknown[]): Payload[] {
  return values.flatMap((value: unknown) => {
    const { pointer, salt, json } = (value ?? {}) as Record<string, unknown>
    const whole = typeof pointer === "string" && typeof salt === "string" && typeof json === "string"
    return whole && fromBase64(salt)?.length === 32 ? [{ eventId: event_id, pointer, salt, json }] : []
  })
}

/** Moves the parts of sealed entries to the payload store. Call it holding the mutex. */
export async function moveParts(context: SealContext, own: Writer): Promise<void> {
  own.retireParts()
  const segments = await context.parts.segments()
  if (segments.length === 0) return
  const { writers } = await readTreeState(context.root)
  const alive = new Set(byWriter(await context.journal.segments()).keys())
  const store = context.payloads()
  if (store === undefined) return
  try {
    for (const segment of segments) {
      const next = writers.get(segment.writerId)?.next ?? 0
      const moved = await moveSegment(context, segment, next, store)
      // Without a journal its writer is gone: what was not taken belongs to entries that were never recorded.
      if (moved || !alive.has(segment.writerId)) await removeMoved(context, own, segment)
    }
  } finally {
    store.close()
  }
}

/** Returns whether all of a segment's entries are in the tree. */
async function moveSegment(
  context: SealContext,
  segment: SegmentInfo,
  next: number,
  store: PayloadStore,
): Promise<boolean> {
  const { parts } = context
  for (let offset = 0; ; ) {
    const read = await parts.read(segment.name, offset, READ_BYTES)
    if (read === undefined) return true
    const taken = read.lines.filter(({ seq }) => seq < next)
    const moving = taken.map(({ entry }) => parsePart(entry))
    store.addAll(
      moving.flatMap(({ payloads }) => payloads),
      await withoutErased(
        context,
        moving.flatMap(({ sealed }) => sealed),
      ),
    )
    if (taken.length < read.lines.length) return false
    if (read.end !== "more") return true
    offset = read.endOffset
  }
}

/** A writer that was stopped in the middle of a call may add values under a key that was destroyed meanwhile. */
async function withoutErased(
  { root, vault }: SealContext,
  sealed: readonly SealedPart[],
): Promise<readonly SealedPart[]> {
  const keys = sealed.length === 0 ? undefined : vault()
  if (keys === undefined) return sealed
  const isErased = ({ keys: ids }: SealedPart): boolean => ids.some((id) => keys.isDestroyed(id))
  const erased = sealed.filter(isErased)
  if (erased.length === 0) return sealed
  await addLate(root, keys, erasedKeys(await readLists(root, ERASURES, keys)), erased)
  return sealed.filter((part) => !isErased(part))
}

async function removeMoved({ parts, nowMs }: SealContext, own: Writer, segment: SegmentInfo): Promise<void> {
  if (own.retiredParts.has(segment.name)) {
    if (await parts.release(segment.name, segment.sizeBytes)) own.forgetRetiredPart(segment.name)
  } else if (segment.writerId !== own.id && nowMs() - segment.changedMs > OWNER_GONE_MS) {
    if (segment.name.endsWith(".done")) await parts.release(segment.name, segment.sizeBytes)
    else await parts.markDone(segment.name)
  }
}

/** What SQLite says where a store cannot be read now, whatever is in it. */
const UNREADABLE = /disk I\/O error|unable to open|too many open files|locked|busy|out of memory/i

/** What a payload store gives; a damaged one, or a file in its place that is none, holds nothing. */
function fromStore<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    // Called missing, it would be a false alarm.
    if (error instanceof Error && UNREADABLE.test(error.message)) {
      const message = `${PAYLOADS_FILE} cannot be read now (${error.message}); try again, or check the disk`
      throw new AuditError("LOG_DIR_UNREADABLE", message, { cause: error })
    }
    // The commitments in the entries say what is missing.
    return undefined
  }
}

/** Reads payloads wherever they are by now. */
export class PayloadReader {
  readonly #waiting: ReadonlyMap<string, readonly Part[]>
  readonly #store: PayloadStore | undefined

  private constructor(waiting: ReadonlyMap<string, readonly Part[]>, store: PayloadStore | undefined) {
    this.#waiting = waiting
    this.#store = store
  }

  /** Looks at the parts first: one that moves meanwhile is then found in the store. */
  static async open(root: RootDirectory): Promise<PayloadReader> {
    const waiting = new Map<string, Part[]>()
    const parts = new LocalJournal(root, PARTS_DIRECTORY)
    for (const { name } of await parts.segments()) {
      for (let offset = 0; ; ) {
        const read = await parts.read(name, offset, READ_BYTES)
        for (const part of (read?.lines ?? []).map(({ entry }) => parsePart(entry))) {
          const eventId = (part.payloads[0] ?? part.sealed[0])?.eventId
          if (eventId !== undefined) waiting.set(eventId, [...(waiting.get(eventId) ?? []), part])
        }
        if (read?.end !== "more") break
        offset = read.endOffset
      }
    }
    return new PayloadReader(
      waiting,
      fromStore(() => LocalPayloads.open(root, false)),
    )
  }

  ofEvent(eventId: string): readonly Payload[] {
    const stored = fromStore(() => this.#store?.ofEvent(eventId)) ?? []
    return [...(this.#waiting.get(eventId) ?? []).flatMap(({ payloads }) => payloads), ...stored]
  }

  /** Personal values of an event, encrypted. */
  sealedOf(eventId: string): readonly SealedPart[] {
    const stored = fromStore(() => this.#store?.sealedOf(eventId)) ?? []
    return [...(this.#waiting.get(eventId) ?? []).flatMap(({ sealed }) => sealed), ...stored]
  }

  /** Those that need one of some keys; one that moved meanwhile may come twice. */
  sealedUnder(keys: readonly string[]): readonly SealedPart[] {
    const stored = fromStore(() => this.#store?.sealedUnder(keys)) ?? []
    const waiting = [...this.#waiting.values()].flat().flatMap(({ sealed }) => sealed)
    return [...waiting.filter((part) => part.keys.some((key) => keys.includes(key))), ...stored]
  }

  close(): void {
    this.#store?.close()
  }
}
