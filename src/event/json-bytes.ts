/**
 * Walking over JSON in bytes without making values of it: strictly RFC 8259, and without blanks between its tokens,
 * which is how `JSON.stringify` writes. Pure.
 * @module
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const ZERO = 0x30
/** Containers in each other: one bit each. */
const MAX_DEPTH = 30

const ESCAPES = new Uint8Array(256)
for (const char of '"\\/bfnrt') ESCAPES[char.charCodeAt(0)] = 1
const WORDS = ["true", "false", "null"].map((word) => Uint8Array.from(word, (char) => char.charCodeAt(0)))

/**
 * Offset behind the text whose first character is at `start`, behind its opening quote; -1 where it is none.
 *
 * @example
 * ```ts
 * skipString(utf8('ab"c'), 0) // 3
 * ```
 */
export function skipString(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const code = bytes[at]
    if (code === QUOTE) return at + 1
    if (code === BACKSLASH) {
      at = skipEscape(bytes, at)
      if (at === -1) return -1
    } else if (code === undefined || code < 0x20) {
      return -1
    } else {
      at += 1
    }
  }
}

function skipEscape(bytes: Uint8Array, at: number): number {
  const code = bytes[at + 1] ?? 0
  if (ESCAPES[code] === 1) return at + 2
  if (code !== 0x75) return -1
  for (let i = 2; i < 6; i++) {
    const digit = (bytes[at + i] ?? 0) | 0x20
    if (!isDigit(bytes[at + i]) && !(digit >= 97 && digit <= 102)) return -1
  }
  return at + 6
}

/**
 * Offset behind the JSON value that begins at `start`; -1 where there is none, or one nested over 30 levels deep.
 *
 * @example
 * ```ts
 * skipValue(utf8('{"a":[1,2]},'), 0) // 11
 * skipValue(utf8("{a:1}"), 0) // -1
 * ```
 */
export function skipValue(bytes: Uint8Array, start: number): number {
  let at = start
  let depth = 0
  // A set bit: the container of that depth is an object.
  let objects = 0
  for (;;) {
    const code = bytes[at]
    const opens = code === OPEN_BRACE || code === OPEN_BRACKET
    const closing = code === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET
    if (opens && bytes[at + 1] !== closing) {
      if (++depth > MAX_DEPTH) return -1
      objects = code === OPEN_BRACE ? objects | (1 << depth) : objects & ~(1 << depth)
      at = code === OPEN_BRACE ? skipKey(bytes, at + 1) : at + 1
    } else {
      at = opens ? at + 2 : skipScalar(bytes, at)
      // Behind a value: close what ends here, or go on to the next one.
      while (at !== -1 && depth > 0) {
        const isObject = (objects & (1 << depth)) !== 0
        const next = bytes[at]
        if (next === COMMA) {
          at = isObject ? skipKey(bytes, at + 1) : at + 1
          break
        }
        if (next !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return -1
        depth -= 1
        at += 1
        if (depth === 0) return at
      }
      if (depth === 0) return at
    }
    if (at === -1) return -1
  }
}

/** Offset behind a key and its colon, or -1. */
function skipKey(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return -1
  const end = skipString(bytes, at + 1)
  return end === -1 || bytes[end] !== COLON ? -1 : end + 1
}

function skipScalar(bytes: Uint8Array, at: number): number {
  const code = bytes[at]
  if (code === QUOTE) return skipString(bytes, at + 1)
  if (code === MINUS || isDigit(code)) return skipNumber(bytes, code === MINUS ? at + 1 : at)
  for (const word of WORDS) {
    if (code === word[0]) return word.every((char, i) => bytes[at + i] === char) ? at + word.length : -1
  }
  return -1
}

function skipNumber(bytes: Uint8Array, start: number): number {
  let at = start
  if (!isDigit(bytes[at])) return -1
  at = bytes[at] === ZERO ? at + 1 : skipDigits(bytes, at)
  if (bytes[at] === 0x2e) {
    if (!isDigit(bytes[at + 1])) return -1
    at = skipDigits(bytes, at + 1)
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1]
    at += sign === 0x2b || sign === MINUS ? 2 : 1
    if (!isDigit(bytes[at])) return -1
    at = skipDigits(bytes, at)
  }
  return at
}

function skipDigits(bytes: Uint8Array, start: number): number {
  let at = start
  while (isDigit(bytes[at])) at++
  return at
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 48 && code <= 57
}
