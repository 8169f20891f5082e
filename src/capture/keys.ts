/**
 * What an operator does with the key of a log: look at it, have another one take over, end that, declare one stolen or
 * lost. Each act is an entry of the log. Used by the command line.
 * @module
 */

import { AuditError } from "../errors.ts"
import type { Actor } from "../event/index.ts"
import {
  type ChangedKey,
  type Identity,
  type KeyAct,
  type KeyChange,
  keysOf,
  ownVerifierKeys,
  readChange,
  readIdentity,
  type Succession,
  type WriterMark,
} from "../ledger/index.ts"
import type { Checkpoint } from "../proof/index.ts"
import { StateDirectory } from "../store/index.ts"
import { systemUser } from "./acts.ts"
import { ownEntry, recoveryEntry, requireDirectory } from "./operate.ts"
import { openLedger } from "./recorder.ts"

/** The key of a log, and whether this user can sign with it. */
export interface KeyDescription extends Identity {
  readonly here: boolean
  readonly keyFile?: string
  /** A change of the key that was begun and cut off, by the word that finishes it. */
  readonly unfinished?: KeyChange["kind"]
}

/**
 * Describes the key of a log; never the private one.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`; `SEALING_UNAVAILABLE` before the first seal.
 */
export async function describeKey({ logDir }: { readonly logDir: string }): Promise<KeyDescription> {
  const root = requireDirectory(logDir)
  const identity = await readIdentity(root)
  if (identity === undefined) {
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      "this log has no key yet: it gets one with its first seal; run secureml audit seal",
    )
  }
  const state = new StateDirectory(process.env)
  const here = (await ownVerifierKeys(identity.origin, state, process.env)).includes(identity.verifierKey)
  const change = await readChange({ root })
  const keyFile = here ? { keyFile: keysOf(identity.origin, state, process.env).path } : {}
  return { ...identity, here, ...keyFile, ...(change === undefined ? {} : { unfinished: change.kind }) }
}

/** What was done with the key of a log. */
export interface KeyReport {
  readonly kind: KeyAct["kind"]
  readonly origin: string
  /** The key that signs from now on. */
  readonly verifierKey: string
  /** Keys that it takes over from. */
  readonly formerKeys: readonly string[]
  /** An attempt that had been cut off was finished. */
  readonly resumed: boolean
  readonly checkpoint: Checkpoint
}

/**
 * Has a new key take over: until {@link finishRotation} both sign. The old key signs the entry and a statement that name
 * the new one, by which those who know the old key follow.
 * @throws {@link AuditError} `SEALING_UNAVAILABLE`, `ROTATION_OPEN`, `LOG_ROLLED_BACK` and others of a seal.
 */
export function rotateKey(options: { readonly logDir: string; readonly reason?: string }): Promise<KeyReport> {
  return change(options.logDir, { kind: "rotate", reason: options.reason })
}

/**
 * Ends the time in which two keys sign: the old one is removed from this user's files.
 * @throws {@link AuditError} `ROTATION_NOT_OPEN` and as {@link rotateKey}.
 */
export function finishRotation(options: { readonly logDir: string; readonly reason?: string }): Promise<KeyReport> {
  return change(options.logDir, { kind: "finish", reason: options.reason })
}

/**
 * Declares the key stolen: a new one takes over at once, and what the old one has signed from an index on is in doubt.
 * @throws TypeError without a reason. RangeError where the index is beyond what is sealed.
 * @throws {@link AuditError} as {@link rotateKey}.
 */
export function revokeKey(options: {
  readonly logDir: string
  readonly fromIndex: number
  readonly reason: string
}): Promise<KeyReport> {
  const { logDir, fromIndex, reason } = options
  return change(logDir, { kind: "revoke", fromIndex, reason: checkReason(reason, "the key is revoked") })
}

/** @throws TypeError when there is none. */
export function checkReason(reason: string, what: string): string {
  if (typeof reason !== "string" || reason.trim() === "") throw new TypeError(`reason must say why ${what}`)
  return reason
}

async function change(logDir: string, act: KeyAct): Promise<KeyReport> {
  requireDirectory(logDir)
  const actor = systemUser()
  const ledger = openLedger(logDir, process.env)
  return reportOf(await ledger.changeKey(act, (done, mark) => changeEntry(done, mark, actor)))
}

function reportOf({ change: done, resumed, checkpoint }: ChangedKey): KeyReport {
  const { kind, origin, newKey: verifierKey, oldKeys: formerKeys } = done
  return { kind, origin, verifierKey, formerKeys, resumed, checkpoint }
}

/** Nothing in it is redacted but by its making: a redacted key could not be followed. */
function changeEntry(done: KeyChange, mark: WriterMark, actor: Actor): string {
  const { oldKeys, newKey, treeSize, statement, fromIndex, since } = done
  const reason = done.reason === undefined ? {} : { reason: done.reason }
  const act = { operationName: "audit_key", actor }
  if (done.kind === "rotate")
    return ownEntry(
      { ...act, eventType: "key_rotated", details: { old_key: oldKeys[0], new_key: newKey, statement, ...reason } },
      mark,
    )
  if (done.kind === "finish")
    return ownEntry(
      { ...act, eventType: "key_retired", details: { retired_key: oldKeys[0], key: newKey, ...reason } },
      mark,
    )
  const revoked = { revoked_keys: oldKeys, new_key: newKey, from_index: fromIndex, tree_size: treeSize, since }
  return ownEntry({ ...act, eventType: "key_revoked", details: { ...revoked, ...reason } }, mark)
}

/** What went on in the place of a log whose key was lost. */
export interface SuccessionReport {
  readonly origin: string
  readonly verifierKey: string
  readonly formerOrigin: string
  readonly formerKey: string
  /** Directory of the log that was set aside. */
  readonly predecessor: string
  readonly checkpoint: Checkpoint
}

/**
 * Sets a log aside whose key is lost, and goes on in a successor with an origin and a key of its own. Its first entry
 * quotes the last checkpoint, its second one says that the key was lost. Nothing can prove that without the key.
 * @throws TypeError without a reason. {@link AuditError} `KEY_NOT_LOST`, `SEALING_UNAVAILABLE`.
 */
export async function succeedKey(options: {
  readonly logDir: string
  readonly reason: string
}): Promise<SuccessionReport> {
  const { logDir } = options
  const reason = checkReason(options.reason, "the log goes on under another key")
  requireDirectory(logDir)
  const ledger = openLedger(logDir, process.env)
  const actor = systemUser()
  const { succession } = await ledger.succeed([
    ({ recovery }, mark) => recoveryEntry(recovery, mark, reason, actor),
    (done, mark) => successionEntry(done, mark, reason, actor),
  ])
  const { identity, former, recovery } = succession
  const { origin, verifierKey } = identity
  const before = { formerOrigin: former.origin, formerKey: former.verifierKey }
  const predecessor = `${ledger.path}/${recovery.predecessor}`
  return { origin, verifierKey, ...before, predecessor, checkpoint: await ledger.flush() }
}

function successionEntry(
  { recovery, former, identity }: Succession,
  mark: WriterMark,
  reason: string,
  actor: Actor,
): string {
  const { predecessor, found } = recovery
  const before = { former_origin: former.origin, former_key: former.verifierKey }
  const details = { ...before, key: identity.verifierKey, predecessor, checkpoint: found ?? null, reason }
  return ownEntry({ operationName: "audit_key", eventType: "key_succeeded", details, actor }, mark)
}
