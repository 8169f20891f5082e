/**
 * Erasing a person: what the log holds of them beside the tree is deleted, and the keys are destroyed with which copies of
 * it could be read. Every step can be repeated; an erasure that was cut off is finished by the next one.
 * What erasure is here and is not: docs/guides/personal-data.md.
 * @module
 */
import { randomBytes, randomUUID } from "node:crypto"
import { openLedger, recordAct } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import { type Actor, checkSubject } from "../event/index.ts"
import type { Environment, Erasure, Ledger } from "../ledger/index.ts"
import { commitmentOf } from "../privacy/index.ts"
import { PersonalReader } from "../query/index.ts"
import { findLogDirectory } from "../store/index.ts"

/** Why a person is erased, as a code: a reason in words could name them. */
export const ERASURE_REASONS = [
  "consent_withdrawn",
  "no_longer_needed",
  "objection",
  "unlawful_processing",
  "legal_obligation",
  "child_services",
  "consumer_request",
  "other",
] as const

/** One of {@link ERASURE_REASONS}. */
export type ErasureReason = (typeof ERASURE_REASONS)[number]

/** Whom to erase, and why. */
export interface EraseOptions {
  readonly logDir: string
  /** Identifier of the person, as it was given when values were recorded. */
  readonly subject: string
  readonly reason: ErasureReason
  /** Of the request that asked for it; must not say who the person is. */
  readonly requestId?: string
  /** Default: the user of the operating system. */
  readonly actor?: Actor
}

/** What an erasure did. */
export interface ErasureReport {
  /**
   * "nothing_held": the log has no values of this person; "pending": something was in the way, run it again.
   */
  readonly result: "erased" | "pending" | "nothing_held"
  readonly erasureId?: string
  /** Personal values deleted, and the events that they stood in. */
  readonly values: number
  readonly events: number
  /** The event that says it is done. */
  readonly completedBy?: string
  /** Copies that this package cannot reach, for whoever answers the person. */
  readonly outOfReach: readonly string[]
}

const OUT_OF_REACH = [
  "backups of the log directory and of the state directory made before",
  "values that readers printed, copied or exported elsewhere",
  "snapshots and freed blocks of the disk, and swapped memory",
]

/**
 * Erases a person: values, keys and links; the tree and every proof stay as they are.
 *
 * @throws TypeError, RangeError: names the field; nothing was changed.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`; `VAULT_MISSING`: nothing was changed; `SEALING_UNAVAILABLE`.
 * @example
 * ```ts
 * (await eraseSubject({ logDir, subject: "customer-17", reason: "consent_withdrawn", requestId: "r-204" })).result // "erased"
 * ```
 */
export async function eraseSubject(options: EraseOptions): Promise<ErasureReport> {
  const { logDir, requestId } = options
  checkErase(options)
  const root = findLogDirectory(logDir)
  if (root === undefined) throw new AuditError("LOG_DIR_UNREADABLE", `there is no log directory ${logDir}`)
  const ledger = openLedger(logDir, process.env)
  await resumeErasures(ledger, options.actor)
  // What waits in journals is sealed first, so that its parts are where they are looked for.
  await ledger.flush()
  const held = await heldOf(ledger, options.subject, process.env)
  if (held.keys.length === 0) return { result: "nothing_held", values: 0, events: 0, outOfReach: OUT_OF_REACH }
  const erasure: Erasure = {
    id: randomUUID(),
    ...held,
    late: [],
    request: {
      reason: options.reason,
      ...(requestId === undefined ? {} : { request_id: requestId }),
      salt: randomBytes(32).toString("base64"),
      started_at: new Date().toISOString(),
    },
  }
  await ledger.keepErasure(erasure)
  return finish(ledger, erasure, options.actor)
}

function checkErase({ subject, reason, requestId }: EraseOptions): void {
  checkSubject(subject, "subject")
  if (!ERASURE_REASONS.includes(reason)) throw new RangeError(`reason must be one of ${ERASURE_REASONS.join(", ")}`)
  if (requestId !== undefined && (typeof requestId !== "string" || requestId.trim() === ""))
    throw new TypeError("requestId must be a non-empty string")
  if (requestId?.includes(subject) === true)
    throw new RangeError("requestId must not hold the identifier of the person: it stays in the log")
}

/** The keys of a person, and every place where a value lies under one of them. */
async function heldOf(
  ledger: Ledger,
  subject: string,
  environment: Environment,
): Promise<Pick<Erasure, "keys" | "values">> {
  const reader = await PersonalReader.open(findLogDirectory(ledger.path)!, environment)
  try {
    reader.requireVault()
    return { keys: reader.keysOf(subject), values: Object.fromEntries(reader.placesOf(subject)) }
  } finally {
    reader.close()
  }
}

/** Finishes every erasure of a log that was begun; returns how many there were. */
export async function resumeErasures(ledger: Ledger, actor?: Actor): Promise<number> {
  const open = (await ledger.erasures()).filter(({ completedBy }) => completedBy === undefined)
  for (const erasure of open) await finish(ledger, erasure, actor)
  return open.length
}

async function finish(ledger: Ledger, erasure: Erasure, actor: Actor | undefined): Promise<ErasureReport> {
  const { id, request } = erasure
  const act = { logDir: ledger.path, operationName: "erasure", ...(actor === undefined ? {} : { actor }) }
  const said = { erasure_id: id, request_id: request["request_id"], reason: request["reason"] }
  recordAct({ ...act, eventType: "erasure_started", details: said })
  await ledger.flush()
  try {
    await ledger.applyErasures()
    // A writer that was in the middle of a call may have written since.
    await ledger.flush()
    await ledger.applyErasures()
  } catch (error) {
    if (!isBusy(error)) throw error
    return { result: "pending", erasureId: id, ...countsOf(erasure), outOfReach: OUT_OF_REACH }
  }
  const now = (await ledger.erasures()).find((one) => one.id === id) ?? erasure
  const counts = countsOf(now)
  const { eventId } = recordAct({ ...act, eventType: "erasure_completed", details: completed(now, counts, said) })
  await ledger.flush()
  await ledger.keepErasure({ ...now, completedBy: eventId })
  return { result: "erased", erasureId: id, ...counts, completedBy: eventId, outOfReach: OUT_OF_REACH }
}

/** Neither the person nor the events are named: who has the list can show that it is the one meant. */
function completed({ id, keys, values, request }: Erasure, counts: object, said: object): object {
  const salt = Buffer.from(String(request["salt"]), "base64")
  return {
    ...said,
    started_at: request["started_at"],
    ...counts,
    stores: ["parts", "payloads", "vault"],
    method: "deleted_and_keys_destroyed",
    // Random, and of nobody any more: a store that is restored from before is cleaned by them.
    destroyed_keys: keys,
    list_commitment: commitmentOf(salt, { eventId: id, pointer: "/values", json: JSON.stringify(values) }),
    out_of_reach: OUT_OF_REACH,
  }
}

/** Of an event that came late how many values it had is not known. */
function countsOf({ values, late }: Erasure): { values: number; events: number } {
  const places = [...Object.values(values), ...late.map(() => null)]
  return { values: places.reduce((sum, list) => sum + (list?.length ?? 1), 0), events: places.length }
}

/** Somebody reads the store just now. */
function isBusy(error: unknown): boolean {
  return /locked|busy/i.test(error instanceof Error ? error.message : "")
}
