/**
 * The query index gives the answers of a plain reading where its forms have borders, and for what hostile entries hold.
 */
import { expect, test } from "vitest"
import { countAuditLogs, getAuditLogs } from "../src/audit.ts"
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
