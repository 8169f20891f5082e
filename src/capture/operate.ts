/**
 * What an operator does with a log: set it up, seal it, recover it. Used by the command line.
 * @module
 */
import { execFileSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { AuditError } from "../errors.ts"
import {
  type Actor,
  EntryTemplate,
  encodeActor,
  encodeValue,
  isoTimestamp,
  MAX_ENTRY_BYTES,
  parseEntry,
} from "../event/index.ts"
import { type Recovery, readIdentity, type WriterMark } from "../ledger/index.ts"
import type { Checkpoint } from "../proof/index.ts"
import { findLogDirectory, shareWithGroup } from "../store/index.ts"
import type { Act } from "./acts.ts"
import { nextEventId } from "./event-ids.ts"
import { openLedger, writerOf } from "./recorder.ts"

/** Who a log is, and whether it was made just now. */
export interface LogIdentity {
  readonly logDir: string
  readonly origin: string
  /** C2SP verifier key: give it to auditors by another way than the log directory. */
  readonly verifierKey: string
  readonly created: boolean
}

/**
 * Sets a log up before the first event: directory, identity, key, a signed checkpoint.
 *
 * @param options.group - Name or number of one group that may write to it; 2770 and 0660 instead of 0700 and 0600.
 * @throws {@link AuditError} `LOG_DIR_NOT_WRITABLE`, `SEALING_UNAVAILABLE`.
 */
export async function initLog(options: { readonly logDir: string; readonly group?: string }): Promise<LogIdentity> {
  const existing = findLogDirectory(options.logDir)
  const created = existing === undefined || (await readIdentity(existing)) === undefined
  if (options.group !== undefined) shareWithGroup(options.logDir, groupIdOf(options.group))
  const ledger = openLedger(options.logDir, process.env)
  await ledger.flush()
  const identity = (await readIdentity(findLogDirectory(options.logDir)!))!
  return { logDir: ledger.path, ...identity, created }
}

/** Number of a group by its name, from the system's own list. */
function groupIdOf(group: string): number {
  if (/^\d+$/.test(group)) return Number(group)
  if (!/^[a-z_][a-z0-9_-]*\$?$/i.test(group))
    throw new TypeError(`group ${JSON.stringify(group)} is not the name of a group`)
  const line = fs.existsSync("/etc/group")
    ? fs
        .readFileSync("/etc/group", "utf8")
        .split("\n")
        .find((row) => row.startsWith(`${group}:`))
    : undefined
  const id = Number(line?.split(":")[2] ?? Number.NaN)
  if (Number.isInteger(id)) return id
  // Groups of a directory service are not in the file.
  const found = /^[^:]*:[^:]*:(\d+):/.exec(execFileSync("getent", ["group", group], { encoding: "utf8" }))
  if (found === null) throw new TypeError(`there is no group ${JSON.stringify(group)}`)
  return Number(found[1])
}

/**
 * Seals everything that any process has recorded in a directory.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE` when there is none; `SEALING_UNAVAILABLE`, `LOG_ROLLED_BACK`, …
 */
export async function sealLog({ logDir }: { readonly logDir: string }): Promise<Checkpoint> {
  requireDirectory(logDir)
  return openLedger(logDir, process.env).flush()
}

export function requireDirectory(logDir: string): NonNullable<ReturnType<typeof findLogDirectory>> {
  const root = findLogDirectory(logDir)
  if (root !== undefined) return root
  throw new AuditError(
    "LOG_DIR_UNREADABLE",
    `there is no log directory ${logDir}; name another with --log-dir or $SECUREML_AUDIT_DIR`,
  )
}

/** What a recovery did. */
export interface RecoveryReport {
  readonly kind: Recovery["kind"]
  readonly checkpoint: Checkpoint
  /** Directory of the log that was set aside. */
  readonly predecessor?: string
}

/**
 * Repairs a log that cannot be sealed any more, and records an `audit_recovered` event that says what was found, what
 * was lost and why it was done. A log that was rolled back is continued in a successor, whose first entry quotes the
 * last checkpoint signed before.
 *
 * @throws TypeError without a reason. {@link AuditError} `NOTHING_TO_RECOVER`, `SEALING_UNAVAILABLE`.
 */
export async function recoverLog(options: {
  readonly logDir: string
  readonly reason: string
  readonly actor?: Actor
}): Promise<RecoveryReport> {
  const { logDir, reason, actor } = options
  if (typeof reason !== "string" || reason.trim() === "")
    throw new TypeError("reason must say why the log is recovered")
  requireDirectory(logDir)
  const ledger = openLedger(logDir, process.env)
  const tell = (found: Recovery, mark: WriterMark): string => recoveryEntry(found, mark, reason, actor)
  const { recovery } = await ledger.recover(writerOf, tell)
  // What was lost with the old log, or with its state, may have left holes in the journals too.
  await ledger.recover(writerOf, tell).catch((error: unknown) => {
    if (!(error instanceof AuditError) || error.code !== "NOTHING_TO_RECOVER") throw error
  })
  const predecessor = recovery.kind === "successor" ? { predecessor: `${ledger.path}/${recovery.predecessor}` } : {}
  return { kind: recovery.kind, checkpoint: await ledger.flush(), ...predecessor }
}

export function recoveryEntry(recovery: Recovery, mark: WriterMark, reason: string, actor: Actor | undefined): string {
  const details = recovery.kind === "explained" ? explainedDetails(reason, recovery) : { reason, ...recovery }
  return ownEntry({ operationName: "audit_recovery", eventType: "audit_recovered", details, actor }, mark)
}

/** What such an entry says. */
interface OwnAct extends Pick<Act, "operationName" | "eventType" | "details"> {
  readonly actor: Actor | undefined
}

/** An entry that is sealed by itself, as the first of an operation and of a writer of its own. */
export function ownEntry({ operationName, eventType, details, actor }: OwnAct, mark: WriterMark): string {
  const now = Date.now()
  const actorJson = actor === undefined ? undefined : encodeActor(actor)
  const template = new EntryTemplate({ operationId: randomUUID(), operationName, actorJson })
  return template.entry({
    eventId: nextEventId(now),
    eventType,
    timestamp: isoTimestamp(now),
    sequence: 0,
    writerId: mark.id,
    writerSeq: mark.seq,
    continues: mark.continues,
    detailsJson: encodeValue(details, { limitBytes: MAX_ENTRY_BYTES - 4_096 }).json,
  })
}

/** A hole in a journal is also one in the operations whose events it swallowed. */
function explainedDetails(reason: string, { behind, ...recovery }: Recovery & { kind: "explained" }): object {
  const operations = new Map<string, number>()
  for (const bytes of behind) {
    try {
      const { operation_id, sequence } = parseEntry(bytes)
      operations.set(operation_id, Math.min(sequence, operations.get(operation_id) ?? sequence))
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
    }
  }
  return { reason, ...recovery, operations: Object.fromEntries(operations) }
}
