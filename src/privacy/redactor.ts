/**
 * The redactor of a trail: the defaults, which cannot be turned off, and what the caller added. Pure.
 * @module
 */
import { isArray, type KeyRule, type Redactor, type Replacement } from "../event/index.ts"
import { defaultKeyRule, mayNameSecret, NAME_HINT } from "./key-rules.ts"
import { textRedactor } from "./secret-text.ts"

/**
 * Sees each value under `details` and `context` before it is stored, with its path as a JSON pointer, and returns what
 * to store: the value itself, another one, or undefined for a marker. When it throws, the value is replaced by a marker.
 */
export type RedactFunction = (value: unknown, path: string) => unknown

/**
 * What to redact besides the defaults. Each item is
 * - text that begins with `/` or holds a `.`, `[` or `*`: a path below `details` or `context`, as a JSON pointer
 *   (`/patient/ssn`) or dotted (`patient.ssn`, `rows[*].email`); `*` is any one key or index;
 * - other text: a key name, wherever it stands and whatever its spelling (`ssn` also finds `SSN`);
 * - a RegExp: tested against key names;
 * - a function: see {@link RedactFunction}.
 *
 * @example
 * ```ts
 * new AuditTrail("intake", { redact: ["ssn", "/patient/name", /^mrn_/, (value) => (isIban(value) ? undefined : value)] })
 * // {"patient":{"name":{"$secureml":"redacted","kind":"configured"},…}}
 * ```
 */
export type RedactOptions = readonly (string | RegExp | RedactFunction)[]

const CONFIGURED: KeyRule = { kind: "configured", keepsNumbers: false }
const FAILED: Replacement = { kind: "redactor_failed" }
const REMEMBERED_NAMES = 4096
const MAX_RULES = 1000

/**
 * The redactor for the options; without any, one that all trails share.
 *
 * @throws TypeError for anything but an array of strings, RegExps and functions.
 */
export function createRedactor(options?: RedactOptions): Redactor {
  if (options === undefined) return DEFAULT
  if (!isArray(options) || options.length > MAX_RULES) {
    throw new TypeError(`redact must be an array of at most ${MAX_RULES} paths, key names, RegExps and functions`)
  }
  const rules: RedactOptions = options
  const texts = rules.filter((rule) => typeof rule === "string")
  const functions = rules.filter((rule) => typeof rule === "function")
  const patterns = rules.filter((rule) => rule instanceof RegExp).map(withoutState)
  if (texts.length + functions.length + patterns.length !== rules.length || texts.includes("")) {
    throw new TypeError("redact must hold non-empty strings, RegExps and functions only")
  }
  const names = texts.filter((text) => !isPath(text))
  const hasKeys = names.length + patterns.length > 0
  const keyRule = hasKeys ? remembered(keyRules(names, patterns)) : DEFAULT.keyRule
  const replace = replacer(texts.filter(isPath).map(segmentsOf), functions)
  const redactText = hasKeys ? textRedactor(keyRule) : DEFAULT.redactText
  return replace === undefined ? { keyRule, redactText } : { keyRule, redactText, replace }
}

const DEFAULT: Redactor = defaultRedactor()

function defaultRedactor(): Redactor {
  const rule = remembered(defaultKeyRule)
  // Texts beside a value are asked about too: most are no names of secrets, and must not push those out of memory.
  const keyRule = (name: string): KeyRule | undefined => (mayNameSecret(name) ? rule(name) : undefined)
  return { keyRule, redactText: textRedactor(keyRule, NAME_HINT) }
}

// A global or sticky pattern remembers where it stopped, and would miss every second key.
function withoutState(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""))
}

function keyRules(names: readonly string[], patterns: readonly RegExp[]): Redactor["keyRule"] {
  const folded = new Set(names.map(fold))
  return (name) => {
    if (folded.has(fold(name)) || patterns.some((pattern) => pattern.test(name))) return CONFIGURED
    return defaultKeyRule(name)
  }
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, "")
}

function remembered(rule: Redactor["keyRule"]): Redactor["keyRule"] {
  const answers = new Map<string, KeyRule | undefined>()
  return (name) => {
    const known = answers.get(name)
    if (known !== undefined || answers.has(name)) return known
    const answer = rule(name)
    if (answers.size >= REMEMBERED_NAMES) answers.clear()
    answers.set(name, answer)
    return answer
  }
}

function isPath(text: string): boolean {
  return /^\/|[.[*]/.test(text)
}

export function segmentsOf(path: string): readonly string[] {
  if (path.startsWith("/")) {
    return path
      .slice(1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
  }
  return path
    .replaceAll("]", "")
    .split(/[.[]+/)
    .filter((part) => part !== "")
}

function replacer(
  paths: readonly (readonly string[])[],
  functions: readonly RedactFunction[],
): Redactor["replace"] | undefined {
  if (paths.length === 0 && functions.length === 0) return undefined
  return (path, value) => {
    if (paths.some((segments) => isAt(segments, path))) return CONFIGURED
    return functions.length === 0 ? undefined : applied(functions, path, value)
  }
}

function isAt(segments: readonly string[], path: readonly string[]): boolean {
  return segments.length === path.length && segments.every((segment, i) => segment === "*" || segment === path[i])
}

// Fails closed: a redactor that throws hides the value instead of letting it through.
function applied(
  functions: readonly RedactFunction[],
  path: readonly string[],
  value: unknown,
): Replacement | undefined {
  const pointer = path.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
  let kept = value
  try {
    for (const redact of functions) {
      kept = redact(kept, pointer)
      if (kept === undefined) return CONFIGURED
    }
  } catch {
    return FAILED
  }
  return Object.is(kept, value) ? undefined : { value: kept }
}
