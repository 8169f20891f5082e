/**
 * Holds: what may not be pruned until somebody releases it. A hold is an event of the log, and so is its release;
 * nothing else says which holds there are.
 * @module
 */
import { recordAct } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import type { AuditEntry, AuditRecord, JsonObject } from "../event/index.ts"
import { type AuditFilters, compileFilter, streamRecords } from "../query/index.ts"
import { locked, requireRoot } from "./lock.ts"

/** Which entries a hold is about: all that is given must fit. */
export interface HoldScope {
  readonly requestId?: string
  readonly operationId?: string
  readonly operationName?: string
  readonly modelId?: string
  /** Times of the entries, both inclusive; ISO 8601, UTC without a zone. */
  readonly from?: string
  readonly to?: string
}

/** A hold, as its events tell it. */
export interface Hold {
  /** Event id of its `hold_added` event. */
  readonly id: string
  readonly scope: HoldScope
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
  filterOf(scope)
  const root = requireRoot(logDir)
  return locked(root, async () => {
    const receipt = recordAct({ logDir: root.path, operationName: "audit_hold", eventType: "hold_added", details })
    return { id: receipt.eventId, scope, reason, authority, addedAt: receipt.timestamp }
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
  for await (const record of streamRecords<string>(query, logDir) as unknown as AsyncGenerator<AuditRecord>) {
    const { event_id, event_type, timestamp: at, details } = record
    const [reason, authority] = [String(details["reason"]), String(details["authority"])]
    if (event_type === "hold_added")
      holds.set(event_id, { id: event_id, scope: scopeOf(details["scope"]), reason, authority, addedAt: at })
    const ended = event_type === "hold_released" ? holds.get(String(details["hold_id"])) : undefined
    if (ended !== undefined) holds.set(ended.id, { ...ended, released: { at, reason, authority } })
  }
  return [...holds.values()]
}

/** Whether a hold covers an entry. What its event says wrongly holds everything: better too much than too little. */
export function holdTest({ scope }: Hold): (entry: AuditEntry) => boolean {
  try {
    return filterOf(scope).test
  } catch {
    return () => true
  }
}

/** @throws TypeError, RangeError: names the field. */
function filterOf({ from, to, ...ids }: HoldScope): ReturnType<typeof compileFilter> {
  const filters: AuditFilters = {
    ...ids,
    ...(from === undefined ? {} : { startTime: from }),
    ...(to === undefined ? {} : { endTime: to }),
  }
  if (Object.values(filters).every((value) => value === undefined))
    throw new TypeError("scope must name a requestId, operationId, operationName, modelId, or times from or to")
  return compileFilter(filters)
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
  const given = Object.entries(SCOPE_KEYS).filter(([key]) => scope[key as keyof HoldScope] !== undefined)
  return Object.fromEntries(given.map(([key, name]) => [name, scope[key as keyof HoldScope]]))
}

function scopeOf(details: unknown): HoldScope {
  const given = (typeof details === "object" && details !== null ? details : {}) as JsonObject
  const known = Object.entries(SCOPE_KEYS).filter(([, name]) => typeof given[name] === "string")
  return Object.fromEntries(known.map(([key, name]) => [key, given[name]]))
}
