/**
 * What a named person states in an `attestation` event: that there was nothing (`kind: "nil_return"`), or what only people
 * can say (`kind: "statement"`).
 * @module
 */
import type { AuditRecord } from "../../event/index.ts"
import { fieldOf } from "./item.ts"
import type { Scope } from "./scope.ts"

/** A nil return, and whether it covers the window. */
export interface NilReturn {
  readonly by: string
  readonly index: number
  readonly covers: boolean
}

/** The attestations of a log. */
export class Attestations {
  readonly #scope: Scope
  readonly #nil = new Map<string, AuditRecord>()
  readonly #statements = new Set<string>()

  constructor(scope: Scope) {
    this.#scope = scope
    scope.watch(["attestation"], (record) => this.#add(record))
  }

  /** Whether a named person stated what only people can, for a control. */
  isStated(controlId: string): boolean {
    return this.#statements.has(controlId)
  }

  /** The last nil return for a control. */
  nilReturn(controlId: string): NilReturn | undefined {
    const record = this.#nil.get(controlId)
    if (record === undefined) return undefined
    const { given, firstMs } = this.#scope
    const fromMs = given.fromMs ?? firstMs ?? Number.POSITIVE_INFINITY
    const [from, to] = [timeOf(record, "period_from"), timeOf(record, "period_to")]
    // The days of both ends are meant whole.
    const covers =
      dayOf(from) <= dayOf(fromMs) && dayOf(to) >= dayOf(Math.min(given.toMs, Date.parse(record.timestamp)))
    return { by: String(fieldOf(record, "attested_by")), index: record.index ?? -1, covers }
  }

  #add(record: AuditRecord): void {
    const [kind, id, by] = ["kind", "control_id", "attested_by"].map((field) => fieldOf(record, field))
    if (typeof id !== "string" || typeof by !== "string") return
    if (kind === "nil_return") this.#nil.set(id, record)
    if (kind === "statement") this.#statements.add(id)
  }
}

function timeOf(record: AuditRecord, field: string): number {
  const value = fieldOf(record, field)
  return typeof value === "string" ? Date.parse(value) : Number.NaN
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / 86_400_000)
}
