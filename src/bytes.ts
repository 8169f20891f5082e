/**
 * Bytes to text and back, strictly: one spelling per value, everything else refused. Pure, runs in a browser.
 * Base64 is RFC 4648 section 4 (standard alphabet, padded).
 * @module
 */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
const NO_DIGIT = 255
const BASE64_VALUES = new Uint8Array(128).fill(NO_DIGIT)
for (const [value, char] of [...BASE64].entries()) BASE64_VALUES[char.charCodeAt(0)] = value
const encoder = new TextEncoder()
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** UTF-8 bytes of a string; a lone surrogate becomes U+FFFD, so callers that care escape it first. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of UTF-8 bytes, or undefined when they are not valid UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Lowercase hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = ""
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** Bytes of lowercase hexadecimal, or undefined for any other spelling. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** Standard padded base64. */
export function toBase64(bytes: Uint8Array): string {
  let text = ""
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += BASE64[word >> 18]! + BASE64[(word >> 12) & 63]!
    text += left > 1 ? BASE64[(word >> 6) & 63]! : "="
    text += left > 2 ? BASE64[word & 63]! : "="
  }
  return text
}

/** Bytes of standard padded base64, or undefined for any other spelling, stray trailing bits included. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let word = 0
  for (let i = 0, out = 0; i < text.length; i++) {
    const isPadding = i >= text.length - padding
    const value = isPadding ? 0 : (BASE64_VALUES[text.charCodeAt(i)] ?? NO_DIGIT)
    if (value === NO_DIGIT) return undefined
    word = ((word << 6) | value) & 0xffffff
    if (i % 4 !== 3) continue
    for (let shift = 16; shift >= 0; shift -= 8) {
      const byte = (word >> shift) & 255
      if (out < bytes.length) bytes[out++] = byte
      // One spelling only: the unused low bits of the last group must be zero.
      else if (byte !== 0) return undefined
    }
  }
  return bytes
}

/** All parts in one array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sizeBytes, part) => sizeBytes + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Equality that takes the same time wherever the first difference is; lengths may leak. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}
