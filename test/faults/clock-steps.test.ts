/**
 * Clocks that jump back, jump ahead, stand still, and differ between processes: order comes from the journals and the
 * ledger, times are recorded as they were.
 * @module
 */
import { afterEach, describe, expect, test, vi } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { childEnvironment, startModule } from "../children.ts"
import { restart, usePlace } from "../place.ts"
import { acknowledged, endWithTest, isCounting, numbersByName, startCounting, wait } from "./counting.ts"

const CLOCK = { NODE_OPTIONS: `--import ${new URL("clock.mjs", import.meta.url)}` }
const HOUR_MS = 60 * 60 * 1_000
const BACK_MS = -2 * HOUR_MS
const AHEAD_MS = 400 * 24 * HOUR_MS
const place = usePlace()

/** Starts a module with `audit`, `clock` and `wait`. */
function startWithClock(code: string, environment: Readonly<Record<string, string>> = {}) {
  const source = `const logDir = ${JSON.stringify(place.logDir)}
    const wait = (waitMs) => new Promise((resolve) => setTimeout(resolve, waitMs))
    const audit = new AuditTrail("clocks", { logDir })
    ${code}`
  return endWithTest(startModule(source, childEnvironment(place.stateDir, { ...CLOCK, ...environment })))
}

async function steps() {
  return getAuditLogs({ logDir: place.logDir, eventType: "step" })
}

afterEach(() => {
  vi.useRealTimers()
})

describe("a clock that steps in one process", () => {
  test("back 2 h, ahead 400 days, and stands still: order, numbers, times and ids are right", {
    timeout: 60_000,
  }, async () => {
    // In one standing millisecond more events than an id can count.
    const child = startWithClock(`let n = 0
      let odd = 0
      const log = async (count) => {
        for (let k = 0; k < count; k++, n++) {
          const before = Date.now()
          const { timestamp } = audit.logEvent("step", { n })
          if (timestamp < new Date(before).toISOString() || timestamp > new Date().toISOString()) odd++
        }
        await audit.logEvent("step", { n: n++ }).durable()
      }
      await log(500)
      clock.shiftMs = ${BACK_MS}
      await log(500)
      clock.shiftMs = ${AHEAD_MS}
      await log(500)
      clock.stoppedAtMs = Date.now()
      await log(5_000)
      await audit.flush()
      clock.stoppedAtMs = undefined
      clock.shiftMs = 0
      await log(500)
      await audit.close()
      console.log(odd + " odd of " + n)`)
    const { code, stdout, stderr } = await child.ended
    expect([code, stdout, stderr]).toEqual([0, "0 odd of 7005\n", ""])
    const records = await steps()
    expect(isCounting(records.map(({ details }) => details["n"] as number))).toBe(true)
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, n) => n + 1))
    expect(new Set(records.map(({ event_id }) => event_id)).size).toBe(7_005)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })

  test("back: what is not sealed yet is read in the order of the calls, too", async () => {
    vi.useFakeTimers({ toFake: ["Date"] })
    const beganMs = Date.now()
    for (const name of ["one", "two"]) {
      const audit = new AuditTrail(name, { logDir: place.logDir })
      for (let n = 0; n < 30; n++) {
        const stepMs = n < 10 ? 0 : n < 20 ? BACK_MS : AHEAD_MS
        vi.setSystemTime(beganMs + stepMs + n)
        audit.logEvent("step", { n })
      }
      await restart(place)
    }
    const order = async () => (await steps()).map(({ operation_name, details }) => `${operation_name} ${details["n"]}`)
    const unsealed = await order()
    for (const numbers of numbersByName(await steps()).values()) expect(isCounting(numbers)).toBe(true)
    await new AuditTrail("sealer", { logDir: place.logDir }).flush()
    expect((await steps()).every(({ sealed }) => sealed)).toBe(true)
    // Between writers equal times are in no promised order.
    expect((await order()).filter((row) => row.startsWith("one"))).toEqual(
      unsealed.filter((row) => row.startsWith("one")),
    )
  })

  test("back, or stands still: the background seals all the same", { timeout: 60_000 }, async () => {
    for (const step of [`clock.shiftMs = ${BACK_MS}`, "clock.stoppedAtMs = Date.now()"]) {
      const before = (await verifyAuditLog({ logDir: place.logDir })).treeSize
      const child = startWithClock(
        `audit.logEvent("step", {})\n${step}\naudit.logEvent("step", {})\nsetInterval(() => {}, 1_000)`,
      )
      let treeSize = before
      for (const endMs = Date.now() + 20_000; treeSize < before + 3 && Date.now() < endMs; await wait(100))
        treeSize = (await verifyAuditLog({ logDir: place.logDir })).treeSize
      expect(treeSize).toBe(before + 3)
      child.process.kill("SIGKILL")
      await child.ended
    }
  })

  test("back: an idle writer leaves its journal, which goes away, and begins anew", { timeout: 60_000 }, async () => {
    const child = startWithClock(
      `const fs = await import("node:fs")
      audit.logEvent("step", { n: 0 })
      clock.shiftMs = ${BACK_MS}
      audit.logEvent("step", { n: 1 })
      const journal = logDir + "/.state/journal"
      while (fs.readdirSync(journal).length > 0) await wait(1_000)
      audit.logEvent("step", { n: 2 })
      await audit.close()`,
      { CLOCK_SPEED: "60" },
    )
    const { code, stderr } = await child.ended
    expect([code, stderr]).toEqual([0, ""])
    const records = await steps()
    expect(isCounting(records.map(({ details }) => details["n"] as number))).toBe(true)
    const [first, , last] = records.map(({ writer }) => writer)
    expect(last).toMatchObject({ seq: 0, continues: { id: first!.id, seq: 3 } })
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})

describe("clocks that differ between processes", () => {
  test("by hours and by years: exactly once, in order, no false alarm", { timeout: 120_000 }, async () => {
    const shifts = [0, BACK_MS, AHEAD_MS, 61 * 60 * 1_000]
    const children = shifts.map((shiftMs, n) =>
      startCounting(place, `clock ${n}`, {
        events: 2_000,
        pauseEvery: 10,
        flushEvery: 200,
        environment: { ...CLOCK, CLOCK_SHIFT_MS: String(shiftMs) },
      }),
    )
    let running = true
    const all = Promise.all(children.map(({ ended }) => ended)).finally(() => {
      running = false
    })
    while (running) {
      const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
      expect(["intact", "unsealed_tail", "unverifiable"], JSON.stringify(findings)).toContain(verdict)
      await wait(50)
    }
    expect((await all).map(({ code, stderr }) => [code, stderr])).toEqual(shifts.map(() => [0, ""]))
    const records = await steps()
    const numbers = numbersByName(records)
    for (const [n, child] of children.entries()) {
      expect(isCounting(numbers.get(`clock ${n}`)!)).toBe(true)
      expect(numbers.get(`clock ${n}`)!.length).toBe(acknowledged(child))
    }
    expect(new Set(records.map(({ event_id }) => event_id)).size).toBe(records.length)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})
