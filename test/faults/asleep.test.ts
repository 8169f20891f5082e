/**
 * A writer that sleeps so long that another process takes its owner for dead, tidies its journal away and at last
 * forgets it: what the writer does on waking is neither lost nor doubled. The hours pass on the clock of the process
 * that tidies, which is this one; the writer sleeps for a second or two, which it sees on its own clock.
 * @module
 */
import * as fs from "node:fs"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { closeLedgersUnder } from "../../src/ledger/index.ts"
import type { Child } from "../children.ts"
import { type Place, usePlace } from "../place.ts"
import { type Hit, isStopped, startArmed } from "./armed.ts"
import { wait } from "./counting.ts"

const place = usePlace()
const HOUR_MS = 60 * 60 * 1_000
/** A segment untouched for an hour is marked, an hour later removed, and its writer forgotten an hour after that. */
const HOURS = { marked: [1.1], removed: [1.1, 2.2], forgotten: [1.1, 2.2, 3.3] } as const
/** Longer than the pause after which a writer looks whether its file has a name. */
const SLEEP_MS = 1_200

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** One sleeper of a test, with a log of its own. */
interface Sleeper {
  readonly name: string
  readonly place: Place
  readonly child: Child
  /** When others seal its log meanwhile, in hours from now. */
  readonly hours: readonly number[]
}

const LOG_10 = `const audit = new AuditTrail("sleeper", { logDir })
  const receipts = []
  for (let n = 0; n < 10; n++) receipts.push(audit.logEvent("step", { n }))
  const wait = (waitMs) => new Promise((resolve) => setTimeout(resolve, waitMs))
  const end = (error) => { console.log(error === undefined ? "fine" : error.code + ": " + error.message); process.exit(0) }\n`

/** Starts a sleeper and returns once it is stopped. */
async function putToSleep(name: string, hours: readonly number[], code: string, hit?: Hit): Promise<Sleeper> {
  const own = { ...place, logDir: `${place.directory}/${name.replaceAll(" ", "-")}` }
  const child = startArmed(own, LOG_10 + code, hit ?? { at: 0 })
  if (hit !== undefined) expect(await isStopped(child), name).toBe(true)
  else {
    while (!child.stdout().includes("ready\n")) await wait(10)
    child.process.kill("SIGSTOP")
  }
  return { name, place: own, child, hours }
}

/** Seals and tidies as a process whose clock is some hours ahead. */
async function tidyAfter(hours: number, { place: { logDir } }: Sleeper): Promise<void> {
  vi.setSystemTime(vi.getRealSystemTime() + hours * HOUR_MS)
  await new AuditTrail("tidier", { logDir }).flush()
  await closeLedgersUnder(logDir)
}

/** Lets hours pass, wakes the sleepers, and checks that each of their numbers is there once. */
async function passAndWake(sleepers: readonly Sleeper[], numbers: number): Promise<void> {
  for (const sleeper of sleepers) for (const hour of sleeper.hours) await tidyAfter(hour, sleeper)
  await wait(SLEEP_MS)
  for (const { child } of sleepers) child.process.kill("SIGCONT")
  for (const { name, place, child } of sleepers) {
    const { stdout, stderr } = await child.ended
    expect([stdout.split("\n").at(-2), stderr], name).toEqual(["fine", ""])
    const records = await getAuditLogs({ logDir: place.logDir, operationName: "sleeper", eventType: "step" })
    expect(
      records.map(({ details }) => details["n"]),
      name,
    ).toEqual(Array.from({ length: numbers }, (_, n) => n))
    const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
    expect(verdict, `${name}: ${JSON.stringify(findings)}`).toBe("intact")
  }
}

describe.skipIf(process.platform === "win32")("a writer that sleeps (skipped where there is no SIGSTOP)", () => {
  const READY = `await audit.flush()
    process.once("SIGCONT", () => wake().then(() => end(), end))
    console.log("ready")
    setInterval(() => {}, 1_000)\n`
  const awakenings = {
    "logs and flushes": `audit.logEvent("step", { n: 10 }); await audit.flush()`,
    "flushes and logs": `await audit.flush(); audit.logEvent("step", { n: 10 }); await audit.close()`,
    "logs durably": `audit.logEvent("step", { n: 10 }, { durability: "durable" }); await wait(100); await audit.close()`,
    "asks for receipts": `await receipts[3].sealed(); await audit.logEvent("step", { n: 10 }).sealed(); await receipts[9].sealed()`,
  }

  test("until its journal is marked, removed or forgotten, loses and doubles nothing when it wakes", {
    timeout: 60_000,
  }, async () => {
    const rows = Object.entries(HOURS).flatMap(([state, hours]) =>
      Object.entries(awakenings).map(([name, code]) => ({ name: `${state} ${name}`, hours, code })),
    )
    await passAndWake(
      await Promise.all(
        rows.map(({ name, hours, code }) => putToSleep(name, hours, `${READY}async function wake() { ${code} }`)),
      ),
      11,
    )
  })

  test("in the middle of a log call, loses and doubles nothing either", { timeout: 60_000 }, async () => {
    const rows = (["before", "after"] as const).flatMap((when) => [
      { when, pauseMs: 100 },
      // After such a pause it looks whether its file has a name.
      { when, pauseMs: 1_100 },
    ])
    const sleepers = rows.map(({ when, pauseMs }) =>
      putToSleep(
        `${when} the write ${pauseMs}`,
        HOURS.removed,
        `await audit.flush()
        await wait(${pauseMs})
        globalThis.armed = true
        for (const n of [10, 11]) audit.logEvent("step", { n })
        await audit.flush().then(() => end(), end)`,
        { at: 1, signal: "SIGSTOP", when },
      ),
    )
    await passAndWake(await Promise.all(sleepers), 12)
  })

  test("is marked after an hour, removed after another, and forgotten after a third", async () => {
    const sleeper = await putToSleep("state", HOURS.forgotten, `${READY}async function wake() {}`)
    const seen: [string, boolean][] = []
    for (const hour of [0.5, ...HOURS.forgotten]) {
      await tidyAfter(hour, sleeper)
      const names = fs.readdirSync(`${sleeper.place.logDir}/.state/journal`)
      const { writers } = JSON.parse(fs.readFileSync(`${sleeper.place.logDir}/.state/tree.json`, "utf8"))
      const [writerId] = (await getAuditLogs({ logDir: sleeper.place.logDir, operationName: "sleeper" })).map(
        ({ writer }) => writer.id,
      )
      seen.push([names.find((name) => name.startsWith(writerId!))?.slice(36) ?? "", writerId! in writers])
    }
    sleeper.child.process.kill("SIGKILL")
    expect(seen).toEqual([
      [".0", true],
      [".0.done", true],
      ["", true],
      ["", false],
    ])
  })
})
