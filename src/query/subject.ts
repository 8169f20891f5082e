/**
 * What a log holds of one person: for whoever answers a request for access (GDPR Art. 15, 45 CFR 164.528). Reads only.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import type { Environment } from "../ledger/index.ts"
import { findLogDirectory } from "../store/index.ts"
import { CORRECTION_TYPE, correctionsBy, mayHaveCorrections, withCorrections } from "./corrections.ts"
import { PersonalReader, type RestrictedBy, revealed } from "./personal.ts"
import { streamRecords } from "./read.ts"

/** A value of the person that is not to be used: nobody but them gets it. */
export interface RestrictedValue extends RestrictedBy {
  readonly eventId: string
  /** RFC 6901 pointer inside the entry. */
  readonly pointer: string
}

/** What a log holds of a person. */
export interface SubjectReport {
  /** When the report was made; ISO 8601, UTC. */
  readonly generatedAt: string
  /** Personal values of this person in them. */
  readonly values: number
  /** Those of them that are not to be used, because they were restricted, or had to stay when the person was erased. */
  readonly restricted: readonly RestrictedValue[]
  /**
   * The events that hold values of this person, with these in their places. Values of others stay markers; what was
   * not declared personal is there as it was logged.
   */
  readonly records: readonly AuditRecord[]
}

/** @throws {@link AuditError} `VAULT_MISSING` where the log has personal values and the keys are not here. */
export async function subjectReportOf(
  logDir: string,
  subject: string,
  environment: Environment,
): Promise<SubjectReport> {
  const root = findLogDirectory(logDir)
  const generatedAt = new Date().toISOString()
  if (root === undefined) return { generatedAt, values: 0, restricted: [], records: [] }
  const found: AuditRecord[] = []
  for await (const record of streamRecords<string>({ subject }, logDir, environment))
    found.push(record as unknown as AuditRecord)
  const correcting: AuditRecord[] = []
  if (mayHaveCorrections(root))
    for await (const record of streamRecords<string>({ eventType: CORRECTION_TYPE }, logDir, environment))
      correcting.push(record as unknown as AuditRecord)
  const reader = await PersonalReader.open(root, environment)
  try {
    reader.requireVault()
    let values = 0
    const restricted: RestrictedValue[] = []
    const records = found.map((record) => {
      const states = reader.statesOf(record, subject)
      for (const [pointer, state] of states) {
        if (state.state === "present" || state.state === "restricted") values += 1
        if (state.state !== "restricted") continue
        const { value: _, state: __, ...why } = state
        restricted.push({ eventId: record.event_id, pointer, ...why })
      }
      return revealed(record, states, true)
    })
    // Also of what was not declared personal in their events.
    const corrections = correctionsBy(
      correcting.map((record) => revealed(record, reader.statesOf(record, subject), true)),
    )
    return { generatedAt, values, restricted, records: records.map((record) => withCorrections(record, corrections)) }
  } finally {
    reader.close()
  }
}
