/**
 * The query index gives the answers of a plain reading: differential over random filters, whatever was done to the
 * index, and beside writers.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import {
  type AuditQuery,
  type AuditRecord,
  AuditTrail,
  countAuditLogs,
  getAuditLogs,
  type HistogramBucket,
  type HistogramKey,
  histogramAuditLogs,
  queryAuditLogs,
  streamAuditLogs,
  verifyAuditLog,
} from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { reindexLog } from "../src/query/index.ts"
import { findLogDirectory, LocalIndex, openDatabase } from "../src/store/index.ts"
import { collectGarbage } from "./garbage.ts"
import { usePlace } from "./place.ts"
import { answers, buckets } from "./plain-answers.ts"

const { writeCorpus } = (await import(new URL("../bench/corpus.mjs", import.meta.url).href)) as {
  writeCorpus: (logDir: string, events: number, seed?: number) => { operations: string[] }
}

const EVENTS = 10_000
const RUNS = Number(process.env["SECUREML_TEST_QUERIES"] ?? 200)
const place = usePlace()
/** One sealed log with an index for all tests; each copies it. */
let original = ""
let state = ""
let all: AuditRecord[] = []

beforeAll(async () => {
  const home = fs.mkdtempSync(join(fs.realpathSync("/tmp"), "secureml-index-"))
  original = join(home, "log")
  state = join(home, "state")
  process.env["SECUREML_STATE_DIR"] = state
  writeCorpus(original, EVENTS, 7)
  await sealLog({ logDir: original })
  await reindexLog(findLogDirectory(original)!)
  all = await getAuditLogs({ logDir: original })
})

afterAll(() => fs.rmSync(join(original, ".."), { recursive: true, force: true }))

/** A copy of the log, for a test that changes it. */
function copy(): string {
  fs.cpSync(original, place.logDir, { recursive: true, preserveTimestamps: true })
  fs.cpSync(state, place.stateDir, { recursive: true })
  return place.logDir
}

