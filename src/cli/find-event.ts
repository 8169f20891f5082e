/**
 * One event by its id or its ledger index, with the exact bytes that were logged. Reads only.
 * @module
 */
import { Argument, InvalidArgumentError } from "commander"
import { AuditError } from "../errors.ts"
import { readBundle } from "../ledger/index.ts"
import { TILE_WIDTH } from "../proof/index.ts"
import { prove, takeSnapshot } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"

/** An event id, or a ledger index. */
export type EventName = string | number

/** An entry and its place; null while it is not sealed. */
export interface FoundEvent {
  readonly bytes: Uint8Array
  readonly index: number | null
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
  const { tail, treeSize, blobs } = await takeSnapshot(root)
  const waiting = tail.find(({ entry }) => entry.event_id === event)
  if (waiting !== undefined) return { bytes: waiting.bytes, index: null }
  if (typeof event === "number" && event >= treeSize) {
    throw new AuditError(
      "EVENT_NOT_FOUND",
      `there is no entry ${event} in ${root.path}: it has ${treeSize} sealed entries, counted from 0`,
    )
  }
  const { index, treeSize: provenSize } = await prove({ logDir: root.path, eventId: event })
  const bundle = await readBundle(blobs, Math.floor(index / TILE_WIDTH), provenSize)
  return { bytes: bundle[index % TILE_WIDTH]!, index }
}
