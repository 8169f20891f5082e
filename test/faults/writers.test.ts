/**
 * Several processes that write to one directory and seal it, left alone and killed.
 * @module
 */
import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import type { Child } from "../children.ts"
import { usePlace } from "../place.ts"
import { acknowledged, isCounting, numbersByName, startCounting, wait } from "./counting.ts"

const place = usePlace()
const { max, min, random } = Math
const KILLS = Number(process.env["SECUREML_TEST_KILLS"] ?? 16)
const WRITERS = Number(process.env["SECUREML_TEST_WRITERS"] ?? 8)
const EVENTS = Number(process.env["SECUREML_TEST_EVENTS"] ?? 5_000)
/** So many, and then another log: each look at a log takes the longer the more is in it. */
const KILLS_PER_LOG = 20
/** From the start of a process to its first acknowledged event, beside another and behind a death. */
const FIRST_ACKNOWLEDGED_MS = 2_000

describe("several processes on one directory", () => {
  test(`${WRITERS} processes of ${EVENTS} events: exactly once, in order, intact`, { timeout: 600_000 }, async () => {
    const children = Array.from({ length: WRITERS }, (_, n) => startCounting(place, `writer ${n}`, { events: EVENTS }))
    const ended = await Promise.all(children.map(({ ended }) => ended))
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(ended.map(() => [0, ""]))
    const records = await getAuditLogs({ logDir: place.logDir, eventType: "step" })
    expect(records.length).toBe(WRITERS * EVENTS)
    for (const numbers of numbersByName(records).values()) {
      expect(numbers.length).toBe(EVENTS)
      expect(isCounting(numbers)).toBe(true)
    }
    const { verdict, unsealed } = await verifyAuditLog({ logDir: place.logDir })
    expect({ verdict, unsealed }).toEqual({ verdict: "intact", unsealed: 0 })
  })

  test(`${KILLS} kills at random moments, sealers included: nothing acknowledged is lost or doubled`, {
    timeout: 60_000 + KILLS * 10_000,
  }, async () => {
    let slowestMs = 0
    for (let done = 0; done < KILLS; done += KILLS_PER_LOG) {
      place.logDir = `${place.directory}/log-${done}`
      const counts = new Map<string, number>()
      for (let round = done; round < min(KILLS, done + KILLS_PER_LOG); round++)
        slowestMs = max(slowestMs, await killTwo(round, counts))
      await checkCounts(counts)
    }
    console.log(`first event acknowledged at most ${Math.round(slowestMs)} ms after the start, over ${KILLS} kills`)
    expect(slowestMs).toBeLessThan(FIRST_ACKNOWLEDGED_MS)
  })

  /** Starts two writers and kills them; gives the time until both had an event acknowledged. */
  async function killTwo(round: number, counts: Map<string, number>): Promise<number> {
    const names = [`round ${round}.0`, `round ${round}.1`]
    const beganMs = performance.now()
    const children = names.map((name) => startCounting(place, name, { pauseEvery: 4 }))
    const first = (child: Child) => new Promise((resolve) => child.process.stdout!.once("data", resolve))
    await Promise.all(children.map((child) => Promise.race([first(child), child.ended])))
    const tookMs = performance.now() - beganMs
    await wait(random() * 1_500)
    for (const { process } of children) process.kill("SIGKILL")
    for (const [n, child] of children.entries()) {
      expect((await child.ended).signal, names[n]).toBe("SIGKILL")
      counts.set(names[n]!, acknowledged(child))
    }
    const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
    expect(["intact", "unsealed_tail", "torn_tail", "unverifiable"], JSON.stringify(findings)).toContain(verdict)
    if (verdict === "unverifiable") expect(findings.map(({ code }) => code)).toContain("nothing_sealed")
    return tookMs
  }

  async function checkCounts(counts: ReadonlyMap<string, number>): Promise<void> {
    const numbers = numbersByName(await getAuditLogs({ logDir: place.logDir, eventType: "step" }))
    for (const [name, count] of counts) {
      const found = numbers.get(name) ?? []
      expect(isCounting(found), name).toBe(true)
      expect(found.length, name).toBeGreaterThanOrEqual(count)
      // One call may have been on its way when the process was killed.
      expect(found.length, name).toBeLessThanOrEqual(count + 1)
    }
  }
})
