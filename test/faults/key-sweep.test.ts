import * as fs from "node:fs"
import { expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { describeKey, rotateKey } from "../../src/capture/index.ts"
import { isTemporaryName } from "../../src/store/index.ts"
import { as, headOf, logSome, verdictOf, vkeyOf } from "../keys-of-a-log.ts"
import { restart, usePlace } from "../place.ts"
import { keepCopy, putBack, startArmed } from "./armed.ts"

/** The long form kills at every operation; the short one at a few of each act. */
const IS_LONG = process.env["SECUREML_TEST_SWEEP_STEP"] === "1"
const FEW = 6
const GOOD = ["intact", "unsealed_tail", "torn_tail"]
const place = usePlace()

interface Act {
  readonly name: string
  readonly call: string
  /** Type of the entry that tells of it. */
  readonly tells: string
  /** What a second run says where the first one had come to its end. */
  readonly over: string
  /** Signature lines and key files at the end. */
  readonly keys: number
}

const ACTS: readonly Act[] = [
  { name: "rotate", call: `"rotateKey")({ logDir })`, tells: "key_rotated", over: "ROTATION_OPEN", keys: 2 },
  { name: "finish", call: `"finishRotation")({ logDir })`, tells: "key_retired", over: "ROTATION_NOT_OPEN", keys: 1 },
  {
    name: "revoke",
    call: `"revokeKey")({ logDir, fromIndex: 1, reason: "stolen" })`,
    tells: "key_revoked",
    over: "",
    keys: 1,
  },
]

function codeOf({ call }: Pick<Act, "call">): string {
  return `const named = (name) => Object.values(engine).find((value) => value?.name === name)
  globalThis.armed = true
  await named(${call}
  console.log("through", globalThis.operations)
  process.exit(0)`
}

/** At which operations to kill. */
function killsIn(operations: number): number[] {
  const all = Array.from({ length: operations }, (_, n) => n + 1)
  const offset = Math.floor(Math.random() * (operations / FEW))
  return IS_LONG ? all : all.filter((n) => (n + offset) % Math.ceil(operations / FEW) === 0)
}

const linesOf = (note: string): number => note.split("\n— ").length - 1

/** The log can be verified and sealed however far the act had come. */
async function checkCutOff(act: Act, told: string): Promise<void> {
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
  expect(GOOD, `${told} ${JSON.stringify(findings)}`).toContain(verdict)
  const auditor = await as(place, "auditor", () => verdictOf(place))
  const mayBe = act.name === "revoke" ? [...GOOD, "wrong_key"] : GOOD
  expect(mayBe, `${told} auditor: ${JSON.stringify(auditor.findings)}`).toContain(auditor.verdict)
  const audit = new AuditTrail("beside", { logDir: place.logDir })
  await audit.close()
  expect(GOOD, told).toContain((await verdictOf(place)).verdict)
  await restart(place)
}

async function checkDone(act: Act, told: string): Promise<void> {
  const { verdict, findings } = await verdictOf(place)
  expect(verdict, `${told} ${JSON.stringify(findings)}`).toBe("intact")
  const tellers = await getAuditLogs({ logDir: place.logDir, eventType: act.tells as "key_rotated" })
  expect(tellers.length, told).toBe(1)
  expect(linesOf(headOf(place).note), told).toBe(act.keys)
  const files = fs.readdirSync(`${place.stateDir}/keys`).filter((name) => !isTemporaryName(name))
  expect(files.length, told).toBe(act.keys)
  const { verifierKey, unfinished } = await describeKey({ logDir: place.logDir })
  expect([fs.readFileSync(`${place.logDir}/vkey`, "utf8"), unfinished], told).toEqual([`${verifierKey}\n`, undefined])
  const auditor = await as(place, "auditor", () => verdictOf(place))
  expect(auditor.verdict, `${told} ${JSON.stringify(auditor.findings)}`).toBe(
    act.name === "revoke" ? "wrong_key" : "intact",
  )
}

test.each(ACTS)(
  "$name killed at any file operation leaves a log that verifies and seals, and run again it ends the same",
  {
    timeout: 900_000,
  },
  async (act) => {
    await logSome(place)
    await as(place, "auditor", () => verdictOf(place, { trustOnFirstUse: true }))
    if (act.name === "finish") await rotateKey({ logDir: place.logDir })
    await restart(place)
    fs.cpSync(`${place.directory}/auditor`, `${place.directory}/auditor-before`, { recursive: true })
    keepCopy(place)
    const whole = await startArmed(place, codeOf(act), { at: 0 }).ended
    const operations = Number(/through (\d+)/.exec(whole.stdout)?.[1])
    expect(operations, whole.stderr).toBeGreaterThan(20)
    const all = Array.from({ length: operations }, (_, n) => n + 1)
    const offset = Math.floor(Math.random() * (operations / FEW))
    for (const at of IS_LONG ? all : all.filter((n) => (n + offset) % Math.ceil(operations / FEW) === 0)) {
      putBack(place)
      fs.rmSync(`${place.directory}/auditor`, { recursive: true })
      fs.cpSync(`${place.directory}/auditor-before`, `${place.directory}/auditor`, { recursive: true })
      const ended = await startArmed(place, codeOf(act), { at }).ended
      const told = `killed at ${at} of ${operations}: ${ended.stderr}`
      await checkCutOff(act, told)
      // One that had ended has nothing left to do; a key is not declared stolen twice.
      const isOver = (await getAuditLogs({ logDir: place.logDir, eventType: act.tells as "key_rotated" })).length > 0
      const { unfinished } = await describeKey({ logDir: place.logDir })
      if (!isOver || unfinished !== undefined || act.over !== "") {
        const again = await startArmed(place, codeOf(act), { at: 0 }).ended
        const said = again.code === 0 ? "" : again.stderr
        expect(
          said === "" || (isOver && unfinished === undefined && said.includes(act.over)),
          `${told} then: ${said}`,
        ).toBe(true)
      }
      await checkDone(act, told)
      await restart(place)
    }
  },
)

test("succeed killed at any file operation and run again ends in one successor, and the old log verifies", {
  timeout: 900_000,
}, async () => {
  await logSome(place)
  const former = await vkeyOf(place)
  await restart(place)
  fs.rmSync(`${place.stateDir}/keys`, { recursive: true })
  keepCopy(place)
  const code = codeOf({ call: `"succeedKey")({ logDir, reason: "lost" })` })
  const whole = await startArmed(place, code, { at: 0 }).ended
  const operations = Number(/through (\d+)/.exec(whole.stdout)?.[1])
  expect(operations, whole.stderr).toBeGreaterThan(20)
  for (const at of killsIn(operations)) {
    putBack(place)
    const ended = await startArmed(place, code, { at }).ended
    const told = `killed at ${at} of ${operations}: ${ended.stderr}`
    const again = await startArmed(place, code, { at: 0 }).ended
    expect(again.code === 0 || again.stderr.includes("KEY_NOT_LOST"), `${told} then: ${again.stderr}`).toBe(true)
    const { verdict, findings } = await verdictOf(place)
    expect(verdict, `${told} ${JSON.stringify(findings)}`).toBe("intact")
    const entries = await getAuditLogs({ logDir: place.logDir, eventType: "key_succeeded" })
    expect([...new Set(entries.map(({ details }) => details.former_key))], told).toEqual([former])
    const predecessors = fs.readdirSync(place.logDir).filter((name) => name.startsWith("predecessor-"))
    expect(predecessors, told).toEqual(["predecessor-1"])
    const aside = { logDir: `${place.logDir}/predecessor-1`, publicKey: former }
    expect((await verifyAuditLog(aside)).verdict, told).toBe("intact")
    await restart(place)
  }
})
