/**
 * Filters as flags, named as in the query with dashes. What is wrong with one is said with the flag's own name.
 * A filter given twice takes either value. Pure.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander"
import type { AuditFilters, ExactFilters } from "../audit.ts"
import { type ExactField, parseTimeBound } from "../query/index.ts"
import { UsageError } from "./failure.ts"

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
])

/** Filters as commander parses them. */
export interface QueryFlags extends Pick<AuditFilters, ExactField | "not"> {
  readonly startTime?: string
  readonly endTime?: string
  /** Milliseconds before now. */
  readonly since?: number
  readonly text?: string
}

const EXACT: readonly (readonly [ExactField, string, string])[] = [
  ["operationId", "<id>", "records of one operation"],
  ["operationName", "<name>", "records of operations of this name"],
  ["parentOperationId", "<id>", "records of operations within this one"],
  ["traceId", "<id>", "records of one distributed trace"],
  ["eventType", "<type>", "for example data_access"],
  ["user", "<id>", "the user in the details, or the actor"],
  ["datasetName", "<name>", "data set in the details"],
  ["modelId", "<id>", "model in the details"],
  ["regulation", "<name>", "for example GDPR; case does not matter"],
  ["status", "<status>", "status in the details"],
  ["result", "<result>", "result in the details: true, false or a word"],
  ["requestId", "<id>", "request in the details"],
]

/** A field as a flag names it: event-type. */
function dashed(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Adds the filters to a command. */
export function addQueryFlags(command: Command): Command {
  for (const [field, value, description] of EXACT) {
    const option = new Option(`--${dashed(field)} ${value}`, description)
    command.addOption(option.argParser(oneMore).helpGroup(GROUP))
  }
  const not = new Option("--not <field=value>", "leave records out, for example event-type=function_call")
  const from = new Option("--start-time <time>", "ISO 8601, UTC unless it has a zone; inclusive")
  const to = new Option("--end-time <time>", "inclusive; a date alone means the whole day")
  const since = new Option("--since <age>", "for example 7d, 12h, 30m; not with --start-time")
  return command
    .addOption(
      new Option("--text <words>", "whole words, each anywhere in the record; case does not matter")
        .argParser(notBlank)
        .helpGroup(GROUP),
    )
    .addOption(not.argParser(excluding).helpGroup(GROUP))
    .addOption(from.argParser(timeText).helpGroup(GROUP))
    .addOption(to.argParser(timeText).helpGroup(GROUP))
    .addOption(since.argParser(parseAge).conflicts("startTime").helpGroup(GROUP))
}

const GROUP = "Filters (given twice: either will do):"

function notBlank(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must not be blank.")
  return text
}

function oneMore(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function excluding(text: string, before: ExactFilters = {}): ExactFilters {
  const at = text.indexOf("=")
  const field = EXACT.find(([name]) => dashed(name) === text.slice(0, at))?.[0]
  if (at < 1 || field === undefined) {
    const fields = EXACT.map(([name]) => dashed(name)).join(", ")
    throw new InvalidArgumentError(`It must be a field and a value, such as event-type=error. Fields: ${fields}.`)
  }
  return { ...before, [field]: oneMore(text.slice(at + 1), before[field] as readonly string[] | undefined) }
}

/**
 * The query that the flags mean.
 * @throws {@link UsageError} when the times exclude each other.
 */
export function queryOf(flags: QueryFlags, nowMs: number): AuditFilters {
  const { since, startTime, endTime } = flags
  const query: Record<string, unknown> = {}
  for (const key of [...EXACT.map(([field]) => field), "text", "not", "startTime", "endTime"] as const) {
    if (flags[key] !== undefined) query[key] = flags[key]
  }
  if (since !== undefined) query["startTime"] = new Date(nowMs - since)
  if (startTime !== undefined && endTime !== undefined && startsAfter(startTime, endTime)) {
    throw new UsageError("--start-time is after --end-time")
  }
  return query
}

function startsAfter(startTime: string, endTime: string): boolean {
  return parseTimeBound(startTime, "--start-time").firstMs > parseTimeBound(endTime, "--end-time").lastMs
}

function timeText(text: string): string {
  try {
    parseTimeBound(text, "it")
    return text
  } catch {
    throw new InvalidArgumentError('It must be an ISO 8601 time such as "2026-11-24T02:11:00Z" or "2026-11-24".')
  }
}

/** An age such as 7d, in milliseconds. */
export function parseAge(text: string): number {
  const match = /^(\d{1,6})([smhdw])$/.exec(text)
  const unitMs = UNIT_MS.get(match?.[2] ?? "")
  if (match === null || unitMs === undefined) {
    throw new InvalidArgumentError("It must be a number and a unit (s, m, h, d or w), such as 7d, 12h or 30m.")
  }
  return Number(match[1]) * unitMs
}

/** A whole number from some number on. */
export function wholeNumberFrom(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d{1,15}$/.test(text) && number >= least) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least}.`)
  }
}
