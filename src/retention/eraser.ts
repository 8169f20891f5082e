/**
 * How an erasure goes: the list first, then what has to stay is put under keys of its own, then everything else is
 * deleted. Does I/O; call it holding the retention lock.
 * @module
 */
import { randomBytes, randomUUID } from "node:crypto"
import { recordAct } from "../capture/index.ts"
import type { Actor } from "../event/index.ts"
import { ERASURES, type Erasure, type Kept, type Ledger } from "../ledger/index.ts"
import { commitmentOf, openValues, sealValues } from "../privacy/index.ts"
import { PersonalReader, readEvents } from "../query/index.ts"
import { findLogDirectory, type SealedPart } from "../store/index.ts"
import { type Binding, Bindings } from "./binding.ts"
import { outOfReach } from "./copies.ts"
import { holdTests, listHolds } from "./holds.ts"
import type { RetentionPolicy } from "./policy.ts"

/** Personal values deleted, and the events that they stood in. */
export interface ErasedCounts {
  readonly values: number
  readonly events: number
}

/** Values that stay, and why. */
export interface KeptValues {
  readonly events: number
  /** When they are due, ISO 8601; null while a hold is in force, or nothing says when the period began. */
  readonly until: string | null
  /** Provisions and holds. */
  readonly sources: readonly string[]
}

/** What an erasure did. */
export interface ErasureReport extends ErasedCounts {
  /**
   * "partly_erased": some values have to stay; "refused": all of them; "nothing_held": the log has no values of this
   * person; "pending": something was in the way, run it again.
   */
  readonly result: "erased" | "partly_erased" | "refused" | "pending" | "nothing_held"
  readonly erasureId?: string
  /** What stays, restricted, and why; the next erasure or prune after that date deletes it. */
  readonly kept: readonly KeptValues[]
  /** The event that says it is done. */
  readonly completedBy?: string
  /** Copies that this package cannot reach, for whoever answers the person. */
  readonly outOfReach: readonly string[]
}

/** What was finished or deleted without anybody being named. */
export interface ResumeReport {
  /** Erasures that had been cut off. */
  readonly resumed: number
  /** Values that had to stay, and whose time was over. */
  readonly dueValues: number
}

type Places = ReadonlyMap<string, readonly string[] | null>

/** Erases in one log, at a time, by a policy. */
export class Eraser {
  readonly #ledger: Ledger
  readonly #policy: RetentionPolicy
  readonly #nowMs: number
  readonly #actor: Actor | undefined

  constructor(ledger: Ledger, policy: RetentionPolicy, nowMs: number, actor: Actor | undefined) {
    this.#ledger = ledger
    this.#policy = policy
    this.#nowMs = nowMs
    this.#actor = actor
  }

