/**
 * One record by its event id or its place, sealed or not.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { AuditRecord } from "../event/index.ts"
import { findLogDirectory } from "../store/index.ts"
import { findSealed, prunedText } from "./read.ts"
import { takeSnapshot, tryParse } from "./snapshot.ts"

/**
 * Finds one record.
 *
 * @param event - The event's id, or its ledger index.
 * @throws {@link AuditError} `EVENT_NOT_FOUND`, `EVENT_PRUNED`.
 */
export async function findRecord(logDir: string, event: string | number): Promise<AuditRecord> {
  const root = findLogDirectory(logDir)
  let pruned = ""
  if (root !== undefined) {
    const snapshot = await takeSnapshot(root)
    pruned = prunedText(snapshot.pruning)
    const waiting = snapshot.tail.find(({ entry }) => entry.event_id === event)
    if (waiting !== undefined) return { ...waiting.entry, index: null, sealed: false }
    const place = await findSealed(snapshot, event, 0)
    const entry = place === undefined ? undefined : tryParse(place.bytes)
    if (entry !== undefined) return { ...entry, index: place!.index, sealed: true }
  }
  throw new AuditError(
    "EVENT_NOT_FOUND",
    `there is no event ${JSON.stringify(event)} in ${root?.path ?? logDir}${pruned}`,
  )
}
