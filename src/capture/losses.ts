/**
 * Events that could not be written, counted per log directory until one can be written that says so.
 * @module
 */

/** What an `events_lost` event says. */
export interface Losses {
  readonly count: number
  readonly first_at: string
  readonly last_at: string
  /** Code of the last failure. */
  readonly code: string
}

/** By real path of the log directory; owned by this thread. */
const losses = new Map<string, Losses>()

/** Counts events that are lost. */
export function countLost(directory: string, count: number, atTime: string, code: string): void {
  const before = losses.get(directory)
  const first_at = before?.first_at ?? atTime
  losses.set(directory, { count: (before?.count ?? 0) + count, first_at, last_at: atTime, code })
}

/** What was lost in a directory and not yet told. */
export function pendingLosses(directory: string): Losses | undefined {
  return losses.size === 0 ? undefined : losses.get(directory)
}

/** Forgets what has been told. */
export function lossesTold(directory: string): void {
  losses.delete(directory)
}
