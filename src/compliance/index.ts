/**
 * Regulations: the clocks that they start. Reads no log and writes nothing.
 * @module
 */
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
