/**
 * The query index gives the answers of a plain reading where its forms have borders, and for what hostile entries hold.
 */
import { execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, onTestFinished, test, vi } from "vitest"
import { countAuditLogs, getAuditLogs, histogramAuditLogs, streamAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { checkIndex } from "../src/query/check-index.ts"
import { compileFilter } from "../src/query/filter.ts"
import { reindexLog } from "../src/query/index.ts"
import { bringUpIndex } from "../src/query/index-build.ts"
import { wordTerm } from "../src/query/index-terms.ts"
import { countSealed, sealedMatches } from "../src/query/sealed.ts"
import { takeSnapshot } from "../src/query/snapshot.ts"
import { closeIndexesUnder, findLogDirectory, LocalBlobs, LocalIndex, LocalIndexWriter } from "../src/store/index.ts"
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

test.each([
  "2026-11-01T00:16:60.000Z",
  "2026-11-01T24:00:00.000Z",
  "2026-13-01T00:00:00.000Z",
  "2026-02-30T00:00:00.000Z",
])("an entry whose time is %s hides no other", async (timestamp) => {
  const logDir = await logOf(5_120, (n) => (n === 1_000 ? { timestamp } : {}))
  const all = await getAuditLogs({ logDir })
  expect(all.length).toBe(5_120)
  const times = { startTime: "2026-11-01T00:13:00Z", endTime: "2026-11-01T00:20:00Z" }
  const within = all.filter(({ timestamp: time }) => time >= "2026-11-01T00:13" && time < "2026-11-01T00:20:01")
  const plain = within.filter(({ timestamp: time }) => time !== timestamp)
  expect((await getAuditLogs({ logDir, ...times })).map(({ index }) => index)).toEqual(plain.map(({ index }) => index))
  expect(await countAuditLogs({ logDir, ...times })).toBe(plain.length)
  expect(await countAuditLogs({ logDir })).toBe(5_120)
  for (const query of [times, { startTime: "2026-11-01", endTime: "2026-11-01" }, {}]) {
    const buckets = await histogramAuditLogs({ logDir, ...query })
    expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe((await getAuditLogs({ logDir, ...query })).length)
  }
  expect((await verifyAuditLog({ logDir, index: true })).findings).toEqual([])
})

test("entries whose times are none are counted where no time is asked for, and nowhere else", async () => {
  // Bundle 5 has one among others, and bundles 10 to 12 have no other.
  const isOdd = (n: number): boolean => n === 1_400 || (n >= 2_560 && n < 3_328)
  const logDir = await logOf(5_120, (n) => (isOdd(n) ? { timestamp: "2026-11-01T00:16:60.000Z" } : {}))
  const times = { startTime: "2026-11-01T00:20:00Z", endTime: "2026-11-01T00:59:59Z" }
  const plain = (await getAuditLogs({ logDir })).filter(
    ({ index }) => !isOdd(index!) && index! >= 1_200 && index! < 3_600,
  )
  expect(await countAuditLogs({ logDir, eventType: "step", ...times })).toBe(plain.length)
  expect((await getAuditLogs({ logDir, eventType: "step", ...times })).length).toBe(plain.length)
  expect(await countAuditLogs({ logDir, eventType: "step" })).toBe(5_120)
})

test("a block without one time that is one hides none of its entries", async () => {
  const logDir = await logOf(5_120, () => ({ timestamp: "2026-13-01T00:00:00.000Z" }))
  expect(await countAuditLogs({ logDir })).toBe(5_120)
  expect((await getAuditLogs({ logDir, operationId: "op-1" })).length).toBe(5_120)
  expect((await getAuditLogs({ logDir, operationId: "op-1", startTime: "2020-01-01" })).length).toBe(0)
})

test("a value spelt with an escape that need not be is found with the index and without", async () => {
  const logDir = await logOf(5_120, (n) => (n % 1_000 === 7 ? '{"user":"a\\/b"}' : {}))
  const found = async (): Promise<(number | null)[]> =>
    (await getAuditLogs({ logDir, user: "a/b" })).map(({ index }) => index)
  expect(await found()).toEqual([7, 1_007, 2_007, 3_007, 4_007, 5_007])
  fs.rmSync(join(logDir, ".state/index"), { recursive: true })
  fs.writeFileSync(join(logDir, ".state/index"), "")
  expect(await found()).toEqual([7, 1_007, 2_007, 3_007, 4_007, 5_007])
})

test("an entry that is nested as deep as its bytes allow hides no other", async () => {
  const deep = `{"x":${"[".repeat(32_000)}"albatross"${"]".repeat(32_000)}}`
  const logDir = await logOf(5_120, (n) => (n === 1_000 ? deep : {}))
  expect((await getAuditLogs({ logDir, text: "albatross" })).map(({ index }) => index)).toEqual([1_000])
  expect((await getAuditLogs({ logDir, operationId: "op-1" })).length).toBe(5_120)
})

test("an index that another process makes anew while a reader is at it hides nothing from the reader", async () => {
  const logDir = await logOf(140_000, (n) => ({
    event_type: n % 40 === 0 ? "hit" : "other",
    details: { note: `rare${n} common${n % 5_000}` },
  }))
  const found: (number | null)[] = []
  for await (const { index } of streamAuditLogs({ logDir, eventType: "hit", order: "desc" })) {
    found.push(index)
    if (found.length === 100) await whileMadeAnew(logDir)
  }
  expect(found).toEqual(Array.from({ length: 3_500 }, (_, n) => (3_499 - n) * 40))
}, 120_000)

/** Stops in the middle of the first entries that a process adds to a new index; the journal of the schema is smaller. */
async function whileMadeAnew(logDir: string): Promise<void> {
  const directory = join(logDir, ".state/index")
  const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url))
  const child = spawn(process.execPath, [cli, "audit", "reindex", "--log-dir", logDir], { stdio: "ignore" })
  onTestFinished(() => void child.kill("SIGKILL"))
  const isWriting = (): boolean =>
    fs.readdirSync(directory).some((name) => name.endsWith("-journal") && sizeOf(join(directory, name)) > 20_000)
  await expect.poll(isWriting, { interval: 1, timeout: 60_000 }).toBe(true)
  child.kill("SIGSTOP")
}

