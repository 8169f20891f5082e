import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { sealLog } from "../../src/capture/index.ts"
import { prove } from "../../src/query/index.ts"
import { writeEntries } from "../log-of-entries.ts"
import { restart, usePlace } from "../place.ts"
import { spellingsOf } from "../privacy/stored-bytes.ts"
import { keepCopy, putBack, startArmed } from "./armed.ts"

/** The long form kills at every operation; the short one at a few, most of them behind the record. */
const IS_LONG = process.env["SECUREML_TEST_SWEEP_STEP"] === "1"
/** Copies go by as many operations, the last that a redaction does: every other one of them is in the short form. */
const LAST = 16
const place = usePlace()
const SSN = "078-05-1120"
const COUNT = 4_700
const REASON = "ticket T-9"

const redactOf = (index: number): string => `
  const redactEntry = Object.values(engine).find((value) => value?.name === "redactEntry")
  globalThis.armed = true
  const report = await redactEntry({ logDir, event: ${index}, reason: "${REASON}" })
  console.log("through", globalThis.operations, JSON.stringify(report))
  process.exit(0)`

function filesWith(text: string): string[] {
  const sought = spellingsOf(text)
  const paths = [place.logDir, place.stateDir].flatMap((directory) =>
    fs.readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name))),
  )
  const files = paths.filter((path) => fs.statSync(path).isFile())
  return files.filter((path) => sought.some((one) => fs.readFileSync(path).includes(one)))
}

/** A log with a full index, an open bundle, a text log, and a value beside the entry: everything that has to go. */
async function logWithNumber(): Promise<number> {
  const { logDir } = place
  writeEntries(logDir, COUNT, (n) => ({ details: { n } }))
  const trail = new AuditTrail("loans", { logDir, fileLogging: true, keepLarge: true })
  const large = `${SSN} ${"x".repeat(70_000)}`
  const { eventId } = trail.logEvent("note", { large, purpose: SSN }, {})
  trail.logEvent("note", { n: 1 })
  const state = `${logDir}/.state`
  const waiting = ["journal", "parts"].flatMap((directory) =>
    fs.readdirSync(`${state}/${directory}`).map((name) => `${state}/${directory}/${name}`),
  )
  const lines = waiting.map((path) => fs.readFileSync(path))
  await trail.flush()
  await getAuditLogs({ logDir, eventType: "note" as string, limit: 1 })
  const { index } = await prove({ logDir, eventId })
  await restart(place)
  // The segments of a process that goes on stay until that process leaves them.
  for (const [n, path] of waiting.entries()) fs.writeFileSync(path, lines[n]!)
  return index
}

test("a redaction killed at any file operation leaves a log that verifies, and doing it again finishes it", {
  timeout: 900_000,
}, async () => {
  const index = await logWithNumber()
  expect(filesWith(SSN).length).toBeGreaterThan(4)
  keepCopy(place)
  // As all the others: an index that was copied is made anew, which takes operations too.
  putBack(place)
  const whole = await startArmed(place, redactOf(index), { at: 0 }).ended
  const operations = Number(/through (\d+)/.exec(whole.stdout)?.[1])
  expect(operations, whole.stderr).toBeGreaterThan(40)
  expect(filesWith(SSN)).toEqual([])
  const at = (share: number): number => 1 + Math.floor((share + Math.random() / 8) * (operations - 1))
  const last = Array.from({ length: LAST / 2 }, (_, n) => operations - 2 * n - Math.floor(Math.random() * 2))
  const few = [at(0.3), at(0.6), at(0.75), ...last]
  let [wasCutOff, wasUnfinished] = [0, 0]
  for (const killAt of IS_LONG ? Array.from({ length: operations }, (_, n) => n + 1) : few) {
    putBack(place)
    const ended = await startArmed(place, redactOf(index), { at: killAt }).ended
    const told = `killed at ${killAt} of ${operations}: ${ended.stderr}`
    const killed = await verifyAuditLog({ logDir: place.logDir })
    const found = killed.findings.map(({ code }) => code)
    expect(["intact", "unsealed_tail", "torn_tail"], `${told} ${JSON.stringify(killed.findings)}`).toContain(
      killed.verdict,
    )
    if (found.includes("redaction_unfinished")) wasUnfinished += 1
    if (filesWith(SSN).length > 0 && ended.code !== 0) wasCutOff += 1
    const again = await startArmed(place, redactOf(index), { at: 0 }).ended
    expect([again.code, again.stderr], told).toEqual([0, ""])
    expect(filesWith(SSN), told).toEqual([])
    const after = await verifyAuditLog({ logDir: place.logDir, index: true })
    expect([after.verdict, after.redacted?.map((one) => one.index)], told).toEqual(["intact", [index]])
    expect(
      after.findings.map(({ code }) => code),
      told,
    ).toEqual(["redacted"])
    expect(await getAuditLogs({ logDir: place.logDir, eventType: "note" as string }), told).toHaveLength(1)
    expect(await getAuditLogs({ logDir: place.logDir, eventType: "entry_redacted" }), told).toHaveLength(1)
    await sealLog({ logDir: place.logDir })
    await restart(place)
  }
  expect([wasCutOff > 0, wasUnfinished > 0]).toEqual([true, true])
})
