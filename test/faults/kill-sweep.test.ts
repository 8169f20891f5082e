import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { getAuditLogs } from "../../src/audit.ts"
import type { Ended } from "../children.ts"
import { usePlace } from "../place.ts"
import { keepCopy, look, putBack, startArmed } from "./armed.ts"

/** The short form takes every so many operations, from a random one on; the long one takes all. */
const STEP = Number(process.env["SECUREML_TEST_SWEEP_STEP"] ?? 13)
const place = usePlace()

/** Runs a module that may be killed at its N-th file operation once it is armed. */
function run(code: string, killAt = 0): Promise<Ended> {
  return startArmed(place, code, { at: killAt }).ended
}

/** Kills a piece of code at one operation after the other until it comes through; `check` looks at what is left. */
async function sweep(code: string, check: (killedAt: number, ended: Ended) => Promise<void>): Promise<number> {
  for (let killAt = 1 + Math.floor(Math.random() * STEP); ; killAt += STEP) {
    putBack(place)
    const ended = await run(`${code}\nconsole.log("through")\nprocess.exit(0)`, killAt)
    await check(killAt, ended)
    if (ended.signal === null) {
      expect(ended.stdout, ended.stderr).toContain("through")
      return killAt
    }
  }
}

describe("a process killed at any file operation", () => {
  test("of a seal: each event is there once, before and after the next seal", { timeout: 900_000 }, async () => {
    await run(`const audit = new AuditTrail("base", { logDir })
      for (let n = 0; n < 245; n++) audit.logEvent("step", { n })
      await audit.flush()
      process.exit(0)`)
    await run(`const audit = new AuditTrail("dead", { logDir })
      for (let n = 0; n < 5; n++) audit.logEvent("step", { n })
      process.kill(process.pid, "SIGKILL")`)
    keepCopy(place)
    const code = `const audit = new AuditTrail("victim", { logDir, keepLarge: true })
      for (let n = 0; n < 20; n++) audit.logEvent("step", { n, large: n === 3 ? "x".repeat(100_000) : "" })
      globalThis.armed = true
      await audit.flush()`
    const operations = await sweep(code, async (killedAt) => {
      const killed = await look(place)
      expect(
        ["intact", "unsealed_tail", "torn_tail"],
        `killed at ${killedAt}: ${killed.verdict} ${killed.codes}`,
      ).toContain(killed.verdict)
      expect([killed.ids.length, new Set(killed.ids).size], `killed at ${killedAt}`).toEqual([273, 273])
      const again = await run(`const audit = new AuditTrail("after", { logDir })\nawait audit.close()\nprocess.exit(0)`)
      expect([again.code, again.stderr], `killed at ${killedAt}`).toEqual([0, ""])
      const sealed = await look(place)
      expect(
        [sealed.verdict, sealed.codes, sealed.ids.length, new Set(sealed.ids).size],
        `killed at ${killedAt}`,
      ).toEqual(["intact", "", 275, 275])
    })
    expect(operations).toBeGreaterThan(40)
  })

  test("of the first seal of a log: the next one goes on", { timeout: 600_000 }, async () => {
    fs.mkdirSync(place.logDir, { mode: 0o700 })
    fs.mkdirSync(place.stateDir, { mode: 0o700 })
    keepCopy(place)
    await sweep(
      `const audit = new AuditTrail("victim", { logDir })\nglobalThis.armed = true\nawait audit.flush()`,
      async (killedAt) => {
        const { verdict, codes } = await look(place)
        expect(["intact", "unsealed_tail", "unverifiable"], `killed at ${killedAt}: ${verdict} ${codes}`).toContain(
          verdict,
        )
        const again = await run(
          `const audit = new AuditTrail("after", { logDir })\nawait audit.close()\nprocess.exit(0)`,
        )
        expect([again.code, again.stderr], `killed at ${killedAt}`).toEqual([0, ""])
        expect((await look(place)).verdict, `killed at ${killedAt}`).toBe("intact")
        expect(fs.existsSync(`${place.logDir}/vkey`), `killed at ${killedAt}`).toBe(true)
      },
    )
  })

  const PENDING = `const audit = new AuditTrail("pending", { logDir })
    for (let n = 0; n < 3; n++) audit.logEvent("step", { n })
    process.kill(process.pid, "SIGKILL")`

  test.each([
    [
      "rolled back",
      () => {
        fs.rmSync(place.logDir, { recursive: true })
        fs.cpSync(`${place.directory}/old`, place.logDir, { recursive: true })
      },
    ],
    [
      "without checkpoint and tree.json",
      () => {
        fs.rmSync(`${place.logDir}/checkpoint`)
        fs.rmSync(`${place.logDir}/.state/tree.json`)
      },
    ],
    ["without tree.json", () => fs.rmSync(`${place.logDir}/.state/tree.json`)],
  ])("of a recovery of a log %s: recovering again ends the same", { timeout: 900_000 }, async (_name, damage) => {
    const grow = `const audit = new AuditTrail("base", { logDir })\nfor (let n = 0; n < 10; n++) audit.logEvent("step", { n })\nawait audit.flush()\nprocess.exit(0)`
    await run(grow)
    fs.cpSync(place.logDir, `${place.directory}/old`, { recursive: true })
    await run(grow)
    damage()
    await run(PENDING)
    keepCopy(place)
    await sweep(`globalThis.armed = true\nawait recoverLog({ logDir, reason: "sweep" })`, async (killedAt) => {
      const again =
        await run(`await recoverLog({ logDir, reason: "again" }).catch((error) => { if (error.code !== "NOTHING_TO_RECOVER") throw error })
        const audit = new AuditTrail("after", { logDir })
        await audit.close()
        process.exit(0)`)
      expect([again.code, again.stderr], `killed at ${killedAt}`).toEqual([0, ""])
      const { verdict, codes, ids } = await look(place)
      expect(verdict, `killed at ${killedAt}: ${codes}`).toBe("intact")
      expect(new Set(ids).size).toBe(ids.length)
      const pending = await getAuditLogs({ logDir: place.logDir, operationName: "pending", eventType: "step" })
      expect(
        pending.map(({ details }) => details["n"]),
        `killed at ${killedAt}`,
      ).toEqual([0, 1, 2])
    })
  })

  test("of a recovery that explains a hole: the hole is on record, and nothing behind it is lost", {
    timeout: 900_000,
  }, async () => {
    await run(`const audit = new AuditTrail("pending", { logDir })
      for (let n = 0; n < 5; n++) audit.logEvent("step", { n })
      process.kill(process.pid, "SIGKILL")`)
    const journal = `${place.logDir}/.state/journal`
    const path = `${journal}/${fs.readdirSync(journal)[0]}`
    // The first line is audit_started: the hole is where n is 2.
    fs.writeFileSync(path, fs.readFileSync(path, "utf8").replace(/.*"n":2.*\n/, ""))
    await run(`await new AuditTrail("base", { logDir }).close()\nprocess.exit(0)`)
    keepCopy(place)
    await sweep(`globalThis.armed = true\nawait recoverLog({ logDir, reason: "sweep" })`, async (killedAt) => {
      const again =
        await run(`await recoverLog({ logDir, reason: "again" }).catch((error) => { if (error.code !== "NOTHING_TO_RECOVER") throw error })
        const audit = new AuditTrail("after", { logDir })
        await audit.close()
        process.exit(0)`)
      expect([again.code, again.stderr], `killed at ${killedAt}`).toEqual([0, ""])
      const { verdict, codes, ids } = await look(place)
      expect(verdict, `killed at ${killedAt}: ${codes}`).toBe("intact")
      expect(codes, `killed at ${killedAt}`).toContain("recovered")
      expect(new Set(ids).size).toBe(ids.length)
      const pending = await getAuditLogs({ logDir: place.logDir, operationName: "pending", eventType: "step" })
      expect(
        pending.map(({ details }) => details["n"]),
        `killed at ${killedAt}`,
      ).toEqual([0, 1, 3, 4])
    })
  })
})
