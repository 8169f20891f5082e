/**
 * Free text: which texts of an entry are searched, what a word is, and when a text holds what was asked for. Pure.
 * @module
 */
import type { AuditEntry, JsonObject, JsonValue } from "../event/index.ts"

/** Scripts that put no space between words: each character counts as one. */
const UNSPACED = "\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}"
/** A letter, mark or digit of the other scripts: a run of them is a word, and everything else separates. */
const SPACED = `(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}]`
const WORD = new RegExp(`[${UNSPACED}]|(?:${SPACED})+`, "gu")
const ENDS_IN_WORD = new RegExp(`${SPACED}$`, "u")
const BEGINS_WITH_WORD = new RegExp(`^${SPACED}`, "u")

/** Would be found in the middle of a character. */
const HALF_PAIR = /\p{Surrogate}/gu

/** A text in the form in which texts are compared: case does not matter. */
export function folded(text: string): string {
  return text.toLowerCase()
}

/** The words of a folded text. */
export function wordsOf(text: string): readonly string[] {
  return text.match(WORD) ?? []
}

/** What is asked for, in parts: a text is searched for each of them. */
export function partsOf(text: string): readonly string[] {
  return folded(text)
    .replace(HALF_PAIR, "\ufffd")
    .split(/\s+/u)
    .filter((part) => part !== "")
}

/**
 * Calls back with each text of an entry that is searched: the type, the operation's name, the actor, and every key,
 * text, number and truth value in the context and the details. Ids have filters of their own.
 */
export function eachText(entry: AuditEntry, visit: (text: string) => void): void {
  visit(entry.event_type)
  visit(entry.operation_name)
  // A personal value has a marker in its place.
  if (typeof entry.actor?.id === "string") visit(entry.actor.id)
  if (entry.context !== undefined) walk(entry.context, visit)
  walk(entry.details, visit)
}

/** In a loop: 64 KiB can be nested deeper than calls can. */
function walk(whole: JsonValue, visit: (text: string) => void): void {
  const open: JsonValue[] = [whole]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === "string") visit(value)
    else if (typeof value === "number" || typeof value === "boolean") visit(String(value))
    else if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) open.push(item)
    // A personal value has a marker in its place, which has no words.
    else if (value !== null && (value as JsonObject)["$secureml"] !== "personal") {
      for (const [key, item] of Object.entries(value)) {
        visit(key)
        open.push(item)
      }
    }
  }
}

/** Whether an entry has every part in some text of its own. */
export function holdsParts(entry: AuditEntry, parts: readonly string[]): boolean {
  const missing = new Set(parts)
  eachText(entry, (text) => {
    if (missing.size === 0) return
    const searched = folded(text)
    for (const part of missing) if (holdsPart(searched, part)) missing.delete(part)
  })
  return missing.size === 0
}

/** Whether a folded text has a part that begins and ends where words do: "loan" is in "loan_type" and not in "loans". */
function holdsPart(text: string, part: string): boolean {
  return findPart(text, part, 0) !== -1
}

/** Where such a part stands in a folded text, from some place on; -1 when it does not. */
export function findPart(text: string, part: string, from: number): number {
  const opens = BEGINS_WITH_WORD.test(part)
  const closes = ENDS_IN_WORD.test(part)
  for (let at = text.indexOf(part, from); at >= 0; at = text.indexOf(part, at + 1)) {
    const begins = !opens || !ENDS_IN_WORD.test(text.slice(Math.max(0, at - 2), at))
    const end = at + part.length
    if (begins && (!closes || !BEGINS_WITH_WORD.test(text.slice(end, end + 2)))) return at
  }
  return -1
}
