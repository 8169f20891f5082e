/**
 * One call: recorded before the function runs, or not run; its outcome recorded whatever it is.
 * @module
 */
import { currentAuditTrail, openInCurrent, runIn } from "../current.ts"
import { tellFailure } from "../recorder.ts"
import { writeErrorPolicy } from "../trail.ts"
import { Call } from "./call.ts"
import type { Plan } from "./plan.ts"
import { watchResult } from "./watch.ts"

/**
 * Runs a call in a trail of its own.
 * @throws what opening the trail or recording the call throws, and then nothing ran; else what `run` throws.
 */
export function auditedCall(plan: Plan, self: unknown, args: readonly unknown[], run: () => unknown): unknown {
  let call: Call | undefined
  try {
    call = begin(plan, args)
  } catch (error) {
    if (plan.isAsync) return Promise.reject(error)
    throw error
  }
  if (call === undefined) return run()
  const result = execute(call, run)
  // A fluent method gives back its object; that object's end is not the end of the call.
  if (result === self) call.returned(result)
  return result === self ? result : watchResult(call, result)
}

/** The same for `new`: what is made is a value, whatever it can do. */
export function auditedConstruction(plan: Plan, args: readonly unknown[], run: () => object): object {
  const call = begin(plan, args)
  if (call === undefined) return run()
  const made = execute(call, run)
  call.returned(made)
  return made
}

function execute<R>(call: Call, run: () => R): R {
  try {
    return runIn(call.trail, run)
  } catch (error) {
    call.failed(error)
    throw error
  }
}

/** Undefined: the call could not be recorded, a callback knows, and the function may run. */
function begin(plan: Plan, args: readonly unknown[]): Call | undefined {
  const call = open(plan, args)
  if (call === undefined) return undefined
  try {
    call.begun(plan.functionName)
  } catch (error) {
    call.notRun()
    throw error
  }
  return call
}

function open(plan: Plan, args: readonly unknown[]): Call | undefined {
  const { operationName, options, redactor } = plan
  try {
    return new Call(openInCurrent(operationName, options, redactor), plan, args)
  } catch (error) {
    const policy = writeErrorPolicy(options, currentAuditTrail())
    if (policy === "throw") throw error
    const failure = error instanceof Error ? error : new Error(String(error))
    tellFailure(policy, failure, { eventType: "audit_started", operationName, operationId: "" })
    return undefined
  }
}
