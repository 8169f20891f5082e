/**
 * Holds: what may not be pruned until somebody releases it. A hold is an event of the log, and so is its release;
 * nothing else says which holds there are.
 * @module
 */
import { recordAct } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import { type AuditEntry, type AuditRecord, checkSubject, type JsonObject, personal } from "../event/index.ts"
import { type AuditFilters, compileFilter, PersonalReader, revealed, streamRecords } from "../query/index.ts"
import { findLogDirectory, type RootDirectory } from "../store/index.ts"
import { locked, requireRoot } from "./lock.ts"
import { checkUnnamed } from "./person.ts"

/** Which entries a hold is about: all that is given must fit. */
export interface HoldScope {
  readonly requestId?: string
  readonly operationId?: string
  readonly operationName?: string
  readonly modelId?: string
  /** A person: entries that hold values of theirs. In the log it is a personal value of theirs. */
  readonly subject?: string
  /** Times of the entries, both inclusive; ISO 8601, UTC without a zone. */
  readonly from?: string
  readonly to?: string
}

/** A hold, as its events tell it. */
export interface Hold {
  /** Event id of its `hold_added` event. */
  readonly id: string
  /** Without `subject` where that is not readable here: then the hold covers every entry. */
  readonly scope: HoldScope
  /** Set where it is about a person, readable here or not. */
  readonly isOfPerson?: true
  readonly reason: string
  /** Who ordered it, such as a court and a file number. */
  readonly authority: string
  readonly addedAt: string
  /** Absent while it is in force. */
  readonly released?: { readonly at: string; readonly reason: string; readonly authority: string }
}

/** Why something is held or let go, and on whose word. */
interface Grounds {
  readonly logDir: string
  readonly reason: string
  readonly authority: string
}

const SCOPE_KEYS = {
  requestId: "request_id",
  operationId: "operation_id",
  operationName: "operation_name",
  modelId: "model_id",
  subject: "subject",
  from: "from",
  to: "to",
} as const

/**
 * Holds entries, those there are and those to come, until {@link releaseHold}.
 *
 * @throws TypeError, RangeError naming the field: a scope without anything in it, an empty reason or authority.
 * @throws {@link AuditError} `RETENTION_BUSY` while the log is being pruned; `LOG_DIR_UNREADABLE`, `RECORD_FAILED`.
 * @example
 * ```ts
 * await addHold({ logDir, scope: { modelId: "credit-7" }, reason: "litigation", authority: "LG Berlin 3 O 12/26" })
 * // { id: "019ac…", … }
 * ```
 */
export async function addHold(hold: Grounds & { readonly scope: HoldScope }): Promise<Hold> {
  const { logDir, scope, reason, authority } = hold
  checkGrounds(hold)
  const details = { scope: scopeDetails(scope), reason, authority }
  const { subject, ...others } = scope
  if (subject !== undefined)
    for (const [field, text] of Object.entries({ reason, authority, ...others })) checkUnnamed(field, text, subject)
  filterOf(scope)
  const root = requireRoot(logDir)
  return locked(root, async () => {
    const receipt = recordAct({ logDir: root.path, operationName: "audit_hold", eventType: "hold_added", details })
    const isOfPerson = scope.subject === undefined ? {} : ({ isOfPerson: true } as const)
    return { id: receipt.eventId, scope, ...isOfPerson, reason, authority, addedAt: receipt.timestamp }
  })
}

/**
 * Ends a hold.
 * @throws {@link AuditError} `HOLD_NOT_FOUND`: there is none of that id in force.
 */
export async function releaseHold(release: Grounds & { readonly hold: string }): Promise<Hold> {
  const { logDir, hold: id, reason, authority } = release
  checkGrounds(release)
  const root = requireRoot(logDir)
  return locked(root, async () => {
    const hold = (await listHolds({ logDir: root.path })).find((one) => one.id === id && one.released === undefined)
    if (hold === undefined)
      throw new AuditError(
        "HOLD_NOT_FOUND",
        `no hold ${JSON.stringify(id)} is in force; secureml audit hold list shows them`,
      )
    const details = { hold_id: id, reason, authority }
    const receipt = recordAct({ logDir: root.path, operationName: "audit_hold", eventType: "hold_released", details })
    return { ...hold, released: { at: receipt.timestamp, reason, authority } }
  })
}

