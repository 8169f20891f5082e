/**
 * An assessment: one stream over the log, every control of the catalogues asked at once. It says what the log shows, never
 * that anybody complies.
 * @module
 */
import { createHash } from "node:crypto"
import { AuditError } from "../../errors.ts"
import { type AuditRecord, isArray, isRecord, nameInMessage } from "../../event/index.ts"
import { streamRecords, verifyAuditLog } from "../../query/index.ts"
import { cataloguesFor } from "../catalogue/load.ts"
import type { Catalogue } from "../catalogue/types.ts"
import { type LegalCalendars, openCalendars } from "../clock/legal-calendars.ts"
import { type Profile, parseProfile } from "../profile.ts"
import { Attestations } from "./attestation.ts"
import { type ControlFinding, ControlRun } from "./control.ts"
import { OUTCOMES, type OutcomeCounts } from "./outcome.ts"
import { type Integrity, Scope } from "./scope.ts"

/** What to assess, for whom, and as of when. */
export interface AssessmentOptions {
  /** Default: `$SECUREML_AUDIT_DIR`, else "secureml_audit_logs". */
  readonly logDir?: string
  /** Such as `["GDPR", "HIPAA"]`; each needs a catalogue. */
  readonly regulations: readonly string[]
  readonly profile: Profile
  /** Catalogues of one's own; one for a regulation takes the place of ours. */
  readonly catalogues?: readonly Catalogue[]
  /** Clocks are read at this moment, and what was recorded later is left out. Default: now. */
  readonly asOf?: Date | string
  /** Only what was recorded in it is tested; clocks that still run are told all the same. RFC 3339 or a date. */
  readonly window?: { readonly from?: string; readonly to?: string }
  /** A verifier key got from somewhere else than the log directory. */
  readonly publicKey?: string
}

/** What was found. */
export interface AssessmentReport {
  readonly v: 1
  readonly as_of: string
  readonly window: { readonly from: string | null; readonly to: string }
  readonly catalogues: readonly {
    readonly id: string
    readonly version: string
    readonly law_as_of: string
    /** SHA-256 of what it says, hex. */
    readonly digest: string
  }[]
  readonly profile: { readonly id: string; readonly digest: string }
  readonly holiday_table: string
  readonly log: {
    readonly verdict: string
    readonly tree_size: number
    readonly root_hash: string
    /** Entries under the verified checkpoint that were read. */
    readonly assessed: number
    /** Recorded and not under it: not assessed. */
    readonly not_assessed: number
    /** Recorded after `as_of`: left out. */
    readonly after_as_of: number
    /** Why reading stopped before the end. */
    readonly stopped?: string
  }
  readonly counts: OutcomeCounts
  readonly findings: readonly ControlFinding[]
}

/**
 * Asks a log what regulations ask of it. Reads every entry once; needs the optional peers of the calendars.
 *
 * @throws {@link AuditError} `CALENDAR_LIBRARY_MISSING`, `CATALOGUE_MALFORMED`, `PROFILE_MALFORMED`, `LOG_DIR_UNREADABLE`.
 * @throws TypeError, RangeError for a wrong argument, naming the field.
 * @example
 * ```ts
 * const report = await assessCompliance({
 *   logDir: "secureml_audit_logs",
 *   regulations: ["GDPR"],
 *   profile: { v: 1, id: "acme", roles: ["controller"], jurisdictions: ["EU"], time_zone: "Europe/Berlin", country: "DE" },
 * })
 * report.findings.find(({ control }) => control === "gdpr-12-3-respond")?.reason
 * // "evidence consistent with Art 12(3): 14 of 14 items"
 * ```
 */
export async function assessCompliance(options: AssessmentOptions): Promise<AssessmentReport> {
  checkOptions(options)
  const { logDir, regulations, publicKey } = options
  const time = timesOf(options)
  const calendars = await openCalendars()
  const profile = parseProfile(options.profile, calendars)
  const catalogues = cataloguesFor(regulations, options.catalogues ?? [])
  const verified = await verifyAuditLog({
    ...(logDir === undefined ? {} : { logDir }),
    ...(publicKey === undefined ? {} : { publicKey }),
  })
  const integrity = { verdict: verified.verdict, treeSize: verified.treeSize }
  const assessment = new Assessment({ ...time, profile, calendars, catalogues, integrity })
  await readInto(assessment, verified.logDir)
  return assessment.report(verified.rootHash)
}

/** A log that was changed is read up to the change. */
async function readInto(assessment: Assessment, logDir: string): Promise<void> {
  try {
    for await (const record of streamRecords({}, logDir)) assessment.see(record)
  } catch (error) {
    if (!(error instanceof AuditError) || error.code !== "LEDGER_CORRUPT") throw error
    assessment.stop(error.message)
  }
}

const OPTIONS = ["logDir", "regulations", "profile", "catalogues", "asOf", "window", "publicKey"]

