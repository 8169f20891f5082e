/**
 * The wrapper around functions: `auditFunction` as wrapper, TC39 decorator and legacy decorator.
 * Contract: docs of {@link auditFunction}. Records through trails; does no I/O of its own but for the digest secret.
 * @module
 */
export { auditFunction } from "./audit-function.ts"
export type { AuditDecorator, MemberContext } from "./decorator.ts"
export type { AuditableFunction, AuditFunctionOptions } from "./plan.ts"
