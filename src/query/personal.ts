/**
 * Personal values as a reader gets them: in their places where the vault is here, and what became of them elsewhere.
 * Also the events that hold values of a person. Reads only.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { AuditEntry, AuditRecord, JsonValue } from "../event/index.ts"
import { type Environment, type Erasure, PayloadReader, readErasures } from "../ledger/index.ts"
import { opensCommitment, openValues, type PersonalValue } from "../privacy/index.ts"
import {
  ERASURES_DIRECTORY,
  errorCode,
  findLogDirectory,
  type KeyVault,
  LocalKeyVault,
  PARTS_DIRECTORY,
  PAYLOADS_FILE,
  type RootDirectory,
  StateDirectory,
  VAULT_FILE,
} from "../store/index.ts"
import { type AuditFilters, compileFilter, type Filter } from "./filter.ts"
import { type Marker, markersOf } from "./markers.ts"

/** Bytes without which an entry holds no personal value. */
export const PERSONAL_MARKER: Buffer = Buffer.from('{"$secureml":"personal"')

/** What became of a personal value. */
export type PersonalState =
  | { readonly state: "present"; readonly value: JsonValue }
  /** The key is not here, or nothing of the private state is. */
  | { readonly state: "withheld" }
  /** By whom it was erased: the id of the event that says so, when it is known. */
  | { readonly state: "erased"; readonly by?: string }
  /** It should be here and is not, or does not open its commitment. */
  | { readonly state: "missing" | "damaged" }

/** Values that are missing are looked for again at most this often. */
const LOOK_AGAIN_MS = 500
const WITHHELD: PersonalState = { state: "withheld" }

/** What is kept for an event. */
interface Opened {
  readonly values: readonly PersonalValue[]
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
  /** Set where there is no private state to look into. */
  readonly #isPublicPart: boolean

  private constructor(
    root: RootDirectory,
    environment: Environment,
    payloads: PayloadReader | undefined,
    vault: KeyVault | undefined,
    erasures: readonly Erasure[],
    isPublicPart: boolean,
  ) {
    this.#root = root
    this.#environment = environment
    this.#payloads = payloads
    this.#vault = vault
    this.#erasures = erasures
    this.#isPublicPart = isPublicPart
  }

  static async open(root: RootDirectory, environment: Environment): Promise<PersonalReader> {
    const names = await root.names(".state").catch(refusedAsNone)
    const isPublic = ![PAYLOADS_FILE, PARTS_DIRECTORY, ERASURES_DIRECTORY].some((path) =>
      names.includes(path.slice(".state/".length)),
    )
    if (isPublic) return new PersonalReader(root, environment, undefined, undefined, [], true)
    const erasures = await readErasures(root)
    const payloads = await PayloadReader.open(root)
    return new PersonalReader(root, environment, payloads, vaultOf(root, environment), erasures, false)
  }

  /** Every place at which a value of a person stands, by event; null where it cannot be told. */
  placesOf(subject: string): ReadonlyMap<string, readonly string[] | null> {
    const places = new Map<string, readonly string[] | null>()
    for (const part of this.#payloads?.sealedUnder(this.keysOf(subject)) ?? []) {
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

  /** Whether an erasure was begun since this was opened. */
  async hasNewErasures(): Promise<boolean> {
    return (await this.#root.names(ERASURES_DIRECTORY)).length !== this.#erasures.length
  }

  /** Events that hold values of a person. */
  eventsOf(subject: string): ReadonlySet<string> {
    const keys = this.#vault?.keysOf(subject).map(({ id }) => id) ?? []
    return new Set(keys.length === 0 ? [] : this.#payloads!.sealedUnder(keys).map(({ eventId }) => eventId))
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
        const state = this.#stateOf(entry.event_id, marker, opened)
        return [marker.pointer, of !== undefined && state.state !== "present" ? WITHHELD : state] as const
      }),
    )
  }

  #open(eventId: string, ids: readonly string[] | undefined): Opened {
    const values: PersonalValue[] = []
    let [isWithheld, isDestroyed] = [false, false]
    for (const part of this.#payloads?.sealedOf(eventId) ?? []) {
      if (ids !== undefined && !part.keys.some((key) => ids.includes(key))) continue
      const opened = openValues(part, (id) => this.#vault?.key(id))
      if (opened === "withheld" && part.keys.some((key) => this.#vault?.isDestroyed(key))) isDestroyed = true
      else if (opened === "withheld") isWithheld = true
      else if (opened !== "damaged") values.push(...opened)
    }
    return { values, isWithheld, isDestroyed }
  }

  #stateOf(eventId: string, { pointer, commitment }: Marker, opened: Opened): PersonalState {
    const { values, isWithheld, isDestroyed } = opened
    if (this.#isPublicPart) return { state: "withheld" }
    const kept = values.filter((value) => value.pointer === pointer)
    const whole = kept.find(({ salt, json }) => opensCommitment(commitment, salt, { eventId, pointer, json }))
    if (whole !== undefined) return { state: "present", value: JSON.parse(whole.json) as JsonValue }
    if (kept.length > 0) return { state: "damaged" }
    const erasure = this.#erasures.find(
      ({ values: erased, late }) => covers(erased[eventId], pointer) || late.includes(eventId),
    )
    if (erasure !== undefined)
      return erasure.completedBy === undefined ? { state: "erased" } : { state: "erased", by: erasure.completedBy }
    if (isDestroyed) return { state: "erased" }
    return { state: isWithheld || this.#vault === undefined ? "withheld" : "missing" }
  }

  close(): void {
    this.#payloads?.close()
    this.#vault?.close()
  }
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

/** A record with its personal values in their places; a marker of one that cannot be shown says why. */
export function revealed(record: AuditRecord, states: ReadonlyMap<string, PersonalState>): AuditRecord {
  let filled: unknown = record
  for (const [pointer, state] of states) {
    const path = pointer
      .slice(1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    filled = withAt(filled, path, (marker) =>
      state.state === "present" ? state.value : { ...(marker as object), ...state },
    )
  }
  return filled as AuditRecord
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

/** Fills records as a reader with the vault sees them; nothing is opened before the first personal value. */
export class PersonalFiller {
  readonly #logDir: string
  readonly #environment: Environment
  #reader: PersonalReader | undefined
  #openedMs = Number.NEGATIVE_INFINITY

  constructor(logDir: string, environment: Environment) {
    this.#logDir = logDir
    this.#environment = environment
  }

  /** Whether an entry may have personal values. Its bytes are asked: parsed, all of it would have to be looked through. */
  isNeeded(bytes: Uint8Array): boolean {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(PERSONAL_MARKER)
  }

  async fill(record: AuditRecord): Promise<AuditRecord> {
    const reader = this.#reader ?? (await this.#open())
    const states = reader.statesOf(record)
    // It may have been erased, or recorded, after the reader was opened; where values are gone for good, looking again
    // for each of them would take for ever.
    const isMissing = [...states.values()].some(({ state }) => state === "missing")
    const isOld = performance.now() - this.#openedMs > LOOK_AGAIN_MS
    const isAgain = isMissing && (isOld || (await reader.hasNewErasures()))
    return revealed(record, isAgain ? (await this.#open()).statesOf(record) : states)
  }

  async #open(): Promise<PersonalReader> {
    this.close()
    this.#openedMs = performance.now()
    this.#reader = await PersonalReader.open(findLogDirectory(this.#logDir)!, this.#environment)
    return this.#reader
  }

  close(): void {
    this.#reader?.close()
    this.#reader = undefined
  }
}
