/**
 * `secureml audit export`: records in files for other programs. Every export is on record in the log.
 * @module
 */
import { type Command, Option } from "commander"
import type { AuditQuery, AuditRecord } from "../../audit.ts"
import { recordAct } from "../../capture/index.ts"
import { streamFilled, streamRecords } from "../../query/index.ts"
import type { RootDirectory } from "../../store/index.ts"
import { exportBundle } from "../bundle-export.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { UsageError } from "../failure.ts"
import { type EventName, parseEventName } from "../find-event.ts"
import { jsonLine } from "../json.ts"
import { NewFile, refuseInside } from "../new-file.ts"
import type { Output } from "../output.ts"
import { Progress } from "../progress.ts"
import { addQueryFlags, type QueryFlags, queryOf } from "../query-flags.ts"
import { filtersOf, recordExport } from "../record-act.ts"
import { EXPORT_FORMATS, type ExportFormat, type FormattedRecords, formatted, type Sink } from "../record-formats.ts"
import { type Session, untilSignal } from "../session.ts"

interface ExportFlags extends CommonFlags, QueryFlags {
  readonly format?: ExportFormat
  readonly output?: string
  readonly force?: boolean
  readonly bundle?: string
  readonly disclose?: string
  readonly eventId?: EventName
}

/** What went out so far. Owned by the run. */
interface Tally {
  records: number
  unsealed: number
  /** Highest ledger index; null when no sealed record went out. */
  lastIndex: number | null
  /** Everything that was asked for is out. */
  complete: boolean
}

/** Adds the command. */
export function addExport(audit: Command, session: Session): void {
  const command = audit
    .command("export")
    .description(
      "Writes records for other programs, or as evidence for those who do not have the log. The log records every export.",
    )
    .addOption(new Option("--format <format>", "form of the records (default: jsonl)").choices(EXPORT_FORMATS))
    .option("--output <file>", "a new file, readable by this user alone (default: standard output)")
    .option("--force", "replace the file that is there")
    .addOption(
      new Option(
        "--bundle <directory>",
        "a new directory with the exact entries, and proofs that they are in the log",
      ).conflicts(["format", "output", "force", "disclose"]),
    )
    .option("--disclose <reason>", "with personal values, where their keys are here; the reason is recorded first")
    .addOption(new Option("--event-id <event-id|index>", "with --bundle: one event").argParser(parseEventName))
    .addOption(logDirOption())
    .addOption(jsonOption("what was written to the file or the bundle, as JSON"))
  addQueryFlags(command)
    .addHelpText("after", EXAMPLES)
    .action((flags: ExportFlags) => runExport(flags, session.output))
}

const EXAMPLES = `
Parquet needs the package hyparquet-writer beside secureml.

Examples:
  $ secureml audit export --since 30d | gzip > records.jsonl.gz
  $ secureml audit export --format csv --event-type data_access --output access.csv
  $ secureml audit export --format parquet --output records.parquet
  $ secureml audit export --bundle evidence --operation-name model_training`

/** One run of the command. */
interface ExportRun {
  readonly flags: ExportFlags
  readonly root: RootDirectory
  readonly signal: AbortSignal
  readonly output: Output
  readonly tally: Tally
}

async function runExport(flags: ExportFlags, output: Output): Promise<void> {
  const { bundle: directory, eventId: event, json = false } = flags
  if (directory === "") throw new UsageError("--bundle must not be empty")
  if (directory !== undefined) {
    const root = requireLog(flags)
    refuseInside(root, "--bundle", directory)
    return exportBundle({ directory, root, event, filters: queryOf(flags, Date.now()), json }, output)
  }
  if (event !== undefined)
    throw new UsageError("--event-id is for --bundle; secureml audit show --json writes one record")
  return exportRecords(flags, output)
}

async function exportRecords(flags: ExportFlags, output: Output): Promise<void> {
  const file = fileOf(flags, output)
  const root = requireLog(flags)
  // From before there is a file: a signal must find somebody who removes it.
  const { signal, release } = untilSignal()
  if (file !== undefined) refuseInside(root, "--output", file)
  if (flags.disclose !== undefined) recordDisclosure(root, flags.disclose, flags)
  const target = file === undefined ? undefined : new NewFile("--output", file, { replace: flags.force === true })
  const tally = { records: 0, unsealed: 0, lastIndex: null, complete: false }
  try {
    await exportTo(target, { flags, root, signal, output, tally })
  } finally {
    target?.discard()
    release()
  }
}

