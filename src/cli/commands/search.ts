/**
 * `secureml audit search`: records that hold some words, the newest first.
 * @module
 */
import { type Command, Option } from "commander"
import { type AuditRecord, streamAuditLogs } from "../../audit.ts"
import { partsOf } from "../../query/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { UsageError } from "../failure.ts"
import { foundPieces } from "../highlight.ts"
import type { Output } from "../output.ts"
import { Progress } from "../progress.ts"
import { addQueryFlags, type QueryFlags, queryOf, wholeNumberFrom } from "../query-flags.ts"
import { RecordWriter } from "../record-writer.ts"
import type { Session } from "../session.ts"

/** Records shown on a terminal when nothing says how many. */
const TERMINAL_RECORDS = 20
const INDENT = "       "

interface SearchFlags extends CommonFlags, QueryFlags {
  readonly limit?: number
}

/** Adds the command. */
export function addSearch(audit: Command, session: Session): void {
  const search = audit
    .command("search")
    .description(
      `Finds records by words, the newest first. On a terminal the newest ${TERMINAL_RECORDS}, with where they were found.`,
    )
    .argument("<words...>", "each of them must be in the record; case does not matter")
    .addOption(logDirOption())
    .addOption(jsonOption("one record a line, as JSON"))
    .addOption(new Option("--limit <number>", "most records to show").argParser(wholeNumberFrom(1)))
  addQueryFlags(search)
    .addHelpText("after", EXAMPLES)
    .action((words: readonly string[], flags: SearchFlags) => runSearch(words, flags, session.output))
}

const EXAMPLES = `
Whole words: "loan" finds loan_type and not loans. In quotes they are the same words; order does not matter.
In a pipe and with --json the records are as list gives them.

Examples:
  $ secureml audit search out of memory
  $ secureml audit search diagnosis --event-type data_access --since 30d
  $ secureml audit search --json refused | jq .operation_id`

async function runSearch(words: readonly string[], flags: SearchFlags, output: Output): Promise<void> {
  const { json = false } = flags
  if (flags.text !== undefined) throw new UsageError("--text and the words are the same: give the words")
  const text = words.join(" ")
  if (text.trim() === "") throw new UsageError("the words must not be blank")
  const root = requireLog(flags)
  const limit = flags.limit ?? (output.terminal && !json ? TERMINAL_RECORDS : undefined)
  const writer = new RecordWriter(output, {
    json,
    under: output.terminal ? placesIn(partsOf(text), output) : undefined,
  })
  const query = { ...queryOf(flags, Date.now()), text, logDir: root.path, order: "desc" as const }
  const found = await writeFound(query, limit, writer, output)
  if (!output.terminal || json) return
  if (found === 0) output.note("no records match")
  if (flags.limit === undefined && found > TERMINAL_RECORDS)
    output.note(
      `only the newest ${TERMINAL_RECORDS} records are shown; --limit <number> shows more, a pipe or --json all`,
    )
}

/** Writes what is found, up to the limit; returns how many there are, up to one more. */
async function writeFound(
  query: Parameters<typeof streamAuditLogs>[0],
  limit: number | undefined,
  writer: RecordWriter,
  output: Output,
): Promise<number> {
  const progress = new Progress(output)
  let found = 0
  progress.tell(() => "searching")
  try {
    for await (const record of streamAuditLogs({ ...query, ...(limit === undefined ? {} : { limit: limit + 1 }) })) {
      if (output.closed) return found
      found += 1
      if (found > (limit ?? found)) break
      await writer.write(record)
    }
    await writer.flush()
  } finally {
    progress.end()
  }
  return found
}

/** A line below a record that shows where the words stand in it. */
function placesIn(parts: readonly string[], output: Output): (record: AuditRecord) => string {
  return (record) => {
    const pieces = foundPieces(record, parts, output.columns - INDENT.length)
    const line = pieces.map(({ text, found }) => output.styled(found ? ["bold", "yellow"] : "dim", text)).join("")
    return line === "" ? "" : `${INDENT}${line}\n`
  }
}
