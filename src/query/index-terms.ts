/**
 * What the index holds of an entry: the values that filters compare, the words that free text looks for, and what
 * histograms count. Pure.
 * @module
 */
import { type AuditEntry, canonicalRegulation } from "../event/index.ts"
import { EXACT_FIELDS, type ExactField, outcomeOf, valuesOf } from "./fields.ts"
import { eachText, folded, wordsOf } from "./words.ts"

/** Words of one entry that the index holds; an entry with more is looked at whenever words are asked for. */
const MOST_WORDS = 1_000
/** The term of an entry with more. */
export const MANY_WORDS = "many words"

/** The term of every entry that can be read. */
export const ANY = "any"

/** The term for a value of a field. */
export function termOf(field: ExactField, value: string): string {
  return `${EXACT_FIELDS.indexOf(field)}=${value}`
}

/** The term for a word. */
export function wordTerm(word: string): string {
  return `w=${word}`
}

/** All terms of an entry, each once. */
export function entryTerms(entry: AuditEntry): Iterable<string> {
  const terms = new Set([ANY])
  for (const field of EXACT_FIELDS) for (const value of valuesOf(entry, field)) terms.add(termOf(field, value))
  const fields = terms.size
  eachText(entry, (text) => {
    for (const word of wordsOf(folded(text))) if (terms.size - fields <= MOST_WORDS) terms.add(wordTerm(word))
  })
  if (terms.size - fields <= MOST_WORDS) return terms
  return [...[...terms].slice(0, fields), MANY_WORDS]
}

/** What a histogram counts by, day by day; "day" is the day alone. */
export const HISTOGRAM_KEYS = ["day", "type", "operation", "user", "regulation", "outcome"] as const

/** What a histogram counts by. */
export type HistogramKey = (typeof HISTOGRAM_KEYS)[number]

const FIELD_OF: { readonly [K in HistogramKey]?: ExactField } = {
  type: "eventType",
  operation: "operationName",
  user: "user",
  regulation: "regulation",
}

/** The values under which an entry counts; null where it has none. */
export function bucketsOf(entry: AuditEntry, by: HistogramKey): readonly (string | null)[] {
  if (by === "day") return [null]
  if (by === "outcome") return [outcomeOf(entry) ?? null]
  const values = valuesOf(entry, FIELD_OF[by]!)
  if (values.length === 0) return [null]
  return by === "regulation" ? values.map((name) => canonicalRegulation(name) ?? name) : values
}
