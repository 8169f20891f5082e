/**
 * What a log has already of what is to be imported, read from the log itself, so that it holds whatever became of the
 * process that imported it. Reads only.
 * @module
 */
import { IMPORT_MARK } from "../capture/index.ts"
import { EntryScanner, isBlank, isRecord } from "../event/index.ts"
import { readEntries, takeSnapshot, tryParse } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"

/** Characters of a commitment that are kept: 96 bits, under a secret key, never meet by chance. */
const KEPT_CHARS = 16
/** In the place of a commitment: the record was redacted, and the line must not bring it back. */
const ANY = "*"
/** In the place of the next number: the log recorded the operation itself. */
const OWN = -1

/** What was found. */
export class KnownRecords {
  /** Whether the log has imported records at all. */
  any = false
  /** Imported records behind the last `audit_imported`: the import that made them was cut off. */
  untold = 0
  /** By file, by line; several commitments one behind the other, where files of one name were imported. */
  readonly #lines = new Map<string, Map<number, string>>()
  /** The next number of each operation, or {@link OWN}. */
  readonly #operations = new Map<string, number>()

  /** Whether a line is known, changed, or neither. */
  stateOf(file: string, line: number, commitment: string): "known" | "changed" | "new" {
    const before = this.#lines.get(file)?.get(line)
    if (before === undefined) return "new"
    if (before.includes(ANY)) return "known"
    return before.includes(commitment.slice(0, KEPT_CHARS)) ? "known" : "changed"
  }

  isOwn(operationId: string): boolean {
    return this.#operations.get(operationId) === OWN
  }

  /** The next number of an operation that was, or is being, imported. */
  nextSequence(operationId: string): number {
    const next = this.#operations.get(operationId) ?? 0
    this.#operations.set(operationId, next + 1)
    return next
  }

  addLine(file: string, line: number, commitment: string): void {
    const lines = this.#lines.get(file) ?? new Map<number, string>()
    this.#lines.set(file, lines.set(line, (lines.get(line) ?? "") + commitment.slice(0, KEPT_CHARS)))
  }

  addNumber(operationId: string, sequence: number, imported: boolean): void {
    const next = this.#operations.get(operationId) ?? 0
    this.#operations.set(operationId, !imported || next === OWN ? OWN : Math.max(next, sequence + 1))
  }
}

/** Looks through a log for records imported from one kind of files; lines of `files` alone are remembered. */
export async function knownRecords(
  root: RootDirectory,
  from: string,
  files: ReadonlySet<string>,
): Promise<KnownRecords> {
  const known = new KnownRecords()
  const scanner = new EntryScanner()
  const see = (bytes: Uint8Array): void => {
    const imported = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(IMPORT_MARK)
    const isPlain = !imported && scanner.scan(bytes, 0, bytes.length)
    if (isPlain) seePlain(bytes, scanner, known)
    else seeParsed(bytes, imported, from, files, known)
  }
  const { blobs, treeSize, pruning, tail } = await takeSnapshot(root)
  for await (const { bytes } of readEntries(blobs, pruning?.minimumIndex ?? 0, treeSize)) see(bytes)
  for (const { bytes } of tail) see(bytes)
  return known
}

function seePlain(bytes: Uint8Array, scanner: EntryScanner, known: KnownRecords): void {
  const text = (start: number, end: number): string => Buffer.from(bytes.subarray(start, end)).toString()
  known.addNumber(text(scanner.operationAt, scanner.operationEnd), scanner.sequence, false)
  if (text(scanner.typeAt, scanner.typeEnd) === "audit_imported") known.untold = 0
}

function seeParsed(
  bytes: Uint8Array,
  imported: boolean,
  from: string,
  files: ReadonlySet<string>,
  known: KnownRecords,
): void {
  const entry = tryParse(bytes)
  if (entry === undefined) return
  known.addNumber(entry.operation_id, entry.sequence, imported)
  if (!imported) {
    if (entry.event_type === "audit_imported") known.untold = 0
    return
  }
  known.any = true
  known.untold += 1
  const mark: unknown = entry.context?.["imported"]
  if (!isRecord(mark) || mark["from"] !== from) return
  const { file, line, commitment = isBlank(entry) ? ANY : undefined } = mark
  if (typeof file === "string" && typeof line === "number" && typeof commitment === "string" && files.has(file))
    known.addLine(file, line, commitment)
}
