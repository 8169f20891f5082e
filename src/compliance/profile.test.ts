import { beforeAll, describe, expect, test } from "vitest"
import { type LegalCalendars, openCalendars } from "./clock/legal-calendars.ts"
import { parseProfile } from "./profile.ts"

let calendars: LegalCalendars
beforeAll(async () => {
  calendars = await openCalendars()
})

const PROFILE = { v: 1, id: "acme" }

describe("what is refused, with its place", () => {
  for (const [name, value, says] of [
    ["no object", "acme", "it must be of type object"],
    ["no id", { v: 1 }, 'it has no "id"'],
    ["an unknown key", { ...PROFILE, role: "controller" }, 'it has an unknown key "role"'],
    ["roles that are no list", { ...PROFILE, roles: "controller" }, "roles must be of type array"],
    ["a zone that is none", { ...PROFILE, time_zone: "Berlin" }, "time_zone is no time zone"],
    ["a country that is none", { ...PROFILE, country: "XX" }, "country is not in date-holidays"],
    ["a country in words", { ...PROFILE, country: "Germany" }, "country must look like"],
    ["a region without its country", { ...PROFILE, region: "BY" }, 'region needs a "country"'],
    ["a region that is none", { ...PROFILE, country: "DE", region: "XX" }, "region is not in date-holidays"],
    [
      "a cadence that is none",
      { ...PROFILE, systems: [{ id: "s", max_silence: "daily" }] },
      "systems[0].max_silence must look like",
    ],
    [
      "an exclusion without a reason",
      { ...PROFILE, controls: { exclude: [{ id: "x" }] } },
      'controls.exclude[0] has no "reason"',
    ],
    ["a holiday that is no date", { ...PROFILE, holidays: { add: ["soon"] } }, "holidays.add[0] must look like"],
  ] as const) {
    test(name, () => {
      expect(() => parseProfile(value, calendars)).toThrow(
        expect.objectContaining({ code: "PROFILE_MALFORMED", message: expect.stringContaining(says) }),
      )
    })
  }
})

test("a whole profile", () => {
  const profile = {
    ...PROFILE,
    roles: ["controller"],
    time_zone: "Europe/Berlin",
    country: "DE",
    region: "BY",
    systems: [{ id: "scoring", max_silence: "PT12H", owner: "risk team" }],
  }
  expect(parseProfile(profile, calendars)).toBe(profile)
})
