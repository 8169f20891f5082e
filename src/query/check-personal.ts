/**
 * Whether the personal values of a log are where they should be: each opens its commitment, or was erased by an event
 * that is in the log, or cannot be read here.
 * @module
 */
import type { AuditEntry } from "../event/index.ts"
import type { Environment, Erasure } from "../ledger/index.ts"
import { opensCommitment } from "../privacy/index.ts"
import type { RootDirectory } from "../store/index.ts"
import { type Expiry, isRule, isSameRule } from "./expiries.ts"
import type { Finding } from "./findings.ts"
import { markersIn, PersonalReader, type PersonalState } from "./personal.ts"
import { findSealed } from "./read.ts"
import { type Snapshot, tryParse } from "./snapshot.ts"

/** How many personal values there are of each state. */
export type PersonalCounts = Readonly<Record<PersonalState["state"], number>>

/** Entries whose values were not found are looked at once more at the end; no more of them than this. */
const MOST_DOUBTFUL = 10_000

/** Missing values, and damaged ones, that are told one by one. */
const MOST_TOLD = 100

/** Looks at the personal values of entries as they come by. */
export class PersonalCheck {
  readonly #root: RootDirectory
  readonly #environment: Environment
  readonly #reader: PersonalReader
  readonly #counts = { present: 0, restricted: 0, withheld: 0, erased: 0, expired: 0, missing: 0, damaged: 0 }
  readonly #findings: Finding[] = []
  readonly #doubtful = new Map<number, AuditEntry>()

  private constructor(root: RootDirectory, environment: Environment, reader: PersonalReader) {
    this.#root = root
    this.#environment = environment
    this.#reader = reader
  }

  static async open(root: RootDirectory, environment: Environment): Promise<PersonalCheck> {
    return new PersonalCheck(root, environment, await PersonalReader.open(root, environment))
  }

  get counts(): PersonalCounts {
    return this.#counts
  }

  see(index: number, entry: AuditEntry): void {
    const states = this.#reader.statesOf(entry)
    const isDoubtful = [...states.values()].some(({ state }) => state === "missing" || state === "damaged")
    // It may have been recorded, or moved, after the reader was opened.
    if (isDoubtful && this.#doubtful.size < MOST_DOUBTFUL) this.#doubtful.set(index, entry)
    else this.#take(index, states)
  }

  /** An entry that is being redacted: its values go before it does. */
  forget(index: number): void {
    this.#doubtful.delete(index)
  }

  #take(index: number, states: ReadonlyMap<string, PersonalState>): void {
    for (const [pointer, { state }] of states) {
      this.#counts[state] += 1
      if (state !== "missing" && state !== "damaged") continue
      if (this.#counts[state] > MOST_TOLD) continue
      const more = this.#counts[state] === MOST_TOLD ? "; more of them are counted and not listed" : ""
      const message = `the personal value of entry ${index} at ${pointer} is ${state}, and no event says why${more}`
      this.#findings.push({ code: `payload_${state}`, verdict: "payload_damaged", message, index })
    }
  }

  /** All findings, once every entry was seen. */
  async findings(snapshot: Snapshot): Promise<Finding[]> {
    const reader = await PersonalReader.open(this.#root, this.#environment)
    try {
      for (const [index, entry] of this.#doubtful) this.#take(index, reader.statesOf(entry))
      // One that explains nothing here may be of a log that this one goes on from.
      const explaining = [...this.#reader.explaining, ...reader.explaining]
      const bys = new Set(explaining.flatMap((one) => ("by" in one ? [one.by] : [])))
      const ids = new Set(explaining.flatMap((one) => ("id" in one ? [one.id] : [])))
      for (const expiry of reader.expiries)
        if (bys.has(expiry.by)) this.#findings.push(...(await checkExpiry(snapshot, expiry)))
      for (const erasure of reader.erasures)
        if (ids.has(erasure.id) || erasure.completedBy === undefined)
          this.#findings.push(...(await checkErasure(snapshot, erasure)))
    } finally {
      reader.close()
      this.#reader.close()
    }
    const { withheld } = this.#counts
    if (withheld > 0)
      this.#findings.push({
        code: "payloads_unchecked",
        message: `${withheld} personal values cannot be opened here, where their keys or the private state are not: not checked`,
      })
    return this.#findings
  }
}

/** An erasure that no event tells of would be a way to hide that values are gone. */
async function checkErasure(snapshot: Snapshot, erasure: Erasure): Promise<Finding[]> {
  const { id, completedBy } = erasure
  if (completedBy === undefined)
    return [
      {
        code: "erasure_pending",
        message: `the erasure ${id} was begun and not finished: run secureml audit erase --resume`,
      },
    ]
  const details = await detailsOf(snapshot, completedBy, "erasure_completed")
  const salt = Buffer.from(String(erasure.request["salt"]), "base64")
  const list = { eventId: id, pointer: "/values", json: JSON.stringify(erasure.values) }
  const isTold =
    details !== undefined &&
    typeof details["list_commitment"] === "string" &&
    opensCommitment(details["list_commitment"], salt, list)
  if (isTold) return []
  if (details === undefined && snapshot.pruning !== undefined) {
    const message = `the event that tells of the erasure ${id} was pruned: why its values are gone cannot be checked any more`
    return [{ code: "erasure_pruned", message }]
  }
  const message = `the erasure ${id} is not the one that an event of the log tells of: values may be gone for another reason`
  return [{ code: "erasure_unexplained", verdict: "payload_damaged", message }]
}

/** The same for values that are said to have gone with time. */
async function checkExpiry(snapshot: Snapshot, expiry: Expiry): Promise<Finding[]> {
  const details = await detailsOf(snapshot, expiry.by, "retention_expired")
  const rules: readonly unknown[] = Array.isArray(details?.["rules"]) ? details["rules"] : []
  if (rules.some((rule) => isRule(rule) && isSameRule(rule, expiry))) return []
  const what = `values that are said to have expired by the class ${JSON.stringify(expiry.class)}`
  if (details === undefined && snapshot.pruning !== undefined) {
    const message = `the event that tells of ${what} was pruned: why they are gone cannot be checked any more`
    return [{ code: "expiry_pruned", message }]
  }
  const message = `no event of the log tells of ${what}: they may be gone for another reason`
  return [{ code: "expiry_unexplained", verdict: "payload_damaged", message }]
}

async function detailsOf(
  snapshot: Snapshot,
  eventId: string,
  type: string,
): Promise<Record<string, unknown> | undefined> {
  const waiting = snapshot.tail.find(({ entry }) => entry.event_id === eventId)?.entry
  const place = waiting === undefined ? await findSealed(snapshot, eventId, 0) : undefined
  const entry = waiting ?? (place === undefined ? undefined : tryParse(place.bytes))
  return entry?.event_type === type ? entry.details : undefined
}

/** Whether an entry has personal values. */
export function hasPersonal(entry: AuditEntry): boolean {
  return markersIn(entry).length > 0
}
