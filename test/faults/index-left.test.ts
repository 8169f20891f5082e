/**
 * An index that another process has half written or locked, while this one reads it.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { countAuditLogs, getAuditLogs, streamAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { sealLog } from "../../src/capture/index.ts"
import { reindexLog } from "../../src/query/index.ts"
import { findLogDirectory, LocalIndex } from "../../src/store/index.ts"
import { childEnvironment, DIST, moduleArguments, startModule } from "../children.ts"
import { writeEntries } from "../log-of-entries.ts"
import { usePlace } from "../place.ts"
import { endWithTest, wait } from "./counting.ts"

const ENTRIES = 8_960
const EVERY = 40
const place = usePlace()

/** A sealed log with an index, of which one entry in 40 is a hit. */
async function logOf(entries: number): Promise<string> {
  const { logDir } = place
  writeEntries(logDir, entries, (n) => ({
    event_type: n % EVERY === 0 ? "hit" : "other",
    details: { user: `user-${n % 7}`, note: `word${n % 977} common` },
  }))
  await sealLog({ logDir })
  await reindexLog(findLogDirectory(logDir)!)
  return logDir
}

test("an index that is made anew after its writer died half-way hides nothing from who has the old one open", async () => {
  // Two blocks: the row of the second is read later, and large enough to have pages of its own.
  const entries = 131_072
  const logDir = await logOf(entries)
  const directory = join(logDir, ".state/index")
  const found: (number | null)[] = []
  for await (const { index } of streamAuditLogs({ logDir, eventType: "hit" })) {
    found.push(index)
    if (found.length === 10) {
      await dieHalfWay(directory)
      const cli = [`${DIST}/cli.js`, "audit", "reindex", "--log-dir", logDir]
      const child = spawn(process.execPath, cli, { env: childEnvironment(place.stateDir), stdio: "ignore" })
      expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0)
    }
  }
  expect(found).toEqual(Array.from({ length: Math.ceil(entries / EVERY) }, (_, n) => n * EVERY))
}, 120_000)

/** A writer that has a part of what it does in the file, and the rest in the journal beside it. */
async function dieHalfWay(directory: string): Promise<void> {
  const stamp = join(directory, "stamp.json")
  fs.writeFileSync(stamp, JSON.stringify({ ...JSON.parse(fs.readFileSync(stamp, "utf8")), writing: true }))
  const path = join(directory, fs.readdirSync(directory).find((name) => name.endsWith(".sqlite"))!)
  const code = `const engine = await import("file://${DIST}/engine.js")
    const openDatabase = Object.values(engine).find((value) => value?.name === "openDatabase")
    const database = openDatabase(${JSON.stringify(path)})
    database.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE posting SET offsets = zeroblob(length(offsets))")
    process.kill(process.pid, "SIGKILL")`
  const child = spawn(process.execPath, moduleArguments(code), { env: childEnvironment(place.stateDir) })
  onTestFinished(() => void child.kill("SIGKILL"))
  await new Promise((resolve) => child.on("close", resolve))
  expect(fs.statSync(`${path}-journal`).size).toBeGreaterThan(0)
}

test("an index that another process has locked holds up no query, and accuses nobody", {
  timeout: 120_000,
}, async () => {
  const logDir = await logOf(ENTRIES)
  const name = fs.readdirSync(join(logDir, ".state/index")).find((one) => one.endsWith(".sqlite"))!
  const code = `const engine = await import("file://${DIST}/engine.js")
    const openDatabase = Object.values(engine).find((value) => value?.name === "openDatabase")
    const database = openDatabase(${JSON.stringify(join(logDir, ".state/index", name))})
    database.exec("BEGIN EXCLUSIVE")
    console.log("locked")
    setInterval(() => undefined, 1_000)`
  const child = endWithTest(startModule(code, childEnvironment(place.stateDir)))
  await expect.poll(child.stdout, { timeout: 30_000 }).toContain("locked")
  expect((await getAuditLogs({ logDir, eventType: "hit" })).length).toBe(ENTRIES / EVERY)
  expect(await countAuditLogs({ logDir, eventType: "hit" })).toBe(ENTRIES / EVERY)
  expect((await verifyAuditLog({ logDir })).findings).toEqual([])
  const compared = verifyAuditLog({ logDir, index: true })
  await wait(3_000)
  child.process.kill("SIGKILL")
  expect((await compared).findings).toEqual([])
  expect(LocalIndex.open(findLogDirectory(logDir)!)!.state!.position).toBe(ENTRIES)
})
