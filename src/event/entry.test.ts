import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { utf8 } from "../bytes.ts"
import {
  EntryTemplate,
  EventIdSource,
  encodeActor,
  encodeContext,
  eventTimeKey,
  isEvent,
  isoTimestamp,
  parseEntry,
} from "./index.ts"

const OPERATION_ID = "0b8f4c1e-3f0e-4f7e-9d55-2f1c7a0e6a11"
const WRITER_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
const EVENT_ID = "018bcfe5-6800-7000-9c22-186b2a5ed793"
const PARTS = {
  eventId: EVENT_ID,
  eventType: "data_access",
  timestamp: "2026-11-24T02:11:00.123Z",
  sequence: 3,
  writerId: WRITER_ID,
  writerSeq: 41,
  detailsJson: '{"dataset_name":"patient_records"}',
}

const HEAD = `{"v":1,"event_id":"${EVENT_ID}","event_type":"data_access","timestamp":"2026-11-24T02:11:00.123Z","operation_id":"${OPERATION_ID}","operation_name":"model_training","sequence":3,"writer":{"id":"${WRITER_ID}","seq":41`

describe("an entry", () => {
  test("the smallest: constants of the trail, then what is its own", () => {
    const template = new EntryTemplate({ operationId: OPERATION_ID, operationName: "model_training" })
    expect(template.entry(PARTS)).toBe(`${HEAD}},"details":{"dataset_name":"patient_records"}}`)
  })

  test("the fullest: every key, in the fixed order", () => {
    const template = new EntryTemplate({
      operationId: OPERATION_ID,
      operationName: "model_training",
      actorJson: encodeActor({ id: "ds1", type: "user" }),
      parentOperationId: WRITER_ID,
      traceId: "t",
      spanId: "s",
      regulations: ["GDPR"],
      contextJson: encodeContext({ model_version: "v1.0" }, undefined),
    })
    const entry = template.entry({ ...PARTS, continues: { id: OPERATION_ID, seq: 7 }, occurredAt: PARTS.timestamp })
    expect(entry).toBe(
      `${HEAD},"continues":{"id":"${OPERATION_ID}","seq":7}},"actor":{"id":"ds1","type":"user"},` +
        `"occurred_at":"${PARTS.timestamp}","parent_operation_id":"${WRITER_ID}","trace_id":"t","span_id":"s",` +
        `"regulations":["GDPR"],"context":{"model_version":"v1.0"},"details":{"dataset_name":"patient_records"}}`,
    )
    expect(JSON.stringify(parseEntry(utf8(entry)))).toBe(entry)
  })

  test("a call's actor, regulations and span take the place of the trail's", () => {
    const fixed = {
      operationId: OPERATION_ID,
      operationName: "o",
      actorJson: '{"id":"a"}',
      regulations: ["GDPR"],
      traceId: "t",
    }
    const own = { actorJson: '{"id":"b"}', regulations: ["HIPAA"], traceId: "u", spanId: "s" }
    const entry = parseEntry(utf8(new EntryTemplate(fixed).entry({ ...PARTS, ...own })))
    expect(entry).toMatchObject({ actor: { id: "b" }, regulations: ["HIPAA"], trace_id: "u", span_id: "s" })
  })

  test("hostile names stay text: one line, nothing of the envelope overridden", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1 }),
        fc.string({ unit: "binary", minLength: 1 }),
        (name, type) => {
          const text = new EntryTemplate({ operationId: OPERATION_ID, operationName: name }).entry({
            ...PARTS,
            eventType: type,
          })
          expect(text).not.toMatch(/[\n\r]/)
          expect(parseEntry(utf8(text))).toMatchObject({ operation_name: name, event_type: type, sequence: 3 })
        },
      ),
    )
  })

  test("room for details is exact", () => {
    const template = new EntryTemplate({ operationId: OPERATION_ID, operationName: "é" })
    const room = template.roomForDetails(PARTS)
    expect(utf8(template.entry({ ...PARTS, detailsJson: " ".repeat(room) })).length).toBe(65_535)
  })
})

describe("event ids", () => {
  const random = "9c22-186b2a5ed793"

  test("hold the time, a counter within its millisecond, and randomness", () => {
    const ids = new EventIdSource()
    expect(ids.next(1_700_000_000_000, random)).toBe(EVENT_ID)
    expect(ids.next(1_700_000_000_000, random)).toBe("018bcfe5-6800-7001-9c22-186b2a5ed793")
    expect(ids.next(1_700_000_000_001, random)).toBe("018bcfe5-6801-7000-9c22-186b2a5ed793")
    expect(ids.next(1_600_000_000_000, random)).toBe("0174876e-8000-7000-9c22-186b2a5ed793")
  })

  test("are in order within a millisecond, and keep their form past 4,096", () => {
    const ids = new EventIdSource()
    const made = Array.from({ length: 4097 }, () => ids.next(1, random))
    expect(made.slice(0, 4096)).toEqual([...made.slice(0, 4096)].sort())
    for (const id of [made[255], made[256], made[4095], made[4096]])
      expect(id).toMatch(/^[0-9a-f-]{13}-7[0-9a-f]{3}-9c22-/)
  })

  test("time stamps are ISO 8601 in UTC", () => {
    expect([isoTimestamp(0), isoTimestamp(1), isoTimestamp(1)].join()).toBe(
      "1970-01-01T00:00:00.000Z,1970-01-01T00:00:00.001Z,1970-01-01T00:00:00.001Z",
    )
  })
})

describe("the time key", () => {
  const entry = utf8(new EntryTemplate({ operationId: OPERATION_ID, operationName: "o" }).entry(PARTS))

  test("is the time of the id, and the counter within it", () => {
    expect(eventTimeKey(entry)).toBe(`${(1_700_000_000_000).toString(16).padStart(12, "0")}000`)
  })

  test("is empty for every prefix that ends before it, and for every changed byte before it", () => {
    for (let end = 0; end < 37; end++) expect(eventTimeKey(entry.subarray(0, end))).toBe("")
    expect(eventTimeKey(entry.subarray(0, 37))).toBe("018bcfe56800000")
    for (let i = 0; i < 37; i++) {
      const changed = entry.slice()
      changed[i] = 0x7e
      expect(eventTimeKey(changed)).toBe("")
    }
  })
})

test("isEvent narrows by type alone", () => {
  const record = parseEntry(utf8(new EntryTemplate({ operationId: OPERATION_ID, operationName: "o" }).entry(PARTS)))
  expect(isEvent(record, "data_access") && record.details.dataset_name).toBe("patient_records")
  expect(isEvent(record, "error")).toBe(false)
})
