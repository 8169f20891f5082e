/**
 * What a log holds of one person: for whoever answers a request for access (GDPR Art. 15, 45 CFR 164.528). Reads only.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import type { Environment } from "../ledger/index.ts"
import { findLogDirectory } from "../store/index.ts"
import { PersonalReader, revealed } from "./personal.ts"
import { streamRecords } from "./read.ts"

/** What a log holds of a person. */
export interface SubjectReport {
  /** When the report was made; ISO 8601, UTC. */
  readonly generatedAt: string
  /** Personal values of this person in them. */
  readonly values: number
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
  if (root === undefined) return { generatedAt, values: 0, records: [] }
  const found: AuditRecord[] = []
  for await (const record of streamRecords<string>({ subject }, logDir, environment))
    found.push(record as unknown as AuditRecord)
  const reader = await PersonalReader.open(root, environment)
  try {
    reader.requireVault()
    let values = 0
    const records = found.map((record) => {
      const states = reader.statesOf(record, subject)
      values += [...states.values()].filter(({ state }) => state === "present").length
      return revealed(record, states)
    })
    return { generatedAt, values, records }
  } finally {
    reader.close()
  }
}
