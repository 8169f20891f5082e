/**
 * What was thrown, as an `error` event stores it: without values that the event may not hold. Pure.
 * @module
 */
import type { Redactor } from "../../event/index.ts"
import type { CaptureMode } from "../options.ts"

/** Shorter arguments are words that a message may hold by chance. */
const LEAST_ARGUMENT_CHARS = 8
/** The same for values under the name of a secret. */
const LEAST_SECRET_CHARS = 4
const MAX_VISITED = 2_000
const MAX_DEPTH = 8

/** A text that must not stand in the message, and what it is. */
interface Hidden {
  readonly text: string
  readonly kind: string
}

/** Type and message of anything that can be thrown. Never throws. */
export function describeThrown(
  thrown: unknown,
  args: readonly unknown[],
  redactor: Redactor,
  capture: CaptureMode,
): { readonly error_type: string; readonly message: string } {
  const { error_type, message } = typeAndMessage(thrown)
  return { error_type, message: withoutHidden(message, hiddenIn(args, redactor, capture)) }
}

function typeAndMessage(thrown: unknown): { error_type: string; message: string } {
  try {
    if (thrown instanceof Error || Object.prototype.toString.call(thrown) === "[object Error]") {
      const { name, message } = thrown as { name?: unknown; message?: unknown }
      return {
        error_type: typeof name === "string" && name.trim() !== "" ? name : "Error",
        message: typeof message === "string" ? message : "",
      }
    }
  } catch {
    return { error_type: "unreadable", message: "" }
  }
  const message = typeof thrown === "string" ? thrown : `a value of type ${typeof thrown} was thrown`
  return { error_type: typeof thrown, message }
}

/** Longest first, so that no part of one stays behind. */
function withoutHidden(message: string, hidden: readonly Hidden[]): string {
  return hidden
    .filter(({ text }) => message.includes(text))
    .sort((a, b) => b.text.length - a.text.length)
    .reduce((rest, { text, kind }) => rest.replaceAll(text, `[redacted:${kind}]`), message)
}

function hiddenIn(args: readonly unknown[], redactor: Redactor, capture: CaptureMode): readonly Hidden[] {
  const hidden: Hidden[] = []
  const seen = new Set<unknown>()
  const note = (text: string, kind: string | undefined): void => {
    if (kind !== undefined && text.length >= LEAST_SECRET_CHARS) hidden.push({ text, kind })
    else if (capture !== "full" && text.length >= LEAST_ARGUMENT_CHARS) hidden.push({ text, kind: "argument" })
  }
  const visit = (value: unknown, kind: string | undefined, depth: number): void => {
    if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") note(String(value), kind)
    if (typeof value !== "object" || value === null || seen.has(value)) return
    if (depth > MAX_DEPTH || seen.size > MAX_VISITED || ArrayBuffer.isView(value)) return
    seen.add(value)
    for (const [name, member] of membersOf(value)) visit(member, kind ?? redactor.keyRule(name)?.kind, depth + 1)
  }
  for (const argument of args) visit(argument, undefined, 0)
  return hidden
}

/** Members by name; those that cannot be read are not in the message either. */
function membersOf(value: object): readonly (readonly [string, unknown])[] {
  try {
    if (value instanceof Map) return [...value].slice(0, MAX_VISITED).map(([key, member]) => [String(key), member])
    if (value instanceof Set) return [...value].slice(0, MAX_VISITED).map((member) => ["", member])
    if (Array.isArray(value)) return value.slice(0, MAX_VISITED).map((member: unknown) => ["", member])
    return Object.entries(value).slice(0, MAX_VISITED)
  } catch {
    return []
  }
}
