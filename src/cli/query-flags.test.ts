import { Command, InvalidArgumentError } from "commander"
import { describe, expect, test } from "vitest"
import { UsageError } from "./failure.ts"
import { wantsColour } from "./output.ts"
import { addQueryFlags, parseAge, queryOf, wholeNumberFrom } from "./query-flags.ts"

describe("ages", () => {
  const rows: readonly (readonly [string, number])[] = [
    ["7d", 604_800_000],
    ["12h", 43_200_000],
    ["30m", 1_800_000],
    ["5s", 5_000],
    ["2w", 1_209_600_000],
  ]
  test.each(rows)("%s is %i ms", (text, ms) => {
    expect(parseAge(text)).toBe(ms)
  })

  test.each(["", "7", "d", "-7d", "1.5h", "7 d", "7days", "7D", "9999999d", "0x7d"])("%j is none", (text) => {
    expect(() => parseAge(text)).toThrow(InvalidArgumentError)
  })
})

describe("whole numbers", () => {
  test.each(["", "-1", "+1", "1.0", "1e3", "0x1", " 1", "0", "1234567890123456"])("%j is none from 1", (text) => {
    expect(() => wholeNumberFrom(1)(text)).toThrow(InvalidArgumentError)
  })

  test("others are", () => {
    expect([wholeNumberFrom(0)("0"), wholeNumberFrom(1)("50")]).toEqual([0, 50])
  })
})

describe("queries", () => {
  test("only what was given, an age as a time", () => {
    expect(queryOf({}, 0)).toEqual({})
    expect(queryOf({ user: "u", since: 1_000 }, 61_000)).toEqual({ user: "u", startTime: new Date(60_000) })
  })

  test("an end before the start is wrong usage", () => {
    expect(() => queryOf({ startTime: "2026-01-02", endTime: "2026-01-01" }, 0)).toThrow(UsageError)
    expect(queryOf({ startTime: "2026-01-01T10:00Z", endTime: "2026-01-01" }, 0)).toHaveProperty("endTime")
  })
})

describe("colours", () => {
  const rows: readonly (readonly [Record<string, string>, boolean, boolean])[] = [
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ TERM: "dumb" }, true, false],
  ]
  test.each(rows)("%j, terminal %s: %s", (environment, terminal, wanted) => {
    expect(wantsColour(environment, terminal)).toBe(wanted)
  })
})

test("a filter that is given twice takes either value, and --not is parsed by its first equals sign", async () => {
  const parsed = async (...flags: string[]): Promise<unknown> => {
    const command = addQueryFlags(new Command())
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
    await command.parseAsync(flags, { from: "user" })
    return queryOf(command.opts(), 0)
  }
  expect(
    await parsed("--user", "a", "--user", "b", "--not", "status=x=y", "--not", "status=z", "--not", "user=c"),
  ).toEqual({
    user: ["a", "b"],
    not: { status: ["x=y", "z"], user: ["c"] },
  })
  for (const wrong of ["user", "=x", "users=x", "toString=x"])
    await expect(parsed("--not", wrong)).rejects.toThrow("It must be a field and a value")
})
