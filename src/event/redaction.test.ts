import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { utf8 } from "../bytes.ts"
import { parseEntry } from "./parse.ts"
import { blankFor, fillerFor, keptOf, recordNamedBy, redactionOf } from "./redaction.ts"

const page = fs.readFileSync(new URL("../../docs/format.md", import.meta.url), "utf8")
const block = (name: string): string => new RegExp(`\`\`\`json ${name}\\n(.*)\\n\`\`\``).exec(page)![1]!
const details = JSON.parse(block("redaction"))
const blank = block("blank")

const event = (own: object = {}): Uint8Array =>
  utf8(
    JSON.stringify({
      v: 1,
      event_id: "019ab38e-5ef3-7000-8000-2f9d6d1c0a55",
      event_type: "entry_redacted",
      timestamp: "2026-11-24T02:12:00.000Z",
      operation_id: "o",
      operation_name: "audit_redaction",
      sequence: 0,
      writer: { id: "w", seq: 0 },
      details,
      ...own,
    }),
  )
const hash = Buffer.from(details.leaf_hash, "base64")
const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString()

describe("the worked example of docs/format.md", () => {
  test("is the blank that the event makes, and names the event", () => {
    expect(text(blankFor(event(), 42, 17, hash))).toBe(blank)
    expect(recordNamedBy(utf8(blank))).toBe(42)
    expect(redactionOf(parseEntry(event()))).toMatchObject({ index: 17, leafHash: details.leaf_hash })
  })

  test.each([
    ["another index", () => blankFor(event(), 42, 18, hash)],
    ["another leaf hash", () => blankFor(event(), 42, 17, Buffer.alloc(32))],
    ["an event that stands before it", () => blankFor(event(), 17, 17, hash)],
    ["another type of event", () => blankFor(event({ event_type: "data_access" }), 42, 17, hash)],
    ["a leaf hash that is none", () => blankFor(event({ details: { ...details, leaf_hash: "AA==" } }), 42, 17, hash)],
    ["nothing kept", () => blankFor(event({ details: { ...details, kept: {} } }), 42, 17, hash)],
    ["bytes that are no entry", () => blankFor(utf8("{}"), 42, 17, hash)],
  ])("gives none for %s", (_, make) => {
    expect(make()).toBeUndefined()
  })

  test("gives nothing a place that the format does not name", () => {
    const kept = { ...details.kept, secret: "x", writer: { ...details.kept.writer, more: "x" } }
    expect(text(blankFor(event({ details: { ...details, kept } }), 42, 17, hash))).toBe(blank)
  })
})

describe("what is kept", () => {
  const entry = parseEntry(
    event({
      event_type: "data_access",
      operation_name: "of 078-05-1120",
      actor: { id: "078-05-1120" },
      writer: { id: "w", seq: 0, continues: { id: "v", seq: 9 } },
      details: { purpose: "078-05-1120" },
    }),
  )

  test("is the place and the numbers, and neither the event's id nor anything of what was said", () => {
    expect(keptOf(entry)).toEqual({
      timestamp: "2026-11-24T02:12:00.000Z",
      operation_id: "o",
      sequence: 0,
      writer: { id: "w", seq: 0, continues: { id: "v", seq: 9 } },
    })
  })

  test("of an imported entry is its line too, and no digest of it", () => {
    const imported = { $secureml: "imported", from: "jsonl", file: "a.jsonl", line: 3, commitment: "c", other: "x" }
    expect(keptOf({ ...entry, context: { imported, more: "x" } })["imported"]).toEqual({
      from: "jsonl",
      file: "a.jsonl",
      line: 3,
    })
  })
})

test("a filler has the length that is asked for, and is the blank where that fits", () => {
  const redaction = redactionOf(parseEntry(event()))!
  expect(fillerFor(redaction, 42, blank.length + 5)).toBe(`${blank}     `)
  expect(fillerFor(redaction, 42, 10)).toBe("{}        ")
})

test.each([
  blank.replace("redacted", "step"),
  blank.replace('"by":42', '"by":-1'),
  blank.replace('"by":42', '"by":"42"'),
  blank.slice(0, -1),
  blank.replace("00000000-0000-7000-8000", "10000000-0000-7000-8000"),
  "",
])("%s is no blank", (bytes) => {
  expect(recordNamedBy(utf8(bytes))).toBeUndefined()
})
