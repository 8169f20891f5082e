/**
 * Journal lines: `<crc32> <seq> <entry>\n`. The crc32 (8 hex digits) covers `<seq> <entry>`. Pure.
 * It tells an unfinished or damaged line from a whole one; it is no defence against tampering, the tree is.
 * @module
 */
import { crc32 } from "node:zlib"
import { AuditError } from "../errors.ts"
import type { JournalLine } from "./contract.ts"

const NEWLINE = 0x0a
const SPACE = 0x20
const ZERO = 0x30
const CRC_LENGTH = 8
const HEX_DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0))
/** The longest entry that a bundle can hold: its length is a uint16. */
const MAX_ENTRY_BYTES = 65_535
/** Room for the longest line: checksum, number, entry, and a little more, so that a cut-off entry is noticed. */
export const MAX_LINE_BYTES = 65_600

/**
 * The line of one entry.
 *
 * @example
 * ```ts
 * formatLine(0, '{"v":1}') // "e1b1d30c 0 {\"v\":1}\n"
 * ```
 */
export function formatLine(seq: number, entry: string): string {
  const body = `${seq} ${entry}`
  return `${crcText(crc32(body))} ${body}\n`
}

/** The same in bytes: the text is encoded once and checksummed in place. */
export function formatLineBytes(seq: number, entry: string): Buffer {
  const line = Buffer.from(`${"0".repeat(CRC_LENGTH)} ${seq} ${entry}\n`)
  writeCrc(line, crc32(line.subarray(CRC_LENGTH + 1, line.length - 1)))
  return line
}

/**
 * Writes the line of one entry into a buffer and returns its length in bytes: the text is encoded once and then
 * checksummed in place, which costs half of what two passes over a string do.
 *
 * @param line - At least {@link MAX_LINE_BYTES} long.
 * @throws {@link AuditError} `ENTRY_TOO_LARGE`: the entry is over 65,535 bytes; no bundle could hold it.
 */
export function formatLineInto(line: Buffer, seq: number, entry: string): number {
  const number = `${seq} `
  const end = CRC_LENGTH + 1 + line.write(number + entry, CRC_LENGTH + 1)
  if (end - CRC_LENGTH - 1 - number.length > MAX_ENTRY_BYTES) {
    throw new AuditError(
      "ENTRY_TOO_LARGE",
      `an entry has at most ${MAX_ENTRY_BYTES} bytes; log less, or in several events`,
    )
  }
  writeCrc(line, crc32(line.subarray(CRC_LENGTH + 1, end)))
  line[CRC_LENGTH] = SPACE
  line[end] = NEWLINE
  return end + 1
}

function writeCrc(line: Buffer, crc: number): void {
  for (let at = CRC_LENGTH - 1, rest = crc; at >= 0; at--, rest >>>= 4) line[at] = HEX_DIGITS[rest & 15]!
}

/** What some bytes of a segment hold. */
export interface ParsedLines {
  readonly lines: JournalLine[]
  /** Whether the bytes end behind a line. */
  readonly end: "clean" | "torn"
  /** Offset behind the last newline. */
  readonly endOffset: number
  /** Offset of the first line that is damaged; whole lines behind it are given all the same. */
  readonly damagedAt?: number
}

/** The whole lines in `bytes`, whose first byte lies at `offset` of the segment. */
export function parseLines(bytes: Uint8Array, offset: number): ParsedLines {
  const lines: JournalLine[] = []
  let damagedAt: number | undefined
  let start = 0
  for (let newline = bytes.indexOf(NEWLINE); newline !== -1; newline = bytes.indexOf(NEWLINE, start)) {
    const line = parseLine(bytes, start, newline, offset + newline + 1)
    if (line === undefined) damagedAt ??= offset + start
    else lines.push(line)
    start = newline + 1
  }
  const end = start === bytes.length ? "clean" : "torn"
  const parsed: ParsedLines = { lines, end, endOffset: offset + start }
  return damagedAt === undefined ? parsed : { ...parsed, damagedAt }
}

function parseLine(bytes: Uint8Array, start: number, end: number, endOffset: number): JournalLine | undefined {
  const numberAt = start + CRC_LENGTH + 1
  let entryAt = numberAt
  while (entryAt < end && bytes[entryAt] !== SPACE) entryAt++
  const seq = decimalAt(bytes, numberAt, entryAt)
  if (seq === undefined || entryAt === end || bytes[numberAt - 1] !== SPACE) return undefined
  if (!hasCrc(bytes, start, crc32(bytes.subarray(numberAt, end)))) return undefined
  return { seq, entry: bytes.subarray(entryAt + 1, end), endOffset }
}

/** The number that plain decimal digits spell; one spelling only. */
function decimalAt(bytes: Uint8Array, start: number, end: number): number | undefined {
  const length = end - start
  if (length < 1 || length > 16 || (length > 1 && bytes[start] === ZERO)) return undefined
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return Number.isSafeInteger(value) ? value : undefined
}

/** Whether a checksum stands at `start`, in eight lowercase hex digits. */
function hasCrc(bytes: Uint8Array, start: number, crc: number): boolean {
  for (let at = start + CRC_LENGTH - 1, left = crc; at >= start; at--, left >>>= 4) {
    if (bytes[at] !== HEX_DIGITS[left & 15]) return false
  }
  return true
}

function crcText(value: number): string {
  return value.toString(16).padStart(CRC_LENGTH, "0")
}