async function exportTo(target: NewFile | undefined, run: ExportRun): Promise<void> {
  const { flags, root, output, tally } = run
  const { format = "jsonl" } = flags
  const query = { ...queryOf(flags, Date.now()), logDir: root.path }
  const sink: Sink = target === undefined ? (data) => output.data(data) : (data) => target.write(data)
  const records = await formatted(format, sink)
  let sha256: string | undefined
  try {
    tally.complete = await writeAll(query, records, run)
    await output.flush()
    sha256 = target?.finish()
  } finally {
    // Before a file has its name; and also when the export failed, for part of it may be out.
    recordExport(root, { format, ...filtersOf(query), ...detailsOf(tally) }, output)
  }
  if (target === undefined || sha256 === undefined) return
  target.commit()
  await tell({ file: target.path, format, ...tally, bytes: target.bytes, sha256 }, flags, output)
}

/**
 * Before anything goes out, and nothing goes out where it cannot be recorded.
 * @throws {@link UsageError} without a reason; AuditError where the log cannot be written.
 */
function recordDisclosure(root: RootDirectory, reason: string, flags: ExportFlags): void {
  if (reason.trim() === "") throw new UsageError("--disclose must say why personal values go out")
  const { format = "jsonl" } = flags
  const details = { reason, format, ...filtersOf(queryOf(flags, Date.now())) }
  recordAct({ logDir: root.path, operationName: "audit_export", eventType: "audit_disclosed", details })
}

/** @throws {@link UsageError} for flags that exclude each other. */
function fileOf({ output: file, force, json, format }: ExportFlags, output: Output): string | undefined {
  if (file === "") throw new UsageError("--output must not be empty")
  if (file !== undefined) return file
  if (force === true) throw new UsageError("--force is about a file: name it with --output")
  if (json === true) throw new UsageError("--json tells about a file: name it with --output, or use --format jsonl")
  if (format === "parquet" && output.terminal)
    throw new UsageError("Parquet is not for a terminal: name a file with --output")
  return undefined
}

/** Writes everything that matches; false when the reader left. @throws Error after a signal. */
async function writeAll(
  query: AuditQuery & { readonly logDir: string },
  records: FormattedRecords,
  { flags, tally, signal, output }: ExportRun,
): Promise<boolean> {
  const progress = new Progress(output)
  try {
    for await (const record of recordsOf(query, flags)) {
      if (signal.aborted) throw new Error("the export was interrupted: what was written is not all of it")
      if (output.closed) return false
      await records.write(record)
      tally.records += 1
      if (record.index === null) tally.unsealed += 1
      else tally.lastIndex = Math.max(tally.lastIndex ?? 0, record.index)
      progress.tell(() => `exporting: ${tally.records} records`)
    }
    await records.finish()
    return !output.closed
  } finally {
    progress.end()
  }
}

/** As the log has them, of a personal value the commitment; or with the values, once that was recorded. */
function recordsOf(
  query: AuditQuery & { readonly logDir: string },
  { disclose }: ExportFlags,
): AsyncIterable<AuditRecord> {
  const stream = disclose === undefined ? streamRecords : streamFilled
  return stream<string>(query, query.logDir, process.env) as unknown as AsyncIterable<AuditRecord>
}

function detailsOf({ records, unsealed, lastIndex, complete }: Tally): object {
  return { records, unsealed, ...(lastIndex === null ? {} : { last_index: lastIndex }), complete }
}

interface Told extends Tally {
  readonly file: string
  readonly format: ExportFormat
  readonly bytes: number
  readonly sha256: string
}

async function tell(told: Told, { json }: ExportFlags, output: Output): Promise<void> {
  const { file, format, records, unsealed, lastIndex, bytes, sha256 } = told
  if (json === true) return output.data(jsonLine({ file, format, records, unsealed, lastIndex, bytes, sha256 }))
  const facts = [
    ["file", file],
    ["format", format],
    ["records", unsealed === 0 ? String(records) : `${records}, ${unsealed} of them not sealed yet`],
    ["up to", lastIndex === null ? "no sealed record" : `index ${lastIndex}`],
    ["size", `${bytes} bytes`],
    ["sha256", sha256],
  ] as const
  await output.data(factLines(facts, output))
}
