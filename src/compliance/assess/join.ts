/**
 * Events that belong to an item, by fields that they share. Kept while the log streams by: only what a catalogue asks of
 * them, and only of types that catalogues join, so memory grows with registers, requests and incidents, not with
 * accesses and inferences. Pure.
 * @module
 */
import type { AuditRecord } from "../../event/index.ts"
import type { JoinSpec } from "../catalogue/types.ts"
import type { Profile } from "../profile.ts"
import { allHold, type Truth, textsOf } from "./condition.ts"
import { EventItem, fieldOf, type Item, refOf, type Seen, WITHHELD } from "./item.ts"
import type { EventRef } from "./outcome.ts"

/** An event as a join keeps it. */
export interface Fact {
  readonly event: EventRef
  /** Whether the join's own conditions hold of it. */
  readonly fits: Truth
  readonly values: ReadonlyMap<string, Seen>
}

/** What was found for an item. */
export interface Found {
  readonly facts: readonly Fact[]
  /** Those of which it cannot be told. */
  readonly unsure: readonly Fact[]
  /** The field of the item without which nothing can be looked up. */
  readonly lacks?: string
}

/** One join; controls that ask the same share it. */
export class Join {
  readonly spec: JoinSpec
  readonly #profile: Profile
  readonly #fields = new Set<string>()
  readonly #byKey = new Map<string, Fact[]>()
  readonly #latestOnly: boolean
  #isSeen = false

  constructor(spec: JoinSpec & { readonly latest?: true }, profile: Profile) {
    this.spec = spec
    this.#profile = profile
    // Without a shared field every event is a match, and one of them says as much as all.
    this.#latestOnly = spec.latest === true || Object.keys(spec.on).length === 0
    for (const theirs of Object.keys(spec.on)) this.#fields.add(theirs)
  }

  /** Keeps these fields of the events to come. */
  keep(fields: readonly string[]): this {
    for (const field of fields) this.#fields.add(field)
    return this
  }

  /** Whether the log has any event of the types at all. */
  get isSeen(): boolean {
    return this.#isSeen
  }

  add(record: AuditRecord): void {
    this.#isSeen = true
    const fits = allHold(this.spec.where ?? [], new EventItem(record), this.#profile)
    const keepsMisfits = this.#latestOnly && Object.keys(this.spec.on).length > 0
    if (fits === false && !keepsMisfits) return
    const values = new Map<string, Seen>([...this.#fields].map((field) => [field, fieldOf(record, field)]))
    const fact = { event: refOf(record), fits, values }
    for (const key of this.#keysOf(values)) {
      const facts = this.#byKey.get(key)
      if (facts === undefined) this.#byKey.set(key, [fact])
      else if (this.#latestOnly) facts[0] = fact
      else facts.push(fact)
    }
  }

  /** What belongs to an item, in the order in which it was recorded. */
  find(item: Item): Found {
    const pairs = Object.entries(this.spec.on)
    const lacking = pairs.find(([, mine]) => [undefined, WITHHELD].includes(item.get(mine) as undefined))
    if (lacking !== undefined) return { facts: [], unsure: [], lacks: lacking[1] }
    const wanted = pairs.map(([theirs, mine]) => [theirs, namesIn(item.get(mine))] as const)
    const all =
      pairs.length === 0 ? (this.#byKey.get("") ?? []) : wanted[0]![1].flatMap((key) => this.#byKey.get(key) ?? [])
    const sharing = [...new Set(all)].filter(({ values }) =>
      wanted.every(([theirs, names]) => namesIn(values.get(theirs)).some((name) => names.includes(name))),
    )
    return {
      facts: sharing.filter(({ fits }) => fits === true),
      unsure: sharing.filter(({ fits }) => typeof fits !== "boolean"),
    }
  }

  #keysOf(values: ReadonlyMap<string, Seen>): readonly string[] {
    const [first] = Object.keys(this.spec.on)
    return first === undefined ? [""] : namesIn(values.get(first))
  }
}

function namesIn(value: Seen): readonly string[] {
  if (value === undefined || value === WITHHELD) return []
  return typeof value === "number" ? [String(value)] : textsOf(value)
}
