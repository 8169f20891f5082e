/**
 * A retention policy: which records are to be kept for how long, and which provision says so. Parsing is strict and
 * pure; the provisions that are known come from default-policy.json.
 * @module
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { AuditError } from "../errors.ts"
import { canonicalRegulation, isRecord } from "../event/index.ts"
import defaults from "./default-policy.json" with { type: "json" }
import { isLonger, isPeriod } from "./period.ts"

/** Where a period comes from. */
export interface LegalSource {
  readonly provision: string
  readonly framework?: string
  /** The provision that sets the period, where it is another one. */
  readonly basis?: string
  readonly url?: string
  readonly level?: string
  /** How much of its text was read for the built-in policy. */
  readonly read?: string
}

/** A provision: the records it is about, and for how long they are to be kept. */
export interface RetentionClass {
  readonly id: string
  readonly recordClass?: string
  /** Event types; "*" is every one. */
  readonly eventTypes: readonly string[]
  /** Records that name one of these; empty: every record. */
  readonly regulations: readonly string[]
  /** An ISO 8601 period, such as "P6Y"; null where the provision sets none. */
  readonly minimum: string | null
  readonly maximum: string | null
  /** "event": from the event's own time. "declared": from a date that only `from` can say; kept until it does. */
  readonly runsFrom: "event" | "declared"
  /** How long values beside an entry may be kept at most, personal and large ones; null: as long as the entry. */
  readonly valuesMaximum: string | null
  /** Whether the values of a person who is to be erased have to stay as long; an entry itself always stays. */
  readonly bindsErasure: boolean
  /** For periods that do not run from the event: the date from which they run, ISO 8601. */
  readonly from?: string
  readonly source: LegalSource
  readonly note?: string
}

/** A policy, ready to be asked. */
export interface RetentionPolicy {
  readonly id: string
  /** SHA-256 of everything that it says, hex. */
  readonly digest: string
  readonly classes: readonly RetentionClass[]
  /** For records that no class sets a period for; null: they are kept. */
  readonly default: { readonly minimum: string; readonly source: LegalSource } | null
  /** Built-in classes that the file replaces. */
  readonly overrides: readonly string[]
}

const FILE_KEYS = ["$comment", "$schema", "v", "id", "extends", "law_as_of", "default", "classes"]
const CLASS_KEYS = [
  "id",
  "record_class",
  "event_types",
  "regulations",
  "minimum",
  "maximum",
  "values_maximum",
  "runs_from",
  "runs_from_text",
  "from",
  "binds_erasure",
  "source",
  "note",
]
const SOURCE_KEYS = ["provision", "framework", "basis", "url", "level", "read"]

/**
 * The policy of a file, on top of the built-in one unless it says `"extends": null`; the built-in one alone without.
 *
 * @throws {@link AuditError} `RETENTION_POLICY_MALFORMED` naming the place in the file; `RETENTION_CONFLICT` where one
 *   class wants the same records kept longer than another allows.
 * @example
 * ```ts
 * loadPolicy("retention.json").id // "acme-2026"
 * ```
 */
