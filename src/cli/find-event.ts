/**
 * One event by its id or its ledger index, with the exact bytes that were logged. Reads only.
 * @module
 */
import { Argument, InvalidArgumentError } from "commander"
import { AuditError } from "../errors.ts"
import { findSealed, prunedText, redactedBy, takeSnapshot } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"

/** An event id, or a ledger index. */
export type EventName = string | number

/** An entry and its place; null while it is not sealed. */
export interface FoundEvent {
  readonly bytes: Uint8Array
  readonly index: number | null
  /** The entry was redacted: index of the event that says so. The bytes stand in its place. */
  readonly redactedBy?: number
}

/** The argument of the commands that are about one event. */
export function eventArgument(): Argument {
  return new Argument("<event-id|index>", "id of an event, or its index in the ledger (from 0)").argParser(
    parseEventName,
  )
}

/** An event as it is typed: an id, or an index. */
export function parseEventName(text: string): EventName {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text.toLowerCase()
  throw new InvalidArgumentError("It must be an event id (a UUID, as list --json shows it) or a ledger index.")
}

/**
 * Finds an event, sealed or not.
 * @throws {@link AuditError} `EVENT_NOT_FOUND`; `LEDGER_CORRUPT` and others when its place cannot be read.
 */
export async function findEvent(root: RootDirectory, event: EventName): Promise<FoundEvent> {
  const snapshot = await takeSnapshot(root)
  const { tail, treeSize, blobs, pruning } = snapshot
  const waiting = tail.find(({ entry }) => entry.event_id === event)
  if (waiting !== undefined) return { bytes: waiting.bytes, index: null }
  if (typeof event === "number" && event >= treeSize) {
    throw new AuditError(
      "EVENT_NOT_FOUND",
      `there is no entry ${event} in ${root.path}: it has ${treeSize} sealed entries, counted from 0`,
    )
  }
  const place = await findSealed(snapshot, event, 0)
  if (place === undefined) {
    const message = `there is no event ${JSON.stringify(event)} in ${root.path}${prunedText(pruning)}`
    throw new AuditError("EVENT_NOT_FOUND", message)
  }
  const by = await redactedBy(blobs, place, treeSize)
  return { bytes: place.bytes, index: place.index, ...(by === undefined ? {} : { redactedBy: by }) }
}