function sizeOf(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

test("an index that is ahead of what a reader saw of the log is used, and neither found fault with nor made anew", async () => {
  const logDir = await logOf(6_000, (n) => ({ event_type: n % 2 === 0 ? "hit" : "other" }))
  const root = findLogDirectory(logDir)!
  const before = await takeSnapshot(root)
  writeEntries(logDir, 5_000, () => ({ event_type: "hit" }))
  await sealLog({ logDir })
  await reindexLog(root)
  const { position } = LocalIndex.open(root)!.state!
  const filter = compileFilter({ eventType: "hit" })
  for (const order of ["asc", "desc"] as const) {
    let count = 0
    for await (const _ of sealedMatches(before, filter, order, 0, before.treeSize)) count += 1
    expect(count).toBe(3_000)
  }
  expect(await countSealed(before, filter)).toBe(3_000)
  expect(await bringUpIndex(root, before)).toBe(position)
  expect(LocalIndex.open(root)!.state!.position).toBe(position)
  expect(await checkIndex(before, true)).toEqual([])
})

test("a histogram counts each record once, also those that another process adds to the index meanwhile", async () => {
  const logDir = await logOf(5_000, () => ({}))
  writeEntries(logDir, 3_900, () => ({}))
  await sealLog({ logDir })
  const daily = vi.spyOn(LocalIndex.prototype, "daily")
  daily.mockImplementationOnce(function (this: LocalIndex, key) {
    writeEntries(logDir, 1_000, () => ({}))
    const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url))
    for (const command of [["seal"], ["list", "--event-type", "none"]])
      execFileSync(process.execPath, [cli, "audit", ...command, "--log-dir", logDir], { stdio: "ignore" })
    return this.daily(key)
  })
  expect((await histogramAuditLogs({ logDir }))[0]?.count).toBe(8_900)
  daily.mockRestore()
  expect((await histogramAuditLogs({ logDir }))[0]?.count).toBe(9_900)
})

test("terms whose hashes agree where rows are shared are no difference", async () => {
  const logDir = await logOf(5_120, () => ({}))
  const index = LocalIndex.open(findLogDirectory(logDir)!)!
  const [one, two] = alike(index)
  writeEntries(logDir, 5_120, (n) => ({ details: n === 7 ? { note: one } : n === 9 ? { note: two } : {} }))
  await sealLog({ logDir })
  await bringUpIndex(findLogDirectory(logDir)!, await takeSnapshot(findLogDirectory(logDir)!))
  expect(LocalIndex.open(findLogDirectory(logDir)!)!.blocksOf(wordTerm(one)).get(0)).toBe(2)
  expect((await getAuditLogs({ logDir, text: one })).length).toBe(1)
  expect((await verifyAuditLog({ logDir, index: true })).findings).toEqual([])
}, 120_000)

/** Two words of which the index holds the same 44 bits: of 8 million words about one lot in seven has none. */
function alike(index: LocalIndex): [string, string] {
  const keys = new Float64Array(2 ** 23)
  for (let lot = 0; ; lot++) {
    const word = (n: number): string => `a${lot}x${n}`
    for (let n = 0; n < keys.length; n++) keys[n] = index.keyOf(wordTerm(word(n)), 0)
    const sorted = keys.slice().sort()
    const twice = sorted.find((key, n) => key === sorted[n + 1])
    if (twice === undefined) continue
    const first = keys.indexOf(twice)
    return [word(first), word(keys.indexOf(twice, first + 1))]
  }
}

test("an index that is closed while a slow reader is at it is opened again, and the log not read through", async () => {
  const logDir = await logOf(140_000, (n) => ({ event_type: n % 1_000 === 0 ? "hit" : "other" }))
  const root = findLogDirectory(logDir)!
  const found: (number | null)[] = []
  const scans = vi.spyOn(LocalBlobs.prototype, "get")
  for await (const { index } of streamAuditLogs({ logDir, eventType: "hit" })) {
    found.push(index)
    if (index === 60_000) closeIndexesUnder(root.path)
  }
  expect(found).toEqual(Array.from({ length: 140 }, (_, n) => n * 1_000))
  expect(scans.mock.calls.length).toBeLessThan(400)
  scans.mockRestore()
}, 120_000)

test("terms of one block that are very many are written bit by bit", async () => {
  const add = vi.spyOn(LocalIndexWriter.prototype, "add")
  const logDir = await logOf(5_376, (n) => ({
    details: { input: Array.from({ length: 130 }, (_, at) => `w${n * 130 + at}`) },
  }))
  const sizes = add.mock.calls.map(([{ postings }]) => postings.size)
  add.mockRestore()
  expect(sizes.length).toBe(2)
  expect(Math.max(...sizes)).toBeLessThan(600_000)
  for (const word of ["w0", "w520000", "w698879"])
    expect((await getAuditLogs({ logDir, text: word })).map(({ index }) => index)).toEqual([
      Math.floor(Number(word.slice(1)) / 130),
    ])
}, 120_000)
