import { describe, expect, test } from "vitest"
import { encodeContext, encodeValue, errorDetails } from "../event/index.ts"
import { createRedactor, type RedactOptions } from "./index.ts"

function stored(value: unknown, redact?: RedactOptions): unknown {
  return JSON.parse(encodeValue(value, { limitBytes: 60_000, redactor: createRedactor(redact) }).json)
}

function marker(kind: string): object {
  return { $secureml: "redacted", kind }
}

const SECRET_KEYS: readonly (readonly [string, string])[] = [
  ["password", "password"],
  ["Password", "password"],
  ["passwd", "password"],
  ["user_password", "password"],
  ["dbPassword", "password"],
  ["new-password2", "password"],
  ["password_hash", "password"],
  ["PGPASSWORD", "password"],
  ["DBPASSWD", "password"],
  ["SSHPASS", "password"],
  ["APPSECRET", "secret"],
  ["XAPIKEY", "api_key"],
  ["SECRETKEY", "secret"],
  ["GITHUBTOKEN", "token"],
  ["github_token", "token"],
  ["MYSQL_PWD", "password"],
  ["pwd", "password"],
  ["passphrase", "password"],
  ["pass", "password"],
  ["secret", "secret"],
  ["clientSecret", "secret"],
  ["CLIENT_SECRET", "secret"],
  ["secret_value", "secret"],
  ["aws_secret_access_key", "secret"],
  ["secretAccessKey", "secret"],
  ["token", "token"],
  ["accessToken", "token"],
  ["refresh_token", "token"],
  ["x-amz-security-token", "token"],
  ["hfToken", "token"],
  ["apiKey", "api_key"],
  ["APIKey", "api_key"],
  ["api-key", "api_key"],
  ["apikey", "api_key"],
  ["X-API-Key", "api_key"],
  ["OPENAI_API_KEY", "api_key"],
  ["AccountKey", "api_key"],
  ["authorization", "authorization"],
  ["Proxy-Authorization", "authorization"],
  ["cookie", "cookie"],
  ["Set-Cookie", "cookie"],
  ["setCookie", "cookie"],
  ["privateKey", "private_key"],
  ["ssh_key", "private_key"],
  ["signingKey", "private_key"],
  ["connectionString", "connection_string"],
  ["DATABASE_URL", "connection_string"],
  ["credentials", "credential"],
  ["aws_credentials", "credential"],
  ["jwt", "token"],
]

test.each(SECRET_KEYS)("whatever stands under %s is redacted", (key, kind) => {
  for (const value of ["x", ["x"], { a: "x" }, new Map([["a", "x"]])]) {
    expect(stored({ [key]: value, other: 1 })).toEqual({ [key]: marker(kind), other: 1 })
  }
})

test.each([
  "tokens",
  "max_tokens",
  "maxTokens",
  "token_count",
  "num_tokens",
  "tokenizer",
  "token_ids",
  "tokenType",
  "eos_token",
  "eostoken",
  "maxtoken",
  "padToken",
  "bos_token",
  "mask_token",
  "next_page_token",
  "time_to_first_token",
  "cost_per_token",
  "primary_key",
  "foreignKey",
  "public_key",
  "key",
  "keys",
  "sort_key",
  "keyword",
  "password_policy_checked",
  "passwordResetRequired",
  "secretary",
  "author",
  "authority",
  "auth_method",
  "authorized",
  "authorization_status",
  "cookie_count",
  "passed",
  "passenger_count",
  "pass_rate",
  "api_key_count",
  "credential_type",
  "compass",
  "session_id",
  "user_id",
  "constructor",
  "__proto__",
  "hasOwnProperty",
])("what stands under %s is kept", (key) => {
  const value = JSON.parse(`{${JSON.stringify(key)}:"kept"}`) as unknown
  expect(stored(value)).toEqual(value)
})

test("whether there is a secret is no secret: booleans and null stay, a number under token or pass too", () => {
  const value = { password: true, secret: null, token: 50_256, pass: 3 }
  expect(stored(value)).toEqual(value)
  expect(stored({ password: 1234, secret: 5n })).toEqual({ password: marker("password"), secret: marker("secret") })
})

