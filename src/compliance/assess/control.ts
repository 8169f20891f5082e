/**
 * One control over one log: population, results, and the one outcome that they come to.
 * @module
 */
import type { Catalogue, Control, Severity, TextCheck } from "../catalogue/types.ts"
import { type Applicability, applicabilityOf } from "./applies.ts"
import type { Attestations } from "./attestation.ts"
import { startCheck } from "./check.ts"
import { type OpenClock, OUTCOMES, type Outcome, type OutcomeCounts } from "./outcome.ts"
import type { Scope } from "./scope.ts"
import { type ItemResult, Tally } from "./tally.ts"

/** What an assessment found of one control. */
export interface ControlFinding {
  readonly control: string
  readonly catalogue: string
  readonly regulation: string
  readonly provision: string
  readonly title: string
  readonly duty: string
  readonly severity: Severity
  readonly basis: Control["basis"]
  readonly text_check: TextCheck
  readonly outcome: Outcome
  /** In plain words, with the citation. */
  readonly reason: string
  /** Items tested. */
  readonly population: number
  readonly counts: OutcomeCounts
  /** All items that do not pass, up to 1,000; `counts` has all. */
  readonly exceptions: readonly ItemResult[]
  /** A few of those that pass. */
  readonly passes: readonly ItemResult[]
  readonly open_clocks: readonly (OpenClock & { readonly item: string })[]
  readonly note?: string
}

const NO_COUNTS = Object.fromEntries(OUTCOMES.map((one) => [one, 0])) as OutcomeCounts

/** Levels at which the wording of a provision was read. */
const READ = ["text_read", "mirror"]
/** Verdicts of verification under which something may pass. */
const TRUSTED = ["intact", "unsealed_tail"]

/** Runs one control while the log streams by. */
export class ControlRun {
  readonly #control: Control
  readonly #catalogue: Catalogue
  readonly #scope: Scope
  readonly #applies: Applicability
  readonly #tally = new Tally()
  readonly #endings: (() => void)[] = []

  constructor(control: Control, catalogue: Catalogue, scope: Scope) {
    this.#control = control
    this.#catalogue = catalogue
    this.#scope = scope
    const { profile, asOfMs, fromMs, toMs } = scope.given
    const applies = applicabilityOf(control, profile, asOfMs)
    this.#applies = applies
    if (!applies.applies) return
    const population = { fromMs: Math.max(fromMs ?? applies.fromMs, applies.fromMs), toMs }
    for (const check of control.checks)
      this.#endings.push(startCheck(check, { scope, control }, this.#tally, population))
  }

  /** What was found; to be asked once the whole log was seen. */
  finding(attestations: Attestations): ControlFinding {
    const applies = this.#applies
    if (!applies.applies) return this.#finding(applies.outcome, applies.reason, NO_COUNTS)
    for (const end of this.#endings) end()
    const counts = this.#tally.counts()
    const { outcome, reason } = this.#limited(this.#asTested(counts, attestations), attestations, applies.disputed)
    return this.#finding(outcome, reason, counts)
  }

  #asTested(counts: OutcomeCounts, attestations: Attestations): Judgement {
    const population = sum(counts)
    const outcome = OUTCOMES.find((one) => counts[one] > 0)
    if (outcome === undefined) return this.#empty(attestations)
    const { provision } = this.#control
    if (outcome === "pass")
      return { outcome, reason: `evidence consistent with ${provision}: ${population} of ${population} items` }
    const telling = this.#tally.exceptions.filter((one) => one.outcome === outcome)
    const [first] = telling
    const more = counts[outcome] > 1 ? `, and ${counts[outcome] - 1} more` : ""
    return { outcome, reason: `${provision}: ${first!.item}: ${first!.reason}${more}` }
  }

  /** Nothing to test is not a pass, unless somebody stood up for it. */
  #empty(attestations: Attestations): Judgement {
    const { provision, empty, id } = this.#control
    if (empty === "not_applicable")
      return { outcome: "not_applicable", reason: `${provision}: nothing in the log that it covers` }
    const nil = attestations.nilReturn(id)
    if (nil === undefined)
      return { outcome: "not_evidenced", reason: `${provision}: nothing in the log that it covers, and no nil return` }
    return nil.covers
      ? {
          outcome: "pass",
          reason: `evidence consistent with ${provision}: nil return by ${nil.by}, event ${nil.index}`,
        }
      : {
          outcome: "not_evidenced",
          reason: `${provision}: the nil return, event ${nil.index}, does not cover the window`,
        }
  }

  /** What a pass needs besides: a log that verifies, a text that was read, people where only people can say. */
  #limited(judgement: Judgement, attestations: Attestations, disputed: string | undefined): Judgement {
    if (judgement.outcome !== "pass") return this.#withCitation(judgement)
    const { human, text_check, id, provision } = this.#control
    const { verdict } = this.#scope.integrity
    if (!TRUSTED.includes(verdict))
      return {
        outcome: "not_evidenced",
        reason: `${provision}: verification found the log ${verdict}; over such a log nothing passes`,
      }
    const open: string[] = []
    if (!READ.includes(text_check.level)) open.push("citation not checked")
    if (disputed !== undefined) open.push(disputed)
    if (human.length > 0 && !attestations.isStated(id)) open.push(`only people can state: ${human.join(", ")}`)
    return open.length === 0
      ? judgement
      : { outcome: "needs_review", reason: `${judgement.reason}; ${open.join("; ")}` }
  }

  #withCitation(judgement: Judgement): Judgement {
    if (READ.includes(this.#control.text_check.level) || judgement.outcome !== "fail") return judgement
    return { ...judgement, reason: `${judgement.reason} (citation not checked)` }
  }

  #finding(outcome: Outcome, reason: string, counts: OutcomeCounts): ControlFinding {
    const { id, provision, title, duty, severity, basis, text_check, note } = this.#control
    const { exceptions, passes } = this.#tally
    return {
      control: id,
      catalogue: this.#catalogue.id,
      regulation: this.#catalogue.regulation,
      provision,
      title,
      duty,
      severity: this.#scope.profile.controls?.severity?.[id] ?? severity,
      basis,
      text_check,
      outcome,
      reason,
      population: sum(counts),
      counts,
      exceptions,
      passes,
      open_clocks: exceptions.flatMap(({ item, open }) => (open === undefined ? [] : [{ ...open, item }])),
      ...(note === undefined ? {} : { note }),
    }
  }
}

interface Judgement {
  readonly outcome: Outcome
  readonly reason: string
}

function sum(counts: OutcomeCounts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
