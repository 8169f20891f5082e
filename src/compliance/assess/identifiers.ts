/**
 * Finds identifiers of persons that stand in clear in an event: e-mail addresses, and numbers of which the form and the
 * check digits are known. It finds no names, and a clean result does not show that there is nothing. Pure.
 * @module
 */
import { type AuditRecord, isRecord } from "../../event/index.ts"

/** Kinds of identifiers. */
export type IdentifierKind = "e-mail addresses" | "IBANs" | "US social security numbers" | "payment card numbers"

const EMAIL = /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+/
const IBAN = /\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b/g
const SSN = /\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b/
const CARD = /\b\d(?:[ -]?\d){12,18}\b/g
/** Most texts have neither: a look that costs little. */
const HINT = /@|\d{2}/

/** Which kinds an event has, in its actor, its context or its details. */
export function identifiersIn({ actor, context, details }: AuditRecord): readonly IdentifierKind[] {
  const found = new Set<IdentifierKind>()
  for (const part of [actor, context, details]) visit(part, found)
  return [...found]
}

function visit(value: unknown, found: Set<IdentifierKind>): void {
  if (typeof value === "string") {
    if (HINT.test(value)) look(value, found)
  } else if (Array.isArray(value)) {
    for (const one of value) visit(one, found)
  } else if (isRecord(value)) {
    for (const [key, one] of Object.entries(value)) {
      visit(key, found)
      visit(one, found)
    }
  }
}

function look(text: string, found: Set<IdentifierKind>): void {
  if (EMAIL.test(text)) found.add("e-mail addresses")
  if (SSN.test(text)) found.add("US social security numbers")
  if (text.match(IBAN)?.some(isIban)) found.add("IBANs")
  if (text.match(CARD)?.some((digits) => isCard(digits.replaceAll(/[ -]/g, "")))) found.add("payment card numbers")
}

/** ISO 13616: the first four characters moved to the end, letters as numbers from 10, is 1 modulo 97. */
function isIban(text: string): boolean {
  let rest = 0
  for (const character of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}

/** ISO/IEC 7812: the Luhn sum; 3 to 6 begins the numbers of payment cards. */
function isCard(digits: string): boolean {
  if (!/^[3-6]/.test(digits)) return false
  const sum = [...digits].reverse().reduce((total, digit, n) => {
    const doubled = Number(digit) * (n % 2 === 0 ? 1 : 2)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return sum % 10 === 0
}
