import { crc32 } from "node:zlib"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { formatLine, formatLineInto, MAX_LINE_BYTES, parseLines } from "./lines.ts"

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

describe("journal lines", () => {
  test("the two ways to write one agree, and it reads back", () => {
    const line = Buffer.alloc(MAX_LINE_BYTES)
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.json(), (seq, entry) => {
        const length = formatLineInto(line, seq, entry)
        expect(text(line.subarray(0, length))).toBe(formatLine(seq, entry))
        const { lines, end } = parseLines(line.subarray(0, length), 7)
        expect(end).toBe("clean")
        expect(lines.map((read) => [read.seq, text(read.entry), read.endOffset])).toEqual([[seq, entry, 7 + length]])
      }),
    )
  })

  test("an entry of 65,535 bytes fits, one more is refused", () => {
    const line = Buffer.alloc(MAX_LINE_BYTES)
    expect(formatLineInto(line, Number.MAX_SAFE_INTEGER, "x".repeat(65_535))).toBe(8 + 1 + 16 + 1 + 65_535 + 1)
    for (const length of [65_536, 65_590, 70_000, 1_000_000]) {
      expect(() => formatLineInto(line, 0, "x".repeat(length))).toThrow(
        expect.objectContaining({ code: "ENTRY_TOO_LARGE" }),
      )
    }
    expect(() => formatLineInto(line, 0, "ü".repeat(32_768))).toThrow(
      expect.objectContaining({ code: "ENTRY_TOO_LARGE" }),
    )
  })

  const crc = (body: string): string => crc32(body).toString(16).padStart(8, "0")
  test.each([
    ["an empty line", ""],
    ["a wrong checksum", `00000000 0 {}`],
    ["a checksum in capitals", `${crc("1 {}").toUpperCase()} 1 {}`.replace(/^\d+/, (digits) => digits)],
    ["a number with a leading zero", `${crc("01 {}")} 01 {}`],
    ["a negative number", `${crc("-1 {}")} -1 {}`],
    ["a number that is too large", `${crc("9007199254740993 {}")} 9007199254740993 {}`],
    ["no number", `${crc(" {}")}  {}`],
    ["no entry", `${crc("1")} 1`],
    ["a tab for a blank", `${crc("1 {}")}\t1 {}`],
  ])("%s is damage, and what stands around it is kept", (_name, bad) => {
    const { lines, end, damagedAt } = parseLines(Buffer.from(`${formatLine(0, "{}")}${bad}\n${formatLine(1, "{}")}`), 0)
    expect([lines.map(({ seq }) => seq), end, damagedAt]).toEqual([[0, 1], "clean", formatLine(0, "{}").length])
  })

  test("every cut of the last line is torn", () => {
    const whole = formatLine(0, "{}") + formatLine(1, '{"a":1}')
    for (let cut = formatLine(0, "{}").length + 1; cut < whole.length; cut++) {
      expect(parseLines(Buffer.from(whole.slice(0, cut)), 0)).toMatchObject({ end: "torn", lines: [{ seq: 0 }] })
    }
  })
})
