/**
 * Shapes of secrets that tell themselves apart in any text: tokens by their issuers' prefixes, JWTs, blocks with private
 * keys, passwords, tokens and signatures in URLs. Pure.
 *
 * No pattern repeats within a repeat, and each begins at a boundary or a literal that its own repeats cannot hold, so
 * the time stays in proportion to the length on hostile text.
 * @module
 */

/** Kind and shape of tokens; a shape holds no capturing group. */
const TOKENS: readonly (readonly [kind: string, shape: string])[] = [
  ["aws_access_key", "(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9+/=])"],
  ["google_api_key", "AIza[\\w-]{35}"],
  ["google_oauth", "(?:ya29\\.[\\w-]{16,}|GOCSPX-[\\w-]{16,})"],
  ["github_token", "(?:gh[opsur]_|github_pat_)\\w{20,}"],
  ["gitlab_token", "gl(?:pat|ptt|dt|rt|cbt|soat|ft)-[\\w-]{16,}(?:\\.[\\w-]{2,}){0,3}"],
  ["slack_token", "(?:xox[abcdeprs]|xapp)-[\\w-]{12,}"],
  ["stripe_key", "(?:[sr]k_(?:live|test)_\\w{10,}|whsec_[A-Za-z0-9+/=]{16,})"],
  ["anthropic_key", "sk-ant-[\\w-]{12,}"],
  ["openai_key", "sk-(?:(?:proj|svcacct|admin|or-v1)-[\\w-]{16,}|[A-Za-z0-9]{16,})"],
  ["groq_key", "gsk_[A-Za-z0-9]{20,}"],
  ["linear_key", "lin_(?:api|oauth)_[A-Za-z0-9]{20,}"],
  ["azure_client_secret", "\\w{3}\\dQ~[\\w.~-]{31,34}(?![\\w.~-])"],
  ["huggingface_token", "(?:hf_|api_org_)[A-Za-z0-9]{20,}"],
  ["npm_token", "npm_[A-Za-z0-9]{20,}"],
  ["pypi_token", "pypi-AgE[\\w-]{16,}"],
  ["sendgrid_key", "SG\\.[\\w-]{16,}\\.[\\w-]{16,}"],
  ["twilio_key", "SK[0-9a-f]{32}(?![\\w-])"],
  ["databricks_token", "dapi[0-9a-f]{32}(?:-\\d)?(?![\\w-])"],
  ["digitalocean_token", "do[opr]_v1_[0-9a-f]{64}"],
  ["replicate_token", "r8_[A-Za-z0-9]{32,}"],
  ["vault_token", "hv[sbr]\\.[\\w-]{20,}"],
  ["age_key", "AGE-SECRET-KEY-1[A-Z0-9]{32,}"],
  ["telegram_token", "\\d{8,10}:AA[\\w-]{32,35}(?![\\w-])"],
  ["jwt", "eyJ[\\w-]{5,}\\.[\\w-]{5,}(?:\\.[\\w-]*){1,4}"],
]

// No letter or digit before a token: base64 data and words must not seem to begin one in their middle.
const TOKEN = new RegExp(`(?<![\\w-])(?:${TOKENS.map(([, shape]) => `(${shape})`).join("|")})`, "g")

// A block without an end takes the rest of the text: the key may have been cut.
const PRIVATE_KEY =
  /-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}[\s\S]*?(?:-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|$)/g
const PUTTY_KEY = /(Private-Lines: ?\d{1,3})[\s\S]*?(?:Private-(?:MAC|Hash): ?[0-9a-f]+|$)/g
// `username:password@` stands in manuals.
const URL_PASSWORD = /(:\/\/(?!username:password@)[^\s/?#:@"'<>]{0,256}:)[^\s/?"'<>]{1,512}(?=@)/g
/** A token where the user's name would be: `https://<token>@github.com`. */
const URL_USER = /(:\/\/)(?=[A-Za-z_-]{0,128}\d)(?=[\d_-]{0,128}[A-Za-z])[\w-]{20,256}(?=(?::(?:x-oauth-basic)?)?@)/g
const ORACLE_PASSWORD = /(jdbc:oracle:\w{1,8}:[\w.$#-]{1,128}\/)[^\s/@"'<>]{1,256}(?=@)/g
const WEBHOOK =
  /(hooks\.slack\.com\/(?:services|workflows|triggers)\/|discord(?:app)?\.com\/api\/webhooks\/\d{1,24}\/)[\w/-]{16,}/g
const URL_SIGNATURE = /([?&](?:sig|signature|x-amz-signature|x-goog-signature)=)[\w%+/=.~-]{16,}/gi

/** Matches wherever a shape can begin; a text that it does not match holds none. */
export const SHAPE_HINT: RegExp =
  /-BEGIN |- BEGIN |:\/\/[^\s/]{0,768}@|[?&](?:[Ss][Ii][Gg]|[Xx]-[AGag])|A(?:KIA|SIA|BIA|CCA|ROA|IDA|Iza|GE-SECRET)|ya29\.|GOCSPX-|gh[opsur]_|github_pat_|gl(?:pat|ptt|dt|rt|cbt|soat|ft)-|xox[abcdeprs]-|xapp-|[sr]k_(?:live|test)_|whsec_|sk-|gsk_|lin_|\dQ~|hf_|api_org_|npm_|pypi-AgE|SG\.|SK[0-9a-f]{8}|dapi|do[opr]_v1_|r8_|hv[sbr]\.|:AA|eyJ/

/** What stands for a secret inside a text. */
export function textMarker(kind: string): string {
  return `[redacted:${kind}]`
}

/** Replaces every shape in a text; of a URL its user and host stay. */
export function redactShapes(text: string): string {
  return text
    .replace(PRIVATE_KEY, textMarker("private_key"))
    .replace(URL_PASSWORD, `$1${textMarker("url_password")}`)
    .replace(URL_USER, `$1${textMarker("url_password")}`)
    .replace(URL_SIGNATURE, `$1${textMarker("url_signature")}`)
    .replace(TOKEN, (...match) => textMarker(kindOf(match)))
}

/** The same for what cannot be without a `:`, and is told apart sooner by a word in it. */
export function redactRareShapes(text: string): string {
  let out = text
  if (out.includes("hooks")) out = out.replace(WEBHOOK, `$1${textMarker("webhook")}`)
  if (out.includes("jdbc:")) out = out.replace(ORACLE_PASSWORD, `$1${textMarker("url_password")}`)
  return out.includes("Private-L") ? out.replace(PUTTY_KEY, `$1 ${textMarker("private_key")}`) : out
}

// match: the whole, then one group a token, of which exactly one is set.
function kindOf(match: readonly unknown[]): string {
  return TOKENS[match.findIndex((group, i) => i > 0 && group !== undefined) - 1]![0]
}
