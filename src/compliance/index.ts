/**
 * Regulations: catalogues of controls, the clocks that they start, and the assessment of a log. Reads; writes nothing.
 * @module
 */
export { type AssessmentOptions, type AssessmentReport, assessCompliance } from "./assess/assess.ts"
export type { ControlFinding } from "./assess/control.ts"
export { type EventRef, type OpenClock, OUTCOMES, type Outcome, type OutcomeCounts } from "./assess/outcome.ts"
export type { ItemResult } from "./assess/tally.ts"
export { builtInCatalogues, parseCatalogue } from "./catalogue/load.ts"
export type {
  AppliesFrom,
  Catalogue,
  ClockSpec,
  Condition,
  Control,
  Items,
  Severity,
  TestSpec,
  TextCheck,
} from "./catalogue/types.ts"
export {
  CALENDARS,
  type CalendarId,
  type Deadline,
  type DeadlineQuery,
  isInTime,
  type Period,
  type Suspension,
} from "./clock/deadline.ts"
export { type LegalCalendars, openCalendars } from "./clock/legal-calendars.ts"
export type { Assumption, Place } from "./clock/place.ts"
export { type Profile, parseProfile } from "./profile.ts"
