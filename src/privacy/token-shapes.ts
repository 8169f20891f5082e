/**
 * Shapes of secrets that tell themselves apart in any text: tokens by their issuers' prefixes, JWTs, PEM blocks,
 * passwords and signatures in URLs. Pure data.
 *
 * No pattern repeats within a repeat, and each begins at a boundary or a literal that its own repeats cannot hold, so
 * the time stays in proportion to the length on hostile text.
 * @module
 */

/** A pattern whose match is a secret; with a group `keep`, that part of the match stays. */
export interface Shape {
  readonly kind: string
  readonly pattern: RegExp
}

// No letter or digit before a token: base64 data and words must not seem to begin one in their middle.
function token(kind: string, shape: string): Shape {
  return { kind, pattern: new RegExp(`(?<![\\w-])${shape}`, "g") }
}

/** In the order in which they are looked for. */
export const SHAPES: readonly Shape[] = [
  {
    kind: "private_key",
    // A block without an end takes the rest of the text: the key may have been cut.
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  },
  { kind: "url_password", pattern: /(?<keep>:\/\/[^\s/?#:@"'<>]{0,256}:)[^\s/?"'<>]{1,512}(?=@)/g },
  {
    kind: "url_signature",
    pattern: /(?<keep>[?&](?:sig|signature|x-amz-signature|x-goog-signature)=)[\w%+/=.~-]{16,}/gi,
  },
  token("aws_access_key", "(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9+/=])"),
  token("google_api_key", "AIza[\\w-]{35}"),
  token("google_oauth", "(?:ya29\\.[\\w-]{16,}|GOCSPX-[\\w-]{16,})"),
  token("github_token", "(?:gh[opsur]_|github_pat_)\\w{20,}"),
  token("gitlab_token", "gl(?:pat|ptt|dt|rt|cbt|soat|ft)-[\\w-]{16,}"),
  token("slack_token", "(?:xox[abceoprs]|xapp)-[\\w-]{8,}"),
  token("stripe_key", "(?:[sr]k_(?:live|test)_\\w{10,}|whsec_[A-Za-z0-9+/=]{16,})"),
  token("anthropic_key", "sk-ant-[\\w-]{8,}"),
  token("openai_key", "sk-(?:(?:proj|svcacct|admin|or-v1)-[\\w-]{16,}|[A-Za-z0-9]{16,})"),
  token("huggingface_token", "(?:hf_|api_org_)[A-Za-z0-9]{20,}"),
  token("npm_token", "npm_[A-Za-z0-9]{20,}"),
  token("pypi_token", "pypi-AgE[\\w-]{16,}"),
  token("sendgrid_key", "SG\\.[\\w-]{16,}\\.[\\w-]{16,}"),
  token("twilio_key", "SK[0-9a-f]{32}(?![\\w-])"),
  token("databricks_token", "dapi[0-9a-f]{32}(?:-\\d)?(?![\\w-])"),
  token("digitalocean_token", "do[opr]_v1_[0-9a-f]{64}"),
  token("replicate_token", "r8_[A-Za-z0-9]{32,}"),
  token("vault_token", "hv[sbr]\\.[\\w-]{20,}"),
  token("age_key", "AGE-SECRET-KEY-1[A-Z0-9]{32,}"),
  token("telegram_token", "\\d{8,10}:AA[\\w-]{32,35}(?![\\w-])"),
  token("jwt", "eyJ[\\w-]{5,}\\.[\\w-]{5,}(?:\\.[\\w-]*){1,4}"),
]

/** Matches wherever one of {@link SHAPES} can begin; what it does not match needs none of them. */
export const SHAPE_HINT: RegExp =
  /-----BEGIN |:\/\/[^\s/]{0,768}@|[?&](?:sig|signature|x-(?:amz|goog)-signature)=|A(?:KIA|SIA|BIA|CCA|ROA|IDA|Iza|GE-SECRET)|ya29\.|GOCSPX-|gh[opsur]_|github_pat_|gl(?:pat|ptt|dt|rt|cbt|soat|ft)-|xox[abceoprs]-|xapp-|[sr]k_(?:live|test)_|whsec_|sk-|hf_|api_org_|npm_|pypi-AgE|SG\.|SK[0-9a-f]{8}|dapi|do[opr]_v1_|r8_|hv[sbr]\.|:AA|eyJ/i
