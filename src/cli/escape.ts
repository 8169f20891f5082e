/**
 * Text from a log made safe to show. A log may hold anything: a terminal would obey some of it, and a reader would be
 * misled by some more. Pure.
 * @module
 */

/**
 * Characters never written as they are: control characters (C0, DEL, C1), format characters (bidi marks, zero-width,
 * tags), line and paragraph separators, lone surrogates, and everything else that Unicode calls invisible by default.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
const SHORT: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
])

/**
 * Text on one line, with nothing in it that steers a terminal, reorders or hides text.
 *
 * @example
 * ```ts
 * escapeText("a\u001b[31mb\n") // "a\\u001b[31mb\\n"
 * ```
 */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT.get(character) ?? codeUnits(character))
}

/** The same for text of our own that may hold some of a caller's: line breaks stay. */
export function escapeLines(text: string): string {
  return text.split("\n").map(escapeText).join("\n")
}

/**
 * JSON text with the same characters written as `\uXXXX`. It parses to the same value. The text must be JSON on one
 * line, so that such characters stand inside strings alone.
 *
 * @example
 * ```ts
 * escapeJson('"\u202e"') // '"\\u202e"'
 * ```
 */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, codeUnits)
}

/** Bytes that are no UTF-8, for a terminal: printable ASCII as it is, the rest as `\xNN`. */
export function escapeBytes(bytes: Uint8Array): string {
  let text = ""
  for (const byte of bytes) {
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`
  }
  return text
}

/** `\uXXXX` for each UTF-16 unit, as JSON spells a character outside the basic plane. */
function codeUnits(character: string): string {
  let text = ""
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`
  return text
}
