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
  type SegmentInfo,
} from "../store/index.ts"
import { byWriter } from "./collect.ts"
import type { SealContext } from "./context.ts"
import { parseObject } from "./identity.ts"
import { readTreeState } from "./tree-state.ts"
import { OWNER_GONE_MS, type Writer } from "./writer.ts"

/** Most bytes of parts in memory at once, but for one line that is larger. */
const READ_BYTES = 8 * 1024 * 1024

/** The text of a part. */
export function formatPart(eventId: string, values: readonly Omit<Payload, "eventId">[]): string {
  return JSON.stringify({ event_id: eventId, values })
}

/** The payloads in a part; none when it is damaged. */
function parsePart(bytes: Uint8Array): Payload[] {
  const { event_id, values } = parseObject(utf8Text(bytes))
  if (typeof event_id !== "string" || !Array.isArray(values)) return []
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
      const moved = await moveSegment(context, segment, next, (payloads) => store.addAll(payloads))
      // Without a journal its writer is gone: what was not taken belongs to entries that were never recorded.
      if (moved || !alive.has(segment.writerId)) await removeMoved(context, own, segment)
    }
  } finally {
    store.close()
  }
}

/** Returns whether all of a segment's entries are in the tree. */
async function moveSegment(
  { parts }: SealContext,
  segment: SegmentInfo,
  next: number,
  add: (payloads: readonly Payload[]) => void,
): Promise<boolean> {
  for (let offset = 0; ; ) {
    const read = await parts.read(segment.name, offset, READ_BYTES)
    if (read === undefined) return true
    const taken = read.lines.filter(({ seq }) => seq < next)
    add(taken.flatMap(({ entry }) => parsePart(entry)))
    if (taken.length < read.lines.length) return false
    if (read.end !== "more") return true
    offset = read.endOffset
  }
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
  readonly #waiting: ReadonlyMap<string, readonly Payload[]>
  readonly #store: PayloadStore | undefined

  private constructor(waiting: ReadonlyMap<string, readonly Payload[]>, store: PayloadStore | undefined) {
    this.#waiting = waiting
    this.#store = store
  }

  /** Looks at the parts first: one that moves meanwhile is then found in the store. */
  static async open(root: RootDirectory): Promise<PayloadReader> {
    const waiting = new Map<string, Payload[]>()
    const parts = new LocalJournal(root, PARTS_DIRECTORY)
    for (const { name } of await parts.segments()) {
      for (let offset = 0; ; ) {
        const read = await parts.read(name, offset, READ_BYTES)
        for (const payload of (read?.lines ?? []).flatMap(({ entry }) => parsePart(entry))) {
          waiting.set(payload.eventId, [...(waiting.get(payload.eventId) ?? []), payload])
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
    return [...(this.#waiting.get(eventId) ?? []), ...stored]
  }

  close(): void {
    this.#store?.close()
  }
}
