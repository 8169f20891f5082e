/**
 * Reading an entry's numbers from its bytes without making objects of it, which takes a third of the time. Only entries
 * in the one spelling that this package writes are scanned; whatever else an entry may be, `parseEntry` decides. Pure.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import { skipString, skipValue } from "./json-bytes.ts"
import { areOptionalFields } from "./parse.ts"

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const ZERO = 0x30

const literal = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0))
const EVENT_ID = literal('{"v":1,"event_id":"')
const EVENT_TYPE = literal('","event_type":"')
const TIMESTAMP = literal(',"timestamp":"')
const OPERATION_ID = literal(',"operation_id":"')
const OPERATION_NAME = literal(',"operation_name":"')
const SEQUENCE = literal(',"sequence":')
const WRITER = literal(',"writer":{"id":"')
const SEQ = literal(',"seq":')
const DETAILS = literal(',"details":')

/** What a character may be, a bit each: in a shape, `x` stands for a hex digit and `d` for a decimal one. */
const CLASSES = new Uint8Array(256)
for (const [bit, chars] of ["0123456789abcdef", "0123456789", "-", "T", ":", "."].entries()) {
  for (const char of chars) CLASSES[char.charCodeAt(0)]! |= 1 << bit
}
const shape = (text: string): Uint8Array => Uint8Array.from(text, (char) => 1 << "xd-T:.".indexOf(char))
const UUID_SHAPE = shape("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
const TIME_SHAPE = shape("dddd-dd-ddTdd:dd:dd.ddd")
/** Digits of the fraction of a second: three, and up to six more. */
const MORE_DIGITS = 6
/** More digits than a safe integer has. */
const TOO_MANY_DIGITS = 16

/**
 * Scans one entry after the other. Its fields are those of the entry scanned last, as offsets into its bytes.
 *
 * @example
 * ```ts
 * const scanner = new EntryScanner()
 * scanner.scan(bytes, 0, bytes.length) // true
 * scanner.writerSeq // 41
 * ```
 */
export class EntryScanner {
  typeAt = 0
  typeEnd = 0
  operationAt = 0
  operationEnd = 0
  sequence = 0
  writerAt = 0
  writerEnd = 0
  writerSeq = 0
  /** The optional fields checked last: those of a trail are mostly the same. */
  #checked: Uint8Array = new Uint8Array(0)

  /**
   * True: `parseEntry` takes these bytes as well, and finds the same numbers. False: it has to be asked. An entry that
   * replaces another writer is always one to ask about.
   *
   * @param bytes - Valid UTF-8 between `start` and `end`; that is not checked here.
   */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.#envelope(bytes, start)
    if (at === -1) return false
    const optionalEnd = hasLiteral(bytes, at, DETAILS) ? at : skipOptional(bytes, at)
    if (optionalEnd === -1) return false
    if (optionalEnd > at && !this.#areChecked(bytes, at, optionalEnd)) return false
    const detailsAt = optionalEnd + DETAILS.length
    if (bytes[detailsAt] !== OPEN_BRACE) return false
    return skipValue(bytes, detailsAt) === end - 1 && bytes[end - 1] === CLOSE_BRACE
  }

  /** Everything up to the writer; the offset behind it, or -1. */
  #envelope(bytes: Uint8Array, start: number): number {
    let at = start + EVENT_ID.length
    if (!hasLiteral(bytes, start, EVENT_ID) || !hasUuid(bytes, at)) return -1
    at += UUID_SHAPE.length
    if (!hasLiteral(bytes, at, EVENT_TYPE)) return -1
    this.typeAt = at + EVENT_TYPE.length
    this.typeEnd = plainEnd(bytes, this.typeAt)
    if (this.typeEnd === -1) return -1
    at = skipTimestamp(bytes, this.typeEnd + 1)
    if (at === -1 || !hasLiteral(bytes, at, OPERATION_ID)) return -1
    this.operationAt = at + OPERATION_ID.length
    this.operationEnd = plainEnd(bytes, this.operationAt)
    if (this.operationEnd === -1 || !hasLiteral(bytes, this.operationEnd + 1, OPERATION_NAME)) return -1
    at = this.operationEnd + 1 + OPERATION_NAME.length
    return bytes[at] === QUOTE ? -1 : this.#numbers(bytes, skipString(bytes, at))
  }

  #numbers(bytes: Uint8Array, sequenceAt: number): number {
    if (sequenceAt === -1 || !hasLiteral(bytes, sequenceAt, SEQUENCE)) return -1
    let at = sequenceAt + SEQUENCE.length
    let digits = countDigits(bytes, at)
    this.sequence = numberAt(bytes, at, digits)
    at += digits
    if (this.sequence === -1 || !hasLiteral(bytes, at, WRITER)) return -1
    this.writerAt = at + WRITER.length
    this.writerEnd = plainEnd(bytes, this.writerAt)
    if (this.writerEnd === -1 || !hasLiteral(bytes, this.writerEnd + 1, SEQ)) return -1
    at = this.writerEnd + 1 + SEQ.length
    digits = countDigits(bytes, at)
    this.writerSeq = numberAt(bytes, at, digits)
    at += digits
    return this.writerSeq === -1 || bytes[at] !== CLOSE_BRACE ? -1 : at + 1
  }

  #areChecked(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start === this.#checked.length && hasLiteral(bytes, start, this.#checked)) return true
    const section = bytes.subarray(start + 1, end)
    const text = utf8Text(section)
    if (text === undefined || !areOptionalFields(`{${text}}`, countFields(bytes, start, end))) return false
    this.#checked = bytes.slice(start, end)
    return true
  }
}

