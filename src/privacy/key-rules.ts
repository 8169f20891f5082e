/**
 * Which key names hold secrets. Pure.
 *
 * A name is read as words, whatever its spelling (`clientSecret`, `client_secret`, `Client-Secret`), and its last words
 * decide: `api_key` is a secret, `api_key_count` is not, `tokens` is not. A single word counts by its end: `PGPASSWORD`.
 * What machine learning calls a token (`eos_token`, `max_tokens`) is none.
 * @module
 */
import type { KeyRule } from "../event/index.ts"

/** Endings of names, as words, by kind. */
const ENDINGS_BY_KIND: Readonly<Record<string, readonly string[]>> = {
  password: [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passphrases",
    "passcode",
    "pwd",
    "sshpass",
    "user pass",
    "db pass",
    "smtp pass",
    "passwort",
    "kennwort",
    "contrasena",
    "senha",
    "mot de passe",
  ],
  secret: ["secret", "secrets", "secret key", "secret access key", "totp", "otp"],
  api_key: [
    "api key",
    "api keys",
    "apikey",
    "apikeys",
    "access key",
    "access keys",
    "account key",
    "account keys",
    "auth key",
    "subscription key",
    "service key",
    "storage key",
    "functions key",
  ],
  private_key: [
    "private key",
    "private keys",
    "privatekey",
    "ssh key",
    "signing key",
    "encryption key",
    "master key",
    "private pem",
  ],
  cookie: ["cookie", "cookies"],
  authorization: ["authorization", "basic auth", "proxy auth", "http auth", "auth header", "raw headers"],
  credential: ["credential", "credentials", "creds"],
  connection_string: ["connection string", "conn string", "conn str", "connectionstring", "database url", "dsn"],
  token: ["token", "jwt", "authtoken", "accesstoken", "refreshtoken", "idtoken"],
}

const PLURAL = /^(?:passwords|passphrases|(?:api|access|account|private) ?keys)$/

const ENDINGS: ReadonlyMap<string, KeyRule> = new Map(
  Object.entries(ENDINGS_BY_KIND).flatMap(([kind, endings]) => {
    // A number under `token` is the id of one, a number under `passwords` says how many.
    return endings.map((ending) => [ending, { kind, keepsNumbers: kind === "token" || PLURAL.test(ending) }] as const)
  }),
)

/** What a single word may end in: `PGPASSWORD`, `APPSECRET`. Longest first. */
const GLUED: readonly (readonly [ending: string, kind: string])[] = [
  ["passphrase", "password"],
  ["privatekey", "private_key"],
  ["secretkey", "secret"],
  ["accesskey", "api_key"],
  ["password", "password"],
  ["apikey", "api_key"],
  ["passwd", "password"],
  ["secret", "secret"],
  ["token", "token"],
]

/** Names that are secrets only when they stand alone; a number under `pass` is a count. */
const WHOLE: ReadonlyMap<string, KeyRule> = new Map([
  ["pass", { kind: "password", keepsNumbers: true }],
  // npm's `_auth`, Docker's `auth`: user and password in base64.
  ["auth", { kind: "authorization", keepsNumbers: true }],
  ["bearer", { kind: "authorization", keepsNumbers: false }],
  ["connect sid", { kind: "cookie", keepsNumbers: false }],
  ["phpsessid", { kind: "cookie", keepsNumbers: false }],
  ["jsessionid", { kind: "cookie", keepsNumbers: false }],
])

/** Matches every text that can hold the name of a secret; what it does not match needs no look at single names. */
export const NAME_HINT: RegExp =
  /pass|pwd|secret|otp|key|pem|cookie|auth|headers|cred|conn|database|dsn|token|jwt|bearer|sid|kennwort|contrase|senha/i

const FOREIGN_LETTER = /[^\u0000-\u007f]/

/** Words that may follow the name of a secret without making it something else. */
const TRAILING = new Set(
  "value values text plain plaintext raw base base64 b64 hash hashed digest header new old current previous confirm confirmation repeat".split(
    " ",
  ),
)

/** Before `token`: what a tokenizer, a model, a biller or a page reader means by it. */
const HARMLESS_TOKEN = new Set(
  (
    "max min num n total avg mean per first last next previous prev current start end stop eos bos pad unk sep cls mask " +
    "special added prompt completion input output image audio text word sub subword char byte context cached reasoning " +
    "page continuation pagination price cost time logit top is has use predicted generated target source invalid unexpected " +
    "nth multi single de un re pre post non"
  ).split(" "),
)

const MAX_NAME_CHARS = 128
const CAMEL = /([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g
const NUMBER_AT_END = /\d{1,3}$/

/** The words of a key name in lower case; a number at the end of a word is dropped (`password2`). */
export function wordsOf(name: string): string[] {
  return plainLetters(name)
    .replace(CAMEL, "$1$3 $2$4")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .map((word) => word.replace(NUMBER_AT_END, ""))
    .filter((word) => word !== "")
}

/** Letters of full width become those of ASCII, and lose their accents. */
function plainLetters(name: string): string {
  return FOREIGN_LETTER.test(name) ? name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "") : name
}

/** Whether a name needs a look at its words. */
export function mayNameSecret(name: string): boolean {
  if (NAME_HINT.test(name)) return true
  return name.length <= MAX_NAME_CHARS && FOREIGN_LETTER.test(name) && NAME_HINT.test(plainLetters(name))
}

/**
 * The rule for a key name by default, or undefined.
 *
 * @example
 * ```ts
 * defaultKeyRule("clientSecret") // { kind: "secret", keepsNumbers: false }
 * defaultKeyRule("max_tokens") // undefined
 * ```
 */
export function defaultKeyRule(name: string): KeyRule | undefined {
  if (name.length > MAX_NAME_CHARS) return undefined
  const words = wordsOf(name)
  const whole = WHOLE.get(words.join(" "))
  if (whole !== undefined) return whole
  for (let end = words.length; end > 0; end--) {
    const found = endingRule(words, end)
    if (found !== undefined) return found
    if (!TRAILING.has(words[end - 1]!)) return undefined
  }
  return undefined
}

function endingRule(words: readonly string[], end: number): KeyRule | undefined {
  for (const length of [3, 2, 1]) {
    const found = length <= end ? ENDINGS.get(words.slice(end - length, end).join(" ")) : undefined
    if (found === undefined) continue
    return found.kind === "token" && HARMLESS_TOKEN.has(words[end - length - 1] ?? "") ? undefined : found
  }
  return end === 0 ? undefined : gluedRule(words[end - 1]!)
}

function gluedRule(word: string): KeyRule | undefined {
  const found = GLUED.find(([ending]) => word.endsWith(ending))
  if (found === undefined) return undefined
  const [ending, kind] = found
  const beginning = word.slice(0, -ending.length)
  // `NOPASSWD` says that there is none.
  if (beginning === "no" || (kind === "token" && isHarmlessBefore(beginning))) return undefined
  return { kind, keepsNumbers: kind === "token" }
}

/** `eostoken`, `timetofirsttoken`. Two letters count only on their own: they end too many other words. */
function isHarmlessBefore(beginning: string): boolean {
  if (HARMLESS_TOKEN.has(beginning)) return true
  for (let from = 1; from <= beginning.length - 3; from++) if (HARMLESS_TOKEN.has(beginning.slice(from))) return true
  return false
}
