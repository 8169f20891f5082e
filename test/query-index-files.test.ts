/**
 * An index of several files answers as one does. A file has 4,194,304 entries: here it has one block, and everything
 * else is as it is; `test/faults/index-files.test.ts` makes a whole one.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import {
  type AuditRecord,
  countAuditLogs,
  getAuditLogs,
  histogramAuditLogs,
  queryAuditLogs,
  verifyAuditLog,
} from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { reindexLog } from "../src/query/index.ts"
import { bringUpIndex } from "../src/query/index-build.ts"
import { takeSnapshot } from "../src/query/snapshot.ts"
import { findLogDirectory, LocalIndex, LocalIndexWriter } from "../src/store/index.ts"
import { writeEntries } from "./log-of-entries.ts"
import { usePlace } from "./place.ts"
import { answers, buckets } from "./plain-answers.ts"

vi.mock("../src/store/local/index-file.ts", async (original) => ({
  ...(await original<object>()),
  FILE_ENTRIES: 65_536,
}))

const FILE = 65_536
const place = usePlace()

/** Adds sealed entries: a user each, a rare one every 1,000, and words of both. */
async function grow(count: number, first = 0): Promise<void> {
  writeEntries(place.logDir, count, (n) => ({
    event_type: (first + n) % 1_000 === 0 ? "hit" : "other",
    details: { user: `user-${(first + n) % 7}`, note: `only${first + n} common` },
  }))
  await sealLog({ logDir: place.logDir })
}

async function bringUp(): Promise<number | undefined> {
  const root = findLogDirectory(place.logDir)!
  return bringUpIndex(root, await takeSnapshot(root))
}

/** Numbers of the index's files. */
function files(): string[] {
  const names = fs.readdirSync(join(place.logDir, ".state/index")).filter((name) => name.endsWith(".sqlite"))
  return names.map((name) => name.split(".")[0]!).sort()
}

const ids = (records: readonly AuditRecord[]): string[] => records.map(({ event_id }) => event_id)
const ofTime = (ms: number): string => new Date(ms).toISOString()
const index = ({ index }: AuditRecord): number | null => index

/** Compares with a plain reading, around the borders above all. */
async function asks(all: readonly AuditRecord[]): Promise<void> {
  const { logDir } = place
  const around = [0, FILE - 1, FILE, FILE + 1, 2 * FILE - 1, 2 * FILE].filter((n) => n < all.length)
  for (const n of around) expect((await getAuditLogs({ logDir, text: `only${n}` })).map(index), `only${n}`).toEqual([n])
  const border = Date.parse(all[FILE]!.timestamp)
  const times = { startTime: ofTime(border - 5_000), endTime: ofTime(border + 5_000) }
  for (const query of [times, { eventType: "hit" }, { eventType: "hit", text: "common", order: "desc" as const }])
    expect(ids(await getAuditLogs({ logDir, ...query }))).toEqual(ids(answers(all, query)))
  for (const query of [{ user: "user-3" }, { not: { user: "user-3" } }, {}])
    expect(await countAuditLogs({ logDir, ...query })).toBe(answers(all, query).length)
  expect(await histogramAuditLogs({ logDir, by: "type" })).toEqual(buckets(all, "type"))
  expect((await verifyAuditLog({ logDir, index: true })).findings).toEqual([])
}

test("three files answer as a plain reading does, page by page across their borders too", async () => {
  await grow(2 * FILE + 5_120)
  await reindexLog(findLogDirectory(place.logDir)!)
  expect(files()).toEqual(["0", "1", "2"])
  expect(LocalIndex.open(findLogDirectory(place.logDir)!)!.state!.position).toBe(2 * FILE + 5_120)
  const all = await getAuditLogs({ logDir: place.logDir })
  await asks(all)
  for (const order of ["asc", "desc"] as const) {
    const seen: AuditRecord[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const rest = cursor === undefined ? {} : { cursor }
      const page = await queryAuditLogs({ logDir: place.logDir, eventType: "hit", limit: 33, order, ...rest })
      seen.push(...page.records)
      cursor = page.nextCursor
    }
    expect(ids(seen)).toEqual(ids(answers(all, { eventType: "hit", order })))
  }
}, 240_000)

test("an index goes on over the border from before it, from it though its writer died there, and from behind it", async () => {
  let size = 0
  const reset = vi.spyOn(LocalIndexWriter.prototype, "reset")
  for (const [to, wanted] of [
    [FILE - 256, ["0"]],
    [FILE, ["0"]],
    [FILE + 256, ["0", "1"]],
    [FILE + 512, ["0", "1"]],
  ] as const) {
    await grow(to - size, size)
    size = to
    const finish = vi.spyOn(LocalIndexWriter.prototype, "finish")
    if (to === FILE) {
      finish.mockRejectedValueOnce(new Error("killed"))
      await expect(bringUp()).rejects.toThrow("killed")
    }
    expect(await bringUp()).toBe(size)
    finish.mockRestore()
    expect(files()).toEqual(wanted)
    expect(LocalIndex.open(findLogDirectory(place.logDir)!)!.state!.position).toBe(size)
  }
  // Once at the very beginning.
  expect(reset).toHaveBeenCalledTimes(1)
  reset.mockRestore()
  await asks(await getAuditLogs({ logDir: place.logDir }))
}, 240_000)

test("of two files whatever happens to one changes no answer, and both are made anew", async () => {
  await grow(FILE + 5_120)
  await bringUp()
  const all = await getAuditLogs({ logDir: place.logDir })
  const stamp = join(place.logDir, ".state/index/stamp.json")
  for (const [what, act] of Object.entries(ACTS)) {
    // Open in this process, and a writer died: the stamp says nothing about the files.
    expect(await countAuditLogs({ logDir: place.logDir, eventType: "hit" })).toBe(71)
    const before = JSON.parse(fs.readFileSync(stamp, "utf8")) as { made: string }
    fs.writeFileSync(stamp, JSON.stringify({ ...before, writing: true }))
    act((n) => join(place.logDir, ".state/index", `${n}.${before.made}.sqlite`))
    for (const query of [{ eventType: "hit" }, { user: "user-3", startTime: all[FILE]!.timestamp }])
      expect(ids(await getAuditLogs({ logDir: place.logDir, ...query })), what).toEqual(ids(answers(all, query)))
    expect(await bringUp(), what).toBe(FILE + 5_120)
    const { made } = JSON.parse(fs.readFileSync(stamp, "utf8")) as { made: string }
    expect(made, what).not.toBe(before.made)
  }
  await asks(all)
}, 240_000)

/** What may happen to one of two files. */
const ACTS: Readonly<Record<string, (path: (n: number) => string) => void>> = {
  "the first is deleted": (path) => fs.rmSync(path(0)),
  "the second is deleted": (path) => fs.rmSync(path(1)),
  "the second is cut short": (path) => fs.truncateSync(path(1), 20_000),
  "they change places": (path) => {
    fs.renameSync(path(0), `${path(0)}.aside`)
    fs.renameSync(path(1), path(0))
    fs.renameSync(`${path(0)}.aside`, path(1))
  },
}
