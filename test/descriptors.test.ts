/**
 * The number of a descriptor that was closed belongs to the next file that anybody in the process opens.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { Writer } from "../src/ledger/writer.ts"
import { LocalJournal, openLogDirectory, PARTS_DIRECTORY } from "../src/store/index.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

/** How many files that are opened now are closed by somebody else while something goes on. */
async function closedDuring(work: () => Promise<unknown>): Promise<number> {
  const files = [1, 2, 3, 4, 5, 6].map((n) => fs.openSync(join(place.directory, `file${n}`), "w"))
  await work().catch(() => undefined)
  let closed = 0
  for (const file of files) {
    try {
      fs.closeSync(file)
    } catch {
      closed += 1
    }
  }
  return closed
}

test("a sync of a segment that was closed leaves the files of others alone, and fails", async () => {
  const segment = new LocalJournal(openLogDirectory(place.logDir, undefined)).openSegment("a", 0)
  segment.close()
  segment.close()
  expect(await closedDuring(() => segment.sync())).toBe(0)
  await expect(segment.sync()).rejects.toThrow(/closed/)
})

test("a segment that is left while its parts are synced is synced all the same, and closed once", async () => {
  const root = openLogDirectory(place.logDir, undefined)
  const parts = new LocalJournal(root, PARTS_DIRECTORY)
  const writer = new Writer(
    new LocalJournal(root),
    parts,
    () => undefined,
    () => undefined,
  )
  writer.append(() => '{"a":1}', { text: '{"event_id":"x","values":[]}', hasLarge: false })
  const background = writer.durable(writer.appendedBytes)
  writer.retireIdle()
  writer.durableNow()
  expect(await closedDuring(() => background)).toBe(0)
  await expect(background).resolves.toBeUndefined()
  const before = fs.readdirSync("/proc/self/fd").length
  writer.close()
  expect(fs.readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before)
})