/** All holds of a log, in the order in which they were added, the ones released included. */
export async function listHolds({ logDir }: { readonly logDir: string }): Promise<Hold[]> {
  const holds = new Map<string, Hold>()
  const query = { eventType: ["hold_added", "hold_released"] }
  const root = findLogDirectory(logDir)
  const reader = root === undefined ? undefined : await PersonalReader.open(root, process.env)
  const records = streamRecords<string>(query, logDir) as unknown as AsyncGenerator<AuditRecord>
  for await (const found of records) {
    // Whom a hold is about has to be known, also where nobody else may use that.
    const record = reader === undefined ? found : revealed(found, reader.statesOf(found), true)
    const { event_id, event_type, timestamp: at, details } = record
    const [reason, authority] = [String(details["reason"]), String(details["authority"])]
    if (event_type === "hold_added")
      holds.set(event_id, { id: event_id, ...scopeOf(details["scope"]), reason, authority, addedAt: at })
    const ended = event_type === "hold_released" ? holds.get(String(details["hold_id"])) : undefined
    if (ended !== undefined) holds.set(ended.id, { ...ended, released: { at, reason, authority } })
  }
  reader?.close()
  return [...holds.values()]
}

/** A hold in force, or a restriction, and whether it covers an entry. */
export interface HoldTest {
  readonly id: string
  /** As people read it. */
  readonly source: string
  readonly test: (entry: AuditEntry) => boolean
}

/**
 * The tests of the holds in force. One that is told wrongly, or about a person who cannot be looked up here, covers
 * everything: better too much than too little.
 */
export async function holdTests(root: RootDirectory, holds: readonly Hold[]): Promise<HoldTest[]> {
  const inForce = holds.filter(({ released }) => released === undefined)
  const isAsked = inForce.some(({ isOfPerson }) => isOfPerson === true)
  const reader = isAsked ? await PersonalReader.open(root, process.env) : undefined
  try {
    return inForce.map((hold) => ({ id: hold.id, source: `hold ${hold.id}`, test: testOf(hold, reader) }))
  } finally {
    reader?.close()
  }
}

function testOf({ scope, isOfPerson }: Hold, reader: PersonalReader | undefined): HoldTest["test"] {
  const { subject } = scope
  if (isOfPerson === true && (subject === undefined || reader?.hasVault !== true)) return () => true
  try {
    return filterOf(scope, subject === undefined ? undefined : reader!.eventsOf(subject)).test
  } catch {
    return () => true
  }
}

/** @throws TypeError, RangeError: names the field. */
function filterOf({ from, to, ...ids }: HoldScope, events?: ReadonlySet<string>): ReturnType<typeof compileFilter> {
  const filters: AuditFilters = {
    ...ids,
    ...(from === undefined ? {} : { startTime: from }),
    ...(to === undefined ? {} : { endTime: to }),
  }
  if (Object.values(filters).every((value) => value === undefined))
    throw new TypeError(
      "scope must name a requestId, operationId, operationName, modelId, subject, or times from or to",
    )
  return compileFilter(filters, events)
}

function checkGrounds({ reason, authority }: Grounds): void {
  if (typeof reason !== "string" || reason.trim() === "") throw new TypeError("reason must say why")
  if (typeof authority !== "string" || authority.trim() === "") throw new TypeError("authority must say on whose order")
}

function scopeDetails(scope: HoldScope): object {
  for (const [key, value] of Object.entries(scope)) {
    if (!Object.hasOwn(SCOPE_KEYS, key)) throw new TypeError(`scope has no field ${key}`)
    if (value !== undefined && (typeof value !== "string" || value === ""))
      throw new TypeError(`scope.${key} must be a text that is not empty`)
  }
  const { subject } = scope
  if (subject !== undefined) checkSubject(subject, "scope.subject")
  const given = Object.entries(SCOPE_KEYS).filter(([key]) => scope[key as keyof HoldScope] !== undefined)
  const plain = Object.fromEntries(given.map(([key, name]) => [name, scope[key as keyof HoldScope]]))
  return subject === undefined ? plain : { ...plain, subject: personal(subject, { subject }) }
}

function scopeOf(details: unknown): Pick<Hold, "scope" | "isOfPerson"> {
  const given = (typeof details === "object" && details !== null ? details : {}) as JsonObject
  const known = Object.entries(SCOPE_KEYS).filter(([, name]) => typeof given[name] === "string")
  const scope: HoldScope = Object.fromEntries(known.map(([key, name]) => [key, given[name]]))
  return given["subject"] === undefined ? { scope } : { scope, isOfPerson: true }
}
