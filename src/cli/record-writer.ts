/**
 * Writing a stream of records: a table that fits the terminal, tab-separated lines in a pipe, or JSON lines.
 * @module
 */
import type { AuditRecord } from "../audit.ts"
import { jsonLine } from "./json.ts"
import type { Output, Style } from "./output.ts"
import { pipeCells, RECORD_COLUMNS, terminalCells } from "./record-row.ts"
import { joinCells, type Layout, layOut, tabLine, tableLine } from "./table.ts"

/** Records that the widths of a table are settled by. */
const FIRST_ROWS = 50

const [INDEX, TYPE] = [0, 2]

/** Writes records in the form that the reader can use. Owned by one command. */
export class RecordWriter {
  readonly #output: Output
  readonly #json: boolean
  readonly #typical: readonly string[]
  readonly #under: ((record: AuditRecord) => string) | undefined
  /** Rows waiting for the layout; undefined once it is settled. */
  #first: { record: AuditRecord; cells: string[] }[] | undefined = []
  #layout: Layout = []

  /**
   * @param options.typical - Cells that make room for records still to come.
   * @param options.under - Lines that stand below a record in a table, escaped, each with its line break.
   */
  constructor(
    output: Output,
    options: {
      readonly json: boolean
      readonly typical?: readonly string[]
      readonly under?: ((record: AuditRecord) => string) | undefined
    },
  ) {
    this.#output = output
    this.#json = options.json
    this.#typical = options.typical ?? []
    this.#under = options.under
  }

  async write(record: AuditRecord): Promise<void> {
    if (this.#json) return this.#output.data(jsonLine(record))
    if (!this.#output.terminal) return this.#output.data(tabLine(pipeCells(record)))
    const row = { record, cells: terminalCells(record) }
    if (this.#first === undefined) return this.#row(row)
    this.#first.push(row)
    if (this.#first.length >= FIRST_ROWS) await this.#settle(this.#first)
  }

  /** Writes everything that waits. More may follow. */
  async flush(): Promise<void> {
    if (this.#first !== undefined && this.#first.length > 0) await this.#settle(this.#first)
    await this.#output.flush()
  }

  async #settle(rows: { record: AuditRecord; cells: string[] }[]): Promise<void> {
    this.#first = undefined
    const { columns } = this.#output
    this.#layout = layOut(RECORD_COLUMNS, [...rows.map(({ cells }) => cells), this.#typical], columns)
    const titles = tableLine(
      RECORD_COLUMNS,
      this.#layout,
      RECORD_COLUMNS.map(({ title }) => title),
    )
    await this.#output.data(`${this.#output.styled("dim", joinCells(titles))}\n`)
    for (const row of rows) await this.#row(row)
  }

  #row({ record, cells }: { record: AuditRecord; cells: string[] }): Promise<void> {
    const line = tableLine(RECORD_COLUMNS, this.#layout, cells)
    const style = styleOf(record)
    if (style !== undefined) line[TYPE] = this.#output.styled(style, line[TYPE]!)
    line[INDEX] = this.#output.styled(record.sealed ? "dim" : "yellow", line[INDEX]!)
    return this.#output.data(`${joinCells(line)}\n${this.#under?.(record) ?? ""}`)
  }
}

function styleOf({ event_type, details }: AuditRecord): Style | undefined {
  if (event_type === "error" || event_type === "events_lost") return "red"
  if (event_type === "compliance_check" && (details["result"] === false || /^fail/i.test(String(details["result"]))))
    return "yellow"
  if (event_type.startsWith("audit_") || event_type.startsWith("function_")) return "dim"
  return "cyan"
}
