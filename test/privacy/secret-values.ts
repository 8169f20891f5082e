/**
 * Secrets as they stand in values that are no texts: under names, beside names, in maps, errors, URLs and deep down.
 * @module
 */
import type { SecretMaker } from "./made-up-secret.ts"

/** What it is, and a value that holds it. */
export type SecretValue = readonly [title: string, value: (make: SecretMaker) => object]

class Settings {
  readonly apiKey: string
  constructor(apiKey: string) {
    this.apiKey = apiKey
  }
}

function withCode(message: string, fields: object): Error {
  return Object.assign(new Error(message), fields)
}

function nested(levels: number, value: unknown): object {
  let nest: object = { value }
  for (let level = 0; level < levels; level++) nest = level % 2 === 0 ? [nest] : { nest }
  return { nest }
}

/** Those that are found. */
export const SECRET_VALUES: readonly SecretValue[] = [
  ["under its name", (make) => ({ password: make.password() })],
  ["under its name, as a number", (make) => ({ pin: 1, passcode: Number(`1${make.digits(14)}`) })],
  ["under its name, as a list", (make) => ({ password: [make.password(), make.password()] })],
  ["under its name, as an object", (make) => ({ credentials: { a: make.password(), b: [make.body(12)] } })],
  ["under its name, as bytes", (make) => ({ privateKey: Buffer.from(make.body(32)) })],
  ["under its name, in capitals", (make) => ({ AWS_SECRET_ACCESS_KEY: make.body(40) })],
  ["under its name, in camel case", (make) => ({ awsSecretAccessKey: make.body(40), clientSecret: make.body(9) })],
  ["under names of vendors", (make) => ({ AccountKey: make.body(86), "x-functions-key": make.body(40) })],
  [
    "under its name in another script",
    (make) => ({ "user.password": make.password(), "db/password": make.password() }),
  ],
  ["under its name, plural", (make) => ({ passwords: [make.password()], apiKeys: { a: make.body(20) } })],
  ["headers", (make) => ({ headers: { Authorization: `Bearer ${make.body(20)}`, "X-Api-Key": make.body(20) } })],
  ["headers by fetch", (make) => ({ headers: new Headers({ authorization: `Bearer ${make.body(20)}` }) })],
  [
    "a list of headers",
    (make) => ({
      headers: [
        ["Cookie", `a=${make.body(20)}`],
        ["Accept", "*/*"],
      ],
    }),
  ],
  ["raw headers", (make) => ({ rawHeaders: ["Host", "a", "Authorization", `Custom ${make.body(20)}`] })],
  ["name and value", (make) => ({ env: [{ name: "DB_PASSWORD", value: make.password() }] })],
  ["name and value in HAR", (make) => ({ cookies: [{ name: "sid", value: make.body(24), path: "/" }] })],
  ["key and value", (make) => ({ tags: [{ Key: "ApiKey", Value: make.body(24) }] })],
  ["a list of two arguments", (make) => ({ argv: ["--password", make.password()] })],
  ["a list of arguments with =", (make) => ({ argv: ["run", `--api-key=${make.body(20)}`] })],
  ["a list of arguments with a header", (make) => ({ argv: ["curl", "-H", `Authorization: Bearer ${make.body(20)}`] })],
  ["a form", (make) => ({ form: new URLSearchParams({ user: "a", password: make.password() }) })],
  ["a form as text", (make) => ({ form: `${new URLSearchParams({ user: "a", password: make.password() })}` })],
  ["a URL", (make) => ({ url: new URL(`https://ann:${make.password()}@example.org/?a=1`) })],
  ["a URL with a query", (make) => ({ url: new URL(`https://example.org/?api_key=${make.body(20)}`) })],
  ["a Map by name", (make) => ({ map: new Map([["password", make.password()]]) })],
  ["a Map with a secret key", (make) => ({ map: new Map([[`ghp_${make.body(36)}`, 1]]) })],
  ["a Map in a Map", (make) => ({ map: new Map([["a", new Map([["token", make.body(12)]])]]) })],
  ["a Set", (make) => ({ set: new Set([`glpat-${make.body(20)}`]) })],
  ["a key of an object", (make) => ({ seen: { [`npm_${make.body(36)}`]: true } })],
  ["an Error", (make) => ({ error: new Error(`cannot use password=${make.password()}`) })],
  ["an Error's cause", (make) => ({ error: new Error("x", { cause: new Error(`Bearer ${make.body(30)}`) }) })],
  ["a cause that is no Error", (make) => ({ error: new Error("x", { cause: { apiKey: make.body(20) } }) })],
  ["an AggregateError", (make) => ({ error: new AggregateError([new Error(make.jwt())], "all failed") })],
  ["an Error with fields", (make) => ({ error: withCode("x", { config: { auth: make.password() } }) })],
  ["an Error's code", (make) => ({ error: withCode("x", { code: `token=${make.body(20)}` }) })],
  ["an instance", (make) => ({ settings: new Settings(make.body(20)) })],
  ["what toJSON returns", (make) => ({ settings: { toJSON: () => ({ password: make.password() }) } })],
  [
    "a getter",
    (make) => ({ settings: Object.defineProperty({}, "secret", { enumerable: true, get: () => make.body(20) }) }),
  ],
  ["a boxed String", (make) => ({ boxed: Object(`hf_${make.body(34)}`) as object })],
  ["a RegExp", (make) => ({ pattern: new RegExp(`sk_live_${make.body(24)}`) })],
  ["a symbol", (make) => ({ symbol: Symbol(`sk_live_${make.body(24)}`) })],
  ["a function's name", (make) => ({ fn: { [`ghp_${make.body(36)}`]: () => 1 } })],
  ["deep down", (make) => nested(40, { password: make.password() })],
  [
    "a table",
    (make) => ({
      rows: [
        { user: "a", password: make.password() },
        { user: "b", password: make.password() },
      ],
    }),
  ],
  ["under its name in letters of full width", (make) => ({ ｐａｓｓｗｏｒｄ: make.password() })],
  ["JSON in a value", (make) => ({ body: JSON.stringify({ token: make.body(20), n: 1 }) })],
  [
    "the body of a request",
    (make) => ({ init: { method: "POST", body: `grant_type=password&password=${make.password()}` } }),
  ],
  ["process.env", (make) => ({ env: { HOME: "/", GITHUB_TOKEN: make.body(20), DATABASE_URL: make.password() } })],
  ["a Proxy", (make) => ({ proxy: new Proxy({ secretKey: make.body(20) }, {}) })],
  [
    "an object without a prototype",
    (make) => ({ bare: Object.assign(Object.create(null) as object, { passwd: make.password() }) }),
  ],
  [
    "AWS credentials",
    (make) => ({
      a: { AccessKeyId: `ASIA${make.capitals(16)}`, SecretAccessKey: make.body(40), SessionToken: make.body(80) },
    }),
  ],
  [
    "a service account",
    (make) => ({ type: "service_account", private_key_id: "1f", private_key: make.pem("PRIVATE KEY") }),
  ],
  ["a Docker login", (make) => ({ auths: { "r.example": { auth: make.body(28) } } })],
  ["axios auth", (make) => ({ auth: { username: "ann", password: make.password() } })],
]

/** Those that are not: no name stands over or directly beside the secret, and it has no form of its own. */
export const SECRET_VALUES_MISSED: readonly SecretValue[] = [
  ["raw headers under another name", (make) => ({ lines: ["Host", "a", "X-Api-Key", make.body(20), "Via", "b"] })],
  ["header and value", (make) => ({ sent: [{ header: "Authorization", value: make.body(24) }] })],
  ["a list of arguments", (make) => ({ argv: ["run", "--user", "a", "--password", make.password(), "-v"] })],
  ["a list of arguments of curl", (make) => ({ argv: ["curl", "-u", `ann:${make.password()}`, "https://a.example"] })],
  ["a table by columns", (make) => ({ columns: ["user", "password"], rows: [["a", make.password()]] })],
  ["a JSON Web Key", (make) => ({ key: { kty: "OKP", crv: "Ed25519", x: "AA", d: make.body(43) } })],
]
