/**
 * `secureml audit operations`: the operations in a log, or one of them in full.
 * @module
 */
import { type Command, Option } from "commander"
import type { AuditOperation, AuditRecord, OperationSummary } from "../../audit.ts"
import { listOperations, type OperationQuery, operationOf, streamRecords } from "../../query/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { escapeText } from "../escape.ts"
import { factLines } from "../facts.ts"
import { UsageError } from "../failure.ts"
import { jsonLine } from "../json.ts"
import {
  OPERATION_COLUMNS,
  operationCells,
  operationFacts,
  operationPipeCells,
  statusStyle,
} from "../operation-text.ts"
import { operationTree } from "../operation-tree.ts"
import type { Output } from "../output.ts"
import { addQueryFlags, type QueryFlags, queryOf, wholeNumberFrom } from "../query-flags.ts"
import type { Session } from "../session.ts"
import { joinCells, layOut, tabLine, tableLine } from "../table.ts"

/** Operations shown on a terminal when nothing says how many. */
const TERMINAL_OPERATIONS = 50
const STATUS = 2
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

interface OperationsFlags extends CommonFlags, QueryFlags {
  readonly limit?: number
  readonly unfinished?: boolean
}

/** Adds the command. */
export function addOperations(audit: Command, session: Session): void {
  const operations = audit
    .command("operations")
    .description(
      "Lists operations, the one with the newest record first: on a terminal 50, unless --limit says otherwise. With an id, tells one operation's whole story.",
    )
    .argument("[operation-id]", "id of an operation, as the list and the records have it")
    .addOption(logDirOption())
    .addOption(jsonOption("one operation a line, as JSON; with an id, its story"))
    .addOption(new Option("--limit <number>", "most operations to list").argParser(wholeNumberFrom(1)))
    .option("--unfinished", "only those that were opened and not closed")
  addQueryFlags(operations)
    .addHelpText("after", EXAMPLES)
    .action((id: string | undefined, flags: OperationsFlags) =>
      id === undefined ? runList(flags, session.output) : runShow(id, flags, session.output),
    )
}

const EXAMPLES = `
Filters choose records; an operation is listed when one of its records matches.
In a pipe: id, start, end, status, milliseconds, number of events and name, with tabs between them.

Examples:
  $ secureml audit operations --since 1d --event-type error
  $ secureml audit operations --unfinished --json | jq -r .operationId
  $ secureml audit operations 3f0c8f0e-5b1c-4c57-9d0b-1c3b2c1d7a10`

async function runList(flags: OperationsFlags, output: Output): Promise<void> {
  const root = requireLog(flags)
  const { json = false, unfinished = false } = flags
  const query: OperationQuery = { ...queryOf(flags, Date.now()), unfinished }
  const isTable = output.terminal && !json
  const limit = flags.limit ?? (isTable ? TERMINAL_OPERATIONS : Number.POSITIVE_INFINITY)
  const rows: OperationSummary[] = []
  let more = false
  let count = 0
  for await (const operation of listOperations(query, root.path)) {
    if (output.closed) return
    more = count === limit
    if (more) break
    count += 1
    if (isTable) rows.push(operation)
    else await output.data(json ? jsonLine(operation) : tabLine(operationPipeCells(operation)))
  }
  if (isTable && rows.length > 0) await output.data(tableOf(rows, output))
  if (isTable && rows.length === 0) output.note("no operations match")
  if (more) output.note(`only the newest ${limit} operations are shown; a larger --limit shows more`)
}

function tableOf(operations: readonly OperationSummary[], output: Output): string {
  const rows = operations.map(operationCells)
  const layout = layOut(OPERATION_COLUMNS, rows, output.columns)
  const titles = tableLine(
    OPERATION_COLUMNS,
    layout,
    OPERATION_COLUMNS.map(({ title }) => title),
  )
  const lines = rows.map((cells, n) => {
    const line = tableLine(OPERATION_COLUMNS, layout, cells)
    const style = statusStyle(operations[n]!.status)
    if (style !== undefined) line[STATUS] = output.styled(style, line[STATUS]!)
    return joinCells(line)
  })
  return `${[output.styled("dim", joinCells(titles)), ...lines].join("\n")}\n`
}

async function runShow(id: string, flags: OperationsFlags, output: Output): Promise<void> {
  const { logDir: _, json = false, ...others } = flags
  const [filter] = Object.keys(others)
  if (filter !== undefined) throw new UsageError(`--${dashed(filter)} chooses among operations, and an id is given`)
  const root = requireLog(flags)
  const operation = await operationOf(root.path, UUID.test(id) ? id.toLowerCase() : id)
  if (json) return output.data(jsonLine(operation))
  const { parent } = operation
  const parentName = parent === null ? undefined : await nameOf(parent, root.path)
  await output.data(factLines(operationFacts(operation, parentName), output))
  await output.data(errorLines(operation, output))
  await output.data(await operationTree(operation, root.path, output))
}

async function nameOf(operationId: string, logDir: string): Promise<string | undefined> {
  for await (const record of streamRecords({ operationId, limit: 1 }, logDir))
    return (record as AuditRecord).operation_name
  return undefined
}

function errorLines({ errors, events }: AuditOperation, output: Output): string {
  if (errors.length === 0) return ""
  const count = events["error"] ?? 0
  const title = count > errors.length ? `errors, the first ${errors.length} of ${count}` : "errors"
  const lines = errors.map(({ index, timestamp, errorType, message }) =>
    escapeText(`  ${index ?? "-"}  ${timestamp}  ${errorType}: ${message}`),
  )
  return `${[output.styled("red", title), ...lines].join("\n")}\n`
}

function dashed(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
