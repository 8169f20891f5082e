/**
 * Arguments of acts on a person: what stays in the log must not say who that is. Pure.
 * @module
 */
import { type Actor, checkSubject, encodeActor } from "../event/index.ts"

/** Identifiers from this length on are looked for inside other texts. */
const SHORTEST_TOLD = 4

/** What names the person, and what is recorded beside it. */
interface PersonArguments {
  readonly subject: string
  readonly requestId?: string | undefined
  readonly actor?: Actor | undefined
}

/** @throws TypeError, RangeError: names the field, never the identifier. */
export function checkPerson({ subject, requestId, actor }: PersonArguments): void {
  checkSubject(subject, "subject")
  checkRequestId(requestId)
  checkUnnamed("requestId", requestId, subject)
  if (actor === undefined) return
  encodeActor(actor)
  for (const field of ["id", "type", "role"] as const) checkUnnamed(`actor.${field}`, actor[field], subject)
}

/** @throws TypeError. */
export function checkRequestId(requestId: unknown): void {
  if (requestId !== undefined && (typeof requestId !== "string" || requestId.trim() === ""))
    throw new TypeError("requestId must be a non-empty string")
}

/** @throws RangeError where a text that stays in the log holds the identifier. */
export function checkUnnamed(field: string, text: string | undefined, subject: string): void {
  // Short ones stand in many texts by chance.
  const isTold = subject.length >= SHORTEST_TOLD && text?.toLowerCase().includes(subject.toLowerCase()) === true
  if (text === subject || isTold)
    throw new RangeError(`${field} must not hold the identifier of the person: it stays in the log`)
}
