import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { createRedactor } from "./index.ts"
import { defaultKeyRule, NAME_HINT } from "./key-rules.ts"
import { SHAPE_HINT } from "./token-shapes.ts"

const { redactText } = createRedactor()

/** Letters and digits that look like a token; not random, so a failure repeats. */
function filler(length: number, alphabet = "aB3dE5fG7hJ9kLmN2pQrS4tUvW6xYz8"): string {
  return Array.from({ length }, (_, i) => alphabet[(i * 7 + 3) % alphabet.length]).join("")
}

const HEX = filler(64, "0123456789abcdef")
const JWT =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
const PEM = `-----BEGIN RSA PRIVATE KEY-----\nMIIEow${filler(60)}\n${filler(64)}==\n-----END RSA PRIVATE KEY-----`

/** kind, the secret; each is tried alone and in the middle of a text. */
const SHAPED: readonly (readonly [string, string])[] = [
  ["aws_access_key", `AKIA${filler(16, "ABCDEFGH234567")}`],
  ["aws_access_key", `ASIA${filler(16, "ABCDEFGH234567")}`],
  ["google_api_key", `AIza${filler(35)}`],
  ["google_oauth", `ya29.${filler(60)}`],
  ["google_oauth", `GOCSPX-${filler(28)}`],
  ["github_token", `ghp_${filler(36)}`],
  ["github_token", `gho_${filler(36)}`],
  ["github_token", `ghs_${filler(36)}`],
  ["github_token", `github_pat_${filler(22)}_${filler(59)}`],
  ["gitlab_token", `glpat-${filler(20)}`],
  ["slack_token", `xoxb-${filler(12, "0123456789")}-${filler(24)}`],
  ["slack_token", `xoxp-${filler(40)}`],
  ["slack_token", `xapp-1-${filler(40)}`],
  ["stripe_key", `sk_live_${filler(24)}`],
  ["stripe_key", `rk_test_${filler(24)}`],
  ["stripe_key", `whsec_${filler(32)}`],
  ["anthropic_key", `sk-ant-api03-${filler(80)}`],
  ["openai_key", `sk-${filler(48)}`],
  ["openai_key", `sk-proj-${filler(64)}`],
  ["huggingface_token", `hf_${filler(34)}`],
  ["npm_token", `npm_${filler(36)}`],
  ["pypi_token", `pypi-AgEIcHlwaS5vcmc${filler(60)}`],
  ["sendgrid_key", `SG.${filler(22)}.${filler(43)}`],
  ["twilio_key", `SK${HEX.slice(0, 32)}`],
  ["databricks_token", `dapi${HEX.slice(0, 32)}`],
  ["digitalocean_token", `dop_v1_${HEX}`],
  ["replicate_token", `r8_${filler(37)}`],
  ["vault_token", `hvs.${filler(90)}`],
  ["age_key", `AGE-SECRET-KEY-1${filler(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")}`],
  ["telegram_token", `1234567890:AA${filler(33)}`],
  ["jwt", JWT],
  ["jwt", `${JWT.split(".").slice(0, 2).join(".")}.`],
  ["private_key", PEM],
  ["private_key", PEM.replaceAll("RSA ", "").replaceAll("\n", "\\n")],
  ["private_key", PEM.replaceAll("RSA ", "OPENSSH ")],
]

test.each(SHAPED)("%s: %s", (kind, secret) => {
  expect(redactText(secret)).toBe(`[redacted:${kind}]`)
  for (const [before, after] of [
    ["got ", " back"],
    ['{"x":"', '"}'],
    ["TOKEN_X=", "\n"],
    ["(", ")"],
    ["/v1/", "?a"],
  ]) {
    expect(redactText(before + secret + after)).toBe(`${before}[redacted:${kind}]${after}`)
  }
})

