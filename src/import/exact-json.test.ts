import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { parseExactJson } from "./exact-json.ts"

describe("exact JSON", () => {
  test("is what JSON.parse gives for all that it can say", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 1, "\t"), (json, space) => {
        const text = JSON.stringify(JSON.parse(json), null, space)
        // A whole number that JSON.parse would round becomes a bigint: see below.
        fc.pre(!/\d{16}/.test(text))
        expect(parseExactJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test.each([
    ["12345678901234567890", 12345678901234567890n],
    ["-9007199254740993", -9007199254740993n],
    ["9007199254740991", 9007199254740991],
    ["1e3", 1000],
    ["1.5", 1.5],
    ["NaN", Number.NaN],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["[Infinity]", [Number.POSITIVE_INFINITY]],
    ['"a\\\\\\"\\ud800"', 'a\\"\ud800'],
  ])("%s", (text, value) => {
    expect(parseExactJson(text)).toEqual(value)
  })

  test("a __proto__ is a key like any other", () => {
    const object = parseExactJson('{"__proto__":{"a":1}}') as object
    expect(Object.keys(object)).toEqual(["__proto__"])
    expect((object as { a?: number }).a).toBeUndefined()
  })

  test.each([
    ['{"a":1,"a":1}', "key_twice"],
    [`${"[".repeat(257)}`, "too_deep"],
    ...[
      "",
      " ",
      "{",
      "[1,]",
      '{"a":1,}',
      "{a:1}",
      "'a'",
      "01",
      "1.",
      ".5",
      "+1",
      "nul",
      '"\n"',
      '"a',
      '"\\x"',
      "1 2",
      "-",
      "--1",
    ].map((text) => [text, "not_json"]),
  ])("%j is refused: %s", (text, fault) => {
    expect(() => parseExactJson(text!)).toThrowError(expect.objectContaining({ fault }))
  })
})
