import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { escapeBytes, escapeJson, escapeLines, escapeText } from "./escape.ts"
import { jsonLine } from "./json.ts"

const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e01ef}]|[\ufe00-\ufe0f]|\u034f/u

describe("escapeText", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["plain", "plain"],
    ["naïve 患者 👩 Ω", "naïve 患者 👩 Ω"],
    ["a\tb\r\nc", "a\\tb\\r\\nc"],
    ["\u001b[2J", "\\u001b[2J"],
    ["\u0000\u007f\u0085\u009b", "\\u0000\\u007f\\u0085\\u009b"],
    ["\u202eabc\u2066", "\\u202eabc\\u2066"],
    ["\u2028\u2029", "\\u2028\\u2029"],
    ["a\u200b\u200d\ufeff", "a\\u200b\\u200d\\ufeff"],
    ["\u{e0041}", "\\udb40\\udc41"],
    ["\ud800", "\\ud800"],
    ["C:\\dir", "C:\\dir"],
  ]
  test.each(rows)("%j", (text, escaped) => {
    expect(escapeText(text)).toBe(escaped)
  })

  test("nothing that steers a terminal, reorders or hides text is left", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 })
    fc.assert(
      fc.property(
        text,
        (given) => !UNSAFE.test(escapeText(given)) && !UNSAFE.test(escapeLines(given).replaceAll("\n", "")),
      ),
    )
  })
})

describe("JSON", () => {
  test("escaped JSON parses to the same value, on one line", () => {
    const value = fc.jsonValue({ stringUnit: "binary" })
    fc.assert(
      fc.property(value, (given) => {
        const line = jsonLine(given)
        expect(UNSAFE.test(line.slice(0, -1))).toBe(false)
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(given)))
      }),
    )
  })

  test("characters outside the basic plane are two escapes", () => {
    expect(escapeJson('"\u{e0041}"')).toBe('"\\udb40\\udc41"')
  })
})

test("bytes that are no text", () => {
  expect(escapeBytes(Uint8Array.of(0x61, 0x1b, 0xff, 0x0a))).toBe("a\\x1b\\xff\\x0a")
})
