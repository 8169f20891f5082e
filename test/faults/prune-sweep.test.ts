import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { sealLog } from "../../src/capture/index.ts"
import { prove } from "../../src/query/index.ts"
import { writeEntries } from "../log-of-entries.ts"
import { restart, usePlace } from "../place.ts"
import { keepCopy, putBack, startArmed } from "./armed.ts"

/** The long form kills at every operation; the short one at a few, most of them where files are removed. */
const IS_LONG = process.env["SECUREML_TEST_SWEEP_STEP"] === "1"
/** Bundles and tiles that go, by as many operations, the last that a prune does. */
const REMOVALS = 10
const place = usePlace()
const COUNT = 2_000
const KEPT_FROM = 1_500
const MINIMUM = 1_280

const PRUNE = `const named = (name) => Object.values(engine).find((value) => value?.name === name)
  const policy = named("loadPolicy")(${JSON.stringify("POLICY")})
  globalThis.armed = true
  await named("pruneLog")({ logDir, policy })
  console.log("through", globalThis.operations)
  process.exit(0)`

function leftBundles(): number[] {
  return fs
    .readdirSync(join(place.logDir, "tile/entries"))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

test("a prune killed at any file operation leaves a log that verifies, and the next one finishes it", {
  timeout: 900_000,
}, async () => {
  writeEntries(place.logDir, COUNT, (n) => ({
    details: { n },
    ...(n >= KEPT_FROM ? { regulations: ["EU AI Act"] } : {}),
  }))
  await sealLog({ logDir: place.logDir })
  // The index is there, so that it has to go.
  await getAuditLogs({ logDir: place.logDir, eventType: "step" as string, limit: 1 })
  await restart(place)
  const policy = join(place.directory, "policy.json")
  const fallback = { minimum: "P0D", source: { provision: "handbook" } }
  fs.writeFileSync(policy, JSON.stringify({ v: 1, id: "sweep", default: fallback }))
  keepCopy(place)
  const code = PRUNE.replace('"POLICY"', JSON.stringify(policy))
  const whole = await startArmed(place, code, { at: 0 }).ended
  const operations = Number(/through (\d+)/.exec(whole.stdout)?.[1])
  expect(operations, whole.stderr).toBeGreaterThan(40)
  const early = operations - REMOVALS - 12
  const few = [
    1 + Math.floor(Math.random() * early),
    early + Math.floor(Math.random() * 10),
    operations - 7,
    operations - 3,
  ]
  let wasCutOff = 0
  for (const killAt of IS_LONG ? Array.from({ length: operations }, (_, n) => n + 1) : few) {
    putBack(place)
    const ended = await startArmed(place, code, { at: killAt }).ended
    const told = `killed at ${killAt}: ${ended.stderr}`
    const killed = await verifyAuditLog({ logDir: place.logDir })
    expect(["intact", "unsealed_tail", "torn_tail"], `${told} ${JSON.stringify(killed.findings)}`).toContain(
      killed.verdict,
    )
    const steps = await getAuditLogs({ logDir: place.logDir, eventType: "step" as string })
    expect([COUNT, COUNT - MINIMUM], told).toContain(steps.length)
    const isGone = leftBundles().length < Math.ceil(COUNT / 256) - 1
    if (isGone && leftBundles()[0] !== MINIMUM / 256) wasCutOff += 1
    if (isGone) expect(killed.prunedBelow, told).toBe(MINIMUM)
    expect((await prove({ logDir: place.logDir, eventId: KEPT_FROM })).index).toBe(KEPT_FROM)
    const again = await startArmed(place, code, { at: 0 }).ended
    expect([again.code, again.stderr], told).toEqual([0, ""])
    const after = await verifyAuditLog({ logDir: place.logDir })
    expect([after.verdict, after.prunedBelow], told).toEqual(["intact", MINIMUM])
    expect(Math.min(...leftBundles()), told).toBe(MINIMUM / 256)
    expect(await getAuditLogs({ logDir: place.logDir, eventType: "step" as string }), told).toHaveLength(
      COUNT - MINIMUM,
    )
    await restart(place)
  }
  expect(wasCutOff).toBeGreaterThan(0)
})
