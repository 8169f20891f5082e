/**
 * Secrets inside text: token shapes, `name=value` where the name is that of a secret, headers, options of commands
 * (`--password x`). How a value ends is in text-value.ts; what is neither `name=value` nor a shape in secret-phrases.ts.
 * Pure.
 *
 * A first pass over the characters keeps ordinary text cheap. It looks for what every secret has somewhere: a run of
 * {@link RUN_CHARS} characters that tokens are made of, a `:` or `=`, an option, or words that begin like Bearer,
 * Basic, password and identified.
 * @module
 */
import type { KeyRule } from "../event/index.ts"
import { redactCommands, redactNamed, redactUsers } from "./secret-phrases.ts"
import { valueAt } from "./text-value.ts"
import { redactRareShapes, redactShapes, SHAPE_HINT, textMarker } from "./token-shapes.ts"

type KeyRules = (name: string) => KeyRule | undefined

/** The shortest token shape is as long; shorter runs are taken for words. */
const RUN_CHARS = 17

const BREAK = 0
const PART = 1
const SIGN = 2
const CLASS_OF = new Uint8Array(128)
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+/.~")
  CLASS_OF[char.charCodeAt(0)] = PART
for (const char of ":=") CLASS_OF[char.charCodeAt(0)] = SIGN
/** 1 for what a word or an option that may come with a secret begins with. */
const BEGINS = new Uint8Array(128)
for (const char of "bBpPiI/-") BEGINS[char.charCodeAt(0)] = 1

