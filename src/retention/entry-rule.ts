/**
 * What the policy says of one record: until when it stays, and by which provision. Pure.
 * @module
 */
import type { AuditEntry } from "../event/index.ts"
import { addPeriod } from "./period.ts"
import {
  classesOf,
  type LegalSource,
  type RetentionClass,
  type RetentionPolicy,
  refuseConflict,
  sourceText,
} from "./policy.ts"

/** Why an entry stays. */
export type KeepReason = "too_early" | "no_period" | "start_not_declared" | "time_unreadable" | "held" | "hold_in_force"

/** What the policy says of records that have the same classes. */
export interface EntryRule {
  /** Ids of the classes, sorted and joined; "default" or "none" where no class sets a period. */
  readonly name: string
  readonly classes: readonly RetentionClass[]
  /** Periods that all have to be over. */
  readonly minimums: readonly { readonly period: string; readonly fromMs: number; readonly source: string }[]
  /** The longest that any provision allows, and which. */
  readonly maximums: readonly { readonly period: string; readonly source: string }[]
  /** Nothing says from when it may go. */
  readonly blocked?: { readonly reason: KeepReason; readonly source: string }
}

/** Finds the rules of entries; entries of one type and the same regulations share one. */
export class EntryRules {
  readonly #policy: RetentionPolicy
  readonly #known = new Map<string, EntryRule>()

  constructor(policy: RetentionPolicy) {
    this.#policy = policy
  }

  /** @throws {@link AuditError} `RETENTION_CONFLICT` where provisions contradict each other for this record. */
  of({ event_type, regulations = [] }: AuditEntry): EntryRule {
    const key = JSON.stringify([event_type, regulations])
    let rule = this.#known.get(key)
    if (rule === undefined) {
      rule = this.#make(event_type, regulations)
      this.#known.set(key, rule)
    }
    return rule
  }

  #make(eventType: string, regulations: readonly string[]): EntryRule {
    const classes = classesOf(this.#policy, eventType, regulations)
    refuseConflict(classes, `records of type ${eventType} under ${regulations.join(", ") || "no regulation"}`)
    const minimums = classes.flatMap((one) => {
      const fromMs = one.from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(one.from)
      return one.minimum === null ? [] : [{ period: one.minimum, fromMs, source: `${one.minimum}, ${sourceText(one)}` }]
    })
    const maximums = classes.flatMap((one) =>
      one.maximum === null ? [] : [{ period: one.maximum, source: `${one.maximum}, ${sourceText(one)}` }],
    )
    const name = classes
      .map(({ id }) => id)
      .sort()
      .join("+")
    const rule = { name: name || "none", classes, minimums, maximums }
    const open = classes.find((one) => one.runsFrom === "declared" && one.from === undefined)
    if (open !== undefined) {
      const what = open.minimum === null ? sourceText(open) : `${open.minimum}, ${sourceText(open)}`
      return { ...rule, blocked: { reason: "start_not_declared", source: what } }
    }
    return minimums.length > 0 || maximums.length > 0 ? rule : this.#fallback(rule)
  }

  #fallback(rule: EntryRule): EntryRule {
    const fallback = this.#policy.default
    const [first] = rule.classes
    if (fallback === null) {
      const source = first === undefined ? "no class of the policy covers it" : `${sourceText(first)} sets no period`
      return { ...rule, blocked: { reason: "no_period", source } }
    }
    const { minimum: period } = fallback
    const source = `${period}, ${defaultText(fallback.source)}`
    const minimum = { period, fromMs: Number.NEGATIVE_INFINITY, source }
    return { ...rule, name: rule.name === "none" ? "default" : `${rule.name}+default`, minimums: [minimum] }
  }
}

function defaultText({ framework, provision }: LegalSource): string {
  return `${framework === undefined ? provision : `${framework}, ${provision}`} [default]`
}

/** When the last minimum is over, and which one that is; undefined where there is none. */
export function endOf(rule: EntryRule, timeMs: number): { readonly atMs: number; readonly source: string } | undefined {
  let end: { atMs: number; source: string } | undefined
  for (const { period, fromMs, source } of rule.minimums) {
    const atMs = addPeriod(Math.max(timeMs, fromMs), period)
    if (end === undefined || atMs > end.atMs) end = { atMs, source }
  }
  return end
}

/** Whether a maximum is over, and which one. */
export function overdueBy(rule: EntryRule, timeMs: number, nowMs: number): string | undefined {
  return rule.maximums.find(({ period }) => addPeriod(timeMs, period) < nowMs)?.source
}
