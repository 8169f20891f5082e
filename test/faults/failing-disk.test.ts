import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { type Child, childEnvironment, startModule } from "../children.ts"
import { usePlace } from "../place.ts"
import { notice, powerCutsMissing, useMountPoint, useMounts } from "./mounts.ts"

const place = usePlace()
const mounts = useMounts()
const mounted = useMountPoint(place)

/** Records and seals a trail. */
async function seal(name: string): Promise<void> {
  const code = `await new AuditTrail("${name}", { logDir: "${place.logDir}" }).close()`
  const { code: exit, stderr } = await startModule(code, childEnvironment(place.stateDir)).ended
  expect([exit, stderr]).toEqual([0, ""])
}

/** A directory grows by blocks of its own, whose writing must not fail: it gets them while the disk is well. */
function growJournalDirectory(): void {
  const paths = Array.from({ length: 1_000 }, (_, n) => join(place.logDir, ".state/journal", `${n}`.padStart(100, "x")))
  for (const path of paths) fs.writeFileSync(path, "")
  for (const path of paths) fs.rmSync(path)
  execFileSync("sync", ["--file-system", mounted.path])
}

/** Events of which two of three are made durable, each way while the background syncs the first; it has no key to seal. */
function startMixedWriter(): Child {
  const code = `import * as fs from "node:fs"
    const audit = new AuditTrail("mixed", { logDir: "${place.logDir}" })
    const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const text = "x".repeat(6_000)
    const attempt = async (n, work) => {
      const outcome = await work().then(() => "durable", (error) => error.code)
      fs.writeSync(1, outcome + " " + n + "\\n")
    }
    for (let n = 0; ; n += 3) {
      audit.logEvent("step", { n, text })
      await soon(2)
      await attempt(n + 1, async () => audit.logEvent("step", { n: n + 1, text }, { durability: "durable" }))
      await attempt(n + 2, () => audit.logEvent("step", { n: n + 2, text }).durable())
      await soon(5)
    }`
  return startModule(code, childEnvironment(join(place.directory, "no-key")))
}

function outcomesOf(child: Child): { outcome: string; n: number }[] {
  const lines = child.stdout().split("\n").slice(0, -1)
  return lines.map((line) => ({ outcome: line.split(" ")[0]!, n: Number(line.split(" ")[1]) }))
}

async function untilSaid(child: Child, outcome: string, count: number): Promise<void> {
  const before = outcomesOf(child).length
  for (;;) {
    if (child.process.exitCode !== null) throw new Error((await child.ended).stderr)
    if (
      outcomesOf(child)
        .slice(before)
        .filter((said) => said.outcome === outcome).length >= count
    )
      return
    await wait(10)
  }
}

describe.skipIf(powerCutsMissing !== undefined)(
  `a disk whose writes fail for a while${notice(powerCutsMissing)}`,
  () => {
    test("never loses, at a power cut, what was called durable", { timeout: 120_000 }, async () => {
      const thin = mounts.thinDisk(mounted.path)
      await seal("first")
      growJournalDirectory()
      const child = startMixedWriter()
      await untilSaid(child, "durable", 20)
      thin.fail()
      await untilSaid(child, "NOT_DURABLE", 40)
      thin.heal()
      await untilSaid(child, "durable", 20)
      const cutAt = outcomesOf(child).length
      await thin.cutPower()
      child.process.kill("SIGKILL")
      await child.ended
      await thin.restorePower()
      const said = outcomesOf(child).slice(0, cutAt)
      expect(new Set(said.map(({ outcome }) => outcome))).toEqual(new Set(["durable", "NOT_DURABLE"]))
      const records = await getAuditLogs({ logDir: place.logDir, eventType: "step" })
      const found = records.map(({ details }) => details["n"] as number)
      expect(new Set(found).size).toBe(found.length)
      expect(said.filter(({ outcome, n }) => outcome === "durable" && !found.includes(n))).toEqual([])
      // The disk did lose what it was given.
      expect(said.some(({ outcome, n }) => outcome === "NOT_DURABLE" && !found.includes(n))).toBe(true)
      await seal("after")
      // A hole is there, and is told; nothing else is wrong.
      const { verdict, findings, unsealed } = await verifyAuditLog({ logDir: place.logDir })
      expect([verdict, unsealed]).toEqual(["gap", 0])
      expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(["operation_gap", "writer_gap", "torn_tail"]))
    })
  },
)
