/**
 * `secureml/compliance`: what regulations ask of a log, and what it shows. Needs the optional peers `temporal-polyfill` and
 * `date-holidays`.
 * @module
 */
export {
  type AppliesFrom,
  type AssessmentOptions,
  type AssessmentReport,
  type Assumption,
  assessCompliance,
  builtInCatalogues,
  CALENDARS,
  type CalendarId,
  type Catalogue,
  type ClockSpec,
  type Condition,
  type Control,
  type ControlFinding,
  type Deadline,
  type DeadlineQuery,
  type EventRef,
  type ItemResult,
  type Items,
  isInTime,
  type LegalCalendars,
  type OpenClock,
  OUTCOMES,
  type Outcome,
  type OutcomeCounts,
  openCalendars,
  type Period,
  type Place,
  type Profile,
  parseCatalogue,
  parseProfile,
  type Severity,
  type Suspension,
  type TestSpec,
  type TextCheck,
} from "./compliance/index.ts"
export { AuditError, type AuditErrorCode } from "./errors.ts"
