import fc from "fast-check"
import { expect, test } from "vitest"
import { concatBytes, utf8 } from "../bytes.ts"
import { bundleLeafHashes, encodeBundle, entryStarts, leafHashes, parseBundle } from "./index.ts"

test("there and back, and every prefix or longer text is refused", () => {
  const anyEntries = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(anyEntries, (entries) => {
      const bundle = encodeBundle(entries)
      expect(parseBundle(bundle, entries.length)).toEqual(entries)
      for (let end = 0; end < bundle.length; end++) {
        expect(() => parseBundle(bundle.subarray(0, end), entries.length)).toThrow(
          expect.objectContaining({ code: "BUNDLE_MALFORMED" }),
        )
      }
      expect(() => parseBundle(concatBytes(bundle, utf8("\0")), entries.length)).toThrow(
        expect.objectContaining({ code: "BUNDLE_TRAILING_BYTES" }),
      )
    }),
    { numRuns: 30 },
  )
})

test("an entry of 65,535 bytes fits, one of 65,536 does not", () => {
  const longest = new Uint8Array(65_535).fill(7)
  expect(parseBundle(encodeBundle([longest]), 1)).toEqual([longest])
  expect(() => encodeBundle([new Uint8Array(65_536)])).toThrow(expect.objectContaining({ code: "ENTRY_TOO_LARGE" }))
})

test("a bundle has 1 to 256 entries", () => {
  expect(() => encodeBundle([])).toThrow(RangeError)
  expect(() => encodeBundle(new Array(257).fill(new Uint8Array()))).toThrow(RangeError)
  expect(() => parseBundle(new Uint8Array(), 0)).toThrow(RangeError)
  expect(parseBundle(encodeBundle(new Array(256).fill(new Uint8Array())), 256).length).toBe(256)
})

test("entries hashed where they lie have the hashes of copies, and the bundle is as it was", () => {
  const anyEntries = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(anyEntries, (entries) => {
      const bundle = encodeBundle(entries)
      const before = bundle.slice()
      expect(bundleLeafHashes(bundle, entryStarts(bundle, entries.length))).toEqual(leafHashes(entries))
      expect(bundle).toEqual(before)
    }),
  )
})
