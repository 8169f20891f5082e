/**
 * Redacting an entry: what is gone, what stays, and what verification, readers and others say of it.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import {
  AuditTrail,
  countAuditLogs,
  getAuditLogs,
  getOperation,
  histogramAuditLogs,
  proveEvent,
  queryAuditLogs,
  verifyAuditLog,
} from "../src/audit.ts"
import { recoverLog, sealLog } from "../src/capture/index.ts"
import { encodeBundle, parseBundle } from "../src/proof/index.ts"
import { prove, reindexLog } from "../src/query/index.ts"
import { addHold, loadPolicy, pruneLog, redactEntry, releaseHold } from "../src/retention/index.ts"
import { findLogDirectory } from "../src/store/index.ts"
import { verifyProof } from "../src/verify.ts"
import { writeEntries } from "./log-of-entries.ts"
import { restart, usePlace } from "./place.ts"
import { spellingsOf } from "./privacy/stored-bytes.ts"

const place = usePlace()
const SSN = "078-05-1120"
const REASON = "a number of the social security in purpose, ticket T-9"

const verify = (own: object = {}) => verifyAuditLog({ logDir: place.logDir, ...own })
const codes = async () => (await verify()).findings.map(({ code }) => code)
const redact = (event: string | number, reason = REASON) => redactEntry({ logDir: place.logDir, event, reason })

/** Files of log and state in which a text stands, however it is spelt. */
function filesWith(...texts: string[]): string[] {
  const sought = texts.flatMap(spellingsOf)
  const paths = [place.logDir, place.stateDir].flatMap((directory) =>
    fs.readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name))),
  )
  const files = paths.filter((path) => fs.statSync(path).isFile())
  return files.filter((path) => {
    const bytes = fs.readFileSync(path)
    return sought.some((text) => bytes.includes(text))
  })
}

/** A log in which one access says too much. */
function trailWithNumber(own: object = {}): { trail: AuditTrail; eventId: string } {
  const trail = new AuditTrail("loans", { logDir: place.logDir, ...own })
  trail.logEvent("step", { n: 1 })
  const { eventId } = trail.logDataAccess({
    datasetName: "applicants",
    columnsAccessed: ["age"],
    numRecords: 1,
    purpose: `loan of ${SSN}`,
  })
  trail.logEvent("step", { n: 2 })
  return { trail, eventId }
}

const INDEX = 2

describe("a number in purpose", () => {
  test("is in no byte of log and state afterwards, nor is the entry's id; all other proofs check", async () => {
    const { trail, eventId } = trailWithNumber({ fileLogging: true })
    await trail.flush()
    expect(filesWith(SSN).length).toBeGreaterThan(1)
    const { proof: before } = await proveEvent({ logDir: place.logDir, index: 1 })
    const report = await redact(eventId)
    expect(report).toMatchObject({ result: "redacted", index: INDEX, by: 4 })
    expect(report.overwritten).toMatchObject({ lines: 1, textLines: 1 })
    expect(filesWith(SSN, eventId)).toEqual([])
    expect(await verify()).toMatchObject({ verdict: "intact", redacted: [{ index: INDEX, by: 4 }], treeSize: 5 })
    expect((await verify()).findings).toEqual([
      { code: "redacted", message: "entry 2: redacted by event 4", index: INDEX },
    ])
    const vkey = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    for (const index of [0, 1, 3, 4]) {
      const { proof, entry } = await proveEvent({ logDir: place.logDir, index })
      await expect(verifyProof(proof, entry, vkey)).resolves.toBeDefined()
    }
    const [first] = await getAuditLogs({ logDir: place.logDir, eventType: "step" as string })
    expect(before).toContain("index 1")
    expect(first).toMatchObject({ index: 1 })
    await trail.close()
    expect(await verify()).toMatchObject({ verdict: "intact" })
    expect(filesWith(SSN, eventId)).toEqual([])
  })
})