export function loadPolicy(file?: string): RetentionPolicy {
  if (file === undefined) return parsePolicy(defaults)
  let text: string
  try {
    text = fs.readFileSync(file, "utf8")
  } catch (error) {
    throw malformed(`${file} cannot be read (${error instanceof Error ? error.message : String(error)})`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed(`${file} is no JSON`)
  }
  return parsePolicy(value)
}

/** The same for what a file holds. */
export function parsePolicy(value: unknown): RetentionPolicy {
  const file = recordOf(value, "the policy", FILE_KEYS)
  if (file["v"] !== 1) throw malformed('"v" must be 1')
  const id = textOf(file["id"], "id")
  const own = listOf(file["classes"] ?? [], "classes").map((one, n) => parseClass(one, `classes[${n}]`))
  const twice = own.find((one, n) => own.findIndex((other) => other.id === one.id) < n)
  if (twice !== undefined) throw malformed(`class ${JSON.stringify(twice.id)} is there twice`)
  const extended = value === defaults || file["extends"] === null ? [] : parsePolicy(defaults).classes
  if (![undefined, null, "defaults"].includes(file["extends"] as string))
    throw malformed('"extends" must be "defaults" or null')
  const ids = new Set(own.map((one) => one.id))
  const classes = [...extended.filter((one) => !ids.has(one.id)), ...own]
  refuseConflicts(classes)
  const fallback = parseDefault(file["default"] ?? null)
  const digest = createHash("sha256")
    .update(JSON.stringify({ id, classes, default: fallback }))
    .digest("hex")
  const overrides = extended.filter((one) => ids.has(one.id)).map((one) => one.id)
  return { id, digest, classes, default: fallback, overrides }
}

/** The classes of a record, by its type and the regulations that it names. */
export function classesOf(
  policy: RetentionPolicy,
  eventType: string,
  regulations: readonly string[],
): readonly RetentionClass[] {
  return policy.classes.filter(
    (one) =>
      (one.eventTypes.includes("*") || one.eventTypes.includes(eventType)) &&
      (one.regulations.length === 0 || one.regulations.some((name) => regulations.includes(name))),
  )
}

/** @throws {@link AuditError} `RETENTION_CONFLICT` where classes of one record contradict each other. */
export function refuseConflict(classes: readonly RetentionClass[], records: string): void {
  for (const least of classes) {
    for (const most of classes) {
      const values = least.bindsErasure ? most.valuesMaximum : null
      const maximum = [most.maximum, values].find(
        (one) => one !== null && least.minimum !== null && isLonger(least.minimum, one, 0),
      )
      if (maximum === undefined) continue
      throw new AuditError(
        "RETENTION_CONFLICT",
        `${records}: ${sourceText(least)} wants them kept for ${least.minimum} at least, ${sourceText(most)} for ${maximum} at most. ` +
          `Record what falls under one of them in a log of its own (another logDir), or replace "${least.id}" or "${most.id}" in the policy file and say there why`,
      )
    }
  }
}

/** A provision as people read it. */
export function sourceText({ id, source }: Pick<RetentionClass, "id" | "source">): string {
  const { framework, provision, basis } = source
  const name = framework === undefined ? provision : `${framework}, ${provision}`
  return `${name}${basis === undefined ? "" : ` (${basis})`} [${id}]`
}

/** Classes that meet in every record that has the narrower of the two. */
function refuseConflicts(classes: readonly RetentionClass[]): void {
  for (const [n, one] of classes.entries()) {
    for (const other of classes.slice(n + 1)) {
      const types = one.eventTypes.includes("*") ? other.eventTypes : one.eventTypes
      const meets = types.some(
        (type) => type === "*" || other.eventTypes.includes("*") || other.eventTypes.includes(type),
      )
      const always =
        one.regulations.length === 0 ||
        other.regulations.length === 0 ||
        one.regulations.some((name) => other.regulations.includes(name))
      if (meets && always) refuseConflict([one, other], `records of type ${types.join(", ")}`)
    }
  }
}

function parseClass(value: unknown, place: string): RetentionClass {
  const one = recordOf(value, place, CLASS_KEYS)
  const eventTypes = listOf(one["event_types"], `${place}.event_types`).map((type) =>
    textOf(type, `${place}.event_types`),
  )
  const regulations = listOf(one["regulations"] ?? [], `${place}.regulations`).map((name) => {
    const text = textOf(name, `${place}.regulations`)
    return canonicalRegulation(text) ?? text
  })
  const runsFrom = one["runs_from"] ?? "event"
  if (runsFrom !== "event" && runsFrom !== "declared")
    throw malformed(`${place}.runs_from must be "event" or "declared"`)
  const { from, note, record_class: recordClass, binds_erasure: binds } = one
  if (binds !== undefined && typeof binds !== "boolean") throw malformed(`${place}.binds_erasure must be true or false`)
  if (from !== undefined && (typeof from !== "string" || Number.isNaN(Date.parse(from))))
    throw malformed(`${place}.from must be a date, such as "2026-11-24"`)
  const minimum = periodOf(one["minimum"] ?? null, `${place}.minimum`)
  const source = parseSource(one["source"], `${place}.source`)
  return {
    id: textOf(one["id"], `${place}.id`),
    ...(recordClass === undefined ? {} : { recordClass: textOf(recordClass, `${place}.record_class`) }),
    eventTypes,
    regulations,
    minimum,
    maximum: periodOf(one["maximum"] ?? null, `${place}.maximum`),
    runsFrom,
    ...(from === undefined ? {} : { from }),
    valuesMaximum: periodOf(one["values_maximum"] ?? null, `${place}.values_maximum`),
    // Deleted, a value never comes back; kept, it can still be deleted. What only recommends a period binds nobody.
    bindsErasure: binds ?? ((minimum !== null || runsFrom === "declared") && source.level !== "guidance"),
    source,
    ...(note === undefined ? {} : { note: textOf(note, `${place}.note`) }),
  }
}

function parseDefault(value: unknown): RetentionPolicy["default"] {
  if (value === null) return null
  const { minimum, source } = recordOf(value, "default", ["minimum", "source"])
  const period = periodOf(minimum ?? null, "default.minimum")
  if (period === null) throw malformed('default.minimum must be a period, such as "P1Y"')
  return { minimum: period, source: parseSource(source, "default.source") }
}

function parseSource(value: unknown, place: string): LegalSource {
  // A period of one's own needs a source as well: a page of a handbook will do.
  const source = recordOf(value, place, SOURCE_KEYS)
  textOf(source["provision"], `${place}.provision`)
  for (const key of Object.keys(source)) textOf(source[key], `${place}.${key}`)
  return source as unknown as LegalSource
}

function periodOf(value: unknown, place: string): string | null {
  if (value === null || isPeriod(value)) return value
  throw malformed(`${place} must be an ISO 8601 period such as "P6Y", "P24M" or "P90D", or null`)
}

function recordOf(value: unknown, place: string, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw malformed(`${place} must be an object`)
  const unknown = Object.keys(value).find((key) => !keys.includes(key))
  if (unknown !== undefined) throw malformed(`${place} has an unknown key ${JSON.stringify(unknown)}`)
  return value
}

function listOf(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`${place} must be an array`)
  return value
}

function textOf(value: unknown, place: string): string {
  if (typeof value === "string" && value.trim() !== "") return value
  throw malformed(`${place} must be a text that is not empty`)
}

function malformed(what: string): AuditError {
  return new AuditError(
    "RETENTION_POLICY_MALFORMED",
    `the retention policy cannot be used: ${what}; nothing was pruned`,
  )
}
