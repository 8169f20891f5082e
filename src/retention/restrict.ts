/**
 * Restriction of processing (GDPR Art. 18): a person's values stay where they are, and readers do not get them until the
 * restriction is lifted. The person still does.
 * @module
 */
import { randomUUID } from "node:crypto"
import { openLedger, recordAct } from "../capture/index.ts"
import type { Actor } from "../event/index.ts"
import { type Ledger, RESTRICTIONS, type Restriction } from "../ledger/index.ts"
import { PersonalReader, parseTimeBound } from "../query/index.ts"
import { findLogDirectory, type RootDirectory } from "../store/index.ts"
import type { HoldTest } from "./holds.ts"
import { locked, requireRoot } from "./lock.ts"
import { checkPerson } from "./person.ts"

/** Why use is restricted, as a code: GDPR Art. 18(1)(a) to (d). */
export const RESTRICTION_GROUNDS = [
  "accuracy_contested",
  "unlawful_processing",
  "needed_for_legal_claims",
  "objection_pending",
  "other",
] as const
/** Why a restriction ends, as a code. */
export const LIFT_REASONS = ["accuracy_verified", "objection_decided", "claims_settled", "consent", "other"] as const

/** Whose values are not to be used, and why. */
export interface RestrictOptions {
  readonly logDir: string
  /** Identifier of the person, as it was given when values were recorded. */
  readonly subject: string
  readonly ground: (typeof RESTRICTION_GROUNDS)[number]
  /** Of the request that asked for it; must not say who the person is. */
  readonly requestId?: string
  /** Default: the user of the operating system. */
  readonly actor?: Actor
}

/** Whose restriction ends, and why. */
export interface LiftOptions extends Omit<RestrictOptions, "ground"> {
  readonly reason: (typeof LIFT_REASONS)[number]
  /** When the person was told, which has to come first (Art. 18(3)); ISO 8601. */
  readonly notifiedAt?: string
}

/** What a restriction, or its end, did. */
export interface RestrictionReport {
  /** "nothing_held": the log has no values of this person. "not_restricted": there was nothing to lift. */
  readonly result: "restricted" | "already_restricted" | "lifted" | "not_restricted" | "nothing_held"
  readonly restrictionIds: readonly string[]
  /** Events with values of this person. */
  readonly events: number
  /** The events that say so. */
  readonly recordedBy: readonly string[]
}

/**
 * Restricts the use of a person's values, those there are and those to come: readers get a marker with the state
 * "restricted", and only `subjectReport` shows them.
 *
 * @throws TypeError, RangeError: names the field; nothing was changed.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`, `VAULT_MISSING`, `RETENTION_BUSY`, `SEALING_UNAVAILABLE`.
 * @example
 * ```ts
 * (await restrictSubject({ logDir, subject: "customer-17", ground: "accuracy_contested" })).result // "restricted"
 * ```
 */
export async function restrictSubject(given: RestrictOptions): Promise<RestrictionReport> {
  const options = { ...given }
  const { ground, requestId, actor } = options
  checkPerson(options)
  if (!RESTRICTION_GROUNDS.includes(ground))
    throw new RangeError(`ground must be one of ${RESTRICTION_GROUNDS.join(", ")}`)
  return working(options, async (ledger, keys, events) => {
    const none = { restrictionIds: [], events, recordedBy: [] }
    if (keys.length === 0 || events === 0) return { ...none, result: "nothing_held" }
    const vault = ledger.vault()
    const known = (await inForce(ledger)).filter((one) => keys.some((key) => one.keys.includes(key)))
    if (known.length > 0 && keys.every((key) => vault.isRestricted(key)))
      return { ...none, result: "already_restricted", restrictionIds: known.map(({ id }) => id) }
    const request = { ground, ...(requestId === undefined ? {} : { request_id: requestId }) }
    const restriction: Restriction = { id: randomUUID(), keys, request }
    // The list first: what an event says is restricted must be.
    await ledger.keepList(RESTRICTIONS, restriction)
    return {
      result: "restricted",
      restrictionIds: [restriction.id],
      events,
      recordedBy: [await tell(ledger, restriction, actor)],
    }
  })
}

