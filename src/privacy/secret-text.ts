/**
 * Secrets inside text: token shapes, `name=value` where the name is that of a secret, headers, command lines
 * (`--password x`, `curl -u user:x`). Pure.
 *
 * A first pass over the characters keeps ordinary text cheap. It looks for what every secret has somewhere: a run of
 * {@link RUN_CHARS} characters that tokens are made of, a `:` or `=`, `--`, or the words Bearer and Basic.
 * @module
 */
import type { KeyRule } from "../event/index.ts"
import { redactShapes, SHAPE_HINT, textMarker } from "./token-shapes.ts"

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

const ASSIGNMENT = /(?<![\w.-])([\w.-]{1,64})(\\?["'`]?\]?[ \t]{0,4}[:=]{1,3}>?[ \t]{0,4})/g
const OPTION = /(?<![\w-])--?([A-Za-z][\w-]{0,63})([ \t]{1,4})(?![\s-])/g
/** `-u user:` of curl, and `--user user:`, up to the colon. */
const USER = /(?<![\w-])(?:(-[uU])[ \t]{0,4}|--(?:proxy-)?user(?:=|[ \t]{1,4}))(["']?)([^\s:"'/]{1,128}):(?!\/\/)/g
/** Where `-u` means a user and a password. */
const HTTP_CLIENT = /curl|wget|https?\b/i
/** Where `--user` means a user and a group. */
const CONTAINER = /docker|podman|nerdctl|kubectl/i
const WORD_BEFORE = /([A-Za-z0-9]{1,32}) $/
const SCHEME_HINT = /earer[ \t]|asic[ \t]|EARER[ \t]|ASIC[ \t]/
const BEARER = /(?<![\w-])(bearer[ \t]{1,4})([\w.~+/=-]{6,})/gi
const BASIC = /(?<![\w-])(basic[ \t]{1,4})([A-Za-z0-9+/]{8,}={0,2})(?![\w+/=-])/gi

const BARE_VALUE = /[^\s"'`,;&<>{}()[\]]+/y
const LINE_VALUE = /[^\r\n"'`]+/y
const WHOLE_WORD_VALUE = /[^\s"'`]+/y
/** Says that there is, or is not, a value. */
const NO_VALUE = /^(?:null|none|nil|true|false|undefined|yes|no|required|optional|missing|invalid|expired|\*+)$/i
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
      if (code === 45 && text.charCodeAt(i - 1) === 45) return true
      // "b" or "B" at the beginning of a word.
      if (run === 1 && (code | 32) === 98 && isScheme(text, i + 1)) return true
    } else if (found === SIGN) {
      return true
    } else {
      run = 0
    }
  }
  return false
}

function isScheme(text: string, at: number): boolean {
  const rest = text.slice(at, at + 6).toLowerCase()
  return rest.startsWith("earer") || rest.startsWith("asic")
}

function redactSecrets(text: string, keyRule: KeyRules, nameHint: RegExp | undefined): string {
  let out = SHAPE_HINT.test(text) ? redactShapes(text) : text
  if (nameHint === undefined || nameHint.test(out)) {
    if (out.includes(":") || out.includes("=")) out = redactAssignments(out, ASSIGNMENT, keyRule)
    if (out.includes("--")) out = redactAssignments(out, OPTION, keyRule)
  }
  if ((out.includes("-u") || out.includes("-U")) && out.includes(":")) out = redactUsers(out)
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
    const value = valueAt(text, start, rule)
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

function valueAt(text: string, at: number, rule: KeyRule): { start: number; end: number } {
  const isEscaped = text[at] === "\\"
  const quoteAt = isEscaped ? at + 1 : at
  const quote = text[quoteAt]
  if (quote === '"' || quote === "'" || quote === "`") {
    const start = quoteAt + 1
    return { start, end: isEscaped ? endOf(/[^"'`\\]+/y, text, start) : closingQuote(text, start, quote) }
  }
  return { start: at, end: endOf(bareValue(rule.kind), text, at) }
}

function bareValue(kind: string): RegExp {
  // Headers hold blanks, commas and semicolons.
  if (kind === "authorization" || kind === "cookie") return LINE_VALUE
  return kind === "connection_string" ? WHOLE_WORD_VALUE : BARE_VALUE
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

function closingQuote(text: string, start: number, quote: string): number {
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") i++
    else if (text[i] === quote) return i
  }
  return text.length
}

/** `token` on its own is a word of many texts; `accessToken` and `TOKEN` are names. */
function isBareWord(name: string): boolean {
  return /^[a-z]+$/i.test(name) && !/[a-z][A-Z]/.test(name) && name !== name.toUpperCase()
}

/** What a text with `-u` or `--user` is about; looked at once a text. */
interface UserContext {
  readonly isHttp: boolean
  readonly isContainer: boolean
}

/** The passwords behind `-u user:` and `--user user:`; the user stays. */
function redactUsers(text: string): string {
  let where: UserContext | undefined
  let out = ""
  let copied = 0
  USER.lastIndex = 0
  for (let match = USER.exec(text); match !== null; match = USER.exec(text)) {
    const [, short, quote = "", user = ""] = match
    const start = USER.lastIndex
    const end = quote === "" ? endOf(WHOLE_WORD_VALUE, text, start) : closingQuote(text, start, quote)
    where ??= { isHttp: HTTP_CLIENT.test(text), isContainer: CONTAINER.test(text) }
    if (isPassword(text.slice(start, end), user, short === undefined ? !where.isContainer : where.isHttp)) {
      out += text.slice(copied, start) + textMarker("password")
      copied = end
    }
    USER.lastIndex = Math.max(start, end)
  }
  return copied === 0 ? text : out + text.slice(copied)
}

/** A user and a group, as containers take them, are two numbers or one name twice. */
function isPassword(value: string, user: string, mayBeOne: boolean): boolean {
  if (!mayBeOne || value === "" || value === user || value.startsWith("[redacted:")) return false
  return !NUMBER.test(user) || !NUMBER.test(value)
}

function isSecretValue(value: string, rule: KeyRule, isAssigned: boolean): boolean {
  if (value.trim() === "" || value.startsWith("[redacted:") || NO_VALUE.test(value)) return false
  if (!rule.keepsNumbers) return true
  if (NUMBER.test(value) && value.length < 8) return false
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
