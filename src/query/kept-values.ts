/**
 * Values kept beside the log because they were too large for their entry: found, and checked against the commitment
 * that the entry carries.
 * @module
 */
import { fromBase64 } from "../bytes.ts"
import type { AuditEntry, JsonValue } from "../event/index.ts"
import { PayloadReader } from "../ledger/index.ts"
import { opensCommitment } from "../privacy/index.ts"
import { findLogDirectory, type RootDirectory } from "../store/index.ts"
import { expiryOf, readExpiries } from "./expiries.ts"
import { findRecord } from "./find.ts"
import type { Finding } from "./findings.ts"
import { type Marker, markersOf } from "./markers.ts"

/** One value kept, and what became of it. */
export interface KeptValue {
  /** RFC 6901 pointer inside `details`. */
  readonly pointer: string
  /**
   * "expired": it was not to be kept for longer; "missing": it is not there; "damaged": what is there does not open the
   * commitment.
   */
  readonly state: "present" | "expired" | "missing" | "damaged"
  /** Of one that expired: the event that says so. */
  readonly by?: string
  /** The value as it was encoded; only when present. */
  readonly value?: JsonValue
}

/** Bytes without which an entry cannot hold a marker. */
export const KEPT_MARKER: Buffer = Buffer.from('{"$secureml":"kept"')

/**
 * The values of an event that `keepLarge` kept.
 *
 * @throws {@link AuditError} `EVENT_NOT_FOUND`.
 */
export async function keptValuesOf(logDir: string, eventId: string): Promise<KeptValue[]> {
  const record = await findRecord(logDir, eventId)
  const root = findLogDirectory(logDir)!
  const reader = await PayloadReader.open(root)
  try {
    const values = markersIn(record.details).map((marker) => readMarker(reader, eventId, marker))
    // Read after the values: what goes is told before it goes.
    const by = expiryOf(await readExpiries(root), record)?.by
    return values.map((value) =>
      value.state === "missing" && by !== undefined ? { ...value, state: "expired", by } : value,
    )
  } finally {
    reader.close()
  }
}

/** Findings on the kept values of some entries. */
export async function checkKeptValues(
  root: RootDirectory,
  entries: ReadonlyMap<number, AuditEntry>,
): Promise<Finding[]> {
  if (entries.size === 0) return []
  const findings: Finding[] = []
  const reader = await PayloadReader.open(root)
  try {
    for (const [index, entry] of entries) {
      for (const marker of markersIn(entry.details)) {
        const { state } = readMarker(reader, entry.event_id, marker)
        if (state === "present") continue
        if (state === "missing" && expiryOf(await readExpiries(root), entry) !== undefined) continue
        const message = `the value kept for entry ${index} at ${marker.pointer} is ${state}`
        findings.push({ code: `payload_${state}`, verdict: "payload_damaged", message, index })
      }
    }
  } finally {
    reader.close()
  }
  return findings
}

function readMarker(reader: PayloadReader, eventId: string, { pointer, commitment }: Marker): KeptValue {
  const payloads = reader.ofEvent(eventId).filter((payload) => payload.pointer === pointer)
  if (payloads.length === 0) return { pointer, state: "missing" }
  const whole = payloads.find(({ salt, json }) =>
    opensCommitment(commitment, fromBase64(salt) ?? new Uint8Array(0), { eventId, pointer, json }),
  )
  if (whole === undefined) return { pointer, state: "damaged" }
  return { pointer, state: "present", value: JSON.parse(whole.json) as JsonValue }
}

/** Whether an entry has values that were kept because they were too large. */
export function holdsKept({ details }: AuditEntry): boolean {
  return markersIn(details).length > 0
}

function markersIn(details: JsonValue): Marker[] {
  return markersOf("kept", [{ value: details, pointer: "" }])
}
