/**
 * A log with values of two persons, and policies that want some of them kept.
 * @module
 */
import { type AuditTrail, getAuditLogs, personal, type RetentionPolicy } from "../src/audit.ts"
import { parsePolicy } from "../src/retention/policy.ts"
import type { Place } from "./place.ts"

/** A policy of some classes, each with a minimum of 90 days unless it says otherwise. */
export function policyOf(...classes: readonly object[]): RetentionPolicy {
  return parsePolicy({
    v: 1,
    id: "test",
    extends: null,
    classes: classes.map((one) => ({ minimum: "P90D", maximum: null, source: { provision: "Act 1" }, ...one })),
  })
}

/** Claims have to be kept for 90 days, visits not. */
export const claims: RetentionPolicy = policyOf({ id: "claims", event_types: ["claim"] })

/** A claim and a visit of one person, and a claim of another; sealed. */
export async function logPersons(trail: AuditTrail, subject: string): Promise<void> {
  trail.logEvent("claim", { who: personal("claim-of-x", { subject }) })
  trail.logEvent("visit", { who: personal("visit-of-x", { subject }) })
  trail.logEvent("claim", { who: personal("claim-of-other", { subject: "other" }) })
  await trail.flush()
}

/** What readers get of a type of events. */
export async function shownIn({ logDir }: Place, eventType: string): Promise<unknown[]> {
  return (await getAuditLogs({ logDir, eventType })).map(({ details }) => details["who"])
}
