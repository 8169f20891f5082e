import * as fs from "node:fs"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"
import { withAuditTrail } from "../current.ts"
import { auditFunction } from "./index.ts"

let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

const SECRETS = {
  plain: "correct horse battery staple",
  aws: "AKIAIOSFODNN7EXAMPLE",
  github: "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
  jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
}

describe("capture", () => {
  test("summaries carry a digest that is equal for equal values, and keyed", async () => {
    const show = auditFunction(function show(text: string, _rows: object) {
      return text
    })
    show("the same text", { a: 1 })
    show("the same text", { a: 1 })
    const calls = (await log.records()).filter(({ event_type }) => event_type === "function_call")
    const [first, second] = calls.map(({ details }) => details["arguments"]) as [
      { digest: string; type: string }[],
      unknown,
    ]
    expect(first).toEqual(second)
    expect(first[0]).toMatchObject({ type: "string", length: 13 })
    expect(first[1]).toMatchObject({ type: "object", keys: 1 })
    expect(first[0]?.digest).toMatch(/^[A-Za-z0-9+/]{43}=$/)
    expect(fs.readdirSync(`${log.stateDir}/secrets`)).toHaveLength(1)
  })

  test("full stores values, secrets redacted", async () => {
    const login = auditFunction(
      function login(user: object, note: string) {
        return { user, note }
      },
      { capture: "full", redact: ["ssn"] },
    )
    login({ name: "ada", password: SECRETS.plain, ssn: "123-45-6789" }, `key ${SECRETS.aws}`)
    const call = await log.detailsOf("function_call")
    expect(call["arguments"]).toEqual([
      {
        name: "ada",
        password: { $secureml: "redacted", kind: "password" },
        ssn: { $secureml: "redacted", kind: "configured" },
      },
      expect.stringMatching(/^key \[redacted:/),
    ])
    for (const secret of [SECRETS.plain, SECRETS.aws, "123-45-6789"]) expect(log.bytes()).not.toContain(secret)
  })

  test("none stores neither arguments nor results", async () => {
    auditFunction(
      function quiet(text: string) {
        return text
      },
      { capture: "none" },
    )("some text")
    expect(await log.detailsOf("function_call")).toEqual({ function: "quiet" })
    expect(Object.keys(await log.detailsOf("function_return"))).toEqual(["status", "execution_time"])
  })

  const inherited = [
    { around: "none", own: undefined, stored: undefined },
    { around: "full", own: undefined, stored: "summary" },
    { around: "none", own: "full", stored: "full" },
  ] as const
  for (const { around, own, stored } of inherited) {
    test(`inside a trail with ${around}, a function with ${own ?? "nothing of its own"} stores ${stored ?? "nothing"}`, async () => {
      const inner = auditFunction(
        function inner(x: number) {
          return x
        },
        own === undefined ? {} : { capture: own },
      )
      await withAuditTrail("outer", { capture: around }, () => inner(5))
      const expected = { full: [5], summary: [{ type: "number" }] }
      expect((await log.detailsOf("function_call"))["arguments"]).toEqual(stored && expected[stored])
    })
  }
})

describe("secrets are never stored", () => {
  const ways: readonly { readonly name: string; readonly run: (secret: string) => unknown }[] = [
    {
      name: "as an argument",
      run: (secret) =>
        auditFunction(function f(_: string) {
          return undefined
        })(secret),
    },
    {
      name: "under a key",
      run: (secret) =>
        auditFunction(function f(_: object) {
          return undefined
        })({ password: secret }),
    },
    {
      name: "under a key, in full",
      run: (secret) =>
        auditFunction(
          function f(_: object) {
            return undefined
          },
          { capture: "full" },
        )({ password: secret }),
    },
    {
      name: "as a result",
      run: (secret) =>
        auditFunction(function f() {
          return secret
        })(),
    },
    {
      name: "as a promised result",
      run: (secret) =>
        auditFunction(
          async function f() {
            return { token: secret }
          },
          { capture: "full" },
        )(),
    },
    {
      name: "as a chunk",
      run: async (secret) => {
        for await (const _ of auditFunction(async function* f() {
          yield secret
        })());
      },
    },
    {
      name: "in an error about an argument",
      run: (secret) =>
        thrown(
          auditFunction(function f(s: string) {
            throw new Error(`bad: ${s}`)
          }),
          secret,
        ),
    },
    {
      name: "thrown as text",
      run: (secret) =>
        thrown(
          auditFunction(function f(s: string) {
            throw s
          }),
          secret,
        ),
    },
    {
      name: "in an error about a key, in full",
      run: (secret) =>
        thrown(
          auditFunction(
            function f(o: { db: { password: string } }) {
              throw new Error(`no ${o.db.password}!`)
            },
            { capture: "full" },
          ),
          { db: { password: secret } },
        ),
    },
  ]
  for (const { name, run } of ways) {
    test(name, async () => {
      for (const secret of Object.values(SECRETS)) await run(secret)
      expect((await log.typesOf("f")).filter((type) => type === "function_call")).toHaveLength(4)
      const bytes = log.bytes()
      for (const secret of Object.values(SECRETS)) expect(bytes).not.toContain(secret)
    })
  }

  test("an error that names a known secret by its shape", async () => {
    thrown(
      auditFunction(function f() {
        throw new Error(`token ${SECRETS.github} was refused`)
      }),
      undefined,
    )
    expect((await log.detailsOf("error"))["message"]).toMatch(/^token \[redacted:.*\] was refused$/)
  })

  test("short arguments stay in messages", async () => {
    thrown(
      auditFunction(function f(name: string) {
        throw new Error(`no column ${name}`)
      }),
      "age",
    )
    expect((await log.detailsOf("error"))["message"]).toBe("no column age")
  })
})

function thrown<A>(fn: (argument: A) => unknown, argument: A): void {
  let failed = false
  try {
    fn(argument)
  } catch {
    failed = true
  }
  expect(failed).toBe(true)
}
