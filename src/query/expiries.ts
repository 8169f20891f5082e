/**
 * Values that went because their own time was over: an event says of which entries, by type, regulation and time; a file
 * in the private state says which event. Reads, and writes that file.
 * @module
 */
import { utf8, utf8Text } from "../bytes.ts"
import { type AuditEntry, isRecord } from "../event/index.ts"
import { EXPIRED_FILE, errorCode, type LogFiles } from "../store/index.ts"

/** Entries whose values are gone. */
export interface ExpiryRule {
  /** The class of the policy. */
  readonly class: string
  /** "*" is every type. */
  readonly event_types: readonly string[]
  /** Entries that name one of these; empty: every one. */
  readonly regulations: readonly string[]
  /** Entries older than this; ISO 8601. */
  readonly before: string
}

/** A rule, and the event that says so. */
export interface Expiry extends ExpiryRule {
  readonly by: string
}

/** The rules, of those that say the same but for the time the newest. */
export async function readExpiries(root: Pick<LogFiles, "read">): Promise<readonly Expiry[]> {
  try {
    const file: unknown = JSON.parse(utf8Text((await root.read(EXPIRED_FILE)) ?? utf8("{}")) ?? "{}")
    const rules = isRecord(file) ? file["rules"] : undefined
    return Array.isArray(rules) ? rules.filter(isExpiry) : []
  } catch (error) {
    // Damaged, or not for this user's eyes: then it explains nothing.
    if (error instanceof SyntaxError || ["EACCES", "EPERM"].includes(errorCode(error))) return []
    throw error
  }
}

/** Once resolved readers know why values are gone, power loss or not. */
export async function noteExpiries(root: LogFiles, added: readonly Expiry[]): Promise<void> {
  const known = await readExpiries(root)
  // A class whose meaning has changed is another one: what went by the old one stays explained.
  const others = known.filter((one) => !added.some((rule) => isSameRule({ ...rule, before: one.before }, one)))
  await root.replace(EXPIRED_FILE, utf8(`${JSON.stringify({ v: 1, rules: [...others, ...added] })}\n`))
}

/** The rule by which the values of an entry are gone, where there is one. */
export function expiryOf(expiries: readonly Expiry[], entry: AuditEntry): Expiry | undefined {
  return expiries.find((rule) => covers(rule, entry))
}

function covers({ event_types, regulations, before }: ExpiryRule, entry: AuditEntry): boolean {
  const isOfType = event_types.includes("*") || event_types.includes(entry.event_type)
  const isUnder = regulations.length === 0 || regulations.some((name) => entry.regulations?.includes(name) === true)
  return isOfType && isUnder && Date.parse(entry.timestamp) < Date.parse(before)
}

function isExpiry(value: unknown): value is Expiry {
  return isRecord(value) && typeof value["by"] === "string" && isRule(value)
}

/** Whether something is a rule. */
export function isRule(value: unknown): value is ExpiryRule {
  if (!isRecord(value)) return false
  const { class: id, event_types, regulations, before } = value
  const areTexts = [event_types, regulations].every(
    (list) => Array.isArray(list) && list.every((one) => typeof one === "string"),
  )
  return typeof id === "string" && areTexts && typeof before === "string" && !Number.isNaN(Date.parse(before))
}

/** Whether two say the same. */
export function isSameRule(one: ExpiryRule, other: ExpiryRule): boolean {
  const text = ({ class: id, event_types, regulations, before }: ExpiryRule): string =>
    JSON.stringify([id, event_types, regulations, before])
  return text(one) === text(other)
}
