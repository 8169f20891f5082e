import { expect, test } from "vitest"
import { freshBytes } from "./fresh-bytes.ts"

test("no two salts or nonces are alike, within a pool and across its refills", () => {
  const given = Array.from({ length: 2_000 }, (_, n) => freshBytes(n % 2 === 0 ? 32 : 12))
  expect(new Set(given.map((bytes) => bytes.toString("hex"))).size).toBe(given.length)
  // Nobody is given a piece of what another one has.
  const pieces = given.map((bytes) => bytes.toString("hex", 0, 8))
  expect(new Set(pieces).size).toBe(pieces.length)
  for (const bytes of given) expect(bytes.every((byte) => byte === 0)).toBe(false)
})

test("what was given stays as it is", () => {
  const first = freshBytes(32)
  const copy = Buffer.from(first)
  for (let n = 0; n < 500; n++) freshBytes(32)
  expect(first).toEqual(copy)
})