/** text, what is stored. */
const IN_TEXT: readonly (readonly [string, string])[] = [
  ["postgres://app:hunter2@db.example.com:5432/x", "postgres://app:[redacted:url_password]@db.example.com:5432/x"],
  ["amqps://:p%40ss@mq", "amqps://:[redacted:url_password]@mq"],
  ["mongodb+srv://u:p@ss#w@cluster0.example.net", "mongodb+srv://u:[redacted:url_password]@cluster0.example.net"],
  [
    `https://store.example.net/c?sp=r&sig=${filler(30)}%3D&sv=1`,
    "https://store.example.net/c?sp=r&sig=[redacted:url_signature]&sv=1",
  ],
  ["GET /x?api_key=abc&user=1", "GET /x?api_key=[redacted:api_key]&user=1"],
  ["GET /x?access_token=abcdef12345&user=1", "GET /x?access_token=[redacted:token]&user=1"],
  ["Bearer abc123", "Bearer [redacted:authorization]"],
  ["bearer abcdefghijklmnopqrstuvwxyz", "bearer [redacted:authorization]"],
  ["sent Bearer s3cr3t-x to it", "sent Bearer [redacted:authorization] to it"],
  ["Basic dXNlcjpwYXNz", "Basic [redacted:authorization]"],
  ["Authorization: Bearer abc", "Authorization: [redacted:authorization]"],
  ["curl -H 'Authorization: Basic dXNlcjpwYXNz' x", "curl -H 'Authorization: [redacted:authorization]' x"],
  ["Cookie: sid=1; theme=dark\nHost: x", "Cookie: [redacted:cookie]\nHost: x"],
  ["set-cookie: sid=1; HttpOnly", "set-cookie: [redacted:cookie]"],
  ["password=hunter2", "password=[redacted:password]"],
  ["password: hunter2, user: ann", "password: [redacted:password], user: ann"],
  ['{"password":"hun\\"ter2","a":1}', '{"password":"[redacted:password]","a":1}'],
  ['{"api_key": "abc"}', '{"api_key": "[redacted:api_key]"}'],
  ['"{\\"clientSecret\\":\\"abc\\"}"', '"{\\"clientSecret\\":\\"[redacted:secret]\\"}"'],
  ["{'token': 'abcdef123456'}", "{'token': '[redacted:token]'}"],
  ["API key: abc-def", "API key: [redacted:api_key]"],
  ["client_secret = abc", "client_secret = [redacted:secret]"],
  ["AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=[redacted:secret]"],
  ["AccountName=x;AccountKey=abc==;EndpointSuffix=y", "AccountName=x;AccountKey=[redacted:api_key];EndpointSuffix=y"],
  ["Server=db;Password=abc;Database=d", "Server=db;Password=[redacted:password];Database=d"],
  ["msg: password=abc", "msg: password=[redacted:password]"],
  ["run --password hunter2 --user ann", "run --password [redacted:password] --user ann"],
  ["run --api-key=abc -v", "run --api-key=[redacted:api_key] -v"],
  [`-----BEGIN PRIVATE KEY-----\n${filler(40)}`, "[redacted:private_key]"],
  ["password=[redacted:password]", "password=[redacted:password]"],
  ["PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=[redacted:password] psql -h db"],
  ["export PGPASSWORD='hunter2 x'", "export PGPASSWORD='[redacted:password]'"],
  ["MYSQL_PWD=hunter2 mysql", "MYSQL_PWD=[redacted:password] mysql"],
  ["SSHPASS=hunter2 sshpass -e ssh", "SSHPASS=[redacted:password] sshpass -e ssh"],
  ["DBPASSWD=x", "DBPASSWD=[redacted:password]"],
  ["GITHUB_TOKEN=hello", "GITHUB_TOKEN=[redacted:token]"],
  ["GITHUBTOKEN=hello", "GITHUBTOKEN=[redacted:token]"],
  ["TOKEN=hello", "TOKEN=[redacted:token]"],
  ["GH_TOKEN=abc npm ci", "GH_TOKEN=[redacted:token] npm ci"],
  ["accessToken=abc", "accessToken=[redacted:token]"],
  ['{"refresh_token": "abc"}', '{"refresh_token": "[redacted:token]"}'],
  ["APPSECRET=abc", "APPSECRET=[redacted:secret]"],
  ["COHERE_API_KEY=abc", "COHERE_API_KEY=[redacted:api_key]"],
  ["XAPIKEY=abc", "XAPIKEY=[redacted:api_key]"],
  ["curl -u ann:hunter2 https://x.example", "curl -u ann:[redacted:password] https://x.example"],
  ["curl -uann:hunter2 https://x.example", "curl -uann:[redacted:password] https://x.example"],
  ["curl -u 'ann:my pass' https://x.example", "curl -u 'ann:[redacted:password]' https://x.example"],
  ['curl --user "ann:hunter2" x', 'curl --user "ann:[redacted:password]" x'],
  ["curl --user=ann@x.example:hunter2 x", "curl --user=ann@x.example:[redacted:password] x"],
  ["curl --proxy-user p:q x", "curl --proxy-user p:[redacted:password] x"],
  ["curl -U p:q x", "curl -U p:[redacted:password] x"],
  ["--user ann:hunter2", "--user ann:[redacted:password]"],
]