// Between a name and its value: quotation marks as deep as JSON in JSON has them, a colour's end, `%3D` for `=`.
const ASSIGNMENT =
  /(?<![\w.-])([\w.-]{1,64})((?:\u001b\[[\d;]{0,8}m)?\\{0,15}["'`]?\]?[ \t]{0,4}(?:[:=]{1,3}>?|%3[AaDd])[ \t]{0,4})/g
const OPTION = /(?<![\w-])--?([A-Za-z][\w-]{0,63})([ \t]{1,4})(?![\s-])/g
const WORD_BEFORE = /([A-Za-z0-9]{1,32}) $/
const SCHEME_HINT = /earer[ \t]|asic[ \t]|EARER[ \t]|ASIC[ \t]/
const SCHEME_START = /^(?:bearer|basic)/i
const PASSWORD_START = /^pass(?:w[od]|ph|co)/i
const BEARER = /(?<![\w-])(bearer[ \t]{1,4})([\w.~+/=-]{6,})/gi
const BASIC = /(?<![\w-])(basic[ \t]{1,4})([A-Za-z0-9+/]{8,}={0,2})(?![\w+/=-])/gi

/** Says that there is, or is not, a value. */
const NO_VALUE =
  /^(?:null|none|nil|true|false|undefined|yes|no|required|optional|missing|invalid|expired|\*+|x{4,}|<[\w -]{0,40}>?)$/i
const NUMBER = /^[\d.]+$/

/**
 * A function that replaces secrets in a text; it returns the same text when there is none.
 *
 * @param nameHint - Matches every text that can hold a name with a rule; without it, every name is looked at.
 */
export function textRedactor(keyRule: KeyRules, nameHint?: RegExp): (text: string) => string {
  return (text) => (mayHoldSecret(text) ? redactSecrets(text, keyRule, nameHint) : text)
}

function mayHoldSecret(text: string): boolean {
  let run = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const found = code < 128 ? CLASS_OF[code] : BREAK
    if (found === PART) {
      if (++run === RUN_CHARS) return true
      if (run === 1 && BEGINS[code] === 1 && mayBegin(code, text, i)) return true
    } else if (found === SIGN) {
      return true
    } else {
      run = 0
      // `","` parts the members of a list.
      if (code === 44 && isQuote(text.charCodeAt(i - 1))) return true
    }
  }
  return false
}

function isQuote(code: number): boolean {
  return code === 34 || code === 39
}

/** Whether a word or an option that may come with a secret begins here. */
function mayBegin(code: number, text: string, at: number): boolean {
  const next = text.charCodeAt(at + 1) | 32
  switch (code | 32) {
    case 98: // bearer, basic
      return (next === 101 || next === 97) && SCHEME_START.test(text.slice(at, at + 6))
    case 112: // password, passwd, passphrase, passcode
      return next === 97 && (text.charCodeAt(at + 2) | 32) === 115 && PASSWORD_START.test(text.slice(at, at + 6))
    case 105: // identified
      return next === 100 && (text.charCodeAt(at + 9) | 32) === 100
    case 47: // </password>
      return text.charCodeAt(at - 1) === 60
    case 45: // -p, --password
      return next === 45 || (next >= 97 && next <= 122)
    default:
      return false
  }
}

function redactSecrets(text: string, keyRule: KeyRules, nameHint: RegExp | undefined): string {
  let out = SHAPE_HINT.test(text) ? redactShapes(text) : text
  if (nameHint === undefined || nameHint.test(out)) {
    if (out.includes(":") || out.includes("=")) out = redactAssignments(out, ASSIGNMENT, keyRule)
    if (out.includes("--")) out = redactAssignments(out, OPTION, keyRule)
    out = redactNamed(out, keyRule)
  }
  const hasColon = out.includes(":")
  if (hasColon) out = redactRareShapes(out)
  out = redactCommands(out)
  if (hasColon && (out.includes("-u") || out.includes("-U"))) out = redactUsers(out)
  if (SCHEME_HINT.test(out)) out = out.replace(BEARER, bearer).replace(BASIC, basic)
  return out
}

// Names are looked at one by one and only the values of secrets are passed over: `msg: password=x` holds two names.
function redactAssignments(text: string, names: RegExp, keyRule: KeyRules): string {
  let out = ""
  let copied = 0
  names.lastIndex = 0
  for (let match = names.exec(text); match !== null; match = names.exec(text)) {
    const rule = ruleFor(text, match.index, match[1]!, keyRule)
    if (rule === undefined) continue
    const start = names.lastIndex
    const value = valueAt(text, { nameAt: match.index, separator: match[2]!, at: start, kind: rule.kind })
    const isAssigned = match[2]!.includes("=") || value.start > start
    if (isSecretValue(text.slice(value.start, value.end), rule, isAssigned && !isBareWord(match[1]!))) {
      out += text.slice(copied, value.start) + textMarker(rule.kind)
      copied = value.end
    }
    names.lastIndex = Math.max(start, value.end)
  }
  return copied === 0 ? text : out + text.slice(copied)
}

// `API key: x`: the name's first word may stand before a blank.
function ruleFor(text: string, at: number, name: string, keyRule: KeyRules): KeyRule | undefined {
  const rule = keyRule(name)
  if (rule !== undefined || text.charCodeAt(at - 1) !== 32) return rule
  const before = WORD_BEFORE.exec(text.slice(Math.max(0, at - 34), at))
  return before === null ? undefined : keyRule(`${before[1]} ${name}`)
}

/** `token` on its own is a word of many texts; `accessToken` and `TOKEN` are names. */
function isBareWord(name: string): boolean {
  return /^[a-z]+$/i.test(name) && !/[a-z][A-Z]/.test(name) && name !== name.toUpperCase()
}

function isSecretValue(value: string, rule: KeyRule, isAssigned: boolean): boolean {
  if (value.trim() === "" || value.startsWith("[redacted:") || NO_VALUE.test(value)) return false
  if (!rule.keepsNumbers) return true
  if (NUMBER.test(value) && value.length < 8) return false
  // `AUTH: CRAM-MD5` is how it is done; a login is longer, and one word.
  if (rule.kind === "authorization") return value.length >= RUN_CHARS && !/\s/.test(value)
  if (isAssigned) return true
  // `token: hello` is a word of a text; a secret one is longer and hardly without a digit.
  return rule.kind !== "token" || value.length >= RUN_CHARS || (value.length >= 8 && /\d/.test(value))
}

function bearer(all: string, scheme: string, value: string): string {
  // "Bearer bonds" are none.
  return /[^A-Za-z]/.test(value) || value.length >= RUN_CHARS ? scheme + textMarker("authorization") : all
}

function basic(all: string, scheme: string, value: string): string {
  return isUserAndPassword(value) ? scheme + textMarker("authorization") : all
}

// RFC 7617: base64 of user:password. "Basic statistics" decodes to no such thing.
function isUserAndPassword(base64: string): boolean {
  try {
    return /^[\x20-\x7e\x80-\xff]*:/.test(atob(base64)) && !/[\x00-\x1f]/.test(atob(base64))
  } catch {
    return false
  }
}
