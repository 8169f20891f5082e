/**
 * The end of a call: recorded once, and never in the way of the function's own result or error.
 * @module
 */
import { AuditError } from "../../errors.ts"
import { type JsonObject, summarise } from "../../event/index.ts"
import type { CaptureMode } from "../options.ts"
import { warn } from "../recorder.ts"
import { type AuditTrail, endTrail, trailInside } from "../trail.ts"
import { digestOf } from "./digest.ts"
import { describeThrown } from "./error-text.ts"
import type { Plan } from "./plan.ts"

const monotonic = performance.now.bind(performance)

/** How far a generator or stream got. */
export interface FlowCounts {
  readonly chunks: number
  /** Present when every chunk was text or bytes. */
  readonly bytes?: number
  readonly completed: boolean
}

/** A call that is recorded as begun. */
export class Call {
  readonly trail: AuditTrail
  readonly #capture: CaptureMode
  readonly #args: readonly unknown[]
  readonly #startMs = monotonic()
  /** The first end counts. */
  #ended = false

  constructor(trail: AuditTrail, plan: Plan, args: readonly unknown[]) {
    this.trail = trail
    this.#args = args
    this.#capture = plan.capture ?? (trailInside(trail).options.capture === "none" ? "none" : "summary")
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The value as this function's `capture` wants it stored; nothing for "none". */
  #captured(key: "arguments" | "result", value: unknown): { readonly arguments?: unknown; readonly result?: unknown } {
    if (this.#capture === "none") return {}
    return { [key]: this.#capture === "full" ? value : this.#summary(key, value) }
  }

  #summary(key: "arguments" | "result", value: unknown): unknown {
    const { trail } = this
    if (key === "arguments") return (value as readonly unknown[]).map((argument) => summaryOf(trail, argument))
    return summaryOf(trail, value)
  }

  /** The function gave a value. */
  returned(value: unknown): void {
    this.#end("completed", () => this.#recordReturn(this.#captured("result", value)))
  }

  /** A generator or stream ended, or was abandoned. */
  flowed(kind: JsonObject, counts: FlowCounts, returned: { readonly value: unknown } | undefined): void {
    const { result: value } = returned?.value === undefined ? {} : this.#captured("result", returned.value)
    const described = value === undefined ? kind : { ...kind, returned: value }
    const result = this.#capture === "none" ? {} : { result: described }
    this.#end("completed", () => this.#recordReturn({ ...counts, ...result }))
  }

  /** The function threw, rejected, or its stream failed. */
  failed(thrown: unknown, counts?: FlowCounts): void {
    this.#end("error", () => {
      const described = describeThrown(thrown, this.#args, trailInside(this.trail).redactor, this.#capture)
      this.#record("error", counts === undefined ? described : { ...described, details: counts })
    })
  }

  /** The call could not be recorded, so nothing ran. */
  notRun(): void {
    this.#end("error", () => undefined)
  }

  /** The function is about to run. Unlike its end, this throws when it cannot be recorded. */
  begun(functionName: string): void {
    this.#record("function_call", { function: functionName, ...this.#captured("arguments", this.#args) })
  }

  #record(eventType: string, details: object): void {
    trailInside(this.trail).recorder.record(eventType, details, {})
  }

  #recordReturn(outcome: object): void {
    const execution_time = Math.round((monotonic() - this.#startMs) * 1000) / 1_000_000
    this.#record("function_return", { status: "success", execution_time, ...outcome })
  }

  /** With a callback a failure went there; this is the policy "throw", too late to throw. */
  #end(status: "completed" | "error", record: () => void): void {
    if (this.#ended) return
    this.#ended = true
    // Closed by the function itself: it has told its own end.
    if (this.trail.closed) return
    try {
      record()
      endTrail(this.trail, status)
    } catch (error) {
      warn(
        error instanceof Error ? error.message : String(error),
        error instanceof AuditError ? error.code : "AUDIT_FAILED",
      )
    }
  }
}

/** Without a secret there is no digest at all: an unkeyed one of a short value could be guessed. */
function summaryOf(trail: AuditTrail, value: unknown): JsonObject {
  const digest = digestOf(trail)
  if (digest !== undefined) return summarise(value, digest)
  const { digest: _, ...rest } = summarise(value, () => "")
  return rest
}