test.each(IN_TEXT)("%s", (text, stored) => {
  expect(redactText(text)).toBe(stored)
})

const HARMLESS: readonly string[] = [
  "patient_records",
  "training disease prediction model",
  "data_scientist_1",
  "max_tokens",
  "max_tokens=512",
  '{"max_tokens": 512, "tokens": [1, 2], "eos_token": "</s>"}',
  "tokenizer.json",
  "tokenizer: bert-base-uncased",
  "special token: [PAD]",
  "Unexpected token < in JSON at position 0",
  "SyntaxError: Unexpected token: }",
  "token: hello",
  "next_page_token: CAESBQ12345678",
  "Token classification",
  "Basic statistics",
  "Basic RandomForest model",
  "basic authentication is off",
  "Bearer bonds",
  "d290f1ee-6c54-4b01-90e6-d701748f0851",
  "018bcfe5-6800-7000-9c22-186b2a5ed793",
  HEX,
  `sha256:${HEX}`,
  `sha256-${Buffer.from(HEX, "hex").toString("base64")}`,
  HEX.slice(0, 40),
  `data:image/png;base64,${filler(200)}`,
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "task-abcdefghijklmnopqrstuvwxyz123456",
  "risk-abcdefghijklmnopqrstuvwxyz",
  "sk-learn-random-forest-classifier-v2",
  "sk_model_live_v2",
  "https://example.com/a:b@c",
  "https://example.com:8443/path?x=a@b.example",
  "https://user@example.com/",
  "ann@example.com",
  "mailto:ann@example.com",
  "2026-11-24T02:11:00.123Z",
  "12:30:45",
  "ratio 3:1",
  "C:\\data\\tokens.csv",
  "/models/resnet50/checkpoint-12000/pytorch_model.bin",
  "s3://bucket/patients/2026/11/24/part-00000.parquet",
  "hdfs://namenode:8020/user/ann",
  "localhost:5432",
  "key=value",
  "primary_key=id",
  "public_key: ssh-ed25519",
  "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
  "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
  "hf_hub_download failed",
  "hf_model_with_a_long_name_v2",
  "npm_config_registry is unset",
  "npm_lifecycle_event=test",
  "gpt-4o-mini-2024-07-18",
  "eyJ is how a JWT begins",
  "AKIA is a prefix",
  "authorization_status: granted",
  "author: Ann Example",
  "password_policy: 12 characters",
  "password: null",
  "passwords match",
  "secretary: Ann",
  "cookie_consent=true",
  "accuracy=0.93 f1=0.91 auc=0.97",
  "lr=1e-3 --epochs 10 --batch-size 32",
  "--max-tokens 512 --tokenizer bert",
  "epsilon: 1.0, delta: 1e-5",
  "SELECT age, diagnosis FROM patients WHERE id = 'p1'",
  "feature_importance[age]=0.4",
  "class=positive; threshold=0.5",
  "SGD.momentum_coefficient_value.nesterov_accelerated",
  "SKLearnPipelineWithStandardScaler",
  "xoxo-love-from-the-data-team",
  "GDPR Article 30(1)(a): records of processing",
  "docker run -u 1000:1000 image",
  "docker run --user node:node image",
  "podman run --user app:staff image",
  "git push -u origin HEAD:main",
  "rsync -u host:/data /backup",
  "curl -u ann https://x.example:8443/a",
  "curl --user-agent bot:1.0 x",
  "python -u train.py --user ann",
  "run --user 501:20",
  "eostoken=</s>",
  "PADTOKEN=[PAD]",
  "maxtoken=512",
  "tokenizer=bert",
  "compass=north",
  "ann ALL=(ALL) NOPASSWD: ALL",
  "secretary=ann",
  "nth_token=x",
  '{"token": "hello", "score": 0.9}',
  "token='hello'",
  "日本語のテキスト:値",
  "\u001b[31mred\u001b[0m: text",
  "a".repeat(300),
]