describe("copies", () => {
  test("a live process that goes on writing and sealing carries the blank over into every bundle that grows", async () => {
    const { trail, eventId } = trailWithNumber()
    await trail.flush()
    await redact(eventId)
    for (let n = 0; n < 600; n++) {
      trail.logEvent("more", { n })
      if (n % 100 === 0) await trail.flush()
      if (n === 150) expect(await verify()).toMatchObject({ redacted: [{ index: INDEX, by: 4 }] })
    }
    await trail.flush()
    expect(await verify()).toMatchObject({ verdict: "intact", redacted: [{ index: INDEX, by: 4 }] })
    const bundle = parseBundle(fs.readFileSync(`${place.logDir}/tile/entries/000`), 256)
    expect(JSON.parse(Buffer.from(bundle[INDEX]!).toString())).toMatchObject({
      event_type: "redacted",
      details: { by: 4 },
    })
    expect(filesWith(SSN, eventId)).toEqual([])
    await trail.close()
  })

  test("partial bundles, temporary files of a sealer that died, and a journal that was marked as done are reached", async () => {
    const { trail, eventId } = trailWithNumber()
    await trail.flush()
    const bundles = `${place.logDir}/tile/entries`
    const whole = parseBundle(fs.readFileSync(`${bundles}/000.p/4`), 4)
    fs.writeFileSync(`${bundles}/000.p/3`, encodeBundle(whole.slice(0, 3)))
    fs.writeFileSync(`${bundles}/000.p/2`, encodeBundle(whole.slice(0, 2)))
    // As a sealer leaves it that dies before the state of the tree says how far it came.
    fs.writeFileSync(`${bundles}/000.p/9`, encodeBundle([...whole, ...whole.slice(0, 4), whole[1]!]))
    fs.mkdirSync(`${bundles}/001.p`)
    fs.writeFileSync(`${bundles}/001.p/2`, encodeBundle([whole[1]!, whole[2]!]))
    fs.writeFileSync(`${bundles}/.tmp-1-1-1-a`, encodeBundle(whole))
    fs.writeFileSync(`${bundles}/000.p/.tmp-1-1-1-b`, encodeBundle(whole))
    const journal = `${place.logDir}/.state/journal`
    const [segment] = fs.readdirSync(journal)
    await restart(place)
    fs.renameSync(`${journal}/${segment}`, `${journal}/${segment!.replace(".done", "")}.done`)
    expect(filesWith(SSN)).toHaveLength(7)
    await redact(eventId)
    expect(filesWith(SSN, eventId)).toEqual([])
    expect(fs.readdirSync(`${bundles}/000.p`).filter((name) => name.startsWith("."))).toEqual([])
    expect(await verify()).toMatchObject({ verdict: "intact" })
  })

  test("values that were kept beside the entry go, personal ones too, from the store and from parts that wait", async () => {
    const trail = new AuditTrail("loans", { logDir: place.logDir, keepLarge: true })
    const large = { text: `${SSN} ${"x".repeat(80_000)}` }
    const { eventId } = trail.logEvent("large", { large, who: "y" }, { subjects: ["customer-1"], personal: ["/who"] })
    const other = trail.logEvent("large", { large: "z".repeat(80_000) }, {})
    const parts = `${place.logDir}/.state/parts`
    const waiting = fs
      .readdirSync(parts)
      .map((name) => [`${parts}/${name}`, fs.readFileSync(`${parts}/${name}`)] as const)
    await trail.flush()
    // The segment of a process that goes on stays until that process leaves it.
    for (const [path, bytes] of waiting) fs.writeFileSync(path, bytes)
    expect(filesWith(SSN).length).toBeGreaterThan(0)
    const { overwritten } = await redact(eventId)
    expect(overwritten.values).toBe(2)
    expect(filesWith(SSN, eventId)).toEqual([])
    await trail.close()
    expect(filesWith(SSN, eventId)).toEqual([])
    expect(await verify()).toMatchObject({ verdict: "intact" })
    expect((await prove({ logDir: place.logDir, eventId: other.eventId })).index).toBe(2)
  })

  test("a text log in which the line is not found is named", async () => {
    const { trail, eventId } = trailWithNumber({ fileLogging: true, logFormat: "%(asctime)s" })
    const { outOfReach } = await redact(eventId)
    expect(outOfReach[0]).toMatch(/^the text log loans_.*\.log, in which its line was not found$/)
    await trail.close()
  })

  test("an entry that went from a log that was set aside into its successor goes from both", async () => {
    const { trail, eventId } = trailWithNumber()
    await trail.flush()
    await trail.close()
    await restart(place)
    // The old log had the entry in its tree, and never signed it.
    const whole = parseBundle(fs.readFileSync(`${place.logDir}/tile/entries/000.p/5`), 5)
    fs.mkdirSync(`${place.logDir}/predecessor-1/tile/entries/000.p`, { recursive: true })
    fs.writeFileSync(`${place.logDir}/predecessor-1/tile/entries/000.p/3`, encodeBundle(whole.slice(0, 3)))
    await redact(eventId)
    expect(filesWith(SSN, eventId)).toEqual([])
    const left = parseBundle(fs.readFileSync(`${place.logDir}/predecessor-1/tile/entries/000.p/3`), 3)
    expect(left.slice(0, 2).map((one) => Buffer.from(one).toString())).toEqual(
      whole.slice(0, 2).map((one) => Buffer.from(one).toString()),
    )
  })
})

