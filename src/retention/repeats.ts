/**
 * Whether a reason repeats what it is to be the reason for removing. Pure.
 * @module
 */
import type { AuditEntry, JsonValue } from "../event/index.ts"

/** Shorter pieces say too little to be recognised by. */
const LEAST_CHARS = 6
const SEPARATORS = /[\s,;:()"'=]+/

/**
 * Whether a text repeats a value of an entry: a whole one of six or more characters, a piece of one with a digit or an @
 * in it, or six digits in a row whatever separates them. Regulations that the entry names are no values.
 *
 * @example
 * ```ts
 * repeatsValueOf(entry, "SSN 078 05 1120 in purpose") // true for an entry whose purpose says "loan of 078-05-1120"
 * ```
 */
export function repeatsValueOf(entry: AuditEntry, text: string): boolean {
  const { details, context, actor, operation_name, regulations = [] } = entry
  const said = text.toLowerCase()
  const saidRuns = digitRuns(text)
  const isSaid = (piece: string): boolean => piece.length >= LEAST_CHARS && said.includes(piece.toLowerCase())
  const values = textsIn([details, context ?? null, (actor ?? null) as JsonValue, operation_name])
  return values.some((value) => {
    if (regulations.includes(value)) return false
    const pieces = value.split(SEPARATORS).filter((piece) => /[\d@]/.test(piece))
    if ([value.trim(), ...pieces].some(isSaid)) return true
    return digitRuns(value).some((run) => saidRuns.some((one) => one.includes(run) || run.includes(one)))
  })
}

/** Digits that follow each other, single separators between them left out; six or more. */
function digitRuns(text: string): string[] {
  const runs = text.match(/\d(?:[\s./-]?\d)*/g) ?? []
  return runs.map((run) => run.replace(/\D/g, "")).filter((run) => run.length >= LEAST_CHARS)
}

/** Texts and numbers among the values; names of fields, and of our own markers, say nothing of anybody. */
function textsIn(value: JsonValue): string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)]
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => (key === "$secureml" ? [] : textsIn(one as JsonValue)))
}
