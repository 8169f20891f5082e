import * as fs from "node:fs"
import { expect, test } from "vitest"
import { AuditTrail, verifyAuditLog } from "../src/audit.ts"
import { childEnvironment, DIST, startModule } from "./children.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

/** The report of the built package, which checks a log of this size in several threads; the sources use one. */
async function inThreads(): Promise<Record<string, unknown>> {
  const code = `console.log(JSON.stringify(await verifyAuditLog({ logDir: ${JSON.stringify(place.logDir)} })))`
  const { code: exitCode, stdout, stderr } = await startModule(code, childEnvironment(place.stateDir)).ended
  expect([exitCode, stderr]).toEqual([0, ""])
  return JSON.parse(stdout)
}

async function inOne(): Promise<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(await verifyAuditLog({ logDir: place.logDir })))
}

/** A log of over four stretches, with a hole in a writer's numbers, an entry that is no event, and large values. */
async function makeLog(): Promise<void> {
  const audit = new AuditTrail("first", { logDir: place.logDir, keepLarge: true })
  const other = new AuditTrail("second", { logDir: place.logDir })
  for (let n = 0; n < 35_000; n++) {
    audit.logEvent("step", { n, text: n % 10_000 === 0 ? "x".repeat(100_000) : "é" })
    other.logEvent("step", { n })
  }
  await audit.flush()
  await other.close()
}

function flip(path: string, at: number): void {
  const bytes = fs.readFileSync(path)
  bytes[at]! ^= 1
  fs.writeFileSync(path, bytes)
}

test("several threads find what one finds, in the same order", { timeout: 120_000 }, async () => {
  expect(fs.existsSync(`${DIST}/check-worker.js`)).toBe(true)
  await makeLog()
  const whole = await inThreads()
  expect(whole).toEqual(await inOne())
  expect(whole).toMatchObject({ verdict: "intact", entriesChecked: 70_003, findings: [] })

  flip(`${place.logDir}/tile/entries/200`, 5_000)
  flip(`${place.logDir}/tile/0/010`, 40)
  flip(`${place.logDir}/tile/1/000`, 8_000)
  const damaged = await inThreads()
  expect(damaged).toEqual(await inOne())
  const findings = damaged["findings"] as { code: string; index?: number }[]
  // The tile of level 2 differs as well, since the entries make another one.
  const [changed, ...others] = findings.filter(({ code }) => code === "tile_mismatch")
  expect([changed!.index, others.length]).toEqual([10 * 256 + 1, 3])

  fs.rmSync(`${place.logDir}/tile/entries/100`)
  const cut = await inThreads()
  expect(cut).toEqual(await inOne())
  expect(cut).toMatchObject({ verdict: "corrupt", entriesChecked: 25_600 })
})