/** Filters that are made of what is in the log, and of what is not. */
function filters(): fc.Arbitrary<AuditQuery> {
  const record = fc.nat(all.length - 1).map((n) => all[n]!)
  const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | readonly T[]> =>
    fc.oneof(arbitrary, fc.array(arbitrary, { minLength: 1, maxLength: 3 }))
  const user = record.map((one) => String(one.details["user"] ?? one.actor?.id))
  const exact = {
    operationId: record.map((one) => one.operation_id),
    operationName: record.map((one) => one.operation_name),
    eventType: fc.oneof(
      record.map((one) => one.event_type),
      fc.constant("nothing"),
    ),
    user,
    datasetName: record.map((one) => String(one.details["dataset_name"])),
    modelId: record.map((one) => String(one.details["model_id"])),
    regulation: fc.constantFrom("gdpr", "GDPR", "HIPAA", "LGPD"),
    result: fc.constantFrom<string | boolean>(true, false, "true"),
  }
  const word = record.map(
    (one) =>
      JSON.stringify(one.details)
        .match(/[a-z]+/g)!
        .at(-1)!,
  )
  const text = fc.oneof(
    word,
    fc.tuple(word, word).map((words) => words.join(" ")),
    user,
    record.map(({ details }) => String(details["note"] ?? details["message"] ?? "ba").slice(0, 12)),
    fc.constantFrom("ba", "Ba ba", "zzzz", "@", "0"),
  )
  const chosen = (arbitraries: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
    fc.record(arbitraries, { requiredKeys: [] })
  const exacts = Object.fromEntries(
    Object.entries(exact).map(([field, arbitrary]) => [field, some(arbitrary as never)]),
  )
  const time = record.map((one) => one.timestamp)
  return fc
    .record({
      fields: fc.oneof(
        ...Object.entries(exacts).map(([field, arbitrary]) => chosen({ [field]: arbitrary })),
        chosen(exacts),
        // Fields of one record: some record has them all.
        fc.tuple(record, fc.subarray(["eventType", "user", "operationName"], { minLength: 1 })).map(([one, names]) => {
          const own = { eventType: one.event_type, user: one.actor!.id, operationName: one.operation_name }
          return Object.fromEntries(Object.entries(own).filter(([name]) => names.includes(name)))
        }),
      ),
      rest: fc.oneof(
        fc.constant({}),
        chosen({
          text,
          startTime: fc.oneof(
            time,
            time.map((at) => at.slice(0, 10)),
          ),
          endTime: fc.oneof(
            time,
            time.map((at) => at.slice(0, 10)),
            time.map((at) => at.slice(0, 19)),
          ),
          not: fc.oneof(...Object.entries(exacts).map(([field, arbitrary]) => chosen({ [field]: arbitrary }))),
          order: fc.constantFrom("asc", "desc"),
        }),
      ),
    })
    .map(({ fields, rest }) => ({ ...fields, ...rest }) as AuditQuery)
}

const ids = (records: readonly AuditRecord[]): string[] => records.map(({ event_id }) => event_id)

test("thousands of random filters: the index and a plain reading have the same answer", async () => {
  const logDir = original
  let withHits = 0
  await fc.assert(
    fc.asyncProperty(filters(), async (query) => {
      const expected = answers(all, query)
      if (expected.length > 0) withHits += 1
      expect(ids(await getAuditLogs({ ...query, logDir }))).toEqual(ids(expected))
      const { order: _, ...counted } = query
      expect(await countAuditLogs({ ...counted, logDir })).toBe(expected.length)
    }),
    { numRuns: RUNS },
  )
  // Filters that never find anything would agree about everything.
  expect(withHits).toBeGreaterThan(RUNS / 5)
}, 600_000)

test.each(["day", "type", "operation", "user", "regulation", "outcome"] as const)(
  "a histogram by %s counts what a plain reading counts, also where times cut a day",
  async (by: HistogramKey) => {
    const logDir = original
    const times: AuditQuery[] = [
      {},
      { startTime: "2026-10-01", endTime: "2026-10-20" },
      { startTime: "2026-10-01T03:00", endTime: "2026-10-02T04:00:00Z" },
      { startTime: "2026-10-01T03:00", endTime: "2026-10-01T04:00" },
      { eventType: "error", startTime: "2026-10-01T03:00" },
      { text: "ba" },
    ]
    for (const query of times) {
      const found: HistogramBucket[] = await histogramAuditLogs({ ...query, by, logDir })
      expect(found).toEqual(buckets(answers(all, query), by))
    }
  },
)

/** Asks some questions that an index answers, and compares. */
async function asks(logDir: string, records: readonly AuditRecord[]): Promise<void> {
  const { operation_id: operationId, actor } = records[EVENTS / 2]!
  for (const query of [
    { operationId },
    { user: actor!.id, order: "desc" as const },
    { eventType: "error", startTime: "2026-10-01", endTime: "2026-10-03" },
    { text: "albatross" },
  ])
    expect(ids(await getAuditLogs({ ...query, logDir }))).toEqual(ids(answers(records, query)))
  expect(await countAuditLogs({ logDir, eventType: "error" })).toBe(answers(records, { eventType: "error" }).length)
  expect(await histogramAuditLogs({ logDir, by: "type" })).toEqual(buckets(records, "type"))
}

/** Name of the index's one file. */
const fileName = (logDir: string): string =>
  fs.readdirSync(join(logDir, ".state/index")).find((name) => name.endsWith(".sqlite"))!

/** Whether a doctored index is used. */
const isUsed = (logDir: string): boolean => LocalIndex.open(findLogDirectory(logDir)!) !== undefined

describe("whatever is done to the index, no answer changes", () => {
  const file = (logDir: string, name = fileName(logDir)): string => join(logDir, ".state/index", name)
  const doctored = (sql: string) => (logDir: string) => {
    const database = openDatabase(file(logDir))!
    database.exec(sql)
    database.close()
  }
  test.each<readonly [string, (logDir: string) => unknown]>([
    ["it is deleted", (logDir) => fs.rmSync(join(logDir, ".state/index"), { recursive: true })],
    ["its file is deleted", (logDir) => fs.rmSync(file(logDir))],
    ["its stamp is deleted", (logDir) => fs.rmSync(file(logDir, "stamp.json"))],
    ["its stamp is rubbish", (logDir) => fs.writeFileSync(file(logDir, "stamp.json"), "{}")],
    ["it is cut short", (logDir) => fs.truncateSync(file(logDir), 20_000)],
    ["it is emptied", (logDir) => fs.truncateSync(file(logDir), 0)],
    ["it is overwritten", (logDir) => fs.writeFileSync(file(logDir), Buffer.alloc(50_000, 7))],
    ["rows are deleted", doctored("DELETE FROM posting")],
    ["rows are changed", doctored("UPDATE posting SET offsets = x'0100020003000400'")],
    ["counts are changed", doctored("UPDATE daily SET n = n + 1")],
    ["times are changed", doctored("UPDATE block_span SET first = last")],
    [
      "an open write-ahead log is put beside it",
      (logDir) => {
        const twin = join(place.directory, "twin")
        fs.copyFileSync(file(logDir), twin)
        const database = openDatabase(twin)!
        database.exec("PRAGMA journal_mode = WAL; DELETE FROM posting; DELETE FROM daily")
        fs.copyFileSync(`${twin}-wal`, `${file(logDir)}-wal`)
        database.close()
      },
    ],
    [
      "a pipe is put in the place of its journal",
      (logDir) => {
        fs.rmSync(`${file(logDir)}-journal`, { force: true })
        execFileSync("mkfifo", [`${file(logDir)}-journal`])
      },
    ],
    [
      "it is overwritten, and whoever wrote it died",
      (logDir) => {
        const path = file(logDir, "stamp.json")
        const stamp = JSON.parse(fs.readFileSync(path, "utf8")) as object
        fs.writeFileSync(path, JSON.stringify({ ...stamp, writing: true }))
        fs.writeFileSync(file(logDir), Buffer.alloc(50_000, 7))
      },
    ],
    [
      "a link is put in its place",
      (logDir) => {
        const path = file(logDir)
        fs.renameSync(path, join(logDir, "elsewhere"))
        fs.symlinkSync(join(logDir, "elsewhere"), path)
      },
    ],
  ])("%s", async (_, act) => {
    const logDir = copy()
    // A copy has other inodes: made anew, it is whole and in use.
    await reindexLog(findLogDirectory(logDir)!)
    expect(isUsed(logDir)).toBe(true)
    act(logDir)
    await asks(logDir, all)
    await asks(logDir, all)
    await reindexLog(findLogDirectory(logDir)!)
    expect(isUsed(logDir)).toBe(true)
    await asks(logDir, all)
  })

  test("one from another history is not used: the roots differ", async () => {
    const other = join(place.directory, "other")
    process.env["SECUREML_STATE_DIR"] = place.stateDir
    writeCorpus(other, EVENTS, 8)
    await sealLog({ logDir: other })
    await reindexLog(findLogDirectory(other)!)
    const theirs = await getAuditLogs({ logDir: other })
    fs.mkdirSync(place.logDir)
    for (const name of fs.readdirSync(original))
      fs.cpSync(join(original, name), join(place.logDir, name), {
        recursive: true,
        filter: (path) => !path.includes("/index"),
      })
    // The directory itself moves, with the inodes and times of its stamp.
    fs.renameSync(join(other, ".state/index"), join(place.logDir, ".state/index"))
    expect(isUsed(place.logDir)).toBe(true)
    await asks(place.logDir, all)
    expect(theirs.length).toBe(EVENTS)
  })

  test("a copy of the log makes its own", async () => {
    const logDir = copy()
    expect(isUsed(logDir)).toBe(false)
    await asks(logDir, all)
    expect(isUsed(logDir)).toBe(true)
  })

  test("where it cannot be written, queries read the log", async () => {
    const logDir = copy()
    fs.rmSync(join(logDir, ".state/index"), { recursive: true })
    fs.writeFileSync(join(logDir, ".state/index"), "no directory")
    await asks(logDir, all)
  })
})

describe("verify compares the index with the log", () => {
  const touched = (logDir: string): Promise<unknown> =>
    verifyAuditLog({ logDir }).then(({ verdict, findings }) => [verdict, findings.map(({ code }) => code)])

  test("one that was touched is a finding, and no verdict on the log", async () => {
    const logDir = copy()
    expect(await touched(logDir)).toEqual(["intact", ["index_differs"]])
    await reindexLog(findLogDirectory(logDir)!)
    expect(await touched(logDir)).toEqual(["intact", []])
    expect((await verifyAuditLog({ logDir, index: true })).findings).toEqual([])
  })

  /** Changes rows, and then the stamp by which that would be noticed. */
  async function doctorUnnoticed(logDir: string, sql: string): Promise<void> {
    await reindexLog(findLogDirectory(logDir)!)
    const path = join(logDir, ".state/index", fileName(logDir))
    const database = openDatabase(path)!
    database.exec(sql)
    database.close()
    const stamp = JSON.parse(fs.readFileSync(join(logDir, ".state/index/stamp.json"), "utf8")) as { files: object }
    const { ino, size, mtimeNs, ctimeNs } = fs.statSync(path, { bigint: true })
    const files = { 0: `${ino} ${size} ${mtimeNs} ${ctimeNs}` }
    fs.writeFileSync(join(logDir, ".state/index/stamp.json"), JSON.stringify({ ...stamp, files }))
  }

  test.each([
    "UPDATE posting SET offsets = 5000000000000",
    "UPDATE posting SET offsets = 'text'",
    "UPDATE posting SET block = 99999999; UPDATE block_span SET block = 99999999",
    "UPDATE posting SET n = 'many'",
    "UPDATE span SET first = 'x', last = NULL",
    "UPDATE daily SET n = 'x'",
  ])("rows of another kind fail no query, and bring nothing that is not in the log: %s", async (sql) => {
    const logDir = copy()
    await doctorUnnoticed(logDir, sql)
    expect(isUsed(logDir)).toBe(true)
    const ids = new Set(all.map(({ event_id }) => event_id))
    const user = all[EVENTS / 2]!.actor!.id
    const startTime = all[10]!.timestamp
    for (const query of [{ user }, { user, startTime }, { text: "model" }, { startTime }, { user, eventType: "error" }])
      for (const { event_id } of await getAuditLogs({ logDir, ...query })) expect(ids.has(event_id)).toBe(true)
    await histogramAuditLogs({ logDir, by: "type" })
    await countAuditLogs({ logDir, user })
    const { verdict, findings } = await verifyAuditLog({ logDir, index: true })
    expect([verdict, findings.map(({ code }) => code)]).toEqual(["intact", ["index_differs"]])
  })

  test.each([
    "DELETE FROM posting WHERE term = (SELECT max(term) FROM posting)",
    "UPDATE posting SET offsets = x'01000200', n = 2 WHERE term = (SELECT max(term) FROM posting WHERE length(offsets) = 4)",
    "INSERT INTO posting VALUES (77, 0, 1, x'0700')",
    "UPDATE span SET last = last - 1 WHERE bundle = 3",
    "UPDATE block_span SET last = last - 1",
    "UPDATE daily SET n = n + 1 WHERE key = 1",
  ])("a doctored row is found row by row, even under a forged stamp: %s", async (sql) => {
    const logDir = copy()
    await doctorUnnoticed(logDir, sql)
    expect(isUsed(logDir)).toBe(true)
    const { verdict, findings } = await verifyAuditLog({ logDir, index: true })
    expect([verdict, findings.map(({ code }) => code)]).toEqual(["intact", ["index_differs"]])
  })
})

test("beside a writer: each record once over all pages, newest first and oldest first", async () => {
  const logDir = copy()
  await reindexLog(findLogDirectory(logDir)!)
  const audit = new AuditTrail("beside", { logDir })
  const user = all[EVENTS / 2]!.actor!.id
  const before = answers(all, { user })
  for (const order of ["asc", "desc"] as const) {
    const seen: string[] = []
    let [cursor, pages]: [string | null, number] = [null, 0]
    do {
      for (let n = 0; n < 100; n++) audit.logEvent("added", { user, n })
      if (seen.length % 2 === 0) await audit.flush()
      pages += 1
      const page: Awaited<ReturnType<typeof queryAuditLogs>> = await queryAuditLogs({
        logDir,
        user,
        order,
        limit: 500,
        ...(cursor === null ? {} : { cursor }),
      })
      seen.push(...ids(page.records))
      cursor = page.nextCursor
    } while (cursor !== null && pages < 50)
    expect(new Set(seen).size).toBe(seen.length)
    expect(ids(before).every((id) => seen.includes(id))).toBe(true)
  }
  await audit.close()
  expect(await countAuditLogs({ logDir, user })).toBe((await getAuditLogs({ logDir, user })).length)
}, 120_000)

test("an entry that was changed in its bundle is never shown, with an index or without", async () => {
  const logDir = copy()
  const { index, operation_id: operationId } = all[EVENTS / 2]!
  const bundle = join(logDir, "tile/entries", String(Math.floor(index! / 256)).padStart(3, "0"))
  const bytes = fs.readFileSync(bundle)
  fs.chmodSync(bundle, 0o600)
  const at = bytes.indexOf(`"operation_id":"${operationId}"`)
  bytes.write('"sequence":7', bytes.indexOf('"sequence":', at))
  fs.writeFileSync(bundle, bytes)
  for (const makes of [true, false]) {
    if (makes) await reindexLog(findLogDirectory(logDir)!)
    else fs.rmSync(join(logDir, ".state/index"), { recursive: true, force: true })
    await expect(getAuditLogs({ logDir, operationId })).rejects.toMatchObject({ code: "LEDGER_CORRUPT" })
  }
})

test("an index that another process made anew is opened anew, even where it has the inode of the old one", async () => {
  const logDir = copy()
  const root = findLogDirectory(logDir)!
  await reindexLog(root)
  const before = LocalIndex.open(root)!
  const { made } = JSON.parse(fs.readFileSync(join(logDir, ".state/index/stamp.json"), "utf8")) as { made: string }
  // As from outside: nothing in this thread is told.
  execFileSync(process.execPath, [fileURLToPath(new URL("../dist/cli.js", import.meta.url)), "audit", "reindex"], {
    env: { ...process.env, SECUREML_AUDIT_DIR: logDir },
    stdio: "ignore",
  })
  expect(JSON.parse(fs.readFileSync(join(logDir, ".state/index/stamp.json"), "utf8"))).not.toMatchObject({ made })
  expect(LocalIndex.open(root)).not.toBe(before)
})

test("an index that nobody asks is closed after a while, and a query that went on meanwhile reads the rest", async () => {
  const logDir = copy()
  await reindexLog(findLogDirectory(logDir)!)
  const held = (): string[] =>
    fs.readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`)
      } catch {
        return []
      }
    })
  const isHeld = (): boolean => held().some((path) => path.startsWith(`${logDir}/.state/index/0.`))
  const query = { logDir, eventType: "error" }
  const seen: string[] = []
  for await (const { event_id } of streamAuditLogs(query)) {
    seen.push(event_id)
    if (seen.length === 300) {
      expect(isHeld()).toBe(true)
      await new Promise((resolve) => setTimeout(resolve, 11_000))
      collectGarbage()
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(isHeld()).toBe(false)
    }
  }
  expect(seen).toEqual(ids(answers(all, { eventType: "error" })))
}, 60_000)
