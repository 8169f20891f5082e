/**
 * `secureml audit list`: records that match, streamed.
 * @module
 */
import { type Command, Option } from "commander"
import { type AuditQuery, type AuditRecord, queryAuditLogs, streamAuditLogs } from "../../audit.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import type { Output } from "../output.ts"
import { addQueryFlags, type QueryFlags, queryOf, wholeNumberFrom } from "../query-flags.ts"
import { RecordWriter } from "../record-writer.ts"
import type { Session } from "../session.ts"

/** Records shown on a terminal when nothing says how many. */
const TERMINAL_RECORDS = 50
/** Most records in memory at once, the unsealed ones aside. */
const PAGE_RECORDS = 1_000

interface ListFlags extends CommonFlags, QueryFlags {
  readonly order?: "asc" | "desc"
  readonly limit?: number
  readonly cursor?: string
}

/** Adds the command. */
export function addList(audit: Command, session: Session): void {
  const list = audit
    .command("list")
    .description("Lists records in ledger order. On a terminal the newest 50, unless --limit says otherwise.")
    .addOption(logDirOption())
    .addOption(jsonOption("one record a line, as JSON"))
    .addOption(new Option("--order <order>", "ledger order, or the newest first").choices(["asc", "desc"]))
    .addOption(new Option("--limit <number>", "most records to list").argParser(wholeNumberFrom(1)))
    .option("--cursor <cursor>", "go on where a list with --limit stopped")
  addQueryFlags(list)
    .addHelpText("after", EXAMPLES)
    .action((flags: ListFlags) => runList(flags, session.output))
}

const EXAMPLES = `
In a pipe: index, time, type, operation, who, what and event id, with tabs between them.

Examples:
  $ secureml audit list --since 7d --event-type model_inference
  $ secureml audit list --json --dataset-name patient_records | jq .details.purpose
  $ secureml audit list --order desc --limit 100`

async function runList(flags: ListFlags, output: Output): Promise<void> {
  const root = requireLog(flags)
  const { order, cursor, limit, json = false } = flags
  const query = { ...queryOf(flags, Date.now()), logDir: root.path, ...defined({ order, cursor }) }
  const writer = new RecordWriter(output, { json })
  if (limit !== undefined) await listSome(query, limit, writer, output)
  else if (output.terminal && !json && cursor === undefined) await listForTerminal(query, writer, output)
  else await listAll(query, writer, output)
}

async function listAll(query: AuditQuery, writer: RecordWriter, output: Output): Promise<void> {
  for await (const record of streamAuditLogs(query)) {
    if (output.closed) return
    await writer.write(record)
  }
  await writer.flush()
}

/** The newest records, the newest of them at the end, where the eye is. */
async function listForTerminal(query: AuditQuery, writer: RecordWriter, output: Output): Promise<void> {
  const records: AuditRecord[] = []
  const order = query.order ?? "desc"
  for await (const record of streamAuditLogs({ ...query, order, limit: TERMINAL_RECORDS + 1 })) records.push(record)
  const cut = records.length > TERMINAL_RECORDS
  const shown = records.slice(0, TERMINAL_RECORDS)
  for (const record of query.order === undefined ? shown.reverse() : shown) await writer.write(record)
  await writer.flush()
  if (records.length === 0) output.note("no records match")
  if (cut)
    output.note(
      `only the ${order === "asc" ? "first" : "newest"} ${TERMINAL_RECORDS} records are shown; --limit <number> shows more, a pipe or --json all`,
    )
}

async function listSome(query: AuditQuery, limit: number, writer: RecordWriter, output: Output): Promise<void> {
  let [left, cursor] = [limit, query.cursor]
  for (;;) {
    const page = await readPage({ ...query, ...defined({ cursor }) }, left)
    for (const record of page.records.slice(0, left)) await writer.write(record)
    await writer.flush()
    // Unsealed records have no place yet that a cursor could name.
    if (page.records.length > left)
      return output.note(`${page.records.length - left} more records are not sealed yet; a larger --limit shows them`)
    left -= page.records.length
    if (page.nextCursor === null || output.closed) return
    if (left === 0)
      return output.note(`there are more records; go on with the same filters and --cursor ${page.nextCursor}`)
    cursor = page.nextCursor
  }
}

/** A page holds the whole unsealed tail: newest first, that many sealed records fewer are asked for. */
async function readPage(query: AuditQuery, most: number): ReturnType<typeof queryAuditLogs> {
  for (let limit = Math.min(most, PAGE_RECORDS); ; ) {
    const page = await queryAuditLogs({ ...query, limit })
    const unsealed = page.records.filter(({ sealed }) => !sealed).length
    if (page.records.length <= most || query.order !== "desc" || unsealed >= most) return page
    limit = most - unsealed
  }
}

function defined<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>
  }
}