test.each(HARMLESS)("%j is kept", (text) => {
  expect(redactText(text)).toBe(text)
})

test("the corpus is as large as it should be", () => {
  expect(SHAPED.length + IN_TEXT.length).toBeGreaterThanOrEqual(60)
  expect(HARMLESS.length).toBeGreaterThanOrEqual(60)
})

test("the sieves let every shape and every name of a secret through", () => {
  for (const [, secret] of SHAPED) expect(SHAPE_HINT.test(secret)).toBe(true)
  const names = fc.stringMatching(/^(?:[a-z]{1,5}_){0,2}[a-z]{2,8}$/)
  const known = fc.constantFrom(
    "password",
    "totp",
    "ssh_key",
    "raw_headers",
    "user_pass",
    "creds",
    "private_pem",
    "jwt",
    "dsn",
    "conn_str",
    "cookies",
    "database_url",
    "pwd",
    "connect.sid",
    "PHPSESSID",
  )
  fc.assert(
    fc.property(fc.oneof(names, known), (name) => {
      if (defaultKeyRule(name) !== undefined) expect(NAME_HINT.test(name)).toBe(true)
    }),
  )
})

test("what was redacted stays as it is when redacted again", () => {
  for (const [, stored] of IN_TEXT) expect(redactText(stored)).toBe(stored)
})

/** Least time of the processor in some runs, not of the clock: other processes do not count. */
function leastMs(text: string): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 3; i++) {
    const started = process.cpuUsage()
    redactText(text)
    least = Math.min(least, process.cpuUsage(started).user / 1000)
  }
  return least
}

describe("the time stays in proportion to the length on hostile text: up to a megabyte", () => {
  const SEEDS = [
    "a",
    "eyJ",
    "eyJaaaaa.",
    "sk-",
    "://:",
    "://a:b",
    "a://b:c@",
    "=",
    "a=",
    "a:",
    "password=",
    "password: ",
    'password="',
    '"password":',
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "Bearer ",
    "Basic aaaaaaaa",
    "bearer a",
    "--",
    "--a ",
    "--password ",
    "ghp_",
    "xoxb-",
    "AKIAAAAA",
    "?sig=",
    "a b ",
    "a.",
    '\\"',
    "[]:",
    " : ",
    "SG.",
    "SG.aaaaaaaaaaaaaaaaaaaa.",
    "1234567890:AA",
    "Cookie: ",
    "authorization",
    "AGE-SECRET-KEY-1",
    "é:",
    "\ud800",
    " -u",
    "curl -u a",
    "--user ",
    "--user a:",
    "PASSWORD",
    "TOKEN=",
    "-u a:b ",
    "password is ",
    "password 'a",
    "password=a,",
    "password: a ",
    "password: |\n ",
    "\n password: a b",
    'password={"',
    'password=["a\\',
    'password=\\"a\\\\',
    "login a password ",
    "login ",
    "sshpass ",
    "sshpass -p",
    "docker login ",
    "mysql ",
    "mysql -p",
    "curl -b ",
    "wandb login ",
    "x:5432:a:b:",
    "a:5432:",
    "<password>",
    "<password a",
    "<a></a>",
    'name="a"\r\n\r\n',
    'name="a"',
    "name: password value: ",
    "name: a, ",
    '["password","',
    '["a","',
    "Private-Lines: 1",
    "---- BEGIN SSH2 PRIVATE KEY ----",
    "https://a1a1a1a1a1a1a1a1a1a1",
    "jdbc:oracle:thin:a/",
    "hooks.slack.com/services/",
    "a8Q~",
    "%3D",
    "password%3D",
    "\u001b[0m=",
    'Cookie: a"',
  ]
  test.each(SEEDS)("%j repeated", (seed) => {
    const ofChars = (chars: number): string => seed.repeat(Math.ceil(chars / seed.length))
    // Four times the text takes four times the time; were it the square, sixteen times. The shortest times say nothing.
    const growth = (): number => leastMs(ofChars(1 << 20)) / Math.max(25, leastMs(ofChars(1 << 18)))
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < 3 && least > 10; i++) least = Math.min(least, growth())
    expect(least).toBeLessThan(10)
  })
})
