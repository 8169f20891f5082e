/**
 * Personal values as a reader gets them: in their places where the vault is here, and what became of them elsewhere.
 * Also the events that hold values of a person. Reads only.
 * @module
 */
import * as fs from "node:fs"
import { AuditError } from "../errors.ts"
import type { AuditEntry, AuditRecord, JsonValue } from "../event/index.ts"
import {
  type Environment,
  ERASURES,
  type Erasure,
  PayloadReader,
  RESTRICTIONS,
  type Restriction,
  readLists,
} from "../ledger/index.ts"
import { opensCommitment, openValues, type PersonalValue } from "../privacy/index.ts"
import {
  ERASURES_DIRECTORY,
  errorCode,
  type KeyVault,
  LocalKeyVault,
  PARTS_DIRECTORY,
  PAYLOADS_FILE,
  RESTRICTIONS_DIRECTORY,
  type RootDirectory,
  StateDirectory,
  VAULT_FILE,
} from "../store/index.ts"
import { type Expiry, expiryOf, readExpiries } from "./expiries.ts"
import { type AuditFilters, compileFilter, type Filter } from "./filter.ts"
import { type Marker, markersOf } from "./markers.ts"

/** Bytes without which an entry holds no personal value. */
export const PERSONAL_MARKER: Buffer = Buffer.from('{"$secureml":"personal"')

/** What became of a personal value. */
export type PersonalState =
  | { readonly state: "present"; readonly value: JsonValue }
  /** Here, and not to be used; the value is for whoever answers the person. */
  | ({ readonly state: "restricted"; readonly value: JsonValue } & RestrictedBy)
  /** The key is not here, or nothing of the private state is. */
  | { readonly state: "withheld" }
  /** By whom it was erased: the id of the event that says so, when it is known. */
  | { readonly state: "erased"; readonly by?: string }
  /** It was not to be kept for longer: the event that says so. */
  | { readonly state: "expired"; readonly by: string }
  /** It should be here and is not, or does not open its commitment. */
  | { readonly state: "missing" | "damaged" }

/** Why a value is not to be used. */
export interface RestrictedBy {
  /** The id of the event that says so, when it is known. */
  readonly by?: string
  /** When it goes, ISO 8601, where that is known. */
  readonly until?: string
}

const WITHHELD: PersonalState = { state: "withheld" }

/** What is kept for an event. */
interface Opened {
  readonly values: readonly (PersonalValue & { readonly restricted: RestrictedBy | undefined })[]
  readonly isWithheld: boolean
  readonly isDestroyed: boolean
}

/** Reads the personal values of a log. */
export class PersonalReader {
  readonly #root: RootDirectory
  readonly #environment: Environment
  readonly #payloads: PayloadReader | undefined
  readonly #vault: KeyVault | undefined
  readonly #erasures: readonly Erasure[]
  /** Whose values are not to be used, and whose were not. */
  readonly restrictions: readonly Restriction[]
  /** What there was of lists, for {@link PersonalReader.hasNewLists}. */
  readonly #lists: string
  /** Keys whose values are not to be used. */
  readonly #restricted: ReadonlyMap<string, RestrictedBy>
  readonly #expiries: readonly Expiry[]
  /** Set where there is no private state to look into. */
  readonly #isPublicPart: boolean
  /** Erasures and expiries by which values of entries that were looked at are gone. */
  readonly explaining: Set<Erasure | Expiry> = new Set()

  private constructor(
    root: RootDirectory,
    environment: Environment,
    payloads: PayloadReader | undefined,
    vault: KeyVault | undefined,
    erasures: readonly Erasure[],
    restrictions: readonly Restriction[],
    expiries: readonly Expiry[],
    isPublicPart: boolean,
    lists: string,
  ) {
    this.#root = root
    this.#environment = environment
    this.#payloads = payloads
    this.#vault = vault
    this.#erasures = erasures
    this.restrictions = restrictions
    this.#restricted = new Map([...restrictions.flatMap(restrictedBy), ...erasures.flatMap(keptBy)])
    this.#expiries = expiries
    this.#isPublicPart = isPublicPart
    this.#lists = lists
  }

  static async open(root: RootDirectory, environment: Environment): Promise<PersonalReader> {
    const names = await root.names(".state").catch(refusedAsNone)
    const isPublic = ![PAYLOADS_FILE, PARTS_DIRECTORY, ERASURES_DIRECTORY].some((path) =>
      names.includes(path.slice(".state/".length)),
    )
    if (isPublic) return new PersonalReader(root, environment, undefined, undefined, [], [], [], true, "")
    const lists = await listsNow(root)
    const vault = vaultOf(root, environment)
    const erasures = await readLists(root, ERASURES, vault)
    const restrictions = await readLists(root, RESTRICTIONS, vault)
    const payloads = await PayloadReader.open(root)
    const expiries = await readExpiries(root)
    return new PersonalReader(root, environment, payloads, vault, erasures, restrictions, expiries, false, lists)
  }

  /** Whether keys can be looked up here. */
  get hasVault(): boolean {
    return this.#vault !== undefined
  }

