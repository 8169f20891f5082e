import * as fs from "node:fs"
import { expect, test } from "vitest"
import { AuditTrail, countAuditLogs } from "../../src/audit.ts"
import { finishRotation, revokeKey, rotateKey } from "../../src/capture/index.ts"
import { childEnvironment, startModule } from "../children.ts"
import { verdictOf } from "../keys-of-a-log.ts"
import { restart, usePlace } from "../place.ts"
import { endWithTest } from "./counting.ts"

const place = usePlace()
const GOOD = ["intact", "unsealed_tail", "torn_tail"]
const EVENTS = 400

const WRITE = `const audit = new AuditTrail("writer", { logDir: process.env.LOG_DIR })
  for (let n = 0; n < ${EVENTS}; n++) {
    audit.logEvent("step", { n })
    if (n % 10 === 0) await audit.flush()
  }
  await audit.close()
  console.log("done")`

test("keys that change beside processes that record and seal: nothing is lost, and nobody is accused", {
  timeout: 120_000,
}, async () => {
  await new AuditTrail("first", { logDir: place.logDir }).close()
  await restart(place)
  fs.cpSync(place.stateDir, `${place.directory}/auditor`, { recursive: true })
  fs.rmSync(`${place.directory}/auditor/keys`, { recursive: true })
  const env = childEnvironment(place.stateDir, { LOG_DIR: place.logDir })
  const writers = [1, 2].map(() => endWithTest(startModule(WRITE, env)))
  const auditor = async (): Promise<string> => {
    const own = process.env["SECUREML_STATE_DIR"]
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/auditor`
    const { verdict, findings } = await verdictOf(place, { trustOnFirstUse: true })
    process.env["SECUREML_STATE_DIR"] = own
    return GOOD.includes(verdict) ? "" : JSON.stringify(findings)
  }
  const all = Promise.all(writers.map(({ ended }) => ended))
  let running = true
  void all.then(() => {
    running = false
  })
  const { logDir } = place
  expect(await auditor()).toBe("")
  let rotations = 0
  while (running) {
    for (const change of [rotateKey, finishRotation]) {
      const [own] = await Promise.all([verdictOf(place), change({ logDir })])
      expect(GOOD, JSON.stringify(own.findings)).toContain(own.verdict)
      expect(await auditor()).toBe("")
    }
    rotations += 1
  }
  for (const { code, stderr } of await all) expect([code, stderr]).toEqual([0, ""])
  expect(rotations).toBeGreaterThan(1)
  await revokeKey({ logDir, fromIndex: 0, reason: "test" })
  expect((await verdictOf(place)).verdict).toBe("intact")
  expect(await countAuditLogs({ logDir, eventType: "step" as string })).toBe(2 * EVENTS)
  expect(await countAuditLogs({ logDir, eventType: "key_rotated" })).toBe(rotations)
})
