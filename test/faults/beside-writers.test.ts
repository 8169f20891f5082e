/**
 * Verification and reads, in code and on the command line, beside eight writers of which one after the other is killed
 * and replaced: never a false alarm, and each event exactly once in every read.
 * @module
 */
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import {
  type AuditQuery,
  type AuditRecord,
  getAuditLogs,
  queryAuditLogs,
  streamAuditLogs,
  verifyAuditLog,
} from "../../src/audit.ts"
import { type Child, childEnvironment, DIST, start } from "../children.ts"
import { usePlace } from "../place.ts"
import { acknowledged, endWithTest, isCounting, numbersByName, startCounting, wait } from "./counting.ts"

const place = usePlace()
const { floor, min, random } = Math
const WRITERS = Number(process.env["SECUREML_TEST_WRITERS"] ?? 8)
const KILLS = Number(process.env["SECUREML_TEST_KILLS"] ?? 16)
/** So many, and then another log: each look at a log takes the longer the more is in it. */
const KILLS_PER_LOG = 20
const PAGE = 400
/** A process that was killed in the middle of a line leaves a torn tail; a line that is being written is none. */
const NO_ALARM = ["intact", "unsealed_tail", "torn_tail"]

/** All writers of a log that were ever started, by name. */
type Writers = Map<string, Child>

function startWriter(writers: Writers): Child {
  const name = `writer ${writers.size}`
  const child = startCounting(place, name, { pauseEvery: 3, pauseMs: 5, flushEvery: 200 })
  writers.set(name, child)
  return child
}

/** Looks at the log in one way; what a read gives is checked against what had been acknowledged before it. */
type Look = () => Promise<AuditRecord[] | undefined>

const steps = (query: AuditQuery = {}) => ({ logDir: place.logDir, eventType: "step", ...query })

async function pages(order: "asc" | "desc"): Promise<AuditRecord[]> {
  const records: AuditRecord[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await queryAuditLogs(steps({ order, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }))
    records.push(...page.records)
    cursor = page.nextCursor
  }
  return order === "asc" ? records : records.reverse()
}

async function pageAndStream(): Promise<AuditRecord[]> {
  const { records, nextCursor } = await queryAuditLogs(steps({ limit: PAGE }))
  const all = [...records]
  if (nextCursor !== null) for await (const record of streamAuditLogs(steps({ cursor: nextCursor }))) all.push(record)
  return all
}

function command(...args: readonly string[]) {
  const all = [`${DIST}/cli.js`, "audit", ...args, "--json", "--log-dir", place.logDir]
  return endWithTest(start(process.execPath, all, childEnvironment(place.stateDir))).ended
}

const LOOKS: Readonly<Record<string, Look>> = {
  verifyAuditLog: async () => {
    const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
    expect(NO_ALARM, JSON.stringify(findings)).toContain(verdict)
    return undefined
  },
  getAuditLogs: () => getAuditLogs(steps()),
  "pages of queryAuditLogs": () => pages("asc"),
  "pages from the newest on": () => pages("desc"),
  "streamAuditLogs behind a page": pageAndStream,
  "list --json": async () => {
    const { code, stdout, stderr } = await command("list", "--event-type", "step")
    expect([code, stderr]).toEqual([0, ""])
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditRecord)
  },
  "verify --json": async () => {
    const { code, stdout } = await command("verify")
    const { verdict, findings } = JSON.parse(stdout)
    expect([0, 10], JSON.stringify(findings)).toContain(code)
    expect(NO_ALARM).toContain(verdict)
    return undefined
  },
}

/** Each event once, in the order of the calls, and all of those that had been acknowledged. */
function checkRecords(records: readonly AuditRecord[], before: ReadonlyMap<string, number>): void {
  expect(new Set(records.map(({ event_id }) => event_id)).size).toBe(records.length)
  const numbers = numbersByName(records)
  for (const [name, count] of before) {
    const found = numbers.get(name) ?? []
    expect(isCounting(found), name).toBe(true)
    expect(found.length, name).toBeGreaterThanOrEqual(count)
  }
}

const counts = (writers: Writers) => new Map([...writers].map(([name, child]) => [name, acknowledged(child)]))

/** Kills one writer after the other and starts another in its place, while everything looks on. */
async function killBeside(kills: number, looks: Map<string, number>): Promise<void> {
  const writers: Writers = new Map()
  const alive = Array.from({ length: WRITERS }, () => startWriter(writers))
  while (!fs.existsSync(`${place.logDir}/checkpoint`)) await wait(20)
  let running = true
  const looking = Object.entries(LOOKS).map(async ([name, look]) => {
    try {
      while (running) {
        const before = counts(writers)
        const records = await look()
        if (records !== undefined) checkRecords(records, before)
        looks.set(name, (looks.get(name) ?? 0) + 1)
      }
    } finally {
      running = false
    }
  })
  for (let kill = 0; kill < kills && running; kill++) {
    const victim = floor(random() * alive.length)
    alive[victim]!.process.kill("SIGKILL")
    alive[victim] = startWriter(writers)
    await wait(200 + random() * 600)
  }
  running = false
  await Promise.all(looking)
  for (const { process } of alive) process.kill("SIGKILL")
  for (const { ended } of writers.values()) await ended
  checkRecords(await getAuditLogs(steps()), counts(writers))
  await LOOKS["verifyAuditLog"]!()
}

describe(`beside ${WRITERS} writers of which ${KILLS} are killed and replaced`, () => {
  test("verification never raises a false alarm, and every read has each event exactly once", {
    timeout: 60_000 + KILLS * 15_000,
  }, async () => {
    const looks = new Map<string, number>()
    for (let done = 0; done < KILLS; done += KILLS_PER_LOG) {
      place.logDir = `${place.directory}/log-${done}`
      await killBeside(min(KILLS_PER_LOG, KILLS - done), looks)
    }
    console.log([...looks].map(([name, count]) => `${name} ${count}`).join(", "))
    expect([...looks.keys()].sort()).toEqual(Object.keys(LOOKS).sort())
  })
})
