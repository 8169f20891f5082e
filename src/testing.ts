/**
 * The testing door: trails in a temporary directory with a throw-away key, and checks on what was audited.
 * Works under Vitest, Jest and node:test; leaves no open handle and nothing in the user's home.
 * @module
 */
import { AssertionError } from "node:assert"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AuditTrail, openLedger, type TrailOptions } from "./capture/index.ts"
import type { AuditRecord } from "./event/index.ts"
import { closeLedgersUnder, type Redirection, redirectTrails } from "./ledger/index.ts"
import { streamRecords, type VerificationReport, verifyLog } from "./query/index.ts"

export {
  type BlobStore,
  blobStoreConformance,
  type ConformanceCase,
  type Journal,
  journalConformance,
  type Mutex,
  mutexConformance,
} from "./store/index.ts"

/** A trail for a test, and what belongs to it. */
export interface TestTrail {
  readonly audit: AuditTrail
  /** Temporary log directory. */
  readonly logDir: string
  /** Temporary state directory with the throw-away key. */
  readonly stateDir: string
  /** What was recorded so far, sealed or not. */
  records(): Promise<AuditRecord[]>
  /** Verifies the log under the throw-away key. */
  verify(): Promise<VerificationReport>
  /** Closes the trail, waits for its seal, and removes both directories. */
  cleanup(): Promise<void>
}

/**
 * Makes a trail whose log and key live in a temporary directory.
 *
 * @example
 * ```ts
 * const { audit, records, cleanup } = createTestTrail()
 * audit.logEvent("model_deployed", { model_id: "m1" })
 * assertAudited(await records(), { event_type: "model_deployed" })
 * await cleanup()
 * ```
 */
export function createTestTrail(operationName: string = "test", options: Omit<TrailOptions, "logDir"> = {}): TestTrail {
  const place = makePlace()
  const { logDir } = place
  openLedger(logDir, place.environment)
  const audit = new AuditTrail(operationName, { ...options, logDir })
  return {
    audit,
    logDir,
    stateDir: place.stateDir,
    records: () => recordsIn(logDir),
    verify: () => verifyLog({ logDir }, place.environment),
    cleanup: async () => {
      await audit.close()
      await removePlace(place)
    },
  }
}

/**
 * Runs code and returns what it audited: every trail that it opens goes to a temporary place, whatever log directory
 * it asks for, and reads without a `logDir` look there too. Trails opened before are not redirected.
 *
 * @throws whatever the code throws.
 * @example
 * ```ts
 * const records = await collectAuditEvents(() => trainModel(data))
 * records.map((record) => record.event_type) // ["audit_started", "model_training", "audit_closed"]
 * ```
 */
export async function collectAuditEvents(run: () => unknown): Promise<AuditRecord[]> {
  const place = makePlace()
  try {
    openLedger(place.logDir, place.environment)
    await redirectTrails(place, async () => run())
    return await recordsIn(place.logDir)
  } finally {
    await removePlace(place)
  }
}

/** A part of a record: every key given must be there with an equal value, or one that holds the part given. */
export type AuditPattern = { readonly [key: string]: unknown }

/**
 * Checks that a record matching a pattern is there, and returns it.
 *
 * @throws `AssertionError`: names the event types that are there.
 * @example
 * ```ts
 * assertAudited(records, { event_type: "data_access", details: { dataset_name: "patients" } }).sequence // 1
 * ```
 */
export function assertAudited(records: readonly AuditRecord[], pattern: AuditPattern): AuditRecord {
  const found = records.find((record) => holds(record, pattern))
  if (found !== undefined) return found
  const message = `no audit record matches ${JSON.stringify(pattern)}; there are: ${records.map(({ event_type }) => event_type).join(", ") || "none"}`
  throw new AssertionError({ message, actual: records, expected: pattern, operator: "assertAudited" })
}

function holds(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null) return Object.is(actual, expected)
  if (typeof actual !== "object" || actual === null || Array.isArray(actual) !== Array.isArray(expected)) return false
  if (Array.isArray(expected) && expected.length !== (actual as unknown[]).length) return false
  return Object.entries(expected).every(([key, value]) => holds((actual as Record<string, unknown>)[key], value))
}

interface Place extends Redirection {
  readonly directory: string
  readonly stateDir: string
}

function makePlace(): Place {
  const directory = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "secureml-test-")))
  const stateDir = join(directory, "state")
  return { directory, stateDir, logDir: join(directory, "log"), environment: { SECUREML_STATE_DIR: stateDir } }
}

async function removePlace({ directory }: Place): Promise<void> {
  await closeLedgersUnder(directory)
  fs.rmSync(directory, { recursive: true, force: true })
}

async function recordsIn(logDir: string): Promise<AuditRecord[]> {
  const records: AuditRecord[] = []
  // Not through a public function: a test that looks must not add to what it looks at.
  for await (const record of streamRecords({}, logDir)) records.push(record as AuditRecord)
  return records
}
