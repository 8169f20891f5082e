/**
 * Corrections: which events of a log were corrected, and how. They are events themselves; a file in the private state says
 * only that it is worth looking for them. Reads, and writes that file.
 * @module
 */
import { utf8 } from "../bytes.ts"
import type { AuditRecord, Correction } from "../event/index.ts"
import { CORRECTED_FILE, errorCode, type RootDirectory } from "../store/index.ts"

/** The type of the events that correct others. */
export const CORRECTION_TYPE = "correction_recorded"

/** Once resolved readers look for corrections, power loss or not. */
export async function noteCorrections(root: RootDirectory): Promise<void> {
  await root.create(CORRECTED_FILE, utf8(`${JSON.stringify({ v: 1 })}\n`))
}

/** Whether a log may have corrections, as far as its private state says. */
export function mayHaveCorrections(root: RootDirectory): boolean {
  try {
    return root.readNow(CORRECTED_FILE) !== undefined
  } catch (error) {
    // Who may not read the private state does not learn of it there.
    if (["EACCES", "EPERM"].includes(errorCode(error))) return false
    throw error
  }
}

/** Corrections by the event that they correct, in ledger order. */
export function correctionsBy(records: readonly AuditRecord[]): ReadonlyMap<string, readonly Correction[]> {
  const found = new Map<string, Correction[]>()
  for (const { event_id: by, timestamp: at, details } of records) {
    const { corrects, pointer, value, reason } = details
    if (typeof corrects !== "string" || typeof pointer !== "string" || value === undefined) continue
    const known = found.get(corrects) ?? []
    found.set(corrects, known)
    known.push({ by, at, pointer, value, reason: typeof reason === "string" ? reason : "other" })
  }
  return found
}

/** A record with what was said later of values in it. */
export function withCorrections(
  record: AuditRecord,
  corrections: ReadonlyMap<string, readonly Correction[]>,
): AuditRecord {
  const found = corrections.get(record.event_id)
  return found === undefined ? record : { ...record, corrections: found }
}