/**
 * Lifts every restriction of a person.
 *
 * @throws TypeError, RangeError, {@link AuditError} as {@link restrictSubject}.
 * @example
 * ```ts
 * (await liftRestriction({ logDir, subject: "customer-17", reason: "accuracy_verified" })).result // "lifted"
 * ```
 */
export async function liftRestriction(given: LiftOptions): Promise<RestrictionReport> {
  const options = { ...given }
  const { reason, requestId, notifiedAt, actor } = options
  checkPerson(options)
  if (!LIFT_REASONS.includes(reason)) throw new RangeError(`reason must be one of ${LIFT_REASONS.join(", ")}`)
  if (notifiedAt !== undefined) parseTimeBound(notifiedAt, "notifiedAt")
  return working(options, async (ledger, keys, events) => {
    const vault = ledger.vault()
    const theirs = (await inForce(ledger)).filter((one) => one.keys.some((key) => keys.includes(key)))
    const recordedBy: string[] = []
    for (const restriction of theirs) {
      const said = { restriction_id: restriction.id, reason, request_id: requestId, notified_at: notifiedAt }
      const act = { logDir: ledger.path, operationName: "restriction", ...(actor === undefined ? {} : { actor }) }
      const { eventId } = recordAct({ ...act, eventType: "restriction_lifted", details: said })
      await ledger.flush()
      await ledger.keepList(RESTRICTIONS, { ...restriction, liftedBy: eventId })
      recordedBy.push(eventId)
    }
    vault.restrict(keys, false)
    const result = theirs.length === 0 ? "not_restricted" : "lifted"
    return { result, restrictionIds: theirs.map(({ id }) => id), events, recordedBy }
  })
}

async function working(
  { logDir, subject }: RestrictOptions | LiftOptions,
  work: (ledger: Ledger, keys: readonly string[], events: number) => Promise<RestrictionReport>,
): Promise<RestrictionReport> {
  const root = requireRoot(logDir)
  return locked(root, async () => {
    const ledger = openLedger(root.path, process.env)
    await ledger.flush()
    // One that was cut off before its event is told first.
    for (const one of await inForce(ledger)) if (one.startedBy === undefined) await tell(ledger, one, undefined)
    const reader = await PersonalReader.open(findLogDirectory(root.path)!, process.env)
    try {
      reader.requireVault()
      const keys = reader.keysOf(subject)
      return await work(ledger, keys, reader.placesUnder(keys).size)
    } finally {
      reader.close()
    }
  })
}

/** Values that are restricted are stored, and nothing else: neither pruned, nor deleted because they are old. */
export async function restrictionTests(root: RootDirectory): Promise<HoldTest[]> {
  const reader = await PersonalReader.open(root, process.env)
  try {
    return reader.restrictions
      .filter(({ liftedBy }) => liftedBy === undefined)
      .map(({ id, keys }) => {
        const events = new Set(reader.eventsUnder(keys))
        return { id, source: `restriction ${id}`, test: ({ event_id }) => events.has(event_id) }
      })
  } finally {
    reader.close()
  }
}

async function inForce(ledger: Ledger): Promise<Restriction[]> {
  return (await ledger.lists(RESTRICTIONS)).filter(({ liftedBy }) => liftedBy === undefined)
}

/** Marks the keys and records that it is so; returns the id of the event. */
async function tell(ledger: Ledger, restriction: Restriction, actor: Actor | undefined): Promise<string> {
  // New keys of the person inherit it.
  ledger.vault().restrict(restriction.keys, true)
  const details = { restriction_id: restriction.id, ...restriction.request }
  const act = { logDir: ledger.path, operationName: "restriction", ...(actor === undefined ? {} : { actor }) }
  const { eventId } = recordAct({ ...act, eventType: "restriction_started", details })
  await ledger.flush()
  await ledger.keepList(RESTRICTIONS, { ...restriction, startedBy: eventId })
  return eventId
}
