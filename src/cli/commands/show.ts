/**
 * `secureml audit show`: one record in full, or its exact bytes.
 * @module
 */
import type { Command } from "commander"
import type { AuditRecord, JsonObject } from "../../audit.ts"
import { utf8Text } from "../../bytes.ts"
import { parseEntry } from "../../event/index.ts"
import { fillRecord } from "../../query/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { escapeBytes, escapeJson, escapeText } from "../escape.ts"
import { UsageError } from "../failure.ts"
import { type EventName, eventArgument, findEvent } from "../find-event.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { actorName, whoOf } from "../record-row.ts"
import type { Session } from "../session.ts"

interface ShowFlags extends CommonFlags {
  readonly raw?: boolean
}

/** Adds the command. */
export function addShow(audit: Command, session: Session): void {
  audit
    .command("show")
    .description("Shows one record in full.")
    .addArgument(eventArgument())
    .option("--raw", "the entry exactly as logged: the bytes that the tree covers")
    .addOption(logDirOption())
    .addOption(jsonOption("the record as JSON, with its index and whether it is sealed"))
    .addHelpText("after", EXAMPLES)
    .action((event: EventName, flags: ShowFlags) => runShow(event, flags, session.output))
}

const EXAMPLES = `
Examples:
  $ secureml audit show 41
  $ secureml audit show 019ab38e-5ef3-7000-8000-2f9d6d1c0a55 --json
  $ secureml audit show 41 --raw | sha256sum`

async function runShow(event: EventName, flags: ShowFlags, output: Output): Promise<void> {
  if (flags.raw === true && flags.json === true) throw new UsageError("--raw and --json exclude each other")
  const root = requireLog(flags)
  const { bytes, index, redactedBy } = await findEvent(root, event)
  if (flags.raw === true) return output.data(output.terminal ? `${rawText(bytes)}\n` : bytes)
  const record: AuditRecord = { ...parseEntry(bytes), index, sealed: index !== null }
  const shown = await fillRecord(record, bytes, root.path, process.env)
  await output.data(flags.json === true ? jsonLine(shown) : describe(shown, redactedBy, output))
}

/** Exact bytes are for programs; on a terminal what it could obey is escaped. */
function rawText(bytes: Uint8Array): string {
  const text = utf8Text(bytes)
  return text === undefined ? escapeBytes(bytes) : escapeJson(text)
}

function describe(record: AuditRecord, redactedBy: number | undefined, output: Output): string {
  const { index, actor, operation_name, operation_id, regulations, writer } = record
  const lines: (readonly [string, string | undefined])[] = [
    ["index", index === null ? "none yet: recorded, not sealed" : String(index)],
    ["redacted", redactedBy === undefined ? undefined : `by event ${redactedBy}; this stands in the entry's place`],
    ["event id", record.event_id],
    ["type", record.event_type],
    ["time", record.timestamp],
    ["claimed time", record.occurred_at],
    ["operation", `${operation_name} (${operation_id}), event ${record.sequence}`],
    ["parent", record.parent_operation_id],
    ["who", whoOf(record) || undefined],
    ["actor", actor === undefined ? undefined : [actorName(actor), actor.type, actor.role].filter(Boolean).join(", ")],
    ["regulations", regulations?.join(", ")],
    ["trace", record.trace_id === undefined ? undefined : [record.trace_id, record.span_id].filter(Boolean).join(" ")],
    ["writer", `${writer.id}, number ${writer.seq}`],
  ]
  const head = lines.flatMap(([name, text]) =>
    text === undefined ? [] : [`${output.styled("dim", name.padEnd(12))} ${escapeText(text)}`],
  )
  const blocks = [
    ...block("context", record.context, output),
    ...block("details", record.details, output),
    ...block("corrections", record.corrections, output),
  ]
  return `${[...head, ...blocks].join("\n")}\n`
}

/** Line breaks of the layout are ours: JSON has none inside strings. */
function block(name: string, value: AuditRecord["corrections"] | JsonObject, output: Output): string[] {
  if (value === undefined) return []
  return [
    output.styled("dim", name),
    ...JSON.stringify(value, null, 2)
      .split("\n")
      .map((line) => `  ${escapeJson(line)}`),
  ]
}
