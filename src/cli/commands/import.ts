/**
 * `secureml audit import`: records of other logs, each marked as imported.
 * @module
 */
import { type Command, Option } from "commander"
import { IMPORT_KINDS, type ImportKind, type ImportOptions, type ImportReport, importLogs } from "../../import/index.ts"
import { type CommonFlags, jsonOption, logDirOf, logDirOption } from "../directory.ts"
import { escapeText } from "../escape.ts"
import { factLines } from "../facts.ts"
import { UsageError } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { Progress } from "../progress.ts"
import type { Session } from "../session.ts"

interface ImportFlags extends CommonFlags {
  readonly from: ImportKind
  readonly timezone?: string
  readonly dryRun?: boolean
}

/** Adds the command. */
export function addImport(audit: Command, session: Session): void {
  audit
    .command("import")
    .description("Imports records of other logs, each marked as imported, and seals them. Again: only what is new.")
    .argument("<source>", "directory of the Python module's .log files; or a file of JSON lines, - for standard input")
    .addOption(new Option("--from <kind>", "what kind of log it is").choices(IMPORT_KINDS).makeOptionMandatory())
    .option("--timezone <zone>", "of times without a zone: a name such as Europe/Berlin, or +02:00 (default: UTC)")
    .option("--dry-run", "read and report, and change nothing")
    .addOption(logDirOption())
    .addOption(jsonOption("the report as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((source: string, flags: ImportFlags) => runImport(source, flags, session.output))
}

const EXAMPLES = `
Lines that cannot be imported are reported with file and line, and do not stop the rest; the exit code is 0 all the same.
Keep the original files: with --dry-run they are compared with what was imported, and "known" means that they agree.

Examples:
  $ secureml audit import --from python-secureml old_logs --timezone Europe/Berlin --dry-run
  $ secureml audit import --from python-secureml old_logs --timezone Europe/Berlin
  $ secureml audit list --json --log-dir other_logs | secureml audit import --from jsonl -`

async function runImport(source: string, flags: ImportFlags, output: Output): Promise<void> {
  const { from, timezone, dryRun, json } = flags
  if (source === "") throw new UsageError("<source> must not be empty")
  const progress = new Progress(output)
  const report = await withUsage({
    ...{
      from,
      source,
      logDir: logDirOf(flags),
      onProgress: (lines: number) => progress.tell(() => `importing: ${lines} lines read`),
    },
    ...(timezone === undefined ? {} : { timezone }),
    ...(dryRun === true ? { dryRun } : {}),
  }).finally(() => progress.end())
  await output.data(json === true ? jsonLine(report) : reportText(report, output))
  notes(report, flags, output)
}

async function withUsage(options: ImportOptions): Promise<ImportReport> {
  try {
    return await importLogs(options)
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--timezone: ${error.message}`, { cause: error })
    throw error
  }
}

function reportText(report: ImportReport, output: Output): string {
  const { source, logDir, files, otherFiles, lines, imported, known, damaged, cut, dryRun, checkpoint } = report
  const others = otherFiles === 0 ? "" : `, and ${otherFiles} of another kind, not looked at`
  const facts: (readonly [string, string])[] = [
    ["source", source],
    ["log", logDir],
    ["files", `${files}${others}`],
    ["lines", String(lines)],
    [dryRun ? "new" : "imported", `${imported}${cut === 0 ? "" : `, ${cut} of them cut to fit`}`],
    ["known", String(known)],
    ["damaged", String(damaged)],
  ]
  if (checkpoint !== null) facts.push(["sealed", `${checkpoint.treeSize} entries of ${checkpoint.origin}`])
  return factLines(facts, output) + placeLines(report)
}

function placeLines({ damage, damageNotListed, unreadable }: ImportReport): string {
  const places = damage.map(({ file, line, lastLine, why }) =>
    lastLine === undefined ? `${file}:${line}: ${why}` : `${file}:${line}-${lastLine}: each ${why}`,
  )
  const rest = damageNotListed === 0 ? [] : [`and ${damageNotListed} more damaged lines`]
  const files = unreadable.map(({ file, why }) => `${file}: ${why}`)
  return [...places, ...rest, ...files].map((text) => `${escapeText(text)}\n`).join("")
}

function notes(report: ImportReport, { timezone }: ImportFlags, output: Output): void {
  const { naiveTimes, notSealed, unreadable, dryRun } = report
  if (naiveTimes > 0 && timezone === undefined)
    output.note(`${naiveTimes} times have no zone and were read as UTC; --timezone says otherwise`)
  if (unreadable.length > 0)
    output.complain("secureml: warning:", "yellow", `${unreadable.length} files were not read, or not to their end`)
  if (notSealed !== undefined)
    output.complain("secureml: warning:", "yellow", `the records are recorded, and not sealed yet: ${notSealed}`)
  if (dryRun) output.note("nothing was changed")
}
