import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { LineSplitter, MAX_LINE_BYTES, type SourceLine } from "./line-splitter.ts"

function split(chunks: readonly Buffer[]): SourceLine[] {
  const splitter = new LineSplitter()
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()]
}

const textOf = (lines: readonly SourceLine[]): unknown[] =>
  lines.map(({ number, bytes, finished }) => [number, bytes?.toString("latin1"), finished])

describe("lines", () => {
  test("are the same however the bytes come", () => {
    const bytes = fc.array(fc.constantFrom("a", "\r", "\n", "\ufeff", "é")).map((parts) => Buffer.from(parts.join("")))
    fc.assert(
      fc.property(bytes, fc.array(fc.nat({ max: 40 })), (whole, cuts) => {
        const at = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length]
        const chunks = at.slice(1).map((end, n) => Buffer.from(whole.subarray(at[n], end)))
        expect(textOf(split(chunks))).toEqual(textOf(split([whole])))
      }),
    )
  })

  test("have numbers, no marks and no line breaks", () => {
    expect(textOf(split([Buffer.from("\ufeffa\r\n\nb\rc\n\ufeffd")]))).toEqual([
      [1, "a", true],
      [2, "", true],
      [3, "b\rc", true],
      [4, "\xef\xbb\xbfd", false],
    ])
  })

  test("that are too long are told, and held in memory no longer than that", () => {
    const chunk = Buffer.alloc(1024 * 1024, 0x78)
    const splitter = new LineSplitter()
    for (let n = 0; n < 600; n++) expect([...splitter.push(chunk)]).toEqual([])
    expect([...splitter.push(Buffer.from("\nb\n"))].map(({ number, bytes }) => [number, bytes?.toString()])).toEqual([
      [1, undefined],
      [2, "b"],
    ])
    const longest = Buffer.alloc(MAX_LINE_BYTES, 0x78)
    expect(split([longest, Buffer.from("\n")])[0]?.bytes?.length).toBe(MAX_LINE_BYTES)
    expect(split([longest, Buffer.from("x\n")])[0]?.bytes).toBeUndefined()
  })
})
