import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { AuditRecord } from "../audit.ts"
import { cellValue, csvHead, csvLine } from "./csv.ts"
import { cellsOf, EXPORT_COLUMNS, recordOfCells } from "./record-columns.ts"

const NAME = EXPORT_COLUMNS.findIndex(({ name }) => name === "operation_name")

/** A row of one text, and what stands in its cell between the quotes. */
function written(text: string): string {
  const cells = EXPORT_COLUMNS.map((_, n) => (n === NAME ? text : undefined))
  const match = /^,*"(.*)",*\r\n$/s.exec(csvLine(cells))
  return match![1]!
}

describe("a cell that a spreadsheet could take for a formula begins with an apostrophe", () => {
  test.each([
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["＝1", "'＝1"],
    ["＋1", "'＋1"],
    ["－1", "'－1"],
    ["＠x", "'＠x"],
    ["'=1", "''=1"],
    ["'plain", "''plain"],
    ["", "'"],
    ["\t=1", "\\t=1"],
    ["\r=1", "\\r=1"],
    ["a=1", "a=1"],
    ['="x"', '\'=""x""'],
    ["C:\\new", "C:\\\\new"],
    ["\u001b[31m\u202e", "\\u001b[31m\\u202e"],
  ])("%j is written as %j, and read back", (text, cell) => {
    expect(written(text)).toBe(cell)
    expect(cellValue("text", cell.replaceAll('""', '"'))).toBe(text)
  })
})

const units = fc.string({ unit: fc.constantFrom(..."=+-@\t\r\n\\'\"u1,;nрt＝\u202e\u0000\ud800é") })

test("any text comes back as it was, and no cell begins like a formula or holds a control character", () => {
  fc.assert(
    fc.property(units, (text) => {
      const cell = written(text).replaceAll('""', '"')
      expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]|[\p{Cc}\p{Cf}\p{Cs}]/u)
      expect(cellValue("text", cell)).toBe(text)
    }),
  )
})

test("a field that is not there is a cell with nothing in it", () => {
  expect(csvLine([])).toBe(`${",".repeat(EXPORT_COLUMNS.length - 1)}\r\n`)
  expect(cellValue("text", "")).toBeUndefined()
  expect(csvHead()).toMatch(/^"index","sealed","event_id",.*,"details","more"\r\n$/)
})

const UUID = "01a20b52-1b9b-7000-8a1f-3c5d7e9b0a24"
const least = {
  v: 1,
  index: null,
  sealed: false,
  event_id: UUID,
  event_type: "note",
  timestamp: "2026-11-24T02:11:00.123Z",
  operation_id: UUID,
  operation_name: "train",
  sequence: 0,
  writer: { id: UUID, seq: 0 },
  details: {},
} as const

const records: readonly (readonly [string, object])[] = [
  ["the least that a record has", least],
  [
    "everything that a record can have",
    {
      ...least,
      index: 41,
      sealed: true,
      writer: { id: UUID, seq: 0, continues: { id: UUID, seq: 7 } },
      actor: { id: "=ds1", type: "user", role: "" },
      occurred_at: "2026-11-24T02:11:00.123456Z",
      parent_operation_id: UUID,
      trace_id: "t",
      span_id: "s",
      regulations: ["GDPR", "a,b"],
      context: { model: "v1" },
      details: { "=x": ["\u202e", { deep: null }] },
    },
  ],
  [
    "fields that this version does not know",
    { ...least, more: 1, "writer.id": 2, actor: { id: "a", team: "t" }, writer: { id: UUID, seq: 0, host: ["h"] } },
  ],
  ["a key that would change a prototype", JSON.parse(`{"__proto__":{"polluted":1},${JSON.stringify(least).slice(1)}`)],
]

test.each(records)("%s comes back from its cells", (_, record) => {
  const back = recordOfCells(cellsOf(record as AuditRecord))
  expect(back).toStrictEqual(record)
  expect(Object.keys(back).sort()).toEqual(Object.keys(record).sort())
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
})
