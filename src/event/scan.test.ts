import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type AuditEntry, EntryScanner, EntryTemplate, parseEntry } from "./index.ts"
import { skipValue } from "./json-bytes.ts"

const UUID = "018bcfe5-6800-7000-9c22-186b2a5ed793"

const parse = (bytes: Uint8Array): AuditEntry | undefined => {
  try {
    return parseEntry(bytes)
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** What the scanner says of some bytes that stand between others, as in a bundle. */
function scanned(bytes: Uint8Array): object | undefined {
  const inside = new Uint8Array(bytes.length + 200).fill(0x22)
  inside.set(bytes, 100)
  const scanner = new EntryScanner()
  if (!scanner.scan(inside, 100, 100 + bytes.length)) return undefined
  const text = (from: number, to: number): string => utf8Text(inside.subarray(from, to))!
  return {
    event_type: text(scanner.typeAt, scanner.typeEnd),
    operation_id: text(scanner.operationAt, scanner.operationEnd),
    sequence: scanner.sequence,
    writer: { id: text(scanner.writerAt, scanner.writerEnd), seq: scanner.writerSeq },
  }
}

function parsed(bytes: Uint8Array): object | undefined {
  const entry = parse(bytes)
  if (entry === undefined) return undefined
  const { event_type, operation_id, sequence, writer } = entry
  return { event_type, operation_id, sequence, writer }
}

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const name = fc.string({ minLength: 1, unit: "grapheme" })

/** Entries as this package writes them. */
const entries = fc
  .record({
    operationName: name,
    eventType: fc.oneof(fc.constantFrom("data_access", "audit_recovered"), name),
    actorJson: optional(fc.constantFrom('{"id":"a"}', '{"id":"a","type":"user","role":"r"}', '{"id":7}', "[]")),
    contextJson: optional(fc.json().map((json) => `{"c":${JSON.stringify(JSON.parse(json))}}`)),
    regulations: optional(fc.array(name)),
    occurredAt: optional(fc.constantFrom("2026-11-24T02:11:00.123Z", "yesterday")),
    traceId: optional(name),
    sequence: fc.oneof(fc.nat(), fc.maxSafeNat()),
    writerSeq: fc.nat(),
    details: fc.dictionary(fc.string(), fc.jsonValue()),
  })
  .map(({ operationName, actorJson, contextJson, regulations, traceId, details, ...own }) =>
    new EntryTemplate({ operationId: UUID, operationName, actorJson, contextJson, regulations, traceId }).entry({
      eventId: UUID,
      timestamp: "2026-11-24T02:11:00.123Z",
      writerId: UUID,
      detailsJson: JSON.stringify(details),
      ...own,
    }),
  )

describe("scanning an entry", () => {
  test("finds the numbers that parsing finds, in all but a few of the entries that this package writes", () => {
    let found = 0
    let all = 0
    fc.assert(
      fc.property(entries, (text) => {
        const bytes = utf8(text)
        const scan = scanned(bytes)
        if (scan !== undefined) expect(scan).toEqual(parsed(bytes))
        if (parsed(bytes) !== undefined) all += 1
        if (scan !== undefined) found += 1
      }),
      { numRuns: 500 },
    )
    expect(found).toBeGreaterThan(all / 4)
  })

  test("an ordinary one is never left to parsing", () => {
    const text = new EntryTemplate({ operationId: UUID, operationName: "é\n", contextJson: '{"a":[1]}' }).entry({
      eventId: UUID,
      eventType: "data_access",
      timestamp: "2026-11-24T02:11:00.123456Z",
      sequence: 0,
      writerId: UUID,
      writerSeq: 41,
      detailsJson: '{"a":{"b":[1,-2.5e+3,"\\u00e9",null,true,false,[],{}]}}',
    })
    expect(scanned(utf8(text))).toEqual(parsed(utf8(text)))
    expect(scanned(utf8(text))).toMatchObject({ sequence: 0, writer: { seq: 41 } })
  })

  test("bytes changed, cut, doubled or added never give anything but what parsing gives", { timeout: 60_000 }, () => {
    const change = fc.record({
      at: fc.nat(),
      cut: fc.nat(3),
      put: fc.constantFrom(...'"\\,:{}[]0 aé', "\u0001", '"v":'),
    })
    fc.assert(
      fc.property(entries, fc.array(change, { minLength: 1, maxLength: 3 }), (text, changes) => {
        let changed = text
        for (const { at, cut, put } of changes) {
          const from = at % changed.length
          changed = changed.slice(0, from) + put + changed.slice(from + cut)
        }
        const scan = scanned(utf8(changed))
        if (scan !== undefined) expect(scan).toEqual(parsed(utf8(changed)))
      }),
      { numRuns: 5_000 },
    )
  })

  test("a field said twice is left to parsing, which takes the last one", () => {
    const text = (more: string): Uint8Array =>
      utf8(
        `{"v":1,"event_id":"${UUID}","event_type":"t","timestamp":"2026-11-24T02:11:00.123Z","operation_id":"o","operation_name":"n","sequence":3,"writer":{"id":"w","seq":4}${more}}`,
      )
    expect(scanned(text(',"details":{}'))).toBeDefined()
    expect(scanned(text(',"trace_id":"a","details":{}'))).toBeDefined()
    for (const more of [
      ',"sequence":9,"details":{}',
      ',"trace_id":"a","trace_id":"b","details":{}',
      ',"details":{},"sequence":9',
      ',"other":1,"details":{}',
      ',"trace_id":7,"details":{}',
    ]) {
      expect(scanned(text(more)), more).toBeUndefined()
    }
  })
})

describe("walking over JSON", () => {
  test("ends where the value does, and nowhere for what JSON.parse refuses", () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5 }),
        fc.nat(),
        fc.constantFrom(...'"\\,:{}[]0-.eE ux'),
        (value, at, put) => {
          const json = JSON.stringify(value)
          expect(skipValue(utf8(`${json},`), 0)).toBe(utf8(json).length)
          const broken = json.slice(0, at % json.length) + put + json.slice((at % json.length) + 1)
          const end = skipValue(utf8(broken), 0)
          if (end === utf8(broken).length) expect(() => JSON.parse(broken)).not.toThrow()
        },
      ),
      { numRuns: 5_000 },
    )
  })

  test.each([
    "",
    "{",
    "[1,]",
    '{"a"}',
    '{"a":1,}',
    "[01]",
    "1.",
    "-",
    "1e",
    '"\\x"',
    '"\\u12g4"',
    "tru",
    '"\u0001"',
    "[1}",
  ])("%j is no value", (text) => {
    expect(skipValue(utf8(text), 0)).toBe(-1)
  })
})
