import { expect, test } from "vitest"
import { nextEventId } from "./event-ids.ts"

test("ids are UUIDv7s, all different and in order, over many refills of the pool", () => {
  const ids = Array.from({ length: 4_000 }, () => nextEventId(1_700_000_000_000))
  for (const id of ids) expect(id).toMatch(/^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(ids.map((id) => id.slice(19))).size).toBe(ids.length)
  expect([...ids].sort()).toEqual(ids)
})

test("every random bit takes both values", () => {
  const tails = Array.from({ length: 400 }, () => BigInt(`0x${nextEventId(1).slice(19).replace("-", "")}`))
  const ones = tails.reduce((all, tail) => all | tail, 0n)
  const zeros = tails.reduce((all, tail) => all & tail, (1n << 64n) - 1n)
  expect([ones.toString(16), zeros.toString(16)]).toEqual(["bfffffffffffffff", "8000000000000000"])
})
