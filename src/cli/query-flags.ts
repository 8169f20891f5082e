/**
 * Filters as flags, named as in the query with dashes. What is wrong with one is said with the flag's own name. Pure.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander"
import type { AuditQuery } from "../audit.ts"
import { parseTimeBound } from "../query/index.ts"
import { UsageError } from "./failure.ts"

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
])

/** Filters as commander parses them. */
export interface QueryFlags {
  readonly operationId?: string
  readonly operationName?: string
  readonly startTime?: string
  readonly endTime?: string
  /** Milliseconds before now. */
  readonly since?: number
  readonly eventType?: string
  readonly user?: string
  readonly datasetName?: string
  readonly modelId?: string
  readonly regulation?: string
  readonly status?: string
  readonly requestId?: string
  readonly text?: string
}

const EXACT: readonly (readonly [string, string])[] = [
  ["--operation-id <id>", "records of one operation"],
  ["--operation-name <name>", "records of operations of this name"],
  ["--event-type <type>", "for example data_access"],
  ["--user <id>", "the user in the details, or the actor"],
  ["--dataset-name <name>", "data set in the details"],
  ["--model-id <id>", "model in the details"],
  ["--regulation <name>", "for example GDPR; case does not matter"],
  ["--status <status>", "status in the details"],
  ["--request-id <id>", "request in the details"],
  ["--text <text>", "anywhere in the record; case does not matter"],
]

/** Adds the filters to a command. */
export function addQueryFlags(command: Command): Command {
  for (const [flags, description] of EXACT) command.addOption(new Option(flags, description).helpGroup("Filters:"))
  const from = new Option("--start-time <time>", "ISO 8601, UTC unless it has a zone; inclusive")
  const to = new Option("--end-time <time>", "inclusive; a date alone means the whole day")
  const since = new Option("--since <age>", "for example 7d, 12h, 30m; not with --start-time")
  return command
    .addOption(from.argParser(timeText).helpGroup("Filters:"))
    .addOption(to.argParser(timeText).helpGroup("Filters:"))
    .addOption(since.argParser(parseAge).conflicts("startTime").helpGroup("Filters:"))
}

/**
 * The query that the flags mean.
 * @throws {@link UsageError} when the times exclude each other.
 */
export function queryOf(flags: QueryFlags, nowMs: number): AuditQuery {
  const { since, startTime, endTime } = flags
  const query: { -readonly [K in keyof AuditQuery]: AuditQuery[K] } = {}
  for (const key of [
    "operationId",
    "operationName",
    "eventType",
    "user",
    "datasetName",
    "modelId",
    "regulation",
    "status",
    "requestId",
    "text",
    "startTime",
    "endTime",
  ] as const) {
    if (flags[key] !== undefined) query[key] = flags[key]
  }
  if (since !== undefined) query.startTime = new Date(nowMs - since)
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
