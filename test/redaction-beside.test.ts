/**
 * Redacting while others write, seal, read and verify: no false alarm, and several threads say what one says.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { closeLedgersUnder } from "../src/ledger/index.ts"
import { redactEntry } from "../src/retention/index.ts"
import { childEnvironment, DIST, startModule } from "./children.ts"
import { writeEntries } from "./log-of-entries.ts"
import { usePlace } from "./place.ts"
import { spellingsOf } from "./privacy/stored-bytes.ts"

const place = usePlace()
const SSN = "078-05-1120"

function filesWith(text: string): string[] {
  const names = fs.readdirSync(place.logDir, { recursive: true }).map((name) => join(place.logDir, String(name)))
  const files = names.filter((path) => fs.statSync(path).isFile())
  return files.filter((path) => spellingsOf(text).some((one) => fs.readFileSync(path).includes(one)))
}

test("a writer that is alive and one that verifies and reads all the time see nothing wrong", {
  timeout: 120_000,
}, async () => {
  const { logDir } = place
  const own = `const logDir = ${JSON.stringify(logDir)}
    const { countAuditLogs } = secureml`
  const writer = startModule(
    `${own}
    const trail = new AuditTrail("loans", { logDir, fileLogging: true })
    for (let n = 0; ; n++) {
      trail.logEvent("note", { purpose: n % 40 === 0 ? "${SSN}" : "fine " + n })
      if (n % 10 === 0) await trail.flush()
      await new Promise((resolve) => setTimeout(resolve, 2))
    }`,
    childEnvironment(place.stateDir),
  )
  const reader = startModule(
    `${own}
    const fine = ["intact", "unsealed_tail"]
    while ((await verifyAuditLog({ logDir })).treeSize === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    for (let n = 0; ; n++) {
      const { verdict, findings } = await verifyAuditLog({ logDir })
      if (!fine.includes(verdict)) throw new Error(JSON.stringify({ verdict, findings }))
      const records = await getAuditLogs({ logDir })
      const count = await countAuditLogs({ logDir, eventType: "note" })
      if (count === 0) throw new Error("nothing counted")
      console.log(records.filter(({ event_type }) => event_type === "redacted").length)
    }`,
    childEnvironment(place.stateDir),
  )
  let redacted = 0
  for (const endMs = performance.now() + 12_000; performance.now() < endMs; ) {
    const [found] = await getAuditLogs({ logDir, text: SSN, limit: 1 })
    if (found === undefined) await new Promise((resolve) => setTimeout(resolve, 20))
    else
      redacted += (await redactEntry({ logDir, event: found.event_id, reason: "test" })).result === "redacted" ? 1 : 0
  }
  if (reader.process.exitCode !== null) expect((await reader.ended).stderr).toBe("")
  writer.process.kill("SIGKILL")
  reader.process.kill("SIGKILL")
  const [, { stdout }] = await Promise.all([writer.ended, reader.ended])
  expect(redacted).toBeGreaterThan(5)
  expect(Number(stdout.trim().split("\n").at(-1))).toBeGreaterThan(2)
  await sealLog({ logDir })
  for (const { event_id } of await getAuditLogs({ logDir, text: SSN }))
    await redactEntry({ logDir, event: event_id, reason: "test" })
  expect(filesWith(SSN)).toEqual([])
  const { verdict, findings } = await verifyAuditLog({ logDir })
  expect([verdict, new Set(findings.map(({ code }) => code))]).toEqual(["intact", new Set(["redacted"])])
})

/** Verifies, and has another process redact an entry behind the first stretch of 16,384. */
async function verifyWhileRedacting(index: number): Promise<unknown> {
  const { logDir } = place
  const code = `const engine = await import("file://${DIST}/engine.js")
    const redactEntry = Object.values(engine).find((value) => value?.name === "redactEntry")
    await redactEntry({ logDir: ${JSON.stringify(logDir)}, event: ${index}, reason: "test" })`
  let isDone = false
  return verifyAuditLog({
    logDir,
    onProgress: () => {
      if (isDone) return
      isDone = true
      const env = childEnvironment(place.stateDir)
      execFileSync(process.execPath, ["--input-type=module", "--eval", code], { env, stdio: "pipe" })
    },
  })
}

describe("what is redacted while a verification runs, by an event behind the head that it looks at, is no false alarm", () => {
  test("an entry that was not looked at yet", async () => {
    const { logDir } = place
    writeEntries(logDir, 17_000, (n) => ({ details: { n } }))
    await sealLog({ logDir })
    await closeLedgersUnder(logDir)
    expect(await verifyWhileRedacting(16_500)).toMatchObject({
      verdict: "intact",
      treeSize: 17_001,
      redacted: [{ index: 16_500, by: 17_000 }],
    })
  })

  test("one that was, and the value that was kept beside it", async () => {
    const { logDir } = place
    const trail = new AuditTrail("first", { logDir, keepLarge: true })
    trail.logEvent("large", { text: "x".repeat(80_000) })
    await trail.flush()
    writeEntries(logDir, 17_000, (n) => ({ details: { n } }))
    await sealLog({ logDir })
    await closeLedgersUnder(logDir)
    expect(await verifyWhileRedacting(1)).toMatchObject({ verdict: "intact", redacted: [{ index: 1, by: 17_002 }] })
  })
})

test("several threads say what one says of redacted entries, forged blanks and records", {
  timeout: 120_000,
}, async () => {
  const { logDir } = place
  writeEntries(logDir, 70_000, (n) => ({ details: { n } }))
  await sealLog({ logDir })
  for (const index of [5, 16_383, 16_384, 40_000, 69_999]) await redactEntry({ logDir, event: index, reason: "test" })
  const inThreads = async (): Promise<unknown> => {
    const code = `console.log(JSON.stringify(await verifyAuditLog({ logDir: ${JSON.stringify(logDir)} })))`
    const { stdout, stderr } = await startModule(code, childEnvironment(place.stateDir)).ended
    expect(stderr).toBe("")
    return JSON.parse(stdout)
  }
  const inOne = async (): Promise<unknown> => JSON.parse(JSON.stringify(await verifyAuditLog({ logDir })))
  expect(fs.existsSync(`${DIST}/check-worker.js`)).toBe(true)
  const whole = await inThreads()
  expect(whole).toEqual(await inOne())
  expect(whole).toMatchObject({
    verdict: "intact",
    entriesChecked: 70_005,
    redacted: [5, 16_383, 16_384, 40_000, 69_999].map((index, n) => ({ index, by: 70_000 + n })),
  })
  const path = `${logDir}/tile/entries/000`
  fs.writeFileSync(path, fs.readFileSync(path, "latin1").replace('"by":70000', '"by":70001'), "latin1")
  const forged = await inThreads()
  expect(forged).toEqual(await inOne())
  expect(forged).toMatchObject({
    verdict: "corrupt",
    findings: [{ code: "redaction_unexplained", index: 5 }, {}, {}, {}, {}],
  })
})
