/**
 * Processes that make the index of one log anew, bring it up, query and verify, beside one that appends; each is killed
 * again and again and replaced. Every query answers as a plain scan does, and verification accuses nobody.
 */
import { expect, test } from "vitest"
import {
  type AuditQuery,
  type AuditRecord,
  countAuditLogs,
  getAuditLogs,
  histogramAuditLogs,
  verifyAuditLog,
} from "../../src/audit.ts"
import { sealLog } from "../../src/capture/index.ts"
import { reindexLog } from "../../src/query/index.ts"
import { findLogDirectory, LocalIndex } from "../../src/store/index.ts"
import { type Child, childEnvironment, startModule } from "../children.ts"
import { writeEntries } from "../log-of-entries.ts"
import { usePlace } from "../place.ts"
import { answers, buckets } from "../plain-answers.ts"
import { startArmed } from "./armed.ts"
import { endWithTest, wait } from "./counting.ts"

const { floor, random } = Math
const KILLS = Number(process.env["SECUREML_TEST_INDEX_KILLS"] ?? 10)
/** So many, and then another log: each look at a log takes the longer the more is in it. */
const KILLS_PER_LOG = 25
/** The short form takes every so many operations, from a random one on; the long one takes all. */
const STEP = Number(process.env["SECUREML_TEST_SWEEP_STEP"] ?? 6)
const ENTRIES = 8_960
const EVERY = 40
const place = usePlace()

/** One entry in 40 is a hit. */
function write(count: number): void {
  writeEntries(place.logDir, count, (n) => ({
    event_type: n % EVERY === 0 ? "hit" : "other",
    details: { user: `user-${n % 7}`, note: `word${n % 977} common` },
  }))
}

function startCode(code: string): Child {
  const source = `import { spawnSync } from "node:child_process"
    import * as fs from "node:fs"
    const logDir = ${JSON.stringify(place.logDir)}
    ${code}`
  return endWithTest(startModule(source, childEnvironment(place.stateDir)))
}

const QUERIES: readonly AuditQuery[] = [
  { eventType: "hit" },
  { user: "user-3", text: "word7" },
  { eventType: "hit", order: "desc" },
]

/** What processes do over and over. The queries compare with a plain reading of what the log has at the same time. */
const PARTS: Readonly<Record<string, string>> = {
  writer: `const audit = new AuditTrail("writer", { logDir })
    for (let n = 0; ; n++) {
      audit.logEvent(n % ${EVERY} === 0 ? "hit" : "other", { user: "user-" + n % 7, note: "later" + n % 977 })
      if (n % 500 === 0) await audit.flush()
      if (n % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    }`,
  // Not the command: that records an event each time.
  rebuilder: `const engine = await import(process.env.SECUREML_TEST_DIST.replace(/^/, "file://") + "/engine.js")
    const named = (name) => Object.values(engine).find((value) => value?.name === name)
    for (;;) {
      await named("reindexLog")(named("findLogDirectory")(logDir)).catch((error) => {
        if (error.code !== "INDEX_UNAVAILABLE") throw error
      })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }`,
  // Of the entries that were there first it knows which ones match.
  asker: `for (let n = 0; ; n++) {
      const query = { logDir, eventType: "hit", order: n % 2 === 0 ? "asc" : "desc" }
      const found = (await getAuditLogs(query)).map(({ index }) => index).filter((index) => index !== null && index < ${ENTRIES})
      if (n % 2 === 1) found.reverse()
      if (found.length !== ${ENTRIES / EVERY} || found.some((index, at) => index !== at * ${EVERY})) throw new Error("found " + found)
      if ((await secureml.countAuditLogs({ logDir, eventType: "hit", text: "common" })) !== found.length) throw new Error("miscounted")
      fs.writeSync(1, "asked\\n")
    }`,
}