  /** Every place at which a value under some keys stands, by event; null where it cannot be told. */
  placesUnder(keys: readonly string[]): ReadonlyMap<string, readonly string[] | null> {
    const places = new Map<string, readonly string[] | null>()
    for (const part of this.#payloads?.sealedUnder(keys) ?? []) {
      const opened = openValues(part, (id) => this.#vault?.key(id))
      const known = places.get(part.eventId)
      if (typeof opened === "string" || known === null) places.set(part.eventId, null)
      else places.set(part.eventId, [...new Set([...(known ?? []), ...opened.map(({ pointer }) => pointer)])])
    }
    return places
  }

  /** What was erased. */
  get erasures(): readonly Erasure[] {
    return this.#erasures
  }

  /** What was not to be kept for longer. */
  get expiries(): readonly Expiry[] {
    return this.#expiries
  }

  /** Whether an erasure or a restriction was begun or ended since this was opened. */
  async hasNewLists(): Promise<boolean> {
    return (await listsNow(this.#root)) !== this.#lists
  }

  /** Whether a key is here, and not destroyed. */
  hasKey(id: string): boolean {
    return this.#vault?.key(id) !== undefined
  }

  /** Events that hold values of a person. */
  eventsOf(subject: string): ReadonlySet<string> {
    return new Set(this.eventsUnder(this.keysOf(subject)))
  }

  /** Events that hold values under some keys. */
  eventsUnder(keys: readonly string[]): readonly string[] {
    return keys.length === 0 ? [] : (this.#payloads?.sealedUnder(keys) ?? []).map(({ eventId }) => eventId)
  }

  /** The ids of a person's keys. */
  keysOf(subject: string): readonly string[] {
    return this.#vault?.keysOf(subject).map(({ id }) => id) ?? []
  }

  /** @throws {@link AuditError} `VAULT_MISSING` where the log has personal values and the keys are not here. */
  requireVault(): void {
    if (this.#vault === undefined && this.#root.readNow(VAULT_FILE) !== undefined)
      openVault(this.#root, this.#environment)?.close()
  }

  /**
   * What became of each personal value of an entry, by its place.
   * @param of - Only this person's; values of others are withheld.
   */
  statesOf(entry: AuditEntry, of?: string): ReadonlyMap<string, PersonalState> {
    const markers = markersIn(entry)
    if (markers.length === 0) return new Map()
    const opened = this.#open(entry.event_id, of === undefined ? undefined : this.keysOf(of))
    return new Map(
      markers.map((marker) => {
        const state = this.#stateOf(entry, marker, opened)
        const isTheirs = state.state === "present" || state.state === "restricted"
        return [marker.pointer, of !== undefined && !isTheirs ? WITHHELD : state] as const
      }),
    )
  }

  #open(eventId: string, ids: readonly string[] | undefined): Opened {
    const values: Opened["values"][number][] = []
    let [isWithheld, isDestroyed] = [false, false]
    for (const part of this.#payloads?.sealedOf(eventId) ?? []) {
      if (ids !== undefined && !part.keys.some((key) => ids.includes(key))) continue
      const opened = openValues(part, (id) => this.#vault?.key(id))
      if (opened === "withheld" && part.keys.some((key) => this.#vault?.isDestroyed(key))) isDestroyed = true
      // Where the vault is here, a key that is not was lost: then the value is missing.
      else if (opened === "withheld") isWithheld ||= this.#vault === undefined
      else if (opened !== "damaged") {
        const restricted = part.keys.map((key) => this.#restrictionOf(key)).find((one) => one !== undefined)
        values.push(...opened.map((value) => ({ ...value, restricted })))
      }
    }
    return { values, isWithheld, isDestroyed }
  }

  /** The list says why; that they are restricted, the key says too. */
  #restrictionOf(key: string): RestrictedBy | undefined {
    return this.#restricted.get(key) ?? (this.#vault?.isRestricted(key) === true ? {} : undefined)
  }

  #stateOf(entry: AuditEntry, { pointer, commitment }: Marker, opened: Opened): PersonalState {
    const { event_id: eventId } = entry
    const { values, isWithheld, isDestroyed } = opened
    if (this.#isPublicPart) return { state: "withheld" }
    const kept = values.filter((value) => value.pointer === pointer)
    const whole = kept.find(({ salt, json }) => opensCommitment(commitment, salt, { eventId, pointer, json }))
    if (whole !== undefined) {
      const value = JSON.parse(whole.json) as JsonValue
      return whole.restricted === undefined
        ? { state: "present", value }
        : { state: "restricted", ...whole.restricted, value }
    }
    if (kept.length > 0) return { state: "damaged" }
    // No event tells of those that came late: without the vault anybody could have written them there.
    const erasure = this.#erasures.find(
      ({ values: erased, late, preparing }) =>
        preparing !== true &&
        (covers(erased[eventId], pointer) || (this.#vault !== undefined && late.includes(eventId))),
    )
    if (erasure !== undefined) this.explaining.add(erasure)
    if (erasure !== undefined)
      return erasure.completedBy === undefined ? { state: "erased" } : { state: "erased", by: erasure.completedBy }
    if (isDestroyed) return { state: "erased" }
    const expiry = isWithheld ? undefined : expiryOf(this.#expiries, entry)
    if (expiry !== undefined) this.explaining.add(expiry)
    if (expiry !== undefined) return { state: "expired", by: expiry.by }
    return { state: isWithheld || this.#vault === undefined ? "withheld" : "missing" }
  }

  close(): void {
    this.#payloads?.close()
    this.#vault?.close()
  }
}

/** Which lists there are, and since when each is as it is. */
async function listsNow(root: RootDirectory): Promise<string> {
  const texts: string[] = []
  for (const directory of [ERASURES_DIRECTORY, RESTRICTIONS_DIRECTORY])
    for (const name of await root.names(directory)) {
      const stats = fs.statSync(root.locate(`${directory}/${name}`, false), { throwIfNoEntry: false })
      texts.push(`${name} ${stats?.mtimeMs} ${stats?.ino}`)
    }
  return texts.sort().join("\n")
}

/** The keys of a restriction that is not lifted. */
function restrictedBy({ keys, startedBy, liftedBy }: Restriction): (readonly [string, RestrictedBy])[] {
  if (liftedBy !== undefined) return []
  return keys.map((key) => [key, startedBy === undefined ? {} : { by: startedBy }] as const)
}

/** The keys of what an erasure had to leave. */
function keptBy({ kept, completedBy }: Erasure): (readonly [string, RestrictedBy])[] {
  const by = completedBy === undefined ? {} : { by: completedBy }
  return kept.map(({ key, until, holds }) => {
    return [key, until === null || holds.length > 0 ? by : { ...by, until }] as const
  })
}

/** Whether an erasure took the value at a place of an event. */
function covers(erased: readonly string[] | null | undefined, pointer: string): boolean {
  return erased !== undefined && (erased === null || erased.includes(pointer))
}

function refusedAsNone(error: unknown): readonly string[] {
  if (["EACCES", "EPERM"].includes(errorCode(error))) return []
  throw error
}

/** The vault, where it is here and can be read: without, values are withheld, whatever the reason. */
function vaultOf(root: RootDirectory, environment: Environment): KeyVault | undefined {
  try {
    return openVault(root, environment)
  } catch (error) {
    if (error instanceof AuditError || ["EACCES", "EPERM"].includes(errorCode(error))) return undefined
    throw error
  }
}

function openVault(root: RootDirectory, environment: Environment): KeyVault | undefined {
  const state = new StateDirectory(environment).path
  return LocalKeyVault.ofLog(root, state, environment["SECUREML_VAULT_KEY_FILE"], false)
}

/** Makes a query of a log ready; whose personal values are asked for, the vault knows. */
export async function filterIn(root: RootDirectory, query: AuditFilters, environment: Environment): Promise<Filter> {
  const filter = compileFilter(query)
  if (query.subject === undefined) return filter
  const reader = await PersonalReader.open(root, environment)
  try {
    return compileFilter(query, reader.eventsOf(query.subject))
  } finally {
    reader.close()
  }
}

/** Markers in the details of an entry, and in its actor. */
export function markersIn(entry: AuditEntry): Marker[] {
  return markersOf("personal", [
    { value: entry.actor?.id, pointer: "/actor/id" },
    { value: entry.details, pointer: "/details" },
  ])
}

/**
 * A record with its personal values in their places; a marker of one that cannot be shown says why.
 * @param showsRestricted - For the person, who may know what is kept of them.
 */
export function revealed(
  record: AuditRecord,
  states: ReadonlyMap<string, PersonalState>,
  showsRestricted = false,
): AuditRecord {
  let filled: unknown = record
  for (const [pointer, state] of states) {
    const path = pointer
      .slice(1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    filled = withAt(filled, path, (marker) => shownAs(marker, state, showsRestricted))
  }
  return filled as AuditRecord
}

function shownAs(marker: unknown, state: PersonalState, showsRestricted: boolean): unknown {
  if (state.state === "present") return state.value
  if (state.state !== "restricted") return { ...(marker as object), ...state }
  const { value, ...said } = state
  return showsRestricted ? value : { ...(marker as object), ...said }
}

/** A copy of a value with another one at a path; what is not on the path is shared. */
function withAt(value: unknown, path: readonly string[], change: (found: unknown) => unknown): unknown {
  const owners: unknown[] = [value]
  for (const key of path) owners.push((owners.at(-1) as Record<string, unknown>)[key])
  let made = change(owners.pop())
  for (const key of [...path].reverse()) {
    const owner = owners.pop()
    const copy = (Array.isArray(owner) ? [...(owner as unknown[])] : { ...(owner as object) }) as Record<
      string,
      unknown
    >
    // Assigning to `__proto__` would change the prototype instead of the member.
    Object.defineProperty(copy, key, { value: made, enumerable: true, writable: true, configurable: true })
    made = copy
  }
  return made
}
