/**
 * Secrets in texts that stand neither under a name with `:` or `=` nor have a shape of their own: in sentences, in
 * markup, in lists, beside their names, and behind the short options of well-known commands. Pure.
 *
 * Every repeat has a bound and no pattern repeats within a repeat, so the time stays in proportion to the length.
 * @module
 */
import type { KeyRule } from "../event/index.ts"
import { closingQuote, endOf, valueAt } from "./text-value.ts"
import { textMarker } from "./token-shapes.ts"

type KeyRules = (name: string) => KeyRule | undefined

/** A pattern whose last group is the secret, the text without which it cannot match, and the kind of secret. */
interface Phrase {
  readonly hint: string
  readonly pattern: RegExp
  readonly kind: string
}

/** With the word password in them. */
const SENTENCES: readonly RegExp[] = [
  // The password is x1; password "x1".
  /(pass(?:word|phrase|wd|code)[ \t]{1,4}(?:(?:is|was)[: \t]{1,4})?["'`]?)(?=[^\s"'`]{0,64}\d)(?=[^\s"'`]{0,64}[A-Za-z])([^\s"'`<>]{6,256})/gi,
  // SQL.
  /(password[ \t]{1,4}')((?:[^'\\]|\\.){1,256})(?=')/gi,
  // .netrc
  /(\blogin\s{1,8}\S{1,128}\s{1,8}password\s{1,8})(\S{1,256})/g,
]
const SENTENCE_HINT = /pass(?:word|phrase|wd|code)\s/i

