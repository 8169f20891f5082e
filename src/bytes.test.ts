import fc from "fast-check"
import { expect, test } from "vitest"
import { concatBytes, equalBytes, fromBase64, fromHex, toBase64, toHex, utf8, utf8Text } from "./bytes.ts"

test("hex and base64 round-trip, and base64 agrees with Node", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes)
      expect(fromBase64(toBase64(bytes))).toEqual(bytes)
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"))
    }),
  )
})

test.each(["A", "AA", "AAA", "AB==", "AAB=", "AA-_", "AAAA\n", " AAAA", "A===", "AA=A", "===="])(
  "base64 %j is refused",
  (text) => {
    expect(fromBase64(text)).toBeUndefined()
  },
)

test.each(["0", "0G", "AB", "0x00"])("hex %j is refused", (text) => {
  expect(fromHex(text)).toBeUndefined()
})

test("equality compares content and length", () => {
  expect(equalBytes(utf8("abc"), utf8("abc"))).toBe(true)
  expect(equalBytes(utf8("abc"), utf8("abd"))).toBe(false)
  expect(equalBytes(utf8("abc"), utf8("ab"))).toBe(false)
  expect(concatBytes(utf8("a"), utf8(""), utf8("bc"))).toEqual(utf8("abc"))
})

test("text that is not UTF-8 is told apart, and a byte order mark is kept", () => {
  expect(utf8Text(new Uint8Array([0xff]))).toBeUndefined()
  expect(utf8Text(utf8("\ufeffa"))).toBe("\ufeffa")
})
