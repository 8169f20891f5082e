import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { AuditTrail, eraseSubject, personal, subjectReport } from "../../src/audit.ts"
import { exportKeys } from "../../src/capture/index.ts"
import { restart, usePlace } from "../place.ts"
import { keepCopy, look, putBack, startArmed } from "./armed.ts"

/** The long form kills at every operation; the short one at a few. */
const IS_LONG = process.env["SECUREML_TEST_SWEEP_STEP"] === "1"
const FEW = 8
const place = usePlace()
const PERSONS = ["p-1", "p-2", "p-3"]

function codeOf(file: string): string {
  return `const named = (name) => Object.values(engine).find((value) => value?.name === name)
  globalThis.armed = true
  await named("importKeys")({ logDir, file: ${JSON.stringify(file)}, vault: true })
  console.log("through", globalThis.operations)
  process.exit(0)`
}

async function valuesHeld(): Promise<number[]> {
  const { logDir } = place
  return Promise.all(PERSONS.map(async (subject) => (await subjectReport({ logDir, subject })).values))
}

test("an import of keys killed at any file operation brings nobody back who was erased, and run again it is whole", {
  timeout: 600_000,
}, async () => {
  const { logDir } = place
  const audit = new AuditTrail("claims", { logDir })
  for (const subject of PERSONS) audit.logEvent("claim", { who: personal(`value of ${subject}`, { subject }) })
  await audit.close()
  const file = join(place.directory, "log.keys")
  await exportKeys({ logDir, file, vault: true })
  await eraseSubject({ logDir, subject: "p-1", reason: "other" })
  await restart(place)
  for (const name of ["vaults", "keys"]) fs.rmSync(join(place.stateDir, name), { recursive: true })
  keepCopy(place)
  const code = codeOf(file)
  const whole = await startArmed(place, code, { at: 0 }).ended
  const operations = Number(/through (\d+)/.exec(whole.stdout)?.[1])
  expect(operations, whole.stderr).toBeGreaterThan(20)
  const all = Array.from({ length: operations }, (_, n) => n + 1)
  const offset = Math.floor(Math.random() * (operations / FEW))
  for (const at of IS_LONG ? all : all.filter((n) => (n + offset) % Math.ceil(operations / FEW) === 0)) {
    putBack(place)
    const ended = await startArmed(place, code, { at }).ended
    const told = `killed at ${at} of ${operations}: ${ended.stderr}`
    const held = await valuesHeld().catch(() => [0, 0, 0])
    expect(held[0], told).toBe(0)
    await restart(place)
    const again = await startArmed(place, code, { at: 0 }).ended
    expect([again.code, again.stderr], told).toEqual([0, ""])
    expect(await valuesHeld(), told).toEqual([0, 1, 1])
    expect(["intact", "unsealed_tail", "torn_tail"], told).toContain((await look(place)).verdict)
    await restart(place)
  }
})
