import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { type AuditRecord, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { type Child, childEnvironment, startModule } from "../children.ts"
import { usePlace } from "../place.ts"

const place = usePlace()
const { min, random, floor } = Math
const KILLS = Number(process.env["SECUREML_TEST_KILLS"] ?? 16)
const WRITERS = Number(process.env["SECUREML_TEST_WRITERS"] ?? 8)
const EVENTS = Number(process.env["SECUREML_TEST_EVENTS"] ?? 5_000)

/** A process that logs numbered events and prints each number once the call has returned. */
function writer(name: string, events: number, pauseEvery = 500): Child {
  const code = `
    import * as fs from "node:fs"
    const audit = new AuditTrail(${JSON.stringify(name)}, { logDir: ${JSON.stringify(place.logDir)} })
    for (let n = 0; n < ${events}; n++) {
      audit.logEvent("step", { n })
      fs.writeSync(1, n + "\\n")
      if (n % ${pauseEvery} === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await audit.close()`
  return startModule(code, childEnvironment(place.stateDir))
}

/** Numbers by operation name, in ledger order. */
function numbersByName(records: readonly AuditRecord[]): Map<string, number[]> {
  const numbers = new Map<string, number[]>()
  for (const { operation_name, details } of records) {
    const seen = numbers.get(operation_name)
    if (seen === undefined) numbers.set(operation_name, [details["n"] as number])
    else seen.push(details["n"] as number)
  }
  return numbers
}

function isCounting(numbers: readonly number[]): boolean {
  return numbers.every((number, n) => number === n)
}

describe("several processes on one directory", () => {
  test(`${WRITERS} processes of ${EVENTS} events: exactly once, in order, intact`, { timeout: 240_000 }, async () => {
    const ended = await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(`writer ${n}`, EVENTS).ended))
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
    timeout: 600_000,
  }, async () => {
    const acknowledged = new Map<string, number>()
    for (let round = 0; round < KILLS; round++) {
      const children = [0, 1].map((n) => ({
        name: `round ${round}.${n}`,
        child: writer(`round ${round}.${n}`, 100_000, 4),
      }))
      await new Promise((resolve) => setTimeout(resolve, 200 + random() * 1_500))
      for (const { child } of children) child.process.kill("SIGKILL")
      for (const { name, child } of children) {
        const lines = (await child.ended).stdout.split("\n")
        // The last piece may be half a line.
        acknowledged.set(name, lines.length - 1)
      }
      const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
      expect(["intact", "unsealed_tail", "torn_tail", "unverifiable"], JSON.stringify(findings)).toContain(verdict)
      if (verdict === "unverifiable") expect(findings.map(({ code }) => code)).toContain("nothing_sealed")
    }
    const records = await getAuditLogs({ logDir: place.logDir, eventType: "step" })
    const numbers = numbersByName(records)
    for (const [name, count] of acknowledged) {
      const found = numbers.get(name) ?? []
      expect(isCounting(found), name).toBe(true)
      expect(found.length, name).toBeGreaterThanOrEqual(count)
      // One call may have been on its way when the process was killed.
      expect(found.length, name).toBeLessThanOrEqual(count + 1)
    }
  })

  test("reads and verification beside four writers never raise a false alarm, and see each event once", {
    timeout: 120_000,
  }, async () => {
    const children = [0, 1, 2, 3].map((n) => writer(`live ${n}`, 20_000, 50))
    let running = true
    const all = Promise.all(children.map(({ ended }) => ended)).then((ended) => {
      running = false
      return ended
    })
    let looks = 0
    while (running) {
      const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
      expect(["intact", "unsealed_tail", "unverifiable"], JSON.stringify(findings)).toContain(verdict)
      if (verdict === "unverifiable")
        expect(findings.map(({ code }) => code)).toEqual(
          expect.arrayContaining([expect.stringMatching(/nothing_sealed|no_log/)]),
        )
      const before = children.map(({ stdout }) => stdout().split("\n").length - 1)
      for (const [n, numbers] of children.map((_, n) => [n, `live ${n}`] as const)) {
        const records = await getAuditLogs({ logDir: place.logDir, operationName: numbers, eventType: "step" })
        expect(isCounting(records.map(({ details }) => details["n"] as number)), `live ${n} ${records.length}`).toBe(
          true,
        )
        expect(records.length).toBeGreaterThanOrEqual(min(before[n]!, 20_000))
      }
      looks += 1
    }
    expect(looks).toBeGreaterThan(1)
    expect((await all).map(({ code }) => code)).toEqual([0, 0, 0, 0])
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})

describe("a segment that is being written", () => {
  test("a stopped and thawed sealer does no harm", { timeout: 60_000 }, async () => {
    const stopped = writer("stopped", 60_000, 20)
    await new Promise((resolve) => setTimeout(resolve, 900))
    for (let time = 0; time < 2; time++) {
      stopped.process.kill("SIGSTOP")
      await writer(`beside ${time}`, 300).ended
      stopped.process.kill("SIGCONT")
      await new Promise((resolve) => setTimeout(resolve, floor(random() * 300)))
    }
    stopped.process.kill("SIGKILL")
    await stopped.ended
    const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
    expect(["intact", "unsealed_tail", "torn_tail"], JSON.stringify(findings)).toContain(verdict)
    expect(fs.existsSync(`${place.logDir}/checkpoint`)).toBe(true)
  })
})