/** Options of commands. */
const COMMANDS: readonly Phrase[] = [
  {
    hint: "sshpass",
    pattern: /(sshpass[^\n|;&]{0,160}? -p[ ]{0,4})("[^"\n]{1,256}|'[^'\n]{1,256}|[^\s"']{1,256})/g,
    kind: "password",
  },
  {
    hint: "redis-cli",
    pattern: /(redis-cli[^\n|;&]{0,160}? -a[ ]{0,4})("[^"\n]{1,256}|'[^'\n]{1,256}|[^\s"']{1,256})/g,
    kind: "password",
  },
  {
    hint: " login",
    pattern:
      /((?:docker|podman|nerdctl|helm|oc|az) (?:registry )?login[^\n|;&]{0,160}? -p[ ]{0,4})("[^"\n]{1,256}|'[^'\n]{1,256}|[^\s"']{1,256})/g,
    kind: "password",
  },
  {
    hint: "mysql",
    pattern: /(mysql[\w-]{0,16}[^\n|;&]{0,160}? -p)([^\s"'-][^\s"']{0,255}|"[^"\n]{1,256}|'[^'\n]{1,256})/g,
    kind: "password",
  },
  {
    hint: "mariadb",
    pattern: /(mariadb[\w-]{0,16}[^\n|;&]{0,160}? -p)([^\s"'-][^\s"']{0,255}|"[^"\n]{1,256}|'[^'\n]{1,256})/g,
    kind: "password",
  },
  {
    hint: "curl",
    pattern: /(curl[^\n|;&]{0,160}? -b[ ]{0,4}["']?)([^\s"'=]{1,64}=[^\n"']{1,4096})/g,
    kind: "cookie",
  },
]

const WANDB_LOGIN: Phrase = {
  hint: "wandb login",
  pattern: /(wandb login[^\n|;&]{0,80}? )([0-9a-zA-Z_-]{40,128})(?![\w-])/g,
  kind: "api_key",
}
const IDENTIFIED: Phrase = {
  hint: "'",
  pattern: /(identified (?:with [\w"']{1,64} )?by(?: password)?[ \t]{1,4}')((?:[^'\\]|\\.){1,256})(?=')/gi,
  kind: "password",
}
const WITHOUT_OPTIONS: readonly Phrase[] = [WANDB_LOGIN, IDENTIFIED]
const WITH_OPTIONS: readonly Phrase[] = [...COMMANDS, ...WITHOUT_OPTIONS]
const PGPASS =
  /(?<![^\s"'`])([\w.*-]{1,128}:(?:54\d\d|\*):[A-Za-z*_][\w*.-]{0,64}:[A-Za-z*_][\w*.-]{0,64}:)([^\s"'`]{1,256})/g

/** `<password>x</password>` */
const ELEMENT = /<([\w.:-]{1,64})(?:\s[^<>]{0,200})?>([^<>]{1,4096})(?=<\/)/g
/** `name="password"`, a blank line, and the value, as forms are sent. */
const FORM_PART = /(name="([\w.[\]-]{1,64})"[^\r\n]{0,200}\r?\n(?:[^\r\n]{1,200}\r?\n){0,2}\r?\n)([^\r\n]{1,4096})/g
/** `name: DB_PASSWORD`, then `value:`; in JSON, YAML, XML. */
const NAMED =
  /(?<![\w-])(?:name|key|header)\\{0,15}["']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,15}["']?([\w.-]{1,64})\\{0,15}["']?[\s,]{1,40}\\{0,15}["']?value\\{0,15}["']?[ \t]{0,4}[:=][ \t]{0,4}/gi
/** A name and a value in quotation marks, as in `["--password", "x"]`; what stands before says what list it is. */
const PAIR = /([[(,][ \t]{0,4})\\{0,15}["'](-{0,2}[\w.-]{1,64})\\{0,15}["'][ \t]{0,4},[ \t]{0,4}(?=\\{0,15}["'])/g
const NAME_LIST =
  /(?:columns?|accessed|features?|fields?|names?|keys?|labels?|tokens?|words?|variables?|attributes?)\\{0,15}["']?[ \t]{0,4}[:=][ \t]{0,4}$/i

/** Replaces what stands by the name of a secret: in sentences, elements, forms, lists, and `name`, `value`. */
export function redactNamed(text: string, keyRule: KeyRules): string {
  let out = text
  if (SENTENCE_HINT.test(out)) for (const pattern of SENTENCES) out = without(out, pattern, "password")
  if (out.includes("</"))
    out = out.replace(ELEMENT, (all, name: string, value: string) => element(all, name, value, keyRule))
  if (out.includes('name="')) {
    out = out.replace(FORM_PART, (all, head: string, name: string, value: string) => {
      const rule = keyRule(name)
      return rule === undefined ? all : hidden(all, head, value, rule.kind)
    })
  }
  if (/value/i.test(out)) out = redactBeside(out, NAMED, keyRule)
  return out.includes(",") && /[[(]/.test(out) ? redactBeside(out, PAIR, keyRule) : out
}

/** Replaces what is a secret by the command, statement or line that it stands in. */
export function redactCommands(text: string): string {
  let out = text
  if (out.includes(" ")) {
    const phrases = out.includes(" -") ? WITH_OPTIONS : WITHOUT_OPTIONS
    for (const { hint, pattern, kind } of phrases) if (out.includes(hint)) out = without(out, pattern, kind)
  }
  return out.includes(":54") || out.includes(":*:") ? without(out, PGPASS, "password") : out
}

function without(text: string, pattern: RegExp, kind: string): string {
  return text.replace(pattern, (all, before: string, value: string) => hidden(all, before, value, kind))
}

function hidden(all: string, before: string, value: string, kind: string): string {
  if (value.includes("[redacted:")) return all
  const quote = value[0] === '"' || value[0] === "'" ? value[0] : ""
  return before + quote + textMarker(kind)
}

function element(all: string, name: string, value: string, keyRule: KeyRules): string {
  const rule = keyRule(name)
  if (rule === undefined || value.trim() === "" || value.includes("[redacted:")) return all
  return `${all.slice(0, all.length - value.length)}${textMarker(rule.kind)}`
}

/** Values beside their names: the name is the last group of the pattern, the value follows it. */
function redactBeside(text: string, names: RegExp, keyRule: KeyRules): string {
  let out = ""
  let copied = 0
  names.lastIndex = 0
  for (let match = names.exec(text); match !== null; match = names.exec(text)) {
    const name = match.at(-1)!
    const rule = keyRule(name.replace(/^-+/, ""))
    const at = names.lastIndex
    // The second of two may itself be a name: ["a", "--password", "x"].
    names.lastIndex = match.index + 1
    if (rule === undefined || (names === PAIR && !isPair(text, match.index, name, at))) continue
    const { start, end } = valueAt(text, { nameAt: match.index, separator: "", at, kind: rule.kind })
    if (start < copied || end === start || text.startsWith("[redacted:", start)) continue
    out += text.slice(copied, start) + textMarker(rule.kind)
    copied = end
    names.lastIndex = end
  }
  return copied === 0 ? text : out + text.slice(copied)
}

/** An option and its value, or a list of exactly two that is no list of names. */
function isPair(text: string, at: number, name: string, valueStart: number): boolean {
  if (name.startsWith("-")) return true
  if (text[at] === ",") return false
  if (NAME_LIST.test(text.slice(Math.max(0, at - 60), at))) return false
  const { end } = valueAt(text, { nameAt: at, separator: "", at: valueStart, kind: "" })
  return /^\\{0,15}["'][ \t]{0,4}[\])]/.test(text.slice(end, end + 24))
}

/** `-u user:` of curl, and `--user user:`, up to the colon. */
const USER = /(?<![\w-])(?:(-[uU])[ \t]{0,4}|--(?:proxy-)?user(?:=|[ \t]{1,4}))(["']?)([^\s:"'/]{1,128}):(?!\/\/)/g
/** Where `-u` means a user and a password. */
const HTTP_CLIENT = /curl|wget|https?\b/i
/** Where `--user` means a user and a group. */
const CONTAINER = /docker|podman|nerdctl|kubectl/i
const NUMBER = /^[\d.]+$/
const WHOLE_WORD = /[^\s"'`]+/y

/** What a text with `-u` or `--user` is about; looked at once a text. */
interface UserContext {
  readonly isHttp: boolean
  readonly isContainer: boolean
}

/** The passwords behind `-u user:` and `--user user:`; the user stays. */
export function redactUsers(text: string): string {
  let where: UserContext | undefined
  let out = ""
  let copied = 0
  USER.lastIndex = 0
  for (let match = USER.exec(text); match !== null; match = USER.exec(text)) {
    const [, short, quote = "", user = ""] = match
    const start = USER.lastIndex
    const end = quote === "" ? endOf(WHOLE_WORD, text, start) : closingQuote(text, start, quote, 0)
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
