/**
 * Names of regulations: known ones in one spelling each, others as given. Pure.
 * @module
 */
import { isArray } from "./shape.ts"

/** Known regulations and frameworks, as stored. */
export const KNOWN_REGULATIONS: readonly string[] = [
  "GDPR",
  "HIPAA",
  "CCPA",
  "CPRA",
  "CCPA/CPRA",
  "EU AI Act",
  "LGPD",
  "PIPEDA",
  "Quebec Law 25",
  "21 CFR Part 11",
  "SOC 2",
  "ISO/IEC 42001",
  "NIST AI RMF",
]

const MAX_REGULATIONS = 64
const MAX_NAME_CHARS = 256
const byFoldedName = new Map(KNOWN_REGULATIONS.map((name) => [fold(name), name]))

function fold(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "")
}

/** The stored spelling of a regulation's name, or undefined for one that is not known. */
export function canonicalRegulation(name: string): string | undefined {
  return byFoldedName.get(fold(name))
}

/**
 * Checks a list of regulations: known names match whatever their case and punctuation, unknown ones are kept as given
 * and listed, so that the caller can be warned once. Doubles are dropped.
 *
 * @throws TypeError for anything but an array of non-empty strings.
 * @throws RangeError for more than 64 names, or a name over 256 characters.
 * @example
 * ```ts
 * checkRegulations(["gdpr", "eu-ai-act", "Mars Law"])
 * // { regulations: ["GDPR", "EU AI Act", "Mars Law"], unknown: ["Mars Law"] }
 * ```
 */
export function checkRegulations(list: unknown): { regulations: readonly string[]; unknown: readonly string[] } {
  if (!isArray(list)) throw new TypeError('regulations must be an array of names, such as ["GDPR"]')
  if (list.length > MAX_REGULATIONS) {
    throw new RangeError(`regulations lists ${list.length} names; the limit is ${MAX_REGULATIONS}`)
  }
  const regulations = new Set<string>()
  const unknown = new Set<string>()
  for (const item of list) {
    if (typeof item !== "string" || item.trim() === "") {
      throw new TypeError('regulations must hold non-empty names only, such as "GDPR"')
    }
    if (item.length > MAX_NAME_CHARS) {
      throw new RangeError(`a name in regulations is ${item.length} characters long; the limit is ${MAX_NAME_CHARS}`)
    }
    const name = item.trim()
    const known = canonicalRegulation(name)
    if (known === undefined) unknown.add(name)
    regulations.add(known ?? name)
  }
  return { regulations: [...regulations], unknown: [...unknown] }
}