describe("what is refused", () => {
  test("an entry that a hold covers, and the refusal is recorded; released, it goes", async () => {
    const { trail, eventId } = trailWithNumber()
    const { logDir } = place
    const hold = await addHold({ logDir, scope: { operationId: trail.operationId }, reason: "r", authority: "a" })
    await expect(redact(eventId)).rejects.toMatchObject({ code: "RETENTION_HELD" })
    const [refused] = await getAuditLogs({ logDir, eventType: "redaction_refused" as string })
    expect(refused!.details).toEqual({ index: INDEX, source: `hold ${hold.id}` })
    expect(filesWith(SSN).length).toBeGreaterThan(0)
    await releaseHold({ logDir, hold: hold.id, reason: "r", authority: "a" })
    expect(await redact(eventId)).toMatchObject({ result: "redacted", index: INDEX })
    await trail.close()
  })

  test.each([
    "the number 078-05-1120",
    "078 05 1120",
    "0780-51120",
    "LOAN OF 078-05-1120 was logged",
    "their applicants",
  ])("a reason that repeats what goes: %s", async (reason) => {
    const { trail, eventId } = trailWithNumber()
    await expect(redact(eventId, reason)).rejects.toThrow(RangeError)
    expect((await getAuditLogs({ logDir: place.logDir })).map(({ event_type }) => event_type)).not.toContain(
      "entry_redacted",
    )
    await trail.close()
  })

  test("a reason is needed", async () => {
    const { trail, eventId } = trailWithNumber()
    await expect(redact(eventId, " ")).rejects.toThrow(TypeError)
    await trail.close()
  })

  test("events on which the log depends, what is not there, and what was pruned", async () => {
    const { logDir } = place
    writeEntries(logDir, 600, (n) => ({ details: { n }, ...(n >= 400 ? { regulations: ["EU AI Act"] } : {}) }))
    await sealLog({ logDir })
    const { index } = await redact(300)
    expect(index).toBe(300)
    await expect(redact(600)).rejects.toMatchObject({ code: "REDACTION_REFUSED" })
    await expect(redact(6_000)).rejects.toMatchObject({ code: "EVENT_NOT_FOUND" })
    await expect(redact("019ab38e-5ef3-7000-8000-2f9d6d1c0a55")).rejects.toMatchObject({ code: "EVENT_NOT_FOUND" })
    const policy = join(place.directory, "policy.json")
    fs.writeFileSync(policy, JSON.stringify({ v: 1, id: "t", default: { minimum: "P0D", source: { provision: "h" } } }))
    await pruneLog({ logDir, policy: loadPolicy(policy) })
    await expect(redact(5)).rejects.toMatchObject({ code: "EVENT_PRUNED" })
    await expect(redact(601)).rejects.toMatchObject({ code: "REDACTION_REFUSED" })
  })

  test("without the key of the log", async () => {
    const { trail, eventId } = trailWithNumber()
    await trail.close()
    await restart(place)
    process.env["SECUREML_STATE_DIR"] = join(place.directory, "another")
    await expect(redact(eventId)).rejects.toMatchObject({ code: "SEALING_UNAVAILABLE" })
    process.env["SECUREML_STATE_DIR"] = place.stateDir
  })

  test("a second time it is harmless, and says so", async () => {
    const { trail, eventId } = trailWithNumber()
    await redact(eventId)
    expect(await redact(INDEX)).toMatchObject({ result: "already_redacted", index: INDEX, by: 4 })
    await expect(redact(eventId)).rejects.toMatchObject({ code: "EVENT_NOT_FOUND" })
    const records = await getAuditLogs({ logDir: place.logDir, eventType: "entry_redacted" })
    expect(records).toHaveLength(1)
    await trail.close()
  })
})

