/**
 * Trails around a piece of code: opened, carried along every await, closed and settled.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { Redactor } from "../event/index.ts"
import type { TrailOptions } from "./options.ts"
import { warn } from "./recorder.ts"
import { currentTrail } from "./storage.ts"
import { type AuditTrail, endTrail, openNested } from "./trail.ts"

/** The innermost trail opened by `withAuditTrail` or `auditFunction` around the running code, or undefined. */
export function currentAuditTrail(): AuditTrail | undefined {
  return currentTrail.getStore() as AuditTrail | undefined
}

/** Opens a trail that inherits from the current one; see `openNested`. */
export function openInCurrent(operationName: string, options: TrailOptions, redactor?: Redactor): AuditTrail {
  return openNested(operationName, options, currentAuditTrail(), redactor)
}

/** Runs code with a trail as the current one. */
export function runIn<R>(trail: AuditTrail, run: () => R): R {
  return currentTrail.run(trail, run)
}

/**
 * Runs a function inside a trail: opens it, closes it, and records an error that the function throws.
 * Settles when `audit_closed` is recorded; does not wait for the seal.
 *
 * @throws whatever the function throws, unchanged; what opening the trail throws, before the function ran.
 * @example
 * ```ts
 * const accuracy = await withAuditTrail("nightly_training", { regulations: ["GDPR"] }, async (audit) => {
 *   audit.logDataAccess({ datasetName: "patients", columnsAccessed: ["age"], numRecords: 10, purpose: "training" })
 *   return 0.91
 * }) // 0.91
 * ```
 */
export async function withAuditTrail<R>(
  operationName: string,
  options: TrailOptions,
  run: (audit: AuditTrail) => R | Promise<R>,
): Promise<R> {
  if (typeof run !== "function") throw new TypeError("the third argument must be a function that takes the trail")
  const trail = openInCurrent(operationName, options)
  let result: R
  try {
    result = await runIn(trail, () => run(trail))
  } catch (error) {
    settle(trail, "error", () => trail.logError(errorArguments(error)))
    throw error
  }
  settle(trail, "completed")
  return result
}

/** Ends a trail whose code has run: a failure of the audit must not replace the code's own result or error. */
export function settle(trail: AuditTrail, status: string, before?: () => void): void {
  try {
    if (trail.closed) return
    before?.()
    endTrail(trail, status)
  } catch (error) {
    // With a callback the failure went there; this is the policy "throw", too late to throw.
    warn(
      error instanceof Error ? error.message : String(error),
      error instanceof AuditError ? error.code : "AUDIT_FAILED",
    )
  }
}

/** What was thrown, as the error event takes it: anything can be thrown. */
export function errorArguments(thrown: unknown): Error | { errorType: string; message: string } {
  if (thrown instanceof Error) return thrown
  return {
    errorType: typeof thrown,
    message: typeof thrown === "string" ? thrown : `a value of type ${typeof thrown} was thrown`,
  }
}
