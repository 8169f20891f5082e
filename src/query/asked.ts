/**
 * What was asked of a log, for the record of it: which filters, and the values of those that name no person. Pure.
 * @module
 */
import type { JsonObject, JsonValue } from "../event/index.ts"
import { EXACT_FIELDS } from "./fields.ts"
import type { AuditFilters } from "./filter.ts"

/** Filters whose values may name a person, or be anything: that they were used is told, and no more. */
const WITHHELD: ReadonlySet<string> = new Set(["user", "text", "subject", "requestId"])

/** The filters of a query, as an event holds them. Absent when there are none. */
export interface AskedFor {
  /** Filters with their values, under the names of {@link AuditFilters} in snake_case. */
  readonly filters?: JsonObject
  /** Names of filters whose values are left out. */
  readonly filters_withheld?: readonly string[]
}

/**
 * Describes the filters of a query.
 *
 * @example
 * ```ts
 * askedFor({ eventType: "error", user: "ds1" }) // { filters: { event_type: "error" }, filters_withheld: ["user"] }
 * ```
 */
export function askedFor(query: AuditFilters): AskedFor {
  const withheld: string[] = []
  const filters = described(query, "", withheld)
  return {
    ...(Object.keys(filters).length === 0 ? {} : { filters }),
    ...(withheld.length === 0 ? {} : { filters_withheld: withheld }),
  }
}

function described(query: AuditFilters, prefix: string, withheld: string[]): JsonObject {
  const filters: Record<string, JsonValue> = {}
  for (const field of [...EXACT_FIELDS, "startTime", "endTime", "text"] as const) {
    const value = query[field]
    if (value === undefined) continue
    const name = prefix + snakeCase(field)
    if (WITHHELD.has(field)) withheld.push(name)
    else filters[snakeCase(field)] = value instanceof Date ? value.toISOString() : (value as JsonValue)
  }
  const not = query.not === undefined ? {} : described(query.not, "not.", withheld)
  return Object.keys(not).length === 0 ? filters : { ...filters, not }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
