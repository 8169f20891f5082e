/**
 * How an erasure goes: the list first, then what has to stay is put under keys of its own, then everything else is
 * deleted. Does I/O; call it holding the retention lock.
 * @module
 */
import { randomBytes, randomUUID } from "node:crypto"
import { recordAct } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import type { Actor } from "../event/index.ts"
import { ERASURES, type Erasure, type Kept, type Ledger, RESTRICTIONS } from "../ledger/index.ts"
import { commitmentOf, openValues, sealValues } from "../privacy/index.ts"
import { PersonalReader, readEvents } from "../query/index.ts"
import { findLogDirectory, type SealedPart } from "../store/index.ts"
import { type Binding, Bindings } from "./binding.ts"
import { outOfReach } from "./copies.ts"
import { holdTests, listHolds } from "./holds.ts"
import { floorsOf, isOpen } from "./kept.ts"
import type { RetentionPolicy } from "./policy.ts"
import { restrictionTests } from "./restrict.ts"

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
  async erase(subject: string, said: Said): Promise<ErasureReport> {
    const keys = await this.#reading((reader) => {
      reader.requireVault()
      return reader.keysOf(subject)
    })
    if (keys.length === 0) return this.#nothingHeld()
    // What is recorded from now on has another key, so that nothing is deleted that was not looked at.
    this.#ledger.vault().retire(keys)
    // What waits in journals is sealed, so that its parts are where they are looked for.
    await this.#ledger.flush()
    return this.#begin({ id: randomUUID(), keys, said })
  }

  async #nothingHeld(): Promise<ErasureReport> {
    const none = { values: 0, events: 0, kept: [] }
    return { result: "nothing_held", ...none, outOfReach: await outOfReach(this.#ledger.path) }
  }

  /** Finishes what was cut off, and deletes what had to stay and is due. */
  async resume(): Promise<ResumeReport> {
    const erasures = await this.#ledger.lists(ERASURES)
    const open = erasures.filter(({ completedBy }) => completedBy === undefined)
    for (const erasure of open) {
      if (erasure.preparing === true) await this.#beginAgain(erasure)
      else await this.#finish(erasure)
    }
    let dueValues = 0
    for (const erasure of erasures) dueValues += await this.#eraseDue(erasure)
    return { resumed: open.length, dueValues }
  }

  /** Nothing of one that was still being prepared is gone; some of it may be under its own keys by now. */
  #beginAgain(erasure: Erasure): Promise<ErasureReport> {
    const { id, kept } = erasure
    const keys = [...erasure.keys, ...kept.map(({ key }) => key)]
    return this.#begin({ id, keys, said: saidOf(erasure) })
  }

  /** Returns how many values went. */
  async #eraseDue(erasure: Erasure): Promise<number> {
    const due = erasure.kept.filter((one) => this.#isDue(one))
    if (due.length === 0) return 0
    const left = await this.#reading((reader) => {
      const keys = due.map(({ key }) => key).filter((key) => reader.hasKey(key))
      return { keys, places: reader.placesUnder(keys) }
    })
    if (left.keys.length === 0) return 0
    const bindings = await this.#bindings([...left.places.keys()], true)
    // As long as all of it is still bound, and by the same, nothing changes.
    const isBoundAs = ({ holds, events }: Kept): boolean =>
      events.every((id) => !left.places.has(id) || isSame(bindings.get(id)?.holds, holds))
    if (left.places.size > 0 && bindings.size === left.places.size && due.every(isBoundAs)) return 0
    const said = { ...saidOf(erasure), continues: erasure.id }
    return (await this.#begin({ id: randomUUID(), keys: left.keys, said, isDue: true })).values
  }

  /** Whether it is worth looking at what binds these values. */
  #isDue({ until, holds, classes }: Kept): boolean {
    const isOver = until === null ? classes.length > 0 : Date.parse(until) < this.#nowMs
    return holds.length > 0 || (isOver && !isOpen(this.#policy, classes))
  }

  /** @param isDue - Nobody asked for it: then a restriction binds, too. */
  async #begin({ id, keys, said, isDue = false }: Beginning): Promise<ErasureReport> {
    const places = await this.#reading((reader) => reader.placesUnder(keys))
    const bindings = await this.#bindings([...places.keys()], isDue)
    const erasure: Erasure = {
      id,
      keys,
      values: Object.fromEntries([...places].filter(([eventId]) => !bindings.has(eventId))),
      kept: keys.length === 0 ? [] : this.#keptUnder(keys[0]!, bindings),
      late: [],
      request: { ...said, salt: randomBytes(32).toString("base64"), started_at: new Date().toISOString() },
      preparing: true,
    }
    await this.#ledger.keepList(ERASURES, erasure)
    return this.#finish(erasure)
  }

  /** What binds the values of some events, by event. An event that is not in the log binds nothing. */
  async #bindings(eventIds: readonly string[], isDue: boolean): Promise<Map<string, Binding>> {
    const root = findLogDirectory(this.#ledger.path)!
    const tests = await holdTests(root, await listHolds({ logDir: root.path }))
    if (isDue) tests.push(...(await restrictionTests(root)))
    const bindings = new Bindings(this.#policy, tests, this.#nowMs)
    const floors = floorsOf(await this.#ledger.lists(ERASURES), this.#policy, this.#nowMs)
    const found = new Map<string, Binding>()
    for await (const entry of readEvents(root, eventIds)) {
      const binding = together(bindings.of(entry), floors.get(entry.event_id))
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
    const { id } = begun
    const said = { erasure_id: id, ...saidOf(begun) }
    const act = {
      logDir: this.#ledger.path,
      operationName: "erasure",
      ...(this.#actor === undefined ? {} : { actor: this.#actor }),
    }
    recordAct({ ...act, eventType: "erasure_started", details: said })
    await this.#ledger.flush()
    try {
      await this.#delete(begun)
    } catch (error) {
      if (!isBusy(error)) throw error
      const left = { kept: begun.kept.map(keptValues), outOfReach: await outOfReach(this.#ledger.path) }
      return { result: "pending", erasureId: id, ...countsOf(begun), ...left }
    }
    const now = (await this.#ledger.lists(ERASURES)).find((one) => one.id === id) ?? begun
    const left = { kept: now.kept.map(keptValues), outOfReach: await outOfReach(this.#ledger.path) }
    const report = { result: resultOf(now), ...countsOf(now), ...left }
    const details = { ...said, ...completed(now, report) }
    const { eventId } = recordAct({ ...act, eventType: "erasure_completed", details })
    await this.#ledger.flush()
    await this.#ledger.changeList(ERASURES, id, (list) => ({ ...list, completedBy: eventId }))
    return { ...report, erasureId: id, completedBy: eventId }
  }

  async #delete(begun: Erasure): Promise<void> {
    if (begun.preparing === true) {
      const keys = new Map(begun.kept.flatMap(({ key, events }) => events.map((event) => [event, key] as const)))
      await this.#ledger.rewrapParts(begun.keys, (part) => this.#rewrapped(part, begun.keys, keys.get(part.eventId)))
      await this.#restrictKept(begun)
      const { preparing: _, ...ready } = begun
      await this.#ledger.keepList(ERASURES, ready)
    }
    await this.#ledger.applyErasures()
    // A writer that was in the middle of a call may have written since.
    await this.#ledger.flush()
    await this.#ledger.applyErasures()
  }

  /** A restriction is of the person, and so of what is kept of them under another key. */
  async #restrictKept({ keys, kept }: Erasure): Promise<void> {
    for (const one of await this.#ledger.lists(RESTRICTIONS)) {
      if (one.liftedBy !== undefined || !one.keys.some((key) => keys.includes(key))) continue
      await this.#ledger.keepList(RESTRICTIONS, { ...one, keys: [...one.keys, ...kept.map(({ key }) => key)] })
    }
  }

  /** What has to stay, under the key for it instead of the person's; undefined for what goes. */
  #rewrapped(part: SealedPart, gone: readonly string[], key: string | undefined): SealedPart | undefined {
    const vault = this.#ledger.vault()
    // Of a joint value whose other person was erased nothing is left that could be kept.
    if (key === undefined || part.keys.some((id) => vault.isDestroyed(id))) return undefined
    const values = openValues(part, (id) => vault.key(id))
    if (typeof values === "string") {
      const what = `values of event ${part.eventId} have to be kept and cannot be opened (${values})`
      throw new AuditError("VAULT_MISSING", `${what}: nothing was deleted; restore the vault from a backup`)
    }
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

/** What the events of an erasure say of who asked for it. */
type Said = Readonly<Record<string, string>>

interface Beginning {
  readonly id: string
  readonly keys: readonly string[]
  readonly said: Said
  readonly isDue?: boolean
}

function isSame(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one !== undefined && [...one].sort().join() === [...other].sort().join()
}

function saidOf({ request }: Erasure): Said {
  const said = ["request_id", "reason", "continues"].map((name) => [name, request[name]])
  return Object.fromEntries(said.filter(([, value]) => typeof value === "string")) as Said
}

/** What two reasons bind together. */
function together(one: Binding | undefined, other: Binding | undefined): Binding | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const classes = [...new Set([...one.classes, ...other.classes])]
  const untils = [one.until, other.until].filter((until) => until !== null).sort()
  return {
    until: classes.length > 0 ? null : (untils.at(-1) ?? null),
    holds: one.holds,
    classes,
    sources: [...new Set([...one.sources, ...other.sources])],
  }
}

/** Neither the person nor the events are named: who has the list can show that it is the one meant. */
function completed({ id, keys, values, request }: Erasure, report: Omit<ErasureReport, "erasureId">): object {
  const salt = Buffer.from(String(request["salt"]), "base64")
  const { outOfReach: out_of_reach, kept, ...said } = report
  return {
    ...said,
    kept: summarised(kept),
    started_at: request["started_at"],
    stores: ["parts", "payloads", "vault"],
    method: "deleted_and_keys_destroyed",
    // Random, and of nobody any more: a store that is restored from before is cleaned by them.
    destroyed_keys: keys,
    list_commitment: commitmentOf(salt, { eventId: id, pointer: "/values", json: JSON.stringify(values) }),
    out_of_reach,
  }
}

/** Days that differ are told by the first and the last one, so that the event has room for all reasons. */
function summarised(kept: readonly KeptValues[]): object[] {
  const groups = new Map<
    string,
    { events: number; until: string | null; from: string | null; sources: readonly string[] }
  >()
  for (const { events, until, sources } of kept) {
    const name = JSON.stringify([until === null, sources])
    const known = groups.get(name)
    if (known === undefined) groups.set(name, { events, until, from: until, sources })
    else {
      known.events += events
      if (until !== null && until > known.until!) known.until = until
      if (until !== null && until < known.from!) known.from = until
    }
  }
  return [...groups.values()].map(({ from, ...group }) => (from === group.until ? group : { ...group, from }))
}

function resultOf({ kept, values, late }: Erasure): "erased" | "partly_erased" | "refused" {
  if (kept.length === 0) return "erased"
  return Object.keys(values).length + late.length === 0 ? "refused" : "partly_erased"
}

function keptValues({ events, until, holds, sources }: Kept): KeptValues {
  return { events: events.length, until: holds.length > 0 ? null : until, sources }
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
