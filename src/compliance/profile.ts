/**
 * A profile: who assesses, and what is known that a log cannot say. Parsed strictly; pure.
 * @module
 */

import profileSchema from "../../catalogues/profile.schema.json" with { type: "json" }
import { AuditError } from "../errors.ts"
import type { JsonObject, JsonValue } from "../event/index.ts"
import { violationsOf } from "./catalogue/schema.ts"
import type { DeclaredList, Severity } from "./catalogue/types.ts"
import type { LegalCalendars } from "./clock/legal-calendars.ts"
import type { Place } from "./clock/place.ts"

/** A profile, as its file has it; see docs/guides/compliance.md. All but `v` and `id` is optional. */
export interface Profile {
  readonly v: 1
  readonly id: string
  /** Such as "controller", "processor", "provider", "covered_entity", "business". */
  readonly roles?: readonly string[]
  /** Such as "EU", "US", "US-CA"; a record without a jurisdiction belongs to the only one. */
  readonly jurisdictions?: readonly string[]
  readonly time_zone?: string
  /** ISO 3166 alpha-2: the member state whose holidays count. */
  readonly country?: string
  readonly region?: string
  readonly holidays?: { readonly add?: readonly string[]; readonly remove?: readonly string[] }
  readonly systems?: readonly JsonObject[]
  readonly datasets?: readonly JsonObject[]
  readonly activities?: readonly JsonObject[]
  readonly plans?: readonly JsonObject[]
  readonly policies?: readonly JsonObject[]
  readonly facts?: Readonly<Record<string, JsonValue>>
  /** Tailoring: what is left out, with a reason that reports print, and severities of one's own. */
  readonly controls?: {
    readonly exclude?: readonly { readonly id: string; readonly reason: string }[]
    readonly severity?: Readonly<Record<string, Severity>>
  }
  /** How much later than it claims a time may be recorded before a person has to look. Default 24. */
  readonly claimed_time_tolerance_hours?: number
}

/**
 * Checks a profile.
 *
 * @throws {@link AuditError} `PROFILE_MALFORMED` naming the place.
 * @example
 * ```ts
 * parseProfile({ v: 1, id: "acme", roles: ["controller"], time_zone: "Europe/Berlin", country: "DE" }, calendars)
 * ```
 */
export function parseProfile(value: unknown, calendars: LegalCalendars): Profile {
  const [first] = violationsOf(value, profileSchema)
  if (first !== undefined) throw malformed(first.path, first.says)
  const profile = value as Profile
  if (profile.time_zone !== undefined && !calendars.knowsZone(profile.time_zone))
    throw malformed("time_zone", 'is no time zone; give its IANA name, such as "Europe/Berlin"')
  if (profile.region !== undefined && profile.country === undefined)
    throw malformed("region", 'needs a "country" to be a region of')
  if (profile.country !== undefined && !calendars.knowsPlace(profile.country, profile.region))
    throw malformed(profile.region === undefined ? "country" : "region", `is not in ${calendars.holidayTable}`)
  return profile
}

/** Where a profile's deadlines are counted. */
export function placeOf({ time_zone, country, region, holidays }: Profile): Place {
  return {
    ...(time_zone === undefined ? {} : { timeZone: time_zone }),
    ...(country === undefined ? {} : { country }),
    ...(region === undefined ? {} : { region }),
    ...(holidays === undefined ? {} : { holidays }),
  }
}

/** What a profile declares under one name; undefined where it says nothing about it. */
export function declaredIn(profile: Profile, list: string): readonly JsonObject[] | undefined {
  return profile[list as DeclaredList]
}

function malformed(path: string, says: string): AuditError {
  return new AuditError(
    "PROFILE_MALFORMED",
    `the profile cannot be used: ${path || "it"} ${says}; nothing was assessed`,
  )
}
