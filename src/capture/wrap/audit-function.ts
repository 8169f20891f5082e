/**
 * The door: a function in, a function of the same type out.
 * @module
 */
import { type AuditDecorator, decoratorFor } from "./decorator.ts"
import { type AuditableFunction, type AuditFunctionOptions, checkSettings, planFor } from "./plan.ts"
import { wrapFunction } from "./wrap-function.ts"

/**
 * Audits every call of a function in a trail of its own: `audit_started`, `function_call`, then `function_return` or
 * `error`, then `audit_closed`.
 *
 * The function behaves as before: `this`, name, length, own properties, `new`, sync or async, and what it returns or
 * throws. The `constructor` of an instance is the class itself: a static private member would refuse the wrapper.
 *
 * Promises and thenables are recorded when they settle, generators and streams when they end, fail or are
 * abandoned (`completed: false`); one that is never finished leaves a trail without `audit_closed`. A thenable runs
 * when you await it, as often as you do; its first outcome is recorded. Calls inside calls are nested trails.
 *
 * Arguments and results are stored as summaries: type, size, and a digest under a secret of this log. With
 * `capture: "full"` they are stored as they are, secrets redacted; with "none" not at all. `capture: "none"` of a trail
 * around the call is inherited, "full" never is. Texts of 8 characters or more that were passed as arguments are
 * redacted in messages of errors too, unless `capture` is "full"; known secrets always are.
 *
 * When the call cannot be recorded, the function is not run and the call throws, or rejects if it is declared async;
 * with a callback as `onWriteError` it runs unaudited. Once it ran, a failure of the audit goes to the callback or to
 * one warning, and the caller gets the function's own result or error.
 *
 * @throws TypeError, RangeError: names the option; also when there is no name for the operation.
 * @example
 * ```ts
 * const predict = auditFunction(function predict(age: number) { return age > 50 }, { regulations: ["GDPR"] })
 * predict(61) // true, and four events
 *
 * class Model {
 *   @auditFunction({ capture: "none" })
 *   async train(rows: number[][]) { return rows.length }
 * }
 * ```
 */
export function auditFunction<F extends AuditableFunction>(fn: F, options?: AuditFunctionOptions): F
/** Makes a wrapper that is a TC39 decorator and a legacy decorator too; a decorated member is named after itself. */
export function auditFunction(options?: AuditFunctionOptions): AuditDecorator
export function auditFunction(
  first?: AuditableFunction | AuditFunctionOptions,
  second?: AuditFunctionOptions,
): AuditableFunction | AuditDecorator {
  if (typeof first === "function") return wrapFunction(first, planFor(checkSettings(second), first))
  if (second !== undefined)
    throw new TypeError("auditFunction takes a function and options; as a decorator write @auditFunction()")
  return decoratorFor(checkSettings(first))
}
