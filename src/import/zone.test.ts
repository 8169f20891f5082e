import { describe, expect, test } from "vitest"
import { storedTime, zoneOf } from "./zone.ts"

describe("local times", () => {
  // Berlin: clocks forward on 29 March 2026 at 02:00, back on 25 October 2026 at 03:00.
  test.each([
    ["UTC", "2026-11-24T02:11:00.123456", "2026-11-24T02:11:00.123456Z"],
    ["UTC", "2026-11-24 02:11:00,123", "2026-11-24T02:11:00.123Z"],
    ["+02:00", "2026-11-24T02:11:00", "2026-11-24T00:11:00.000Z"],
    ["-0530", "2026-11-24T02:11:00.5", "2026-11-24T07:41:00.500Z"],
    ["Europe/Berlin", "2026-01-01T00:30:00", "2025-12-31T23:30:00.000Z"],
    ["Europe/Berlin", "2026-07-01T00:30:00", "2026-06-30T22:30:00.000Z"],
    ["Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59.000Z"],
    ["Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00.000Z"],
    ["Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00.000Z"],
    ["Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00.000Z"],
    ["Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00.000Z"],
    ["America/New_York", "2026-11-24T02:11:00", "2026-11-24T07:11:00.000Z"],
    ["Asia/Kathmandu", "2026-11-24T02:11:00", "2026-11-23T20:26:00.000Z"],
    ["Europe/Berlin", "2026-07-01T00:30:00Z", "2026-07-01T00:30:00.000Z"],
    ["Europe/Berlin", "2026-07-01T00:30:00.25-04:00", "2026-07-01T04:30:00.250Z"],
  ])("%s: %s is %s", (zone, local, utc) => {
    expect(storedTime(local, zoneOf(zone)).text).toBe(utc)
  })

  test("whether there was a zone is told, and a day alone has none", () => {
    expect(storedTime("2026-07-01T00:30:00+02", zoneOf("UTC")).naive).toBe(false)
    expect(storedTime("2026-07-01T00:30:00", zoneOf("UTC")).naive).toBe(true)
    expect(storedTime("2026-07-01", zoneOf("+02:00"))).toEqual({ text: "2026-06-30T22:00:00.000Z", naive: true })
  })

  test.each(["", "Europe/Nowhere", "+25:00", "+02:60", "CEST2", "\u001b[31m"])("%j is no zone", (name) => {
    expect(() => zoneOf(name)).toThrowError(RangeError)
  })

  test.each([undefined, 5, "yesterday", "2026-02-30T00:00:00", "0000-01-01T00:00:00"])("%j is no time", (time) => {
    expect(() => storedTime(time, zoneOf("+02:00"))).toThrowError()
  })
})
