/**
 * What somebody does with a log leaves an event in it: exports, imports, reads, a rebuilt index. Each is an operation
 * of its own.
 * @module
 */
import { randomUUID } from "node:crypto"
import { userInfo } from "node:os"
import { type Actor, EntryTemplate, encodeActor, type Redactor } from "../event/index.ts"
import { createRedactor } from "../privacy/index.ts"
import type { Receipt } from "./receipt.ts"
import { openLedger, Recorder } from "./recorder.ts"

/** An act on a log. */
export interface Act {
  readonly logDir: string
  /** The operation's name, such as "audit_export". */
  readonly operationName: string
  /** One of our own types, such as "audit_exported". */
  readonly eventType: string
  readonly details: object
  /** Default: the user of the operating system. */
  readonly actor?: Actor
  /** The operation in which it was done. */
  readonly parentOperationId?: string
  /** Default: what is always redacted. */
  readonly redactor?: Redactor
  /** The actor's id is a personal value of theirs. */
  readonly sealsActor?: boolean
}

/**
 * Records an act; secrets in its details are redacted as everywhere.
 * @throws {@link AuditError} `LOG_DIR_NOT_WRITABLE`, `RECORD_FAILED`.
 */
export function recordAct(act: Act): Receipt {
  const { logDir, operationName, eventType, details, actor = systemUser(), parentOperationId, sealsActor } = act
  const operationId = randomUUID()
  const actorJson = sealsActor === true ? undefined : encodeActor(actor)
  const recorder = new Recorder({
    ledger: openLedger(logDir, process.env),
    template: new EntryTemplate({ operationId, operationName, parentOperationId, actorJson }),
    redactor: act.redactor ?? createRedactor(),
    operationName,
    operationId,
    durability: "recorded",
    onWriteError: "throw",
    keepLarge: false,
    sealedStaff: sealsActor === true ? { actor } : undefined,
  })
  return recorder.record(eventType, details, {})
}

/** Whoever runs this process, as the operating system knows them. */
export function systemUser(): Actor {
  try {
    return { id: userInfo().username, type: "system_user" }
  } catch {
    // A user without a line in the system's list, as in many containers.
    return { id: String(process.getuid?.() ?? "unknown"), type: "system_user" }
  }
}
