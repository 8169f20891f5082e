/**
 * Processes that are stopped (SIGSTOP) and go on: a sealer with the lock in its hand, one that was robbed of it, and
 * any of several at any moment.
 * @module
 */
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { recoverLog } from "../../src/capture/index.ts"
import { restart, usePlace } from "../place.ts"
import { isStopped, keepCopy, look, putBack, startArmed } from "./armed.ts"
import { acknowledged, isCounting, numbersByName, startCounting, wait } from "./counting.ts"

const place = usePlace()
const { floor, max, random } = Math
const ROUNDS = Number(process.env["SECUREML_TEST_KILLS"] ?? 16)
/** The short form takes every so many operations, from a random one on; the long one takes all. */
const STEP = Number(process.env["SECUREML_TEST_SWEEP_STEP"] ?? 17)
/** Recording is one write of some hundred bytes; a call that waited for the stopped process would take seconds. */
const SLOWEST_RECORD_MS = 1_000
const posix = process.platform !== "win32"

const SEAL_20 = `const audit = new AuditTrail("victim", { logDir, keepLarge: true })
  for (let n = 0; n < 20; n++) audit.logEvent("step", { n, large: n === 3 ? "x".repeat(100_000) : "" })
  globalThis.armed = true
  await audit.flush().then(({ note }) => process.stdout.write(note), (error) => process.stdout.write(error.code))
  process.exit(0)`

/** Logs some events in this process, as a process of its own would. */
function record(name: string, count: number): AuditTrail {
  const audit = new AuditTrail(name, { logDir: place.logDir })
  for (let n = 1; n < count; n++) audit.logEvent("step", { n })
  return audit
}

/** Logs and seals in this process; gives the signed note, or the code of the refusal. */
async function seal(name: string, count: number): Promise<string> {
  const audit = record(name, count)
  const said = await audit.flush().then(
    ({ note }) => note,
    (error: { code: string }) => error.code,
  )
  await restart(place)
  return said
}

describe.skipIf(!posix)("a sealer that is stopped (skipped where there is no SIGSTOP)", () => {
  test("with the lock in its hand delays sealing, never recording", { timeout: 60_000 }, async () => {
    await seal("base", 20)
    const victim = startArmed(place, SEAL_20, { at: 30, signal: "SIGSTOP" })
    expect(await isStopped(victim)).toBe(true)
    const audit = record("beside", 2)
    const refused = audit.flush().catch((error: unknown) => error)
    let slowestMs = 0
    for (let n = 2; n < 200; n++) {
      const beganMs = performance.now()
      audit.logEvent("step", { n })
      slowestMs = max(slowestMs, performance.now() - beganMs)
      await wait(5)
    }
    expect(slowestMs).toBeLessThan(SLOWEST_RECORD_MS)
    expect(await refused).toMatchObject({ code: "SEALING_UNAVAILABLE", message: expect.stringMatching(/stopped/) })
    expect((await getAuditLogs({ logDir: place.logDir, operationName: "beside" })).length).toBe(200)
    victim.process.kill("SIGCONT")
    expect((await victim.ended).stdout).toMatch(/\n— /)
    expect((await audit.flush()).treeSize).toBe(20 + 21 + 200)
    expect((await look(place)).verdict).toBe("intact")
  })

  test("at any file operation, and robbed of its lock: no fork, nothing lost or doubled", {
    timeout: 900_000,
  }, async () => {
    await seal("base", 245)
    keepCopy(place)
    let operations = 1 + floor(random() * STEP)
    for (; ; operations += STEP) {
      putBack(place)
      const victim = startArmed(place, SEAL_20, { at: operations, signal: "SIGSTOP" })
      if (!(await isStopped(victim))) break
      await checkNoAlarm(`stopped at ${operations}`)
      fs.rmSync(`${place.logDir}/.state/lock`)
      const said = [await seal("beside", 8)]
      victim.process.kill("SIGCONT")
      said.push((await victim.ended).stdout.replace("stopping\n", ""))
      await checkHarmless(said, `stopped at ${operations}`)
    }
    expect(operations).toBeGreaterThan(40)
  })

  /** Twice: what the first verification remembers must not be held against the log by the second. */
  async function checkNoAlarm(when: string): Promise<void> {
    for (let time = 0; time < 2; time++) {
      const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
      expect(["intact", "unsealed_tail"], `${when}: ${JSON.stringify(findings)}`).toContain(verdict)
    }
  }

  /** Every checkpoint that anybody was given must be a beginning of the log, and the next sealer goes on. */
  async function checkHarmless(said: readonly string[], when: string): Promise<void> {
    for (const note of said.filter((text) => text.includes("\n"))) {
      const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir, against: note })
      expect(["intact", "unsealed_tail"], `${when}: ${JSON.stringify(findings)}`).toContain(verdict)
    }
    const { ids } = await look(place)
    expect([ids.length, new Set(ids).size], when).toEqual([245 + 21 + 8, 245 + 21 + 8])
    const after = await seal("after", 1)
    if (after === "LOG_ROLLED_BACK") {
      // Stopped between its last look at tree.json and the replacement of it: refused and told, never signed.
      expect((await recoverLog({ logDir: place.logDir, reason: "a lock was taken away" })).kind).toBe("successor")
      await restart(place)
    } else expect(after, when).toContain("\n— ")
    expect((await look(place)).verdict, when).toBe("intact")
  }
})

describe.skipIf(!posix)("several processes that are stopped at random (skipped where there is no SIGSTOP)", () => {
  test(`${ROUNDS} times, sealing or not: each event is there once, in order, and all go on`, {
    timeout: 600_000,
  }, async () => {
    const names = [0, 1, 2, 3].map((n) => `stopped ${n}`)
    const children = names.map((name) => startCounting(place, name, { pauseEvery: 10, flushEvery: 100 }))
    await wait(500)
    for (let round = 0; round < ROUNDS; round++) {
      const { process } = children[floor(random() * children.length)]!
      process.kill("SIGSTOP")
      await wait(20 + random() * 300)
      const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
      // A writer that is stopped in the middle of a line finishes it later.
      expect(["intact", "unsealed_tail", "torn_tail", "unverifiable"], JSON.stringify(findings)).toContain(verdict)
      process.kill("SIGCONT")
      await wait(random() * 100)
    }
    for (const { process } of children) process.kill("SIGUSR2")
    const ended = await Promise.all(children.map(({ ended }) => ended))
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(ended.map(() => [0, ""]))
    const numbers = numbersByName(await getAuditLogs({ logDir: place.logDir, eventType: "step" }))
    for (const [n, name] of names.entries()) {
      expect(isCounting(numbers.get(name)!), name).toBe(true)
      expect(numbers.get(name)!.length, name).toBe(acknowledged(children[n]!))
    }
    expect((await look(place)).verdict).toBe("intact")
  })
})
