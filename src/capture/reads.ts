/**
 * Reads of a log leave an event in it, as long as a trail with `auditReads` is open there.
 * @module
 */
import type { Actor, Redactor } from "../event/index.ts"
import { watchReads } from "../ledger/index.ts"
import { recordAct } from "./acts.ts"
import { warn } from "./recorder.ts"
import { currentTrail } from "./storage.ts"

/** A trail whose directory's reads are recorded. */
export interface ReadingTrail {
  readonly operationId: string
  /** Real path of the log directory. */
  readonly logDir: string
  readonly actor: Actor | undefined
  readonly redactor: Redactor
  readonly sealsStaff: boolean
}

/**
 * Records the reads of a trail's directory in this thread, until the function returned is called. Each is an operation
 * of its own within the trail's, since it may end after the trail. A read that cannot be recorded goes on; that is
 * warned about once a trail.
 */
export function recordReads({ operationId, logDir, actor, redactor, sealsStaff }: ReadingTrail): () => void {
  let warned = false
  return watchReads(logDir, {
    isCurrent: () => currentTrail.getStore()?.operationId === operationId,
    tell: (details) => {
      try {
        const act = { operationName: "audit_read", eventType: "audit_read", parentOperationId: operationId }
        const who = actor === undefined ? {} : { actor, sealsActor: sealsStaff }
        recordAct({ ...act, logDir, details, redactor, ...who })
      } catch (error) {
        if (!warned) warn(`a read of ${logDir} is not recorded: ${String(error)}`, "READ_NOT_RECORDED")
        warned = true
      }
    },
  })
}