/** Answers of queries lie between those of plain readings before and after, each record once and in order. */
async function look(): Promise<void> {
  const { logDir } = place
  const isSealed = ({ sealed }: AuditRecord): boolean => sealed
  const before = (await getAuditLogs({ logDir })).filter(isSealed)
  const asked = []
  for (const query of QUERIES) {
    const { order: _, ...counted } = query
    asked.push({
      query,
      found: await getAuditLogs({ logDir, ...query }),
      count: await countAuditLogs({ logDir, ...counted }),
    })
  }
  const after = await getAuditLogs({ logDir })
  for (const { query, found, count } of asked) {
    const [least, most] = [answers(before, query), answers(after, query)]
    const ids = new Set(found.map(({ event_id }) => event_id))
    expect(ids.size).toBe(found.length)
    expect(least.filter(({ event_id }) => !ids.has(event_id))).toEqual([])
    const known = new Set(most.map(({ event_id }) => event_id))
    expect(found.filter(({ event_id }) => !known.has(event_id))).toEqual([])
    expect(count).toBeGreaterThanOrEqual(least.length)
    expect(count).toBeLessThanOrEqual(most.length)
  }
  const { findings } = await verifyAuditLog({ logDir, index: true })
  expect(findings.filter(({ code }) => !["unsealed_tail", "torn_tail"].includes(code))).toEqual([])
}

async function killBeside(kills: number): Promise<{ looks: number; asked: number }> {
  write(ENTRIES)
  await sealLog({ logDir: place.logDir })
  const names = ["writer", "rebuilder", "rebuilder", "asker"]
  const children = names.map((name) => startCode(PARTS[name]!))
  let [running, looks, asked] = [true, 0, 0]
  const askedBy = (child: Child): number => child.stdout().split("asked").length - 1
  const looking = (async () => {
    try {
      for (; running; looks++) await look()
    } finally {
      running = false
    }
  })()
  for (let kill = 0; kill < kills && running; kill++) {
    await wait(300 + random() * 500)
    const victim = floor(random() * names.length)
    const { process: killed, ended } = children[victim]!
    // Nobody ends by itself: whatever goes wrong is told.
    if (killed.exitCode !== null) expect(`${names[victim]}: ${(await ended).stderr}`).toBe("running")
    killed.kill("SIGKILL")
    asked += askedBy(children[victim]!)
    children[victim] = startCode(PARTS[names[victim]!]!)
  }
  running = false
  for (const { process } of children) process.kill("SIGKILL")
  for (const { ended } of children) expect((await ended).stderr).toBe("")
  await looking
  return { looks, asked: children.reduce((sum, child) => sum + askedBy(child), asked) }
}

/** All questions at rest, when nobody else is at the log. */
async function expectWhole(): Promise<void> {
  const { logDir } = place
  const all = await getAuditLogs({ logDir })
  for (const query of QUERIES)
    expect((await getAuditLogs({ logDir, ...query })).map(({ event_id }) => event_id)).toEqual(
      answers(all, query).map(({ event_id }) => event_id),
    )
  expect(await histogramAuditLogs({ logDir, by: "user" })).toEqual(buckets(all, "user"))
  await reindexLog(findLogDirectory(logDir)!)
  expect(await histogramAuditLogs({ logDir, by: "user" })).toEqual(buckets(all, "user"))
  await look()
}

test(`beside ${KILLS} kills of those who make the index, ask it, and append: every answer is that of a plain reading`, {
  timeout: 120_000 + KILLS * 20_000,
}, async () => {
  let [looks, asked] = [0, 0]
  for (let done = 0; done < KILLS; done += KILLS_PER_LOG) {
    place.logDir = `${place.directory}/log-${done}`
    const counts = await killBeside(Math.min(KILLS_PER_LOG, KILLS - done))
    looks += counts.looks
    asked += counts.asked
    await expectWhole()
  }
  console.log(`looked ${looks} times, asked ${asked} times`)
  expect(Math.min(looks, asked)).toBeGreaterThan(0)
})

test("a rebuild that is killed at any file operation: nobody is accused, and the next query goes on", {
  timeout: 600_000,
}, async () => {
  const { logDir } = place
  write(ENTRIES)
  await sealLog({ logDir })
  const code = `const find = (name) => Object.values(engine).find((value) => value?.name === name)
    const rebuild = () => find("reindexLog")(find("findLogDirectory")(logDir))
    await rebuild()
    globalThis.armed = true
    await rebuild()
    process.exit(0)`
  for (let at = 1 + floor(random() * STEP); ; at += STEP) {
    const { code: exit, signal, stderr } = await startArmed(place, code, { at }).ended
    expect((await verifyAuditLog({ logDir, index: true })).findings, `killed at ${at}`).toEqual([])
    expect((await getAuditLogs({ logDir, eventType: "hit" })).length).toBe(ENTRIES / EVERY)
    expect(LocalIndex.open(findLogDirectory(logDir)!)!.state!.position).toBeGreaterThan(0)
    if (signal !== null) continue
    expect([exit, stderr]).toEqual([0, ""])
    expect(at).toBeGreaterThan(5)
    break
  }
})
