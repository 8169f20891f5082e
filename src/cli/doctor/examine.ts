/**
 * An examination of a log and of what is around it. Reads only, and never opens what is not there.
 * @module
 */
import { AuditError } from "../../errors.ts"
import { takeSnapshot } from "../../query/index.ts"
import { errorCode } from "../../store/index.ts"
import { type Diagnosis, ok, type Patient, problem } from "./diagnosis.ts"
import { examineFiles } from "./files.ts"
import { examineJournals } from "./journals.ts"
import { examineKept } from "./kept.ts"
import { examineKeyChanges } from "./key-changes.ts"
import { examineKeys } from "./keys.ts"
import { examinePlatform } from "./platform.ts"
import { examineRecords } from "./records.ts"

/** Looks at everything, one thing after the other; what cannot be looked at is a problem of its own. */
export async function examine(
  patient: Patient,
  onProgress: (entries: number) => void = () => undefined,
): Promise<Diagnosis[]> {
  const steps: (readonly [string, () => Diagnosis[] | Promise<Diagnosis[]>])[] = [
    ["permissions", () => examineFiles(patient)],
    ["file_system", () => examinePlatform(patient)],
    ["key", () => examineKeys(patient)],
    ["rotation", () => examineKeyChanges(patient)],
    ["entries", () => examineLog(patient, onProgress)],
    ["payloads", () => examineKept(patient)],
  ]
  const found = [ok("log_directory", `the log is in ${patient.root.path}`)]
  for (const [check, step] of steps) found.push(...(await attempted(check, step)))
  return found
}

async function examineLog(patient: Patient, onProgress: (entries: number) => void): Promise<Diagnosis[]> {
  const snapshot = await takeSnapshot(patient.root)
  return [...(await examineJournals(patient, snapshot)), ...(await examineRecords(snapshot, patient.nowMs, onProgress))]
}

async function attempted(check: string, step: () => Diagnosis[] | Promise<Diagnosis[]>): Promise<Diagnosis[]> {
  try {
    return await step()
  } catch (error) {
    const code = errorCode(error)
    if (!(error instanceof AuditError) && !/^E[A-Z]+$/.test(code)) throw error
    const message = error instanceof AuditError ? error.message : `it cannot be looked at here (${code})`
    return [problem(check, message, "run this as the user who records, and secureml audit verify")]
  }
}