function checkOptions(options: unknown): void {
  if (!isRecord(options))
    throw new TypeError('assessCompliance takes an object, such as { regulations: ["GDPR"], profile }')
  const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key))
  if (unknown !== undefined)
    throw new TypeError(`assessCompliance has no option ${nameInMessage(unknown)}; it has ${OPTIONS.join(", ")}`)
  const { regulations, window, asOf } = options
  if (!isArray(regulations) || regulations.length === 0 || regulations.some((name) => typeof name !== "string"))
    throw new TypeError('regulations must be a list of names, such as ["GDPR"]')
  if (window !== undefined && !isRecord(window)) throw new TypeError("window must be an object with from, to or both")
  if (asOf !== undefined && typeof asOf !== "string" && !(asOf instanceof Date))
    throw new TypeError("asOf must be a Date, a date, or a time with an offset")
}

interface Times {
  readonly asOfMs: number
  readonly fromMs: number | undefined
  readonly toMs: number
}

/** What an {@link Assessment} is made of. */
export interface AssessmentParts extends Times {
  readonly profile: Profile
  readonly calendars: LegalCalendars
  readonly catalogues: readonly Catalogue[]
  readonly integrity: Integrity
}

/** An assessment of records that somebody else reads. It owns all that is remembered of them. */
export class Assessment {
  readonly #parts: AssessmentParts
  readonly #scope: Scope
  readonly #attestations: Attestations
  readonly #runs: readonly ControlRun[]
  #assessed = 0
  #notAssessed = 0
  #afterAsOf = 0
  #stopped: string | undefined

  constructor(parts: AssessmentParts) {
    this.#parts = parts
    this.#scope = new Scope(parts)
    this.#attestations = new Attestations(this.#scope)
    this.#runs = parts.catalogues.flatMap((catalogue) =>
      catalogue.controls.map((control) => new ControlRun(control, catalogue, this.#scope)),
    )
  }

  /** Takes the next record, in the order of the log. */
  see(record: AuditRecord): void {
    if (record.index === null || record.index >= this.#parts.integrity.treeSize) {
      this.#notAssessed += 1
    } else if (Date.parse(record.timestamp) > this.#parts.asOfMs) {
      this.#afterAsOf += 1
    } else {
      this.#assessed += 1
      this.#scope.see(record)
    }
  }

  /** What follows cannot be read; nothing passes. */
  stop(because: string): void {
    this.#stopped = because
    this.#scope.distrust()
  }

  /** The findings, once all records were seen. */
  report(rootHash: string): AssessmentReport {
    const { asOfMs, fromMs, toMs, catalogues, profile, calendars } = this.#parts
    const { integrity } = this.#scope
    const findings = this.#runs.map((run) => run.finding(this.#attestations))
    const count = (one: string): number => findings.filter(({ outcome }) => outcome === one).length
    return {
      v: 1,
      as_of: isoOf(asOfMs),
      window: { from: fromMs === undefined ? null : isoOf(fromMs), to: isoOf(toMs) },
      catalogues: catalogues.map((one) => ({
        id: one.id,
        version: one.version,
        law_as_of: one.law_as_of,
        digest: digestOf(one),
      })),
      profile: { id: profile.id, digest: digestOf(profile) },
      holiday_table: calendars.holidayTable,
      log: {
        verdict: integrity.verdict,
        tree_size: integrity.treeSize,
        root_hash: rootHash,
        assessed: this.#assessed,
        not_assessed: this.#notAssessed,
        after_as_of: this.#afterAsOf,
        ...(this.#stopped === undefined ? {} : { stopped: this.#stopped }),
      },
      counts: Object.fromEntries(OUTCOMES.map((one) => [one, count(one)])) as OutcomeCounts,
      findings,
    }
  }
}

function timesOf({ asOf = new Date(), window = {} }: AssessmentOptions): Times {
  const asOfMs = typeof asOf === "string" ? momentOf(asOf, "asOf", 0) : asOf.getTime()
  if (Number.isNaN(asOfMs)) throw new RangeError("asOf is no valid date")
  const fromMs = window.from === undefined ? undefined : momentOf(window.from, "window.from", 0)
  const toMs = window.to === undefined ? asOfMs : momentOf(window.to, "window.to", 86_400_000 - 1)
  if (fromMs !== undefined && fromMs > toMs) throw new RangeError("window.from is after window.to")
  return { asOfMs, fromMs, toMs: Math.min(toMs, asOfMs) }
}

/** A date alone is its beginning, in UTC, or as the end of a window its end. */
function momentOf(text: string, field: string, ofDateMs: number): number {
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const timeMs = isDate || /(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(timeMs)) throw new RangeError(`${field} must be a date, or a time with an offset such as Z`)
  return isDate ? timeMs + ofDateMs : timeMs
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex")
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
