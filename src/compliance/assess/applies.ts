/**
 * Whether a control applies: to whom, under which facts, and from when. Pure.
 * @module
 */
import type { AppliesFrom, Control } from "../catalogue/types.ts"
import type { Profile } from "../profile.ts"
import { allHold, holds } from "./condition.ts"
import { DeclaredItem } from "./item.ts"
import type { Outcome } from "./outcome.ts"

/** It applies, from some moment on; or it does not, or nobody knows, and why. */
export type Applicability =
  | { readonly applies: true; readonly fromMs: number; readonly disputed?: string }
  | { readonly applies: false; readonly outcome: Outcome; readonly reason: string }

const NOTHING = new DeclaredItem("the profile", {})

/** Asks the profile. */
export function applicabilityOf(control: Control, profile: Profile, asOfMs: number): Applicability {
  const excluded = profile.controls?.exclude?.find(({ id }) => id === control.id)
  if (excluded !== undefined) return not("not_applicable", `left out by the profile: ${excluded.reason}`)
  const earliest = Math.min(...control.applies_from.map(startOf))
  if (asOfMs < earliest) return not("not_applicable", `applies from ${isoDate(earliest)}`)
  if (profile.roles === undefined)
    return not("needs_review", `it binds ${control.roles.join(" and ")}; no roles are declared`)
  if (!control.roles.some((role) => profile.roles!.includes(role)))
    return not(
      "not_applicable",
      `it binds ${control.roles.join(" and ")}; the profile declares ${profile.roles.join(", ") || "no role"}`,
    )
  const facts = allHold(control.applies_when, NOTHING, profile)
  if (facts === false) return not("not_applicable", "a fact of the profile leaves it out")
  if (facts !== true) return not("needs_review", facts.because)
  return fromWhen(control.applies_from, profile, asOfMs)
}

function fromWhen(entries: readonly AppliesFrom[], profile: Profile, asOfMs: number): Applicability {
  const judged = entries.map((entry) => ({ entry, truth: entry.when === null || holds(entry.when, NOTHING, profile) }))
  const unknown = judged.map(({ truth }) => truth).find((truth) => typeof truth !== "boolean")
  if (unknown !== undefined && typeof unknown !== "boolean") return not("needs_review", unknown.because)
  const mine = judged.filter(({ truth }) => truth === true).map(({ entry }) => entry)
  if (mine.length === 0) return not("not_applicable", "a fact of the profile leaves it out")
  const begun = mine.filter((entry) => startOf(entry) <= asOfMs)
  if (begun.length === 0) return not("not_applicable", `applies from ${mine.map(({ from }) => from).join(" or ")}`)
  const fromMs = Math.min(...begun.map(startOf))
  if (begun.some(({ certainty }) => certainty === "settled"))
    return {
      applies: true,
      fromMs: Math.min(...begun.filter(({ certainty }) => certainty === "settled").map(startOf), fromMs),
    }
  return { applies: true, fromMs, disputed: `whether it applies from ${begun[0]!.from} already is disputed` }
}

function startOf({ from }: AppliesFrom): number {
  return Date.parse(`${from}T00:00:00Z`)
}

function isoDate(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}

function not(outcome: Outcome, reason: string): Applicability {
  return { applies: false, outcome, reason }
}
