/**
 * Parquet through the optional peer `hyparquet-writer`, loaded only when it is asked for. Row groups go out as they
 * fill, so memory stays bounded. Its shape is described here, so that nobody needs it to compile.
 * @module
 */
import type { AuditRecord } from "../audit.ts"
import { errorCode } from "../store/index.ts"
import { cellsOf, EXPORT_COLUMNS, type RecordColumn } from "./record-columns.ts"

/** What to install. */
const PACKAGE = "hyparquet-writer"
const ROW_GROUP_RECORDS = 5_000
/** A row group ends before that, so that large records do not pile up. */
const ROW_GROUP_CHARS = 4 * 1024 * 1024

/** A growing buffer; `index` is where it is in there, set back once the bytes were taken. */
interface ByteWriter {
  index: number
  getBytes(): Uint8Array
}

interface ParquetFile {
  write(rows: { readonly columnData: readonly Column[]; readonly rowGroupSize: number }): void | Promise<void>
  finish(): void | Promise<void>
}

interface Column {
  readonly name: string
  readonly data: unknown[]
  /** Smallest and largest value of each row group, by which readers skip what they need not read. */
  readonly statistics: boolean
  /** Pages of a row group this small are not looked up one by one. */
  readonly offsetIndex: false
}

interface SchemaElement {
  readonly name: string
  readonly type?: "BYTE_ARRAY" | "INT64" | "BOOLEAN"
  readonly converted_type?: "UTF8" | "TIMESTAMP_MILLIS"
  readonly repetition_type?: "OPTIONAL"
  readonly num_children?: number
}

interface ParquetLibrary {
  readonly ByteWriter: new () => ByteWriter
  readonly ParquetWriter: new (options: {
    readonly writer: ByteWriter
    readonly schema: readonly SchemaElement[]
    readonly createdBy: string
  }) => ParquetFile
}

/** The library. @throws Error that says what to install where it is absent. */
async function loadLibrary(): Promise<ParquetLibrary> {
  // Not a literal: neither a bundler nor a compiler looks for what may be absent.
  const name: string = PACKAGE
  try {
    return (await import(name)) as ParquetLibrary
  } catch (error) {
    if (errorCode(error) !== "ERR_MODULE_NOT_FOUND") throw error
    throw new Error(
      `--format parquet needs the package ${PACKAGE}, which is not installed beside secureml: npm install ${PACKAGE}`,
      { cause: error },
    )
  }
}

/** The columns of every export, and the time as a time, where the text of it is one. */
const TIME = "time"
/** In ledger order the row groups have ranges of these. */
const ORDERED = ["index", TIME]
const SCHEMA: readonly SchemaElement[] = [
  { name: "root", num_children: EXPORT_COLUMNS.length + 1 },
  ...EXPORT_COLUMNS.map(({ name, kind }) => ({ name, repetition_type: "OPTIONAL" as const, ...typeOf(kind) })),
  { name: TIME, repetition_type: "OPTIONAL", type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
]

function typeOf(kind: RecordColumn["kind"]): Pick<SchemaElement, "type" | "converted_type"> {
  if (kind === "count") return { type: "INT64" }
  return kind === "flag" ? { type: "BOOLEAN" } : { type: "BYTE_ARRAY", converted_type: "UTF8" }
}

/** A Parquet file on its way to somewhere. */
export class ParquetRecords {
  readonly #bytes: ByteWriter
  readonly #file: ParquetFile
  readonly #out: (bytes: Uint8Array) => Promise<void>
  #columns = emptyColumns()
  #records = 0
  #chars = 0

  private constructor({ ByteWriter, ParquetWriter }: ParquetLibrary, out: (bytes: Uint8Array) => Promise<void>) {
    this.#out = out
    this.#bytes = new ByteWriter()
    this.#file = new ParquetWriter({ writer: this.#bytes, schema: SCHEMA, createdBy: "secureml" })
  }

  /** Begins a file. @throws Error when the library is not installed. */
  static async begin(out: (bytes: Uint8Array) => Promise<void>): Promise<ParquetRecords> {
    return new ParquetRecords(await loadLibrary(), out)
  }

  async write(record: AuditRecord): Promise<void> {
    for (const [n, cell] of cellsOf(record).entries()) {
      this.#columns[n]!.data.push(typeof cell === "number" ? BigInt(cell) : cell)
      if (typeof cell === "string") this.#chars += cell.length
    }
    const timeMs = Date.parse(record.timestamp)
    this.#columns[EXPORT_COLUMNS.length]!.data.push(Number.isNaN(timeMs) ? undefined : new Date(timeMs))
    this.#records += 1
    if (this.#records >= ROW_GROUP_RECORDS || this.#chars >= ROW_GROUP_CHARS) await this.#writeGroup()
  }

  async finish(): Promise<void> {
    if (this.#records > 0) await this.#writeGroup()
    await this.#file.finish()
    await this.#take()
  }

  async #writeGroup(): Promise<void> {
    await this.#file.write({ columnData: this.#columns, rowGroupSize: this.#records })
    this.#columns = emptyColumns()
    this.#records = 0
    this.#chars = 0
    await this.#take()
  }

  async #take(): Promise<void> {
    // Copied: the buffer is written anew from its beginning.
    const bytes = this.#bytes.getBytes().slice()
    this.#bytes.index = 0
    await this.#out(bytes)
  }
}

function emptyColumns(): Column[] {
  return [...EXPORT_COLUMNS.map(({ name }) => name), TIME].map((name) => ({
    name,
    data: [],
    statistics: ORDERED.includes(name),
    offsetIndex: false,
  }))
}
