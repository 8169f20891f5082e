import { describe, expect, test } from "vitest"
import { sizeText, someOf, spanText } from "./diagnosis.ts"
import { room } from "./platform.ts"

describe("for people", () => {
  test.each([
    [0, "0 bytes"],
    [1023, "1023 bytes"],
    [1536, "1.5 KiB"],
    [70_468_120_576, "65.6 GiB"],
    [1e18, "909494.7 TiB"],
  ])("%i bytes are %s", (bytes, text) => expect(sizeText(bytes)).toBe(text))

  test.each([
    [-5, "0 seconds"],
    [90_000, "90 seconds"],
    [120_000, "2 minutes"],
    [7_199_999, "119 minutes"],
    [7_200_000, "2 hours"],
    [200_000_000, "2 days"],
  ])("%i milliseconds are %s", (ms, text) => expect(spanText(ms)).toBe(text))

  test("of many names three are said, and how many more there are", () => {
    expect(someOf(["a"])).toBe("a")
    expect(someOf(["a", "b", "c", "d", "e"])).toBe("a, b, c and 2 more")
  })
})

test.each([
  [{ bavail: 16_383, bsize: 4_096, ffree: 9_999, files: 10_000 }, "problem"],
  [{ bavail: 16_384, bsize: 4_096, ffree: 9_999, files: 10_000 }, "note"],
  [{ bavail: 262_144, bsize: 4_096, ffree: 9_999, files: 10_000 }, "ok"],
  [{ bavail: 262_144, bsize: 4_096, ffree: 999, files: 10_000 }, "problem"],
  // btrfs has no fixed number of inodes.
  [{ bavail: 262_144, bsize: 4_096, ffree: 0, files: 0 }, "ok"],
])("room %j: %s", (stats, state) => {
  expect(room(stats).state).toBe(state)
})
