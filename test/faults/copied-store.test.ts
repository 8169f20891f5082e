/**
 * A log that is copied file by file while eight processes write to it and seal it. In the order that the good practice
 * page gives, no copy raises a false alarm; in any other order a checkpoint can be newer than its tiles, which
 * verification says, and copying once more in the right order mends.
 * @module
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { runnableSnippets } from "../../scripts/runnable-snippets.mjs"
import { AuditTrail, getAuditLogs, type VerificationReport, verifyAuditLog } from "../../src/audit.ts"
import type { Child } from "../children.ts"
import { restart, usePlace } from "../place.ts"
import { acknowledged, isCounting, numbersByName, startCounting, wait } from "./counting.ts"

const place = usePlace()
const { ceil, min, random } = Math
const WRITERS = Number(process.env["SECUREML_TEST_WRITERS"] ?? 8)
/** A log that is written to without end is copied only so often. */
const COPIES = min(24, ceil(Number(process.env["SECUREML_TEST_KILLS"] ?? 16) / 3))
const GUIDES = new URL("../../docs/guides/", import.meta.url)
const posix = process.platform !== "win32"

/** The commands that copy in a guide's section, for this log. */
function commandsOf(page: string, section: string): string {
  const text = fs.readFileSync(new URL(page, GUIDES), "utf8")
  const [snippet] = runnableSnippets(text.slice(text.indexOf(`\n## ${section}\n`))).filter(({ code }) =>
    /^cp /m.test(code),
  )
  const commands = snippet!.code.split("\n").filter((line) => /^(mkdir|cp) /.test(line))
  return commands.join("\n").replaceAll("secureml_audit_logs", "log")
}

/** Runs a shell in the directory that holds the log. What vanishes under `cp` makes it fail, and is no failure here. */
function shell(commands: string): void {
  spawnSync("sh", ["-c", commands], { cwd: place.directory, stdio: "ignore" })
}

/** Copies at several moments of eight processes' lives. */
async function besideWriters(copyAndLook: (children: readonly Child[]) => Promise<void>): Promise<void> {
  const children = Array.from({ length: WRITERS }, (_, n) =>
    startCounting(place, `writer ${n}`, { pauseEvery: 2, flushEvery: 250 }),
  )
  while (!fs.existsSync(`${place.logDir}/checkpoint`)) await wait(20)
  for (let copy = 0; copy < COPIES; copy++) {
    await wait(random() * 300)
    await copyAndLook(children)
    fs.rmSync(`${place.directory}/copy`, { recursive: true })
  }
  for (const { process } of children) process.kill("SIGKILL")
  await Promise.all(children.map(({ ended }) => ended))
}

/** Verifies the copy with the log's own key, which an auditor got by another way. */
function verifyCopy(): Promise<VerificationReport> {
  const publicKey = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
  return verifyAuditLog({ logDir: `${place.directory}/copy`, publicKey })
}

/** No alarm: nothing but what is not sealed yet, or was being written when the journal was copied. */
async function checkNoAlarm(what: string): Promise<void> {
  const { verdict, findings } = await verifyCopy()
  expect(["intact", "unsealed_tail", "torn_tail"], `${what}: ${JSON.stringify(findings)}`).toContain(verdict)
}

describe.skipIf(!posix)("a log copied beside its writers (skipped where there is no cp)", () => {
  test("as a whole, by the guide: no alarm, and all that was recorded before", { timeout: 600_000 }, async () => {
    const commands = commandsOf("good-practice.md", "Copy a log that is in use")
    await besideWriters(async (children) => {
      const before = children.map(acknowledged)
      shell(commands)
      await checkNoAlarm("a whole copy")
      const numbers = numbersByName(await getAuditLogs({ logDir: `${place.directory}/copy`, eventType: "step" }))
      for (const [n, count] of before.entries()) {
        const found = numbers.get(`writer ${n}`) ?? []
        expect(isCounting(found)).toBe(true)
        expect(found.length).toBeGreaterThanOrEqual(count)
      }
    })
  })

  test("its public part, by the guide for auditors: no alarm", { timeout: 600_000 }, async () => {
    const commands = commandsOf("verifying.md", "With the command line")
    await besideWriters(async () => {
      shell(commands)
      await checkNoAlarm("a copy of the public part")
      expect((await verifyCopy()).treeSize).toBeGreaterThan(0)
    })
  })

  test("with cp -r: at worst files are missing, never a forgery, and copying again by the guide mends it", {
    timeout: 600_000,
  }, async () => {
    const commands = commandsOf("good-practice.md", "Copy a log that is in use")
    await besideWriters(async () => {
      shell("cp -r log copy")
      const { verdict, findings } = await verifyCopy()
      expect(["intact", "unsealed_tail", "torn_tail", "gap", "corrupt"], JSON.stringify(findings)).toContain(verdict)
      if (verdict === "corrupt") expect(findings[0]!.message).toMatch(/missing|cannot be read/)
      shell(commands)
      await checkNoAlarm("a copy made anew")
    })
  })
})

describe("a copy of a log", () => {
  /** Grows the log by some events. */
  async function grow(count: number): Promise<void> {
    const audit = new AuditTrail("growing", { logDir: place.logDir })
    for (let n = 1; n < count; n++) audit.logEvent("step", { n })
    await audit.flush()
    await restart(place)
  }
  const copy = () => `${place.directory}/copy`

  test("whose checkpoint is newer than its tiles is corrupt, and the finding names the file that is missing", async () => {
    await grow(10)
    fs.cpSync(place.logDir, copy(), { recursive: true })
    await grow(10)
    fs.copyFileSync(`${place.logDir}/checkpoint`, `${copy()}/checkpoint`)
    const { verdict, findings } = await verifyCopy()
    expect(verdict).toBe("corrupt")
    expect(findings[0]!.message).toContain("tile/entries/000")
    await expect(new AuditTrail("sealer", { logDir: copy() }).flush()).rejects.toMatchObject({
      code: "LOG_ROLLED_BACK",
    })
  })

  test("is an older copy once the log was seen with more entries, and is not sealed on", async () => {
    await grow(10)
    fs.cpSync(place.logDir, copy(), { recursive: true })
    await grow(300)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
    const found = await verifyCopy()
    expect([found.verdict, found.findings.map(({ code }) => code)]).toEqual(["intact", ["older_copy"]])
    const audit = new AuditTrail("sealer", { logDir: copy() })
    await expect(audit.flush()).rejects.toMatchObject({ code: "LOG_ROLLED_BACK" })
    expect((await verifyCopy()).verdict).toBe("unsealed_tail")
    await grow(10)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })

  test("that is sealed on first keeps the log itself from being sealed: there are never two of one size", async () => {
    await grow(10)
    fs.cpSync(place.logDir, copy(), { recursive: true })
    await new AuditTrail("sealer", { logDir: copy() }).flush()
    const audit = new AuditTrail("growing", { logDir: place.logDir })
    await expect(audit.flush()).rejects.toMatchObject({ code: "LOG_ROLLED_BACK" })
    expect((await getAuditLogs({ logDir: place.logDir, operationId: audit.operationId })).length).toBe(1)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("unsealed_tail")
  })
})
