/**
 * Erasing a person: what the log holds of them beside the tree is deleted, and the keys are destroyed with which copies of
 * it could be read. What a provision or a hold wants kept stays, under a key of its own, for nobody's use. Every step can
 * be repeated; an erasure that was cut off is finished by the next one.
 * What erasure is here and is not: docs/guides/personal-data.md.
 * @module
 */
import { openLedger } from "../capture/index.ts"
import type { Actor } from "../event/index.ts"
import { Eraser, type ErasureReport, type ResumeReport } from "./eraser.ts"
import { locked, requireRoot } from "./lock.ts"
import { checkPerson } from "./person.ts"
import { loadPolicy, type RetentionPolicy } from "./policy.ts"

/** Why a person is erased, as a code: a reason in words could name them. */
export const ERASURE_REASONS = [
  "consent_withdrawn",
  "no_longer_needed",
  "objection",
  "unlawful_processing",
  "legal_obligation",
  "child_services",
  "consumer_request",
  "other",
] as const

/** One of {@link ERASURE_REASONS}. */
export type ErasureReason = (typeof ERASURE_REASONS)[number]

/** Whom to erase, and why. */
export interface EraseOptions {
  readonly logDir: string
  /** Identifier of the person, as it was given when values were recorded. */
  readonly subject: string
  readonly reason: ErasureReason
  /** Of the request that asked for it; must not say who the person is. */
  readonly requestId?: string
  /** Default: the user of the operating system. */
  readonly actor?: Actor
  /** What has to be kept; default: the built-in policy, see {@link loadPolicy}. */
  readonly policy?: RetentionPolicy
}

/**
 * Erases a person: values, keys and links; the tree and every proof stay as they are. A minimum of the policy or a hold
 * binds the values in the entries that it covers, not the person: these stay, restricted, and all others go.
 *
 * @throws TypeError, RangeError: names the field; nothing was changed.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`; `VAULT_MISSING`, `RETENTION_CONFLICT`: nothing was changed;
 *   `RETENTION_BUSY`, `SEALING_UNAVAILABLE`.
 * @example
 * ```ts
 * (await eraseSubject({ logDir, subject: "customer-17", reason: "consent_withdrawn", requestId: "r-204" })).result // "erased"
 * ```
 */
export function eraseSubject(options: EraseOptions): Promise<ErasureReport> {
  return eraseAt(options, Date.now())
}

/** The same at a time that a test chooses. */
export async function eraseAt(given: EraseOptions, nowMs: number): Promise<ErasureReport> {
  // Read once: what was checked is what is used.
  const options = { ...given }
  checkErase(options)
  const { subject, reason, requestId, actor, policy = loadPolicy() } = options
  const root = requireRoot(options.logDir)
  return locked(root, async () => {
    const eraser = new Eraser(openLedger(root.path, process.env), policy, nowMs, actor)
    await eraser.resume()
    return eraser.erase(subject, { reason, ...(requestId === undefined ? {} : { request_id: requestId }) })
  })
}

function checkErase({ reason, ...person }: EraseOptions): void {
  checkPerson(person)
  if (!ERASURE_REASONS.includes(reason)) throw new RangeError(`reason must be one of ${ERASURE_REASONS.join(", ")}`)
}

/**
 * Finishes erasures that were cut off, and deletes what had to stay and is due.
 * @throws {@link AuditError} as {@link eraseSubject}.
 */
export async function resumeErasures(options: {
  readonly logDir: string
  readonly policy?: RetentionPolicy
}): Promise<ResumeReport> {
  return resumeAt(options, Date.now())
}

/** The same at a time that a test chooses. */
export async function resumeAt(
  { logDir, policy = loadPolicy() }: { readonly logDir: string; readonly policy?: RetentionPolicy },
  nowMs: number,
): Promise<ResumeReport> {
  const root = requireRoot(logDir)
  return locked(root, () => new Eraser(openLedger(root.path, process.env), policy, nowMs, undefined).resume())
}
