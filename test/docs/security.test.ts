import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { ROOT, read, sources } from "./markdown.ts"

/** Tests that the page names, with the words that must stand in them. */
const named = [...read("SECURITY.md").matchAll(/`((?:test|src)\/[\w./-]+\.test\.ts)`(?:,\s+"([^"]+)")?/g)].map(
  ([, path = "", words = ""]) => ({ path, words: words.replace(/\s+/g, " ") }),
)

test("SECURITY.md names many tests", () => {
  expect(named.length).toBeGreaterThan(35)
})

test.each(named)("$path: $words", ({ path, words }) => {
  expect(existsSync(join(ROOT, path))).toBe(true)
  expect(read(path)).toContain(words)
})

test("the source has no import of a network module", () => {
  const network = /from "node:(?:net|tls|http|https|http2|dgram|dns)(?:\/\w+)?"|\bfetch\(|new WebSocket/
  expect(
    sources("src")
      .filter(({ text }) => network.test(text))
      .map(({ path }) => path),
  ).toEqual([])
})
