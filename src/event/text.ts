/**
 * JSON text of strings and keys, and the size of text in UTF-8. Pure but for a bounded cache of key texts.
 * @module
 */
import type { KeyRule, Redactor } from "./redactor.ts"

/** The key that tags what JSON cannot say. */
export const TAG = "$secureml"

const OWN_TAG = /^\$+secureml$/
/** Longer strings go to JSON.stringify at once: its native scan wins from about here on. */
const SCAN_CHARS = 48
const CACHED_KEYS = 4096
const CACHED_KEY_CHARS = 64

/** A JSON string literal; a lone surrogate is written as \udXXX, so nothing is lost in UTF-8. */
export function quote(text: string): string {
  const length = text.length
  if (length > SCAN_CHARS) return JSON.stringify(text)
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code < 32 || code === 34 || code === 92 || (code & 0xf800) === 0xd800) return JSON.stringify(text)
  }
  return `"${text}"`
}

/** A caller's own `$secureml` key gets one more `$`, so no caller can forge a tag and none is lost. */
export function storedKey(name: string): string {
  return name.charCodeAt(0) === 36 && OWN_TAG.test(name) ? `$${name}` : name
}

/** What is remembered of a key name. `rule` and `hidden` are the answers of `redactor`, the last one asked. */
export interface KeyText {
  /** `"name":` */
  readonly first: string
  /** `,"name":` */
  readonly next: string
  redactor: Redactor | undefined
  rule: KeyRule | undefined
  /** The name without its secret part, when it has one. */
  hidden: string | undefined
}

const keyTexts = new Map<string, KeyText>()

/** The JSON text of a key and what the redactor says about it. */
export function keyText(name: string, redactor: Redactor | undefined): KeyText {
  let known = keyTexts.get(name)
  if (known === undefined) {
    const text = `${quote(storedKey(name))}:`
    known = { first: text, next: `,${text}`, redactor: undefined, rule: undefined, hidden: undefined }
    if (name.length <= CACHED_KEY_CHARS) {
      if (keyTexts.size >= CACHED_KEYS) keyTexts.clear()
      keyTexts.set(name, known)
    }
  }
  if (known.redactor !== redactor) {
    known.redactor = redactor
    known.rule = redactor?.keyRule(name)
    const shown = redactor === undefined ? name : redactor.redactText(name)
    known.hidden = shown === name ? undefined : shown
  }
  return known
}

/** Bytes of text in UTF-8; a lone surrogate counts as the three bytes of U+FFFD. */
export function utf8Bytes(text: string, start = 0, end: number = text.length): number {
  let bytes = end - start
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) continue
    bytes += code < 0x800 ? 1 : 2
    // A pair is four bytes in two units: two for the first unit, as counted, none more for the second.
    if ((code & 0xfc00) === 0xd800 && i + 1 < end && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++
  }
  return bytes
}
