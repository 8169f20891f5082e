/**
 * `secureml/compliance`: what regulations ask of a log. Deadlines need the optional peers `temporal-polyfill` and
 * `date-holidays`.
 * @module
 */
export {
  type Assumption,
  CALENDARS,
  type CalendarId,
  type Deadline,
  type DeadlineQuery,
  isInTime,
  type LegalCalendars,
  openCalendars,
  type Period,
  type Place,
  type Suspension,
} from "./compliance/index.ts"
export { AuditError, type AuditErrorCode } from "./errors.ts"