describe("readers", () => {
  test("get what stands in its place, with the event that says so; proofs are null, and to prove it is refused", async () => {
    const { logDir } = place
    const { trail, eventId } = trailWithNumber()
    await redact(eventId)
    const [record] = await getAuditLogs({ logDir, eventType: "redacted" })
    expect(record).toMatchObject({ index: INDEX, sealed: true, sequence: 2, operation_id: trail.operationId })
    expect(record!.details).toEqual({ by: 4 })
    await expect(proveEvent({ logDir, index: INDEX })).rejects.toMatchObject({ code: "ENTRY_REDACTED" })
    const page = await queryAuditLogs({ logDir, proofs: true })
    expect(page.proofs!.map((proof) => proof === null)).toEqual([false, false, true, false, false])
    expect((await getAuditLogs({ logDir, text: SSN })).length).toBe(0)
    expect(await countAuditLogs({ logDir })).toBe(5)
    await trail.close()
    const operation = await getOperation({ logDir, operationId: trail.operationId })
    expect(operation).toMatchObject({ status: "completed", eventCount: 5, missing: [] })
  })

  test("an operation whose beginning was redacted has the name and the end that its other events tell", async () => {
    const { logDir } = place
    const { trail } = trailWithNumber()
    await trail.close()
    expect(await redact(0)).toMatchObject({ result: "redacted" })
    const operation = await getOperation({ logDir, operationId: trail.operationId })
    expect(operation).toMatchObject({ operationName: "loans", status: "completed", eventCount: 5, missing: [] })
  })

  test("count alike with an index and without, and the index says what the log says", async () => {
    const { logDir } = place
    writeEntries(logDir, 5_000, (n) => ({
      event_type: n % 7 === 0 ? "seven" : "step",
      details: { n, user: `u${n % 3}` },
    }))
    await sealLog({ logDir })
    await countAuditLogs({ logDir, eventType: "seven" as string })
    const user = (await getAuditLogs({ logDir, eventType: "seven" as string }))[40]!
    expect(user.index).toBe(280)
    await redact(280)
    for (let time = 0; time < 2; time++) {
      expect(await countAuditLogs({ logDir, eventType: "seven" as string })).toBe(714)
      expect(await countAuditLogs({ logDir, eventType: "redacted" })).toBe(1)
      expect(await countAuditLogs({ logDir, user: "u1" })).toBe(1_666)
      const buckets = await histogramAuditLogs({ logDir, by: "type", endTime: "2026-11-20" })
      expect(Object.fromEntries(buckets.map(({ value, count }) => [value, count]))).toEqual({
        step: 4_285,
        seven: 714,
        redacted: 1,
      })
      expect(await verify({ index: true })).toMatchObject({ verdict: "intact", redacted: [{ index: 280, by: 5_000 }] })
      await reindexLog(findLogDirectory(logDir)!)
    }
  })
})

describe("with everything else", () => {
  test("a prune goes over it, and what is left verifies; what is redacted after a prune is explained too", async () => {
    const { logDir } = place
    writeEntries(logDir, 2_000, (n) => ({ details: { n }, ...(n >= 1_500 ? { regulations: ["EU AI Act"] } : {}) }))
    await sealLog({ logDir })
    await redact(3)
    await redact(1_300)
    const policy = join(place.directory, "policy.json")
    const own = [
      { id: "c", event_types: ["step"], regulations: [], minimum: "P0D", maximum: null, source: { provision: "p" } },
    ]
    fs.writeFileSync(policy, JSON.stringify({ v: 1, id: "t", classes: own }))
    const pruned = await pruneLog({ logDir, policy: loadPolicy(policy) })
    expect(pruned.minimumIndex).toBe(1_280)
    expect(await verify()).toMatchObject({ verdict: "intact", redacted: [{ index: 1_300, by: 2_001 }] })
    expect(await redact(1_400)).toMatchObject({ result: "redacted" })
    expect(await verify()).toMatchObject({ verdict: "intact", prunedBelow: 1_280 })
    expect(await codes()).toEqual(["pruned", "redacted", "redacted"])
  })

  test("private state that is lost is made anew from the published log, and no number is missing or given twice", async () => {
    const { logDir } = place
    const { trail, eventId } = trailWithNumber()
    await redact(eventId)
    await trail.close()
    await restart(place)
    fs.rmSync(`${logDir}/.state/tree.json`)
    expect((await recoverLog({ logDir, reason: "test" })).kind).toBe("rebuilt")
    const again = new AuditTrail("more", { logDir })
    await again.close()
    expect(await codes()).toEqual(["redacted", "recovered"])
    expect((await verify()).verdict).toBe("intact")
  })

  test("the last entry of a writer, the first one, and one of every place in a bundle leave no hole in any number", async () => {
    const { logDir } = place
    writeEntries(logDir, 520, (n) => ({ details: { n } }))
    await sealLog({ logDir })
    for (const index of [0, 255, 256, 511, 519]) await redact(index)
    expect(await codes()).toEqual(Array.from({ length: 5 }, () => "redacted"))
    expect((await verify()).redacted!.map(({ index }) => index)).toEqual([0, 255, 256, 511, 519])
  })

  test("more than are named are counted", async () => {
    const { logDir } = place
    writeEntries(logDir, 30, (n) => ({ details: { n } }))
    await sealLog({ logDir })
    for (let index = 0; index < 22; index++) await redact(index)
    const { findings, redacted } = await verify()
    expect(redacted).toHaveLength(22)
    expect(findings.at(-1)).toEqual({ code: "redacted", message: "and 2 more of the same kind" })
    expect(findings).toHaveLength(21)
  })
})