  /** Erases what the log holds of a person. */
  async erase(subject: string, said: Readonly<Record<string, string>>): Promise<ErasureReport> {
    // What waits in journals is sealed first, so that its parts are where they are looked for.
    await this.#ledger.flush()
    const { keys, places } = await this.#reading((reader) => {
      reader.requireVault()
      const keys = reader.keysOf(subject)
      return { keys, places: reader.placesUnder(keys) }
    })
    if (keys.length === 0) return this.#nothingHeld()
    return this.#begin(keys, places, said)
  }

  async #nothingHeld(): Promise<ErasureReport> {
    const none = { values: 0, events: 0, kept: [] }
    return { result: "nothing_held", ...none, outOfReach: await outOfReach(this.#ledger.path) }
  }

  /** Finishes what was cut off, and deletes what had to stay and is due. */
  async resume(): Promise<ResumeReport> {
    const erasures = await this.#ledger.lists(ERASURES)
    const open = erasures.filter(({ completedBy }) => completedBy === undefined)
    for (const erasure of open) await this.#finish(erasure)
    let dueValues = 0
    for (const erasure of erasures) dueValues += await this.#eraseDue(erasure)
    return { resumed: open.length, dueValues }
  }

  /** Returns how many values went. */
  async #eraseDue({ id, kept, request }: Erasure): Promise<number> {
    const due = kept.filter((one) => this.#isDue(one))
    if (due.length === 0) return 0
    const gone = await this.#reading((reader) => {
      const left = due.map(({ key }) => key).filter((key) => reader.hasKey(key))
      return { keys: left, places: reader.placesUnder(left) }
    })
    const bindings = gone.places.size === 0 ? new Map() : await this.#bindings([...gone.places.keys()])
    // As long as all of it is still bound, nothing changes.
    if (gone.keys.length === 0 || (gone.places.size > 0 && bindings.size === gone.places.size)) return 0
    const { reason, request_id } = request as Record<string, string>
    const said = { reason: reason!, ...(request_id === undefined ? {} : { request_id }), continues: id }
    return (await this.#begin(gone.keys, gone.places, said, bindings)).values
  }

  /** Whether it is worth looking at what binds these values. */
  #isDue({ until, holds, classes }: Kept): boolean {
    // A policy that does not know the class says nothing about it.
    const isKnown = classes.every((id) => this.#policy.classes.some((one) => one.id === id))
    const isOver = until === null ? holds.length + classes.length > 0 : Date.parse(until) < this.#nowMs
    return isKnown && isOver
  }

  async #begin(
    keys: readonly string[],
    places: Places,
    said: Readonly<Record<string, string>>,
    known?: ReadonlyMap<string, Binding>,
  ): Promise<ErasureReport> {
    const bindings = known ?? (await this.#bindings([...places.keys()]))
    const kept = this.#keptUnder(keys[0]!, bindings)
    const erasure: Erasure = {
      id: randomUUID(),
      keys,
      values: Object.fromEntries([...places].filter(([eventId]) => !bindings.has(eventId))),
      kept,
      late: [],
      request: { ...said, salt: randomBytes(32).toString("base64"), started_at: new Date().toISOString() },
      ...(kept.length === 0 ? {} : { preparing: true }),
    }
    await this.#ledger.keepList(ERASURES, erasure)
    return this.#finish(erasure)
  }

  /** What binds the values of some events, by event. An event that is not in the log binds nothing. */
  async #bindings(eventIds: readonly string[]): Promise<Map<string, Binding>> {
    const root = findLogDirectory(this.#ledger.path)!
    const tests = await holdTests(root, await listHolds({ logDir: root.path }))
    const bindings = new Bindings(this.#policy, tests, this.#nowMs)
    const found = new Map<string, Binding>()
    for await (const entry of readEvents(root, eventIds)) {
      const binding = bindings.of(entry)
      if (binding !== undefined) found.set(entry.event_id, binding)
    }
    return found
  }

  /** One key for all values that stay for the same reasons until the same day. */
  #keptUnder(key: string, bindings: ReadonlyMap<string, Binding>): Kept[] {
    const groups = new Map<string, { binding: Binding; events: string[] }>()
    for (const [eventId, binding] of bindings) {
      const name = JSON.stringify(binding)
      const group = groups.get(name) ?? { binding, events: [] }
      groups.set(name, group)
      group.events.push(eventId)
    }
    const vault = this.#ledger.vault()
    return [...groups.values()].map(({ binding, events }) => ({ key: vault.keepingKey(key).id, ...binding, events }))
  }

  async #finish(begun: Erasure): Promise<ErasureReport> {
    const { id, request } = begun
    const { reason, request_id, continues } = request as Record<string, string>
    const said = { erasure_id: id, request_id, reason, continues }
    const act = {
      logDir: this.#ledger.path,
      operationName: "erasure",
      ...(this.#actor === undefined ? {} : { actor: this.#actor }),
    }
    recordAct({ ...act, eventType: "erasure_started", details: said })
    await this.#ledger.flush()
    const copies = await outOfReach(this.#ledger.path)
    try {
      await this.#delete(begun)
    } catch (error) {
      if (!isBusy(error)) throw error
      const left = { kept: begun.kept.map(keptValues), outOfReach: copies }
      return { result: "pending", erasureId: id, ...countsOf(begun), ...left }
    }
    const now = (await this.#ledger.lists(ERASURES)).find((one) => one.id === id) ?? begun
    const report = { result: resultOf(now), ...countsOf(now), kept: now.kept.map(keptValues), outOfReach: copies }
    const details = { ...said, ...completed(now, report) }
    const { eventId } = recordAct({ ...act, eventType: "erasure_completed", details })
    await this.#ledger.flush()
    await this.#ledger.keepList(ERASURES, { ...now, completedBy: eventId })
    return { ...report, erasureId: id, completedBy: eventId }
  }

  async #delete(begun: Erasure): Promise<void> {
    if (begun.preparing === true) {
      const keys = new Map(begun.kept.flatMap(({ key, events }) => events.map((event) => [event, key] as const)))
      await this.#ledger.rewrapParts(begun.keys, (part) => this.#rewrapped(part, begun.keys, keys.get(part.eventId)))
      const { preparing: _, ...ready } = begun
      await this.#ledger.keepList(ERASURES, ready)
    }
    await this.#ledger.applyErasures()
    // A writer that was in the middle of a call may have written since.
    await this.#ledger.flush()
    await this.#ledger.applyErasures()
  }

  /** What has to stay, under the key for it instead of the person's; undefined for what goes. */
  #rewrapped(part: SealedPart, gone: readonly string[], key: string | undefined): SealedPart | undefined {
    const vault = this.#ledger.vault()
    const values = key === undefined ? "withheld" : openValues(part, (id) => vault.key(id))
    // What does not open cannot be kept either.
    if (key === undefined || typeof values === "string") return undefined
    const others = part.keys.filter((id) => !gone.includes(id))
    const all = [...others, key].map((id) => ({ id, key: vault.key(id)! }))
    return sealValues(part.eventId, all, values)
  }

  async #reading<T>(read: (reader: PersonalReader) => T): Promise<T> {
    const reader = await PersonalReader.open(findLogDirectory(this.#ledger.path)!, process.env)
    try {
      return read(reader)
    } finally {
      reader.close()
    }
  }
}

/** Neither the person nor the events are named: who has the list can show that it is the one meant. */
function completed({ id, keys, values, request }: Erasure, report: Omit<ErasureReport, "erasureId">): object {
  const salt = Buffer.from(String(request["salt"]), "base64")
  const { outOfReach: out_of_reach, ...said } = report
  return {
    ...said,
    started_at: request["started_at"],
    stores: ["parts", "payloads", "vault"],
    method: "deleted_and_keys_destroyed",
    // Random, and of nobody any more: a store that is restored from before is cleaned by them.
    destroyed_keys: keys,
    list_commitment: commitmentOf(salt, { eventId: id, pointer: "/values", json: JSON.stringify(values) }),
    out_of_reach,
  }
}

function resultOf({ kept, values, late }: Erasure): "erased" | "partly_erased" | "refused" {
  if (kept.length === 0) return "erased"
  return Object.keys(values).length + late.length === 0 ? "refused" : "partly_erased"
}

function keptValues({ events, until, sources }: Kept): KeptValues {
  return { events: events.length, until, sources }
}

/** Of an event that came late how many values it had is not known. */
function countsOf({ values, late }: Erasure): ErasedCounts {
  const places = [...Object.values(values), ...late.map(() => null)]
  return { values: places.reduce((sum, list) => sum + (list?.length ?? 1), 0), events: places.length }
}

/** Somebody reads the store just now. */
function isBusy(error: unknown): boolean {
  return /locked|busy/i.test(error instanceof Error ? error.message : "")
}
