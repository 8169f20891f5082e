/**
 * The formats of an export: records in, text or bytes out, one record at a time.
 * @module
 */
import type { AuditRecord } from "../audit.ts"
import { csvHead, csvLine } from "./csv.ts"
import { jsonLine } from "./json.ts"
import { ParquetRecords } from "./parquet.ts"
import { cellsOf } from "./record-columns.ts"

/** Formats of an export of records. */
export const EXPORT_FORMATS = ["jsonl", "csv", "parquet"] as const

/** One of them. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Takes what was written; resolves when there is room for more. */
export type Sink = (data: string | Uint8Array) => void | Promise<void>

/** Writes records in some format. */
export interface FormattedRecords {
  write(record: AuditRecord): void | Promise<void>
  finish(): void | Promise<void>
}

/** Begins a file of a format. @throws Error when what the format needs is not installed. */
export async function formatted(format: ExportFormat, sink: Sink): Promise<FormattedRecords> {
  if (format === "parquet") return ParquetRecords.begin(async (bytes) => sink(bytes))
  if (format === "csv") await sink(csvHead())
  return {
    write: (record) => sink(format === "csv" ? csvLine(cellsOf(record)) : jsonLine(record)),
    finish: () => undefined,
  }
}
