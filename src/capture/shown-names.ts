/**
 * Names that callers give to what they log: of operations, actors, event types. They are stored as given, but for
 * secrets in them. No I/O.
 * @module
 */
import { type Actor, isRecord, type Redactor } from "../event/index.ts"

const REMEMBERED_TYPES = 1_000

/** The actor without secrets; what is no actor is left to the check of it. */
export function shownActor(actor: Actor | undefined, { redactText }: Redactor): Actor | undefined {
  if (actor === undefined || !isRecord(actor)) return actor
  const shown = (field: unknown): unknown => (typeof field === "string" ? redactText(field) : field)
  const fields = Object.entries(actor)
  return fields.every(([, field]) => shown(field) === field)
    ? actor
    : (Object.fromEntries(fields.map(([name, field]) => [name, shown(field)])) as unknown as Actor)
}

/** Event types without secrets. Each is looked at once: a program has few, and logs them often. */
export class ShownTypes {
  readonly #redactor: Redactor
  readonly #shown = new Map<string, string>()

  constructor(redactor: Redactor) {
    this.#redactor = redactor
  }

  of(eventType: string): string {
    const known = this.#shown.get(eventType)
    if (known !== undefined) return known
    const shown = this.#redactor.redactText(eventType)
    if (this.#shown.size >= REMEMBERED_TYPES) this.#shown.clear()
    this.#shown.set(eventType, shown)
    return shown
  }
}
