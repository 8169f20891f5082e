/**
 * The border between two real files of the query index, at 4,194,304 entries: the long form alone, since to make them
 * takes some minutes and 4 GB. `test/query-index-files.test.ts` has smaller files.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import {
  countAuditLogs,
  getAuditLogs,
  histogramAuditLogs,
  queryAuditLogs,
  streamAuditLogs,
  verifyAuditLog,
} from "../../src/audit.ts"
import { reindexLog } from "../../src/query/index.ts"
import { findLogDirectory } from "../../src/store/index.ts"
import { FILE_ENTRIES } from "../../src/store/local/index-file.ts"
import { childEnvironment, DIST } from "../children.ts"
import { writeEntries } from "../log-of-entries.ts"
import { usePlace } from "../place.ts"

const IS_LONG = process.env["SECUREML_TEST_INDEX_FILES"] === "1"
const LOT = 65_536
const place = usePlace()

function seal(): void {
  const args = [`${DIST}/cli.js`, "audit", "seal", "--log-dir", place.logDir]
  execFileSync(process.execPath, args, { env: childEnvironment(place.stateDir) })
}

/** Adds sealed entries: one in 1,000 is a hit, and each has a word of its own. */
function grow(from: number, to: number): void {
  for (let first = from; first < to; first += LOT) {
    writeEntries(place.logDir, Math.min(LOT, to - first), (n) => ({
      event_type: (first + n) % 1_000 === 0 ? "hit" : "other",
      timestamp: new Date(Date.UTC(2026, 0, 1) + (first + n) * 1_000).toISOString(),
      details: { note: `only${first + n}` },
    }))
    seal()
    // Its writer is no process: nobody else would tidy what is sealed for an hour.
    const journal = join(place.logDir, ".state/journal")
    for (const name of fs.readdirSync(journal)) fs.rmSync(join(journal, name))
  }
}

function files(): string[] {
  const names = fs.readdirSync(join(place.logDir, ".state/index")).filter((name) => name.endsWith(".sqlite"))
  return names.map((name) => name.split(".")[0]!).sort()
}

async function indexesOf(query: object): Promise<(number | null)[]> {
  const found: (number | null)[] = []
  for await (const { index } of streamAuditLogs({ logDir: place.logDir, ...query })) found.push(index)
  return found
}

async function asks(total: number): Promise<void> {
  const { logDir } = place
  const hits = Array.from({ length: Math.ceil(total / 1_000) }, (_, n) => n * 1_000)
  expect(await indexesOf({ eventType: "hit" })).toEqual(hits)
  expect(await indexesOf({ eventType: "hit", order: "desc" })).toEqual(hits.toReversed())
  expect(await countAuditLogs({ logDir, eventType: "hit" })).toBe(hits.length)
  expect(await countAuditLogs({ logDir, not: { eventType: "hit" } })).toBe(total - hits.length)
  const byType = await histogramAuditLogs({ logDir, by: "type" })
  const sum = (type: string): number =>
    byType.filter(({ value }) => value === type).reduce((all, { count }) => all + count, 0)
  expect([sum("hit"), sum("other")]).toEqual([hits.length, total - hits.length])
  for (const n of [0, FILE_ENTRIES - 1, FILE_ENTRIES, FILE_ENTRIES + 1, total - 1].filter((n) => n < total))
    expect(await indexesOf({ text: `only${n}` })).toEqual([n])
  const [before, behind] = [-300, 300].map((n) => new Date(Date.UTC(2026, 0, 1) + (FILE_ENTRIES + n) * 1_000))
  const times = { startTime: before!, endTime: behind! }
  const within = Array.from({ length: 601 }, (_, n) => FILE_ENTRIES - 300 + n).filter((n) => n < total)
  expect((await getAuditLogs({ logDir, ...times })).map(({ index }) => index)).toEqual(within)
  const first = await queryAuditLogs({ logDir, ...times, limit: 299, order: "desc" })
  const rest = await queryAuditLogs({ logDir, ...times, cursor: first.nextCursor!, order: "desc" })
  expect([...first.records, ...rest.records].map(({ index }) => index)).toEqual(within.toReversed())
}

test.runIf(IS_LONG)(
  `an index of more than 4,194,304 entries answers from both of its files${IS_LONG ? "" : " (skipped: long; SECUREML_TEST_INDEX_FILES=1 runs it)"}`,
  async () => {
    // So many files take longer than what the place allows itself.
    onTestFinished(() => fs.rmSync(place.logDir, { recursive: true, force: true }), 600_000)
    const began = performance.now()
    const tell = (what: string): void => console.log(`${Math.round((performance.now() - began) / 1_000)} s: ${what}`)
    grow(0, FILE_ENTRIES)
    tell("sealed up to the border")
    // Not the command: it records an event.
    await reindexLog(findLogDirectory(place.logDir)!)
    expect(files()).toEqual(["0"])
    await asks(FILE_ENTRIES)
    tell("indexed up to the border")
    grow(FILE_ENTRIES, FILE_ENTRIES + 5_120)
    await asks(FILE_ENTRIES + 5_120)
    expect(files()).toEqual(["0", "1"])
    tell("gone on over it")
    expect((await verifyAuditLog({ logDir: place.logDir, index: true })).findings).toEqual([])
    tell("compared row by row")
  },
  3_600_000,
)
