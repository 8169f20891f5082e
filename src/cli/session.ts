/**
 * What one run of the command line has: its output, its environment, the exit code it will end with, and signals.
 * @module
 */
import type { Environment } from "../ledger/index.ts"
import { EXIT } from "./failure.ts"
import type { Output } from "./output.ts"

/** One run. `exitCode` is set by the command that ran; zero until then. */
export interface Session {
  readonly output: Output
  readonly environment: Environment
  exitCode: number
}

/** A run that has not done anything yet. */
export function newSession(output: Output, environment: Environment): Session {
  return { output, environment, exitCode: EXIT.fine }
}

/** Aborted by the first SIGINT or SIGTERM; a second one ends the process as usual. */
export function untilSignal(): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController()
  const stop = (): void => {
    controller.abort()
    release()
  }
  const release = (): void => {
    process.removeListener("SIGINT", stop)
    process.removeListener("SIGTERM", stop)
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
  return { signal: controller.signal, release }
}
