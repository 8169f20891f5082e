/**
 * Correction (GDPR Art. 16, 45 CFR 164.526): the entry stays as it was logged, and an event beside it says what is right.
 * Readers get both.
 * @module
 */
import { openLedger, recordAct } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import { type Actor, type AuditRecord, personal } from "../event/index.ts"
import { noteCorrections, PersonalReader, readEvents } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"
import { requireRoot } from "./lock.ts"
import { checkPerson, checkRequestId } from "./person.ts"

/** Why a value is corrected, as a code. */
export const CORRECTION_REASONS = ["inaccurate", "incomplete", "outdated", "other"] as const

/** What is wrong, and what is right. */
export interface CorrectOptions {
  readonly logDir: string
  readonly eventId: string
  /** RFC 6901 pointer of the value inside the entry, such as "/details/income". */
  readonly pointer: string
  /** What it should be. With `subject` it is a personal value of theirs. */
  readonly value: unknown
  /** The person whose value it is; must be given where the value that is corrected is a personal one. */
  readonly subject?: string
  readonly reason: (typeof CORRECTION_REASONS)[number]
  /** Of the request that asked for it; must not say who the person is. */
  readonly requestId?: string
  /** Default: the user of the operating system. */
  readonly actor?: Actor
}

/** What was recorded. */
export interface CorrectionReport {
  readonly eventId: string
  readonly corrects: string
  readonly pointer: string
}

/**
 * Records what a value of an earlier event should be. Readers show it as `corrections` of that event's record.
 *
 * @throws TypeError, RangeError: names the field; nothing was recorded.
 * @throws {@link AuditError} `EVENT_NOT_FOUND`; `LOG_DIR_UNREADABLE`, `VAULT_MISSING`, `SEALING_UNAVAILABLE`.
 * @example
 * ```ts
 * await correctEvent({ logDir, eventId, pointer: "/details/income", value: 43_000, subject: "customer-17", reason: "inaccurate" })
 * // { eventId: "019ac…", corrects: "019ab…", pointer: "/details/income" }
 * ```
 */
export async function correctEvent(given: CorrectOptions): Promise<CorrectionReport> {
  const options = { ...given }
  const { eventId: corrects, pointer, value, subject, reason, requestId, actor } = options
  if (!CORRECTION_REASONS.includes(reason))
    throw new RangeError(`reason must be one of ${CORRECTION_REASONS.join(", ")}`)
  if (value === undefined) throw new TypeError("value must say what is right; null where there is none")
  if (subject === undefined) checkRequestId(requestId)
  else checkPerson({ subject, requestId, actor })
  const root = requireRoot(options.logDir)
  await checkPlace(root, options)
  const details = {
    corrects,
    pointer,
    value: subject === undefined ? value : personal(value, { subject }),
    reason,
    request_id: requestId,
  }
  // Readers who know of no correction do not look for one.
  await noteCorrections(root)
  const act = { logDir: root.path, operationName: "correction", ...(actor === undefined ? {} : { actor }) }
  const { eventId } = recordAct({ ...act, eventType: "correction_recorded", details })
  await openLedger(root.path, process.env).flush()
  return { eventId, corrects, pointer }
}

/** Whether there is such a value, and it may be corrected for this person. */
async function checkPlace(root: RootDirectory, { eventId, pointer, subject }: CorrectOptions): Promise<void> {
  const record = await eventOf(root, eventId)
  if (typeof pointer !== "string" || !pointer.startsWith("/details/"))
    throw new TypeError('pointer must lead into the details, such as "/details/income"')
  const reader = await PersonalReader.open(root, process.env)
  try {
    const states = reader.statesOf(record)
    const state = states.get(pointer)
    // A whole that has a personal part, or a piece of a marker: what is right would stand in the log in clear.
    const near = [...states.keys()].find((one) => one.startsWith(`${pointer}/`) || pointer.startsWith(`${one}/`))
    if (near !== undefined) throw new RangeError(`pointer must lead to the personal value itself: ${near}`)
    if (state === undefined && !isThere(record, pointer))
      throw new RangeError(`pointer leads nowhere in event ${eventId}: there is nothing at ${pointer}`)
    if (state === undefined) return
    if (subject === undefined)
      throw new TypeError(`subject must name the person: the value at ${pointer} is a personal one`)
    reader.requireVault()
    const own = reader.statesOf(record, subject).get(pointer)?.state
    if (own !== "present" && own !== "restricted")
      throw new RangeError(`the value at ${pointer} is none that the log holds of this person (${state.state})`)
  } finally {
    reader.close()
  }
}

async function eventOf(root: RootDirectory, eventId: string): Promise<AuditRecord> {
  if (typeof eventId !== "string" || eventId === "") throw new TypeError("eventId must be the id of an event")
  for await (const record of readEvents(root, [eventId])) return record
  throw new AuditError("EVENT_NOT_FOUND", `there is no event ${JSON.stringify(eventId)} in ${root.path}`)
}

function isThere(record: AuditRecord, pointer: string): boolean {
  let value: unknown = record
  for (const part of pointer.slice(1).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~")
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return false
    value = (value as Record<string, unknown>)[key]
  }
  return true
}
