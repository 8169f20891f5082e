/**
 * The query index gives the answers of a plain reading where its forms have borders, and for what hostile entries hold.
 */
import { expect, test } from "vitest"
import { countAuditLogs, getAuditLogs, histogramAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { reindexLog } from "../src/query/index.ts"
import { findLogDirectory } from "../src/store/index.ts"
import { writeEntries } from "./log-of-entries.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

/** A sealed log with an index. */
async function logOf(count: number, own: (n: number) => object | string): Promise<string> {
  process.env["SECUREML_STATE_DIR"] = place.stateDir
  writeEntries(place.logDir, count, own)
  await sealLog({ logDir: place.logDir })
  await reindexLog(findLogDirectory(place.logDir)!)
  return place.logDir
}

test.each([4_095, 4_096, 4_097])("a value that %i entries of a block have is found in each of them", async (hits) => {
  const logDir = await logOf(8_448, (n) => ({ event_type: n % 2 === 1 && n < 2 * hits ? "hit" : "other" }))
  expect((await getAuditLogs({ logDir, eventType: "hit" })).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: hits }, (_, n) => 2 * n + 1),
  )
  expect(await countAuditLogs({ logDir, eventType: "hit" })).toBe(hits)
})

test("values that differ in half a pair or behind a NUL are different values", async () => {
  const users = ["a\ud800", "a\ud801", "a\u0000b", "a\u0000c", "a"]
  const logDir = await logOf(5_120, (n) => ({ details: { user: users[n % 5] } }))
  for (const user of users) {
    expect((await getAuditLogs({ logDir, user })).length).toBe(1_024)
    expect(await countAuditLogs({ logDir, user })).toBe(1_024)
  }
  const buckets = await histogramAuditLogs({ logDir, by: "user" })
  expect(new Map(buckets.map(({ value, count }) => [value, count]))).toEqual(
    new Map(users.map((user) => [user, 1_024])),
  )
  expect((await verifyAuditLog({ logDir, index: true })).findings).toEqual([])
})
