/**
 * What a wrapped function needs at every call, checked and made once, when it is wrapped. No I/O.
 * @module
 */
import { checkOperationName, encodeActor, encodeContext, type Redactor } from "../../event/index.ts"
import { createRedactor } from "../../privacy/index.ts"
import { type CaptureMode, checkTrailOptions, type TrailOptions } from "../options.ts"
import { namedRegulations } from "../regulations.ts"

/** Any function or class. */
export type AuditableFunction = ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown)

/** Options of `auditFunction`: a trail's, and the operation's name. */
export interface AuditFunctionOptions extends TrailOptions {
  /** Default: the name of the function, or of the decorated member. */
  readonly operationName?: string
}

/** Options, checked. One for each call of `auditFunction`; a decorator shares it among what it decorates. */
export interface Settings {
  readonly operationName: string | undefined
  readonly options: TrailOptions
  /** Undefined: the one of the trail around the call, else the default. */
  readonly redactor: Redactor | undefined
}

/** What is constant for one wrapped function. */
export interface Plan extends Settings {
  readonly operationName: string
  /** As stored under `details.function`. */
  readonly functionName: string
  readonly capture: CaptureMode | undefined
  /** Declared async: it fails by rejecting, never by throwing. */
  readonly isAsync: boolean
}

const OWN_FIELDS = ["operationName"] as const

/** @throws TypeError, RangeError: names the option. */
export function checkSettings(given: AuditFunctionOptions = {}): Settings {
  checkTrailOptions(given, OWN_FIELDS)
  const { operationName, ...options } = given
  if (operationName !== undefined) checkOperationName(operationName)
  const { actor, context, regulations, redact } = options
  const redactor = redact === undefined ? undefined : createRedactor(redact)
  if (actor !== undefined) encodeActor(actor)
  if (context !== undefined) encodeContext(context, redactor)
  namedRegulations(regulations)
  return { operationName, options, redactor }
}

/**
 * The plan for one function.
 *
 * @param memberName - Name of the decorated member; it comes before the function's own.
 * @throws TypeError when there is no name.
 */
export function planFor(settings: Settings, fn: object, memberName?: string): Plan {
  const ownName = nameOf(fn)
  const operationName = settings.operationName ?? memberName ?? ownName
  if (operationName === undefined) {
    throw new TypeError("the function has no name to call the operation by; give operationName")
  }
  checkOperationName(operationName)
  const isAsync = Object.prototype.toString.call(fn) === "[object AsyncFunction]"
  const { options, redactor } = settings
  return { operationName, functionName: ownName ?? operationName, options, redactor, capture: options.capture, isAsync }
}

/** A class may have a static member called `name`, which is anything. */
function nameOf(fn: object): string | undefined {
  const { name } = fn as { name?: unknown }
  return typeof name === "string" && name.trim() !== "" ? name : undefined
}
