import { expect, test } from "vitest"
import { durationText } from "./duration.ts"

test.each([
  [0, "0ms"],
  [999, "999ms"],
  [1_000, "1.0s"],
  [9_999, "9.9s"],
  [10_000, "10s"],
  [59_999, "59s"],
  [60_000, "1m"],
  [192_000, "3m 12s"],
  [3_600_000, "1h"],
  [7_500_000, "2h 5m"],
  [86_400_000, "1d"],
  [100_000_000, "1d 3h"],
  [-1_500, "-1.5s"],
])("%i milliseconds are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text)
})
