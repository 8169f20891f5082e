/**
 * What a monitoring program can listen to, without any of our code in it: channels of `node:diagnostics_channel`.
 * They receive what the entry holds and no more, and cost nothing while nobody listens.
 * @module
 */
import { channel } from "node:diagnostics_channel"

/** `secureml.audit.record`: an event was recorded. */
export interface RecordNote {
  readonly logDir: string
  readonly eventId: string
  readonly eventType: string
  readonly operationId: string
  readonly sequence: number
  /** Of its entry. */
  readonly bytes: number
}

/** `secureml.audit.seal`: a seal succeeded. */
export interface SealNote {
  readonly logDir: string
  readonly treeSize: number
  /** Entries that this seal added, of all processes. */
  readonly entries: number
  readonly durationMs: number
}

/** `secureml.audit.error`: something could not be done. What can be tried again is. */
export interface ErrorNote {
  readonly logDir: string
  /** "record": a log call; "sync": a sync of the journal, also one in the background; "seal"; "tidy": after a seal. */
  readonly during: "record" | "sync" | "seal" | "tidy"
  readonly error: Error
}

export const recordChannel: ReturnType<typeof channel> = channel("secureml.audit.record")
export const sealChannel: ReturnType<typeof channel> = channel("secureml.audit.seal")
export const errorChannel: ReturnType<typeof channel> = channel("secureml.audit.error")

/** Tells listeners of a failure. */
export function tellError(logDir: string, during: ErrorNote["during"], error: unknown): void {
  if (!errorChannel.hasSubscribers) return
  const note: ErrorNote = { logDir, during, error: error instanceof Error ? error : new Error(String(error)) }
  errorChannel.publish(note)
}