test("secrets are replaced in every place that a value can have", () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
  const value = {
    list: [jwt],
    map: new Map<unknown, unknown>([
      ["apiKey", "x"],
      [jwt, 1],
    ]),
    set: new Set([jwt]),
    error: new Error(`bad token ${jwt}`, { cause: `cause ${jwt}` }),
    url: new URL("https://u:hunter2@example.com/"),
    boxed: Object(jwt),
    instance: new (class Config {
      readonly apiKey = "k-1"
      readonly note = jwt
    })(),
    json: { toJSON: () => ({ password: "hunter2" }) },
    [jwt]: 1,
  }
  const { json, redactions } = encodeValue(value, { limitBytes: 60_000, redactor: createRedactor() })
  expect(json).not.toMatch(/eyJ|hunter2|k-1/)
  expect(json).toContain("https://u:[redacted:url_password]@example.com/")
  expect(redactions).toBe(12)
})

const PASSWORD = marker("password")
const PAIRS: readonly (readonly [string, unknown, unknown])[] = [
  ["a pair", { p: ["password", "x"] }, { p: ["password", PASSWORD] }],
  [
    "a list of pairs",
    [
      ["Authorization", "x y"],
      ["Accept", "*/*"],
    ],
    [
      ["Authorization", marker("authorization")],
      ["Accept", "*/*"],
    ],
  ],
  ["a pair with an object", ["client_secret", { a: 1 }], ["client_secret", marker("secret")]],
  ["a flag and its value", ["--password", "x"], ["--password", PASSWORD]],
  ["name and value", { name: "password", value: "x" }, { name: "password", value: PASSWORD }],
  ["key and value", { key: "API_KEY", value: "x" }, { key: "API_KEY", value: marker("api_key") }],
  ["value first", { value: "x", name: "Set-Cookie" }, { value: marker("cookie"), name: "Set-Cookie" }],
  ["Name and Value", { Name: "PGPASSWORD", Value: "x" }, { Name: "PGPASSWORD", Value: PASSWORD }],
  [
    "a class",
    new (class Header {
      readonly name = "cookie"
      readonly value = "x"
    })(),
    { $secureml: "instance:Header", name: "cookie", value: marker("cookie") },
  ],
]

test.each(PAIRS)("a secret whose name stands beside it is redacted: %s", (_, value, expected) => {
  expect(stored({ value })).toEqual({ value: expected })
})

test("names configured with redact are found beside a value too", () => {
  expect(stored([["ssn", "1"], { name: "SSN", value: "1" }], ["ssn"])).toEqual([
    ["ssn", marker("configured")],
    { name: "SSN", value: marker("configured") },
  ])
})

test.each<[string, unknown]>([
  ["two columns", { columns_accessed: ["password", "email"] }],
  ["two features", { features: ["token", "label"], feature_names: ["api_key", "x"] }],
  ["three of anything", ["password", "x", "y"]],
  ["the name second", ["x", "password"]],
  ["a pair of numbers and words", ["age", "diagnosis"]],
  ["a presence", ["password", true]],
  ["a count", { name: "token", value: 3 }],
  ["an ordinary name", { name: "epochs", value: "x", key: "lr" }],
  ["no value", { name: "password", type: "string" }],
  ["a name that is no text", { name: 1, value: "x" }],
])("%s is kept", (_, value) => {
  expect(stored(value)).toEqual(value)
})

test("a key that holds a secret loses it, and stays a key of its own", () => {
  const shown = "[redacted:huggingface_token]"
  const value = { hf_aaaaaaaaaaaaaaaaaaaa: 1, hf_bbbbbbbbbbbbbbbbbbbb: 2, [`${shown}#2`]: 3 }
  expect(stored(value)).toEqual({ [`${shown}#1`]: 1, [`${shown}#3`]: 2, [`${shown}#2`]: 3 })
})

test("error messages and contexts are redacted", () => {
  const details = errorDetails(new Error("connect postgres://app:hunter2@db:5432/x failed"))
  expect(stored(details)).toMatchObject({ message: "connect postgres://app:[redacted:url_password]@db:5432/x failed" })
  expect(encodeContext({ apiKey: "k" }, createRedactor())).toBe(`{"apiKey":${JSON.stringify(marker("api_key"))}}`)
})

