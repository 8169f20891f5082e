/**
 * A catalogue as code sees it: the TypeScript of catalogues/catalogue.schema.json. Types only.
 * @module
 */
import type { CalendarId, Period } from "../clock/deadline.ts"

/** A value that a condition compares with; a text may end in `*`. */
export type Scalar = string | number | boolean

/** Something that the profile declares: the field of the entry of a list that matches the item. */
export interface DeclaredRef {
  readonly list: string
  /** Field of the declaration: field of the item. */
  readonly match: Readonly<Record<string, string>>
  readonly field: string
}

/** How a value is compared; all that are given must hold. */
export interface Comparison {
  readonly in?: readonly Scalar[]
  readonly not_in?: readonly Scalar[]
  readonly overlaps?: readonly string[]
  readonly contains_all?: readonly string[]
  readonly present?: boolean
  readonly at_least?: number
  readonly below?: number
  /** An object of numbers has one above this. */
  readonly any_over?: number
}

/** Holds, does not hold, or cannot be told. */
export type Condition =
  | { readonly any: readonly Condition[] }
  | (Comparison & { readonly field: string; readonly missing?: "unknown" | "yes" | "no" })
  | (Comparison & { readonly fact: string })
  | (Comparison & { readonly declared: DeclaredRef; readonly missing?: "unknown" | "yes" | "no" })

/** What is tested: each event, each case of events with one key, each thing declared, or the log as a whole. */
export type Items =
  | {
      readonly each: "event"
      readonly types: readonly string[]
      readonly where: readonly Condition[]
      readonly jurisdiction?: readonly string[]
    }
  | {
      readonly each: "case"
      readonly types: readonly string[]
      readonly key: string
      readonly where: readonly Condition[]
      readonly jurisdiction?: readonly string[]
      /** Events of other types that belong to a case. */
      readonly with?: readonly { readonly types: readonly string[]; readonly where: readonly Condition[] }[]
    }
  | { readonly each: "declared"; readonly list: DeclaredList; readonly where: readonly Condition[] }
  | { readonly each: "log" }

/** Lists of a profile. */
export type DeclaredList = "systems" | "datasets" | "activities" | "plans" | "policies"

/** Which other events belong to an item. */
export interface JoinSpec {
  readonly event: readonly string[]
  /** Field of the other event: field of the item. Empty: any event of the type. */
  readonly on: Readonly<Record<string, string>>
  readonly where?: readonly Condition[]
}

interface Conditional {
  readonly when?: readonly Condition[]
}

/** A predicate of one item. */
export type TestSpec =
  | (Conditional & {
      readonly is: "present"
      /** `a|b`: either will do. */
      readonly fields: readonly string[]
      readonly missing?: "not_evidenced" | "pending" | "fail"
    })
  | (Conditional & {
      readonly is: "in"
      readonly field: string
      readonly values: readonly Scalar[]
      readonly not?: true
      readonly facts?: string
    })
  | (Conditional & { readonly is: "contains"; readonly field: string; readonly values: readonly string[] })
  | (Conditional & { readonly is: "subset_of"; readonly field: string; readonly of: DeclaredRef })
  | (Conditional & { readonly is: "order"; readonly first: string; readonly then: string })
  | (Conditional & {
      readonly is: "within"
      readonly clock: string
      readonly absent?: "fail" | "not_evidenced"
      readonly excused_by?: JoinSpec
    })
  | (Conditional & JoinSpec & JoinedSpec)
  | (Conditional &
      JoinSpec & {
        readonly is: "none_joined"
        readonly field?: string
        readonly after?: string
        readonly until?: string
      })
  | (Conditional & JoinSpec & { readonly is: "distinct"; readonly field: string; readonly at_least: number })
  | (Conditional &
      JoinSpec & {
        readonly is: "no_gap"
        readonly field?: string
        readonly cadence: { readonly fact: string } | { readonly declared: string }
        readonly from?: string
        readonly until?: string
      })
  | (Conditional & {
      readonly is: "not_pruned_before"
      readonly record_class: string
      readonly types: readonly string[]
      readonly floor: string
    })
  | (Conditional & {
      readonly is: "not_kept_beyond"
      readonly types: readonly string[]
      readonly ceiling: string
      readonly justified_by: string
    })
  | (Conditional & { readonly is: "verifies" })
  | (Conditional & { readonly is: "person_joined"; readonly what: string })
  | (Conditional & {
      readonly is: "evaluator"
      readonly name: string
      readonly with?: Readonly<Record<string, string | number>>
    })
  | (Conditional & { readonly is: "any"; readonly tests: readonly TestSpec[] })

interface JoinedSpec {
  readonly is: "joined"
  /** Only the last one recorded counts. */
  readonly latest?: true
  readonly order?: { readonly field: string; readonly is: "not_after" | "not_before"; readonly than: string }
  readonly fields?: readonly string[]
  /** `fail_if_recorded`: a failure where the log has such events at all, else not evidenced. */
  readonly absent: "fail" | "fail_if_recorded" | "not_evidenced" | "pending"
}

/** A test of one kind. */
export type TestOf<K extends TestSpec["is"]> = Extract<TestSpec, { readonly is: K }>

/** What stops a clock: a field of the item, or of an event that belongs to it. */
export type UntilSpec = { readonly field: string } | (JoinSpec & { readonly field: string })

/** A clock that a provision starts. */
export interface ClockSpec {
  readonly id: string
  /** The field that starts it, and how long it runs; or the field, or the date, that says when it is due. */
  readonly from?: string
  readonly starts_at?: "event" | "year_end"
  readonly period?: Period | { readonly fact: string; readonly unit: "hour" | "day" }
  readonly due_field?: string
  readonly fixed?: string
  readonly calendar: CalendarId
  /** What is due, in words that follow "to". */
  readonly action: string
  readonly until: UntilSpec
  /** Fields that make a late act a matter of judgement. */
  readonly late_with?: readonly string[]
  readonly extension?: { readonly period: Period; readonly notice: string; readonly needs: readonly string[] }
  readonly suspension?: { readonly from: string; readonly until: string; readonly counts: "statute" | "arguable" }
}

/** How much of a provision's text was read for the catalogue. */
export interface TextCheck {
  readonly level: "text_read" | "mirror" | "secondary" | "from_knowledge"
  readonly version: string | null
  readonly url: string | null
  readonly detail: string
}

/** When a control begins to apply. */
export interface AppliesFrom {
  readonly when: Condition | null
  readonly from: string
  readonly certainty: "settled" | "disputed"
}

/** How much a failure matters. */
export type Severity = "critical" | "high" | "medium" | "low"

/** One duty, and how the log is asked about it. */
export interface Control {
  readonly id: string
  readonly provision: string
  readonly title: string
  readonly duty: string
  readonly roles: readonly string[]
  readonly level: string
  readonly severity: Severity
  readonly basis: "statute" | "our_test"
  readonly applies_when: readonly Condition[]
  readonly applies_from: readonly AppliesFrom[]
  readonly checks: readonly { readonly items: Items; readonly tests: readonly TestSpec[] }[]
  readonly clocks: readonly ClockSpec[]
  readonly empty: "not_evidenced" | "not_applicable"
  readonly human: readonly string[]
  readonly retention: {
    readonly record_class: string
    readonly minimum: string | null
    readonly maximum: string | null
  } | null
  readonly source_url: string
  readonly text_check: TextCheck
  readonly note?: string
}

/** Controls of one regulation. */
export interface Catalogue {
  readonly v: 1
  readonly id: string
  readonly version: string
  readonly regulation: string
  readonly title: string
  readonly law_as_of: string
  readonly controls: readonly Control[]
}
