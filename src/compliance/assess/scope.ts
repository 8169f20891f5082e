/**
 * What every control of one assessment shares: profile, calendars, time, and who listens to which events. Pure.
 * @module
 */
import type { AuditRecord } from "../../event/index.ts"
import type { Control, JoinSpec } from "../catalogue/types.ts"
import type { LegalCalendars } from "../clock/legal-calendars.ts"
import type { Profile } from "../profile.ts"
import { EventItem } from "./item.ts"
import { Join } from "./join.ts"

/** What verification found, as far as it matters here. */
export interface Integrity {
  readonly verdict: string
  readonly treeSize: number
}

/** What is given to an assessment. */
export interface Given {
  readonly profile: Profile
  readonly calendars: LegalCalendars
  readonly asOfMs: number
  /** Only events recorded from then on are tested. */
  readonly fromMs: number | undefined
  readonly toMs: number
  readonly integrity: Integrity
}

/** Sees events as they stream by, each with the time at which it was recorded, in milliseconds. */
export type Listener = (record: AuditRecord, timeMs: number, item: EventItem) => void

/** One assessment's shared state. It owns the joins, the cases and the listeners. */
export class Scope {
  readonly given: Given
  readonly #joins = new Map<string, Join>()
  readonly #before = new Map<string, Listener[]>()
  readonly #after = new Map<string, Listener[]>()
  #firstMs: number | undefined
  #integrity: Integrity

  constructor(given: Given) {
    this.given = given
    this.#integrity = given.integrity
  }

  get integrity(): Integrity {
    return this.#integrity
  }

  /** What was read is not what the tree has: from then on nothing may pass. */
  distrust(): void {
    this.#integrity = { ...this.#integrity, verdict: "corrupt" }
  }

  get profile(): Profile {
    return this.given.profile
  }

  /** When the oldest entry that is still there was recorded. */
  get firstMs(): number | undefined {
    return this.#firstMs
  }

  /** Tests of single events: they see what was recorded before. */
  test(types: readonly string[], listener: Listener): void {
    listen(this.#before, types, listener)
  }

  /** Whatever remembers events, once those of the same type were tested. */
  watch(types: readonly string[], listener: Listener): void {
    listen(this.#after, types, listener)
  }

  /** A join of which these fields are kept; the same one for the same question. */
  join(spec: JoinSpec & { readonly latest?: true }, fields: readonly string[]): Join {
    const { event, on, where = [], latest } = spec
    const key = JSON.stringify([event, on, where, latest])
    let join = this.#joins.get(key)
    if (join === undefined) {
      const made = new Join({ event, on, where, ...(latest === undefined ? {} : { latest }) }, this.profile)
      this.#joins.set(key, made)
      this.watch(event, (record) => made.add(record))
      join = made
    }
    return join.keep(fields)
  }

  see(record: AuditRecord): void {
    const timeMs = Date.parse(record.timestamp)
    this.#firstMs ??= timeMs
    const item = new EventItem(record)
    for (const listeners of [this.#before, this.#after]) {
      for (const listener of listeners.get(record.event_type) ?? NOBODY) listener(record, timeMs, item)
      for (const listener of listeners.get("*") ?? NOBODY) listener(record, timeMs, item)
    }
  }
}

const NOBODY: readonly Listener[] = []

/** What the tests of one control know. */
export interface TestContext {
  readonly scope: Scope
  readonly control: Control
}

function listen(listeners: Map<string, Listener[]>, types: readonly string[], listener: Listener): void {
  for (const type of types) {
    const known = listeners.get(type)
    if (known === undefined) listeners.set(type, [listener])
    else known.push(listener)
  }
}
