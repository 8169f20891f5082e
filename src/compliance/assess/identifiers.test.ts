/** Numbers are the published examples of their standards, or broken copies of them. */
import { describe, expect, test } from "vitest"
import type { AuditRecord } from "../../event/index.ts"
import { identifiersIn } from "./identifiers.ts"

function found(details: object): readonly string[] {
  return identifiersIn({ details } as unknown as AuditRecord)
}

describe("identifiers in clear", () => {
  test.each([
    ["jo@example.org", "e-mail addresses"],
    ["write to jo.doe+x@mail.example.co.uk, please", "e-mail addresses"],
    ["DE89370400440532013000", "IBANs"],
    ["GB29NWBK60161331926819", "IBANs"],
    ["078-05-1120", "US social security numbers"],
    ["4111 1111 1111 1111", "payment card numbers"],
    ["5500-0000-0000-0004", "payment card numbers"],
  ])("%s", (text, kind) => {
    expect(found({ note: text })).toEqual([kind])
    expect(found({ deep: [{ [text]: 1 }] })).toEqual([kind])
    expect(found({ deep: { list: ["a", text] } })).toEqual([kind])
  })

  test.each([
    "DE89370400440532013001",
    "GB29NWBK60161331926818",
    "000-05-1120",
    "666-05-1120",
    "078-00-1120",
    "4111 1111 1111 1112",
    "1234567890123456",
    "2026-11-24T02:11:00.123Z",
    "3f0c8f0e-5b1c-4c57-9d0b-1c3b2c1d7a10",
    "a@b",
    "age",
  ])("%s is none", (text) => {
    expect(found({ note: text })).toEqual([])
  })

  test("an actor's id and a trail's context are looked at too", () => {
    const record = { details: {}, actor: { id: "jo@example.org" } } as unknown as AuditRecord
    expect(identifiersIn(record)).toEqual(["e-mail addresses"])
    const inContext = { details: {}, context: { owner: "jo@example.org" } } as unknown as AuditRecord
    expect(identifiersIn(inContext)).toEqual(["e-mail addresses"])
  })
})