describe("redact", () => {
  const PATIENT = { patient: { ssn: "1", name: "Ann", visits: [{ at: 1, "a/b": 2 }] }, ssn: "2" }
  const gone = marker("configured")
  test.each<[string, RedactOptions, unknown]>([
    ["key names, whatever their spelling", ["S-S-N"], { patient: { ...PATIENT.patient, ssn: gone }, ssn: gone }],
    ["a pattern for key names", [/^s+n$/g], { patient: { ...PATIENT.patient, ssn: gone }, ssn: gone }],
    ["a JSON pointer", ["/patient/ssn"], { ...PATIENT, patient: { ...PATIENT.patient, ssn: gone } }],
    ["a dotted path", ["patient.ssn"], { ...PATIENT, patient: { ...PATIENT.patient, ssn: gone } }],
    [
      "any index",
      ["patient.visits[*].at"],
      { ...PATIENT, patient: { ...PATIENT.patient, visits: [{ at: gone, "a/b": 2 }] } },
    ],
    [
      "an index and an escaped key",
      ["/patient/visits/0/a~1b"],
      { ...PATIENT, patient: { ...PATIENT.patient, visits: [{ at: 1, "a/b": gone }] } },
    ],
    ["a whole subtree", ["/patient"], { ...PATIENT, patient: gone }],
    ["nothing at another depth", ["/name", "visits.at"], PATIENT],
    [
      "a function that hides",
      [(value) => (value === "Ann" ? undefined : value)],
      { ...PATIENT, patient: { ...PATIENT.patient, name: gone } },
    ],
    [
      "a function that replaces by path",
      [(value, path) => (path === "/patient/name" ? "A." : value)],
      { ...PATIENT, patient: { ...PATIENT.patient, name: "A." } },
    ],
  ])("%s", (_, redact, expected) => {
    expect(stored(PATIENT, redact)).toEqual(expected)
    expect(stored(PATIENT, redact)).toEqual(expected)
  })

  test("fails closed: a redactor that throws hides the value instead of letting it through", () => {
    const redact = (value: unknown): unknown => {
      if (value === "Ann") throw new Error("no")
      return value
    }
    expect(stored({ name: "Ann", age: 1 }, [redact])).toEqual({ name: marker("redactor_failed"), age: 1 })
  })

  test("the defaults cannot be turned off, also not for what a function returns", () => {
    const redact: RedactOptions = [(value) => (value === 1 ? { password: "x" } : value)]
    expect(stored({ a: 1, apiKey: "k" }, redact)).toEqual({
      a: { password: marker("password") },
      apiKey: marker("api_key"),
    })
  })

  test("configured names are also found in text", () => {
    expect(stored("ssn=123-45-6789; age=4", ["ssn"])).toBe("ssn=[redacted:configured]; age=4")
  })

  test("functions are called in turn, each with what the one before returned", () => {
    expect(stored({ n: 1 }, [(value) => Number(value) + 1, (value) => Number(value) * 10])).toEqual({ n: 20 })
  })

  test("a function gets each text, also of errors and captured arguments, and may replace a part of it", () => {
    const seen: string[] = []
    const redact: RedactOptions = [
      (value, path) => {
        if (typeof value !== "string") return value
        seen.push(path)
        return value.replace(/CASE-\d+/g, "[case]")
      },
    ]
    const details = {
      error: new Error("no CASE-1 here", { cause: "CASE-2" }),
      arguments: ["CASE-3 and CASE-4", new Map([["a", "CASE-5"]])],
    }
    const json = JSON.stringify(stored(details, redact))
    expect(json).not.toContain("CASE")
    expect(json).toContain("no [case] here")
    expect(json).toContain("[case] and [case]")
    expect(seen).toContain("/error/message")
    expect(seen).toContain("/arguments/0")
  })

  test.each([
    ["text", "ssn"],
    ["an object", { keys: [] }],
    ["a number in it", [1]],
    ["an empty name", [""]],
    ["null", null],
  ])("%s is a TypeError", (_, redact) => {
    expect(() => createRedactor(redact as never)).toThrow(TypeError)
    expect(() => createRedactor(redact as never)).toThrow(/^redact must/)
  })
})
