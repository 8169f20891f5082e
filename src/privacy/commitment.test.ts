import { createHmac } from "node:crypto"
import { expect, test } from "vitest"
import { commitmentOf, opensCommitment } from "./commitment.ts"

const salt = Buffer.alloc(32, 7)
const committed = { eventId: "018bcfe5-6800-7000-9c22-186b2a5ed793", pointer: "/input_data", json: '"ü"' }

test("is HMAC-SHA-256 over the parts, each behind its length", () => {
  const parts = ["secureml/commit/v1", committed.eventId, committed.pointer, committed.json].map((part) =>
    Buffer.from(part),
  )
  const message = Buffer.concat(parts.flatMap((part) => [Buffer.from([0, 0, 0, part.length]), part]))
  expect(commitmentOf(salt, committed)).toBe(createHmac("sha256", salt).update(message).digest("base64"))
  expect(commitmentOf(salt, committed)).toHaveLength(44)
})

test("opens for that value alone", () => {
  const commitment = commitmentOf(salt, committed)
  expect(opensCommitment(commitment, salt, committed)).toBe(true)
  for (const other of [
    { eventId: "x" },
    { pointer: "/input_dat" },
    { json: '"u"' },
    { pointer: '/input_data"', json: "ü" },
  ]) {
    expect(opensCommitment(commitment, salt, { ...committed, ...other })).toBe(false)
  }
  expect(opensCommitment(commitment, Buffer.alloc(32, 8), committed)).toBe(false)
  expect(opensCommitment("", salt, committed)).toBe(false)
})