function hasLiteral(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) {
    if (bytes[at + i] !== expected[i]) return false
  }
  return true
}

function hasUuid(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < UUID_SHAPE.length; i++) {
    if ((CLASSES[bytes[at + i]!]! & UUID_SHAPE[i]!) === 0) return false
  }
  return true
}

/** End of a text without escapes that is not empty: the offset of its closing quote, or -1. */
function plainEnd(bytes: Uint8Array, start: number): number {
  let at = start
  for (let code = bytes[at]!; code !== QUOTE; code = bytes[++at]!) {
    if (code === BACKSLASH || !(code >= 0x20)) return -1
  }
  return at === start ? -1 : at
}

/** Offset behind the closing quote of the timestamp, or -1. */
function skipTimestamp(bytes: Uint8Array, start: number): number {
  if (!hasLiteral(bytes, start, TIMESTAMP)) return -1
  let at = start + TIMESTAMP.length
  for (let i = 0; i < TIME_SHAPE.length; i++) {
    if ((CLASSES[bytes[at + i]!]! & TIME_SHAPE[i]!) === 0) return -1
  }
  at += TIME_SHAPE.length
  for (let more = 0; more < MORE_DIGITS && isDigit(bytes[at]); more++) at += 1
  return bytes[at] === 0x5a && bytes[at + 1] === QUOTE ? at + 2 : -1
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 48 && code <= 57
}

function countDigits(bytes: Uint8Array, at: number): number {
  let digits = 0
  while (digits < TOO_MANY_DIGITS && isDigit(bytes[at + digits])) digits++
  return digits
}

/** A whole number in its one spelling, or -1. */
function numberAt(bytes: Uint8Array, at: number, digits: number): number {
  if (digits === 0 || digits === TOO_MANY_DIGITS || (digits > 1 && bytes[at] === ZERO)) return -1
  let value = 0
  for (let i = 0; i < digits; i++) value = value * 10 + bytes[at + i]! - ZERO
  return value
}

/** Offset of `,"details":` behind the fields that begin at `start`, or -1. */
function skipOptional(bytes: Uint8Array, start: number): number {
  let at = start
  while (!hasLiteral(bytes, at, DETAILS)) {
    at = skipField(bytes, at)
    if (at === -1) return -1
  }
  return at
}

/** Offset behind a field, its comma in front, or -1. */
function skipField(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== COMMA || bytes[at + 1] !== QUOTE) return -1
  const keyEnd = plainEnd(bytes, at + 2)
  return keyEnd === -1 || bytes[keyEnd + 1] !== COLON ? -1 : skipValue(bytes, keyEnd + 2)
}

function countFields(bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at = skipField(bytes, at)) count += 1
  return count
}
