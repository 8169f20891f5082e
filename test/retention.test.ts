/**
 * Pruning a log by policy: what goes, what stays, and that what stays is worth as much as before.
 * `SECUREML_TEST_PRUNE_EVENTS` makes the large log larger.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import {
  AuditTrail,
  countAuditLogs,
  eraseSubject,
  getAuditLogs,
  getKeptValues,
  getOperation,
  histogramAuditLogs,
  liftRestriction,
  personal,
  restrictSubject,
  verifyAuditLog,
} from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { PayloadReader, readIdentity } from "../src/ledger/index.ts"
import { encodeBundle, parseBundle } from "../src/proof/index.ts"
import { prove, reindexLog } from "../src/query/index.ts"
import { addHold, listHolds, loadPolicy, pruneLog, releaseHold } from "../src/retention/index.ts"
import { parsePolicy } from "../src/retention/policy.ts"
import { pruneAt } from "../src/retention/prune.ts"
import { findLogDirectory, removePayloads } from "../src/store/index.ts"
import { verifyProof } from "../src/verify.ts"
import { writeEntries } from "./log-of-entries.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const EVENTS = Number(process.env["SECUREML_TEST_PRUNE_EVENTS"] ?? 20_000)
const REASON = { reason: "litigation", authority: "court order 1" }

/** A policy under which everything may go but what names the AI Act. */
function policyFile(own: object = {}): string {
  const path = join(place.directory, "policy.json")
  const policy = { v: 1, id: "test", default: { minimum: "P0D", source: { provision: "handbook, 7" } }, ...own }
  fs.writeFileSync(path, JSON.stringify(policy))
  return path
}

/** A sealed log of which the last part, from an index on, has to stay for six months. */
async function logOf(count: number, keptFrom: number): Promise<void> {
  writeEntries(place.logDir, count, (n) => ({
    event_type: "model_inference",
    details: { model_id: `m${n % 5}`, n },
    ...(n >= keptFrom ? { regulations: ["EU AI Act"] } : {}),
  }))
  await sealLog({ logDir: place.logDir })
}

function sizeOf(directory: string): number {
  const entries = fs.readdirSync(directory, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.reduce((sum, { parentPath, name }) => sum + fs.statSync(join(parentPath, name)).size, 0)
}

const prune = (own: object = {}) => pruneLog({ logDir: place.logDir, policy: loadPolicy(policyFile()), ...own })
const verify = () => verifyAuditLog({ logDir: place.logDir })
const codes = async () => (await verify()).findings.map(({ code }) => code)

describe("a large log", () => {
  test("loses nine tenths, and what is left verifies, is found, counted and proven as before", async () => {
    const { logDir } = place
    const keptFrom = Math.floor(EVENTS * 0.9)
    await logOf(EVENTS, keptFrom)
    await countAuditLogs({ logDir, modelId: "m1" })
    const before = sizeOf(join(logDir, "tile"))
    const startMs = performance.now()
    const report = await prune()
    const minimum = Math.floor(keptFrom / 256) * 256
    expect(report).toMatchObject({ minimumIndex: minimum, entries: minimum, finished: false })
    const after = sizeOf(join(logDir, "tile"))
    console.info(
      `pruned ${minimum} of ${EVENTS} in ${Math.round(performance.now() - startMs)} ms: ${before} to ${after} bytes`,
    )
    expect(after).toBeLessThan(before * 0.12)

    const verified = await verify()
    expect(verified).toMatchObject({ verdict: "intact", prunedBelow: minimum })
    expect(verified.entriesChecked).toBe(verified.treeSize - minimum)
    expect(verified.findings.map(({ code }) => code)).toEqual(["pruned"])
    expect((await verifyAuditLog({ logDir, index: true })).verdict).toBe("intact")

    const { verifierKey } = (await readIdentity(findLogDirectory(logDir)!))!
    for (const index of [minimum, minimum + 1, keptFrom, EVENTS - 1]) {
      const { entry, proof } = await prove({ logDir, eventId: index })
      expect((await verifyProof(proof, new TextEncoder().encode(entry), verifierKey)).index).toBe(index)
    }
    await expect(prove({ logDir, eventId: minimum - 1 })).rejects.toMatchObject({ code: "EVENT_PRUNED" })
    const left = Array.from({ length: EVENTS - minimum }, (_, n) => minimum + n).filter((n) => n % 5 === 1)
    expect(await countAuditLogs({ logDir, modelId: "m1" })).toBe(left.length)
    const found = await getAuditLogs({ logDir, modelId: "m1", text: String(left[0]) })
    expect(found.map(({ index }) => index)).toEqual([left[0]])
    const days = await histogramAuditLogs({ logDir, eventType: "model_inference" })
    expect(days.reduce((sum, { count }) => sum + count, 0)).toBe(EVENTS - minimum)
    expect((await reindexLog(findLogDirectory(logDir)!)).indexed).toBeGreaterThan(minimum)
    expect(await countAuditLogs({ logDir, modelId: "m1" })).toBe(left.length)
    expect((await getOperation({ logDir, operationId: "op-1" })).missing).toMatchObject([
      { from: 0, to: minimum - 1, explainedBy: expect.any(String) },
    ])
  }, 600_000)

  test("goes on: it records, seals, proves and is pruned again", async () => {
    const { logDir } = place
    await logOf(2_000, 1_000)
    expect((await prune()).minimumIndex).toBe(768)
    await restart(place)
    const trail = new AuditTrail("next", { logDir })
    const { index } = await trail.logEvent("step", { n: 1 }).sealed()
    await trail.close()
    await restart(place)
    expect((await prove({ logDir, eventId: index })).index).toBe(index)
    // By another policy the AI Act's six months are over.
    const policy = loadPolicy(policyFile({ extends: null }))
    const again = await pruneLog({ logDir, policy })
    expect(again.minimumIndex).toBe(1_792)
    const [first, second] = await getAuditLogs({ logDir, eventType: ["pruned" as string] })
    expect(first!.details).toMatchObject({
      minimum_index: 768,
      entries: 768,
      first_index: 0,
      last_index: 767,
      verdict: "intact",
    })
    expect(second!.details).toMatchObject({ minimum_index: 1_792, entries: 1_024, first_index: 768 })
    expect(second!.details["earlier"]).toMatchObject([
      { entries: 768, record: first!.index, root: first!.details["root"] },
    ])
    expect(await verify()).toMatchObject({ verdict: "intact", prunedBelow: 1_792 })
  })
})

describe("what has to stay", () => {
  test("an early prune is refused with its legal source, and the refusal is recorded", async () => {
    await logOf(1_000, 600)
    await expect(prune({ below: 1_000 })).rejects.toMatchObject({
      code: "RETENTION_TOO_EARLY",
      message: expect.stringMatching(/entry 600 .*until 20\d\d-.*P6M, .*Art 19\(1\)/),
    })
    const [refused] = await getAuditLogs({ logDir: place.logDir, eventType: ["prune_refused" as string] })
    expect(refused!.details).toMatchObject({ asked_below: 768, index: 600, reason: "too_early" })
    expect(await verify()).not.toHaveProperty("prunedBelow")
    expect((await prune({ below: 600 })).minimumIndex).toBe(512)
  })

  test("a hold stops a prune until it is released, and stays itself as long as it is in force", async () => {
    const { logDir } = place
    await logOf(1_000, 1_000)
    const hold = await addHold({ logDir, scope: { modelId: "m3", from: "2026-11-01T00:05:00Z" }, ...REASON })
    const dry = await prune({ dryRun: true })
    expect(dry.stopsAt).toMatchObject({ index: 303, reason: "held", source: `hold ${hold.id}` })
    expect(dry).toMatchObject({ minimumIndex: 256, record: null, holds: [{ id: hold.id, entries: 140 }] })
    await expect(prune({ below: 512 })).rejects.toMatchObject({ code: "RETENTION_HELD" })
    expect((await prune()).minimumIndex).toBe(256)
    const [held] = await listHolds({ logDir })
    expect(held).toMatchObject({ id: hold.id, scope: { modelId: "m3" }, authority: "court order 1" })
    await releaseHold({ logDir, hold: hold.id, ...REASON })
    await expect(releaseHold({ logDir, hold: hold.id, ...REASON })).rejects.toMatchObject({ code: "HOLD_NOT_FOUND" })
    expect((await prune()).minimumIndex).toBe(768)
    expect(await verify()).toMatchObject({ verdict: "intact" })
  })

  test("with the built-in policy alone nothing goes that no provision sets a period for", async () => {
    await logOf(600, 600)
    const report = await pruneLog({ logDir: place.logDir })
    expect(report).toMatchObject({ entries: 0, record: null, stopsAt: { index: 0, reason: "no_period" } })
    expect(report.classes).toMatchObject([{ classes: "none", kept: { no_period: 600 } }])
  })

  test("classes that contradict each other are an error that names both, and the way out", async () => {
    await logOf(300, 0)
    const most = {
      id: "own-most",
      event_types: ["model_inference"],
      regulations: ["CNIL"],
      maximum: "P3M",
      source: { provision: "handbook, 9" },
    }
    const inOneFile = { classes: [{ ...most, regulations: ["EU AI Act"] }] }
    expect(() => loadPolicy(policyFile(inOneFile))).toThrow(/P6M.*handbook, 9.*log of its own/)
    const policy = loadPolicy(policyFile({ classes: [most] }))
    expect((await pruneLog({ logDir: place.logDir, policy })).entries).toBe(0)
    const trail = new AuditTrail("both", { logDir: place.logDir, regulations: ["CNIL", "EU AI Act"] })
    trail.logModelInference({ modelId: "m", inputData: 1, output: 1 })
    await trail.close()
    await expect(pruneLog({ logDir: place.logDir, policy })).rejects.toMatchObject({ code: "RETENTION_CONFLICT" })
  })
})

describe("what is missing without a reason", () => {
  test("bundles without a record are corrupt, whatever a file says", async () => {
    await logOf(1_000, 600)
    const bundle = join(place.logDir, "tile/entries/000")
    fs.rmSync(bundle)
    expect((await verify()).verdict).toBe("corrupt")
    fs.writeFileSync(join(place.logDir, "pruned.json"), '{"v":1,"minimum_index":256,"record":700}\n')
    expect((await verify()).verdict).toBe("corrupt")
  })

  test("bundles above the minimum index are corrupt", async () => {
    await logOf(1_000, 600)
    await prune()
    fs.rmSync(join(place.logDir, "tile/entries/002"))
    expect((await verify()).verdict).toBe("corrupt")
  })

  test("a changed hash of what was pruned is found, since the root is made of it", async () => {
    await logOf(1_000, 600)
    await prune()
    const [name] = fs.readdirSync(join(place.logDir, "tile/1/000.p"))
    const tile = join(place.logDir, "tile/1/000.p", name!)
    const bytes = fs.readFileSync(tile)
    bytes[0] = bytes[0]! ^ 1
    fs.writeFileSync(tile, bytes)
    expect((await verify()).verdict).toBe("corrupt")
  })

  test("a log that does not verify is not pruned", async () => {
    await logOf(1_000, 600)
    const bundle = join(place.logDir, "tile/entries/001")
    const bytes = fs.readFileSync(bundle)
    bytes[100] = bytes[100]! ^ 1
    fs.writeFileSync(bundle, bytes)
    await expect(prune()).rejects.toMatchObject({ code: expect.stringMatching(/LEDGER_CORRUPT/) })
    expect(fs.existsSync(join(place.logDir, "tile/entries/000"))).toBe(true)
  })

  test("what was pruned is not read, also where a prune that was cut off, or somebody, left it", async () => {
    const { logDir } = place
    await logOf(1_000, 600)
    const bundle = join(logDir, "tile/entries/001")
    const tile = join(logDir, "tile/0/001")
    const bytes = [fs.readFileSync(bundle), fs.readFileSync(tile)] as const
    await prune()
    fs.writeFileSync(bundle, bytes[0])
    fs.writeFileSync(tile, bytes[1])
    expect((await getAuditLogs({ logDir, eventType: "model_inference" })).map(({ index }) => index)[0]).toBe(512)
    expect(await countAuditLogs({ logDir, eventType: "model_inference" })).toBe(488)
    expect(await verify()).toMatchObject({ verdict: "intact", prunedBelow: 512 })
    expect(await prune()).toMatchObject({ entries: 0, finished: true, removed: { files: 2 } })
    expect(fs.existsSync(bundle)).toBe(false)
  })

  test("a prune record that the tree does not have hides nothing", async () => {
    const { logDir } = place
    await logOf(1_000, 600)
    const [name] = fs.readdirSync(join(logDir, "tile/entries/003.p"))
    const bundle = join(logDir, "tile/entries/003.p", name!)
    const entries = parseBundle(fs.readFileSync(bundle), Number(name))
    const entry = JSON.parse(Buffer.from(entries[5]!).toString()) as object
    entries[5] = Buffer.from(JSON.stringify({ ...entry, event_type: "pruned", details: { minimum_index: 256 } }))
    fs.writeFileSync(bundle, encodeBundle(entries))
    fs.writeFileSync(join(logDir, "pruned.json"), '{"v":1,"minimum_index":256,"record":773}\n')
    expect((await getAuditLogs({ logDir, limit: 1 }))[0]!.index).toBe(0)
    expect((await verify()).verdict).toBe("corrupt")
  })

  test("without the file that names the record, the record is found all the same", async () => {
    await logOf(1_000, 600)
    await prune()
    fs.rmSync(join(place.logDir, "pruned.json"))
    expect(await verify()).toMatchObject({ verdict: "intact", prunedBelow: 512 })
    expect(await getAuditLogs({ logDir: place.logDir, modelId: "m1" })).toHaveLength(97)
    await prune()
    expect(fs.existsSync(join(place.logDir, "pruned.json"))).toBe(true)
  })
})

test("values kept beside the log go with their entries, and with no others", async () => {
  const { logDir } = place
  const trail = new AuditTrail("large", { logDir, keepLarge: true })
  for (let n = 0; n < 2; n++) {
    trail.logEvent("big", { value: `${n}`.repeat(90_000) })
    for (let m = 0; m < 300; m++) trail.logEvent("small", { m })
  }
  await trail.close()
  await restart(place)
  await sealLog({ logDir })
  const kept = await getAuditLogs({ logDir, eventType: "big" as string })
  expect(await prune({ below: 256 })).toMatchObject({ removed: { payloads: 1 } })
  const root = findLogDirectory(logDir)!
  expect(removePayloads(root, [kept[0]!.event_id])).toBe(0)
  expect(await codes()).toEqual(["pruned"])
  expect(fs.readFileSync(join(logDir, ".state/payloads.sqlite")).includes("0".repeat(5_000))).toBe(false)
  expect(removePayloads(root, [kept[1]!.event_id])).toBe(1)
})

test("personal values go with their entries too, and an erasure whose event went accuses nobody", async () => {
  const { logDir } = place
  const trail = new AuditTrail("personal", { logDir })
  const first = trail.logEvent("step", { who: personal("value-early", { subject: "stays" }) })
  trail.logEvent("step", { who: personal("value-erased", { subject: "goes" }) })
  await trail.flush()
  await eraseSubject({ logDir, subject: "goes", reason: "other" })
  for (let m = 0; m < 300; m++) trail.logEvent("small", { m })
  trail.logEvent("step", { who: personal("value-late", { subject: "stays" }) })
  await trail.close()
  await restart(place)
  await sealLog({ logDir })
  const sealed = async (eventId: string) => {
    const reader = await PayloadReader.open(findLogDirectory(logDir)!)
    try {
      return reader.sealedOf(eventId).map(({ data }) => Buffer.from(data))
    } finally {
      reader.close()
    }
  }
  const [encrypted] = await sealed(first.eventId)
  expect(await prune({ below: 256 })).toMatchObject({ removed: { payloads: 1 } })
  expect(await sealed(first.eventId)).toEqual([])
  expect(fs.readFileSync(join(logDir, ".state/payloads.sqlite")).includes(encrypted!)).toBe(false)
  expect(await verify()).toMatchObject({
    verdict: "intact",
    prunedBelow: 256,
    personalValues: { present: 1, missing: 0 },
  })
  // It explains nothing that is left.
  expect(await codes()).toEqual(["pruned"])
  expect((await getAuditLogs({ logDir, subject: "stays" })).map(({ details }) => details)).toEqual([
    { who: "value-late" },
  ])
})

describe("values that may not be kept as long as their entries", () => {
  const DAYS_40 = 40 * 86_400_000
  const policy = parsePolicy({
    v: 1,
    id: "short",
    extends: null,
    classes: [
      {
        id: "visits",
        event_types: ["visit"],
        minimum: null,
        maximum: null,
        values_maximum: "P30D",
        source: { provision: "handbook 3" },
      },
      { id: "claims", event_types: ["claim"], minimum: "P90D", maximum: null, source: { provision: "Act 1" } },
    ],
  })

  async function visits(): Promise<string> {
    const trail = new AuditTrail("short", { logDir: place.logDir, keepLarge: true })
    trail.logEvent("visit", { who: personal("seen-by-x", { subject: "x" }), large: "L".repeat(70_000) })
    trail.logEvent("visit", { who: personal("seen-by-y", { subject: "y" }) })
    trail.logEvent("claim", { who: personal("claimed-by-x", { subject: "x" }) })
    const { eventId } = trail.logEvent("visit", { large: "M".repeat(70_000) })
    await trail.close()
    await restart(place)
    return eventId
  }

  test("go on time, an event says so, and readers and verify know why", async () => {
    const { logDir } = place
    const eventId = await visits()
    expect(await pruneAt({ logDir, policy }, Date.now() + 29 * 86_400_000)).toMatchObject({
      expired: { values: 0, record: null },
    })
    expect(await pruneAt({ logDir, policy, dryRun: true }, Date.now() + DAYS_40)).toMatchObject({
      expired: { values: 4, record: null },
    })
    const { expired } = await pruneAt({ logDir, policy }, Date.now() + DAYS_40)
    expect(expired).toMatchObject({ values: 4, record: expect.any(String) })
    const shown = await getAuditLogs({ logDir, eventType: ["visit", "claim"] })
    const by = expired.record
    expect(shown.map(({ details }) => details["who"])).toMatchObject([
      { state: "expired", by },
      { state: "expired", by },
      "claimed-by-x",
      undefined!,
    ])
    expect(await getKeptValues({ logDir, eventId })).toMatchObject([{ state: "expired", by }])
    const payloads = fs.readFileSync(join(logDir, ".state/payloads.sqlite"))
    expect(["L", "M"].map((letter) => payloads.includes(letter.repeat(100)))).toEqual([false, false])
    expect(await verify()).toMatchObject({ verdict: "intact", personalValues: { present: 1, expired: 2, missing: 0 } })
    // Done again nothing is left to do, and nothing is recorded.
    expect(await pruneAt({ logDir, policy }, Date.now() + DAYS_40)).toMatchObject({ expired: { values: 0 } })
    expect(await countAuditLogs({ logDir, eventType: "retention_expired" })).toBe(1)
  })

  test("stay while a hold covers them, or their person is restricted", async () => {
    const { logDir } = place
    await visits()
    const grounds = { logDir, reason: "suit", authority: "court" }
    const { id: hold } = await addHold({ ...grounds, scope: { subject: "x" } })
    await restrictSubject({ logDir, subject: "y", ground: "needed_for_legal_claims" })
    expect(await pruneAt({ logDir, policy }, Date.now() + DAYS_40)).toMatchObject({ expired: { values: 1 } })
    await releaseHold({ ...grounds, hold })
    expect(await pruneAt({ logDir, policy }, Date.now() + DAYS_40)).toMatchObject({ expired: { values: 2 } })
    await liftRestriction({ logDir, subject: "y", reason: "claims_settled" })
    expect(await pruneAt({ logDir, policy }, Date.now() + DAYS_40)).toMatchObject({ expired: { values: 1 } })
    expect((await verify()).verdict).toBe("intact")
  })

  test("a file that says so without an event excuses nothing", async () => {
    const { logDir } = place
    await visits()
    const before = new Date(Date.now() + DAYS_40).toISOString()
    const by = (await getAuditLogs({ logDir, eventType: "claim" }))[0]!.event_id
    const rule = { class: "visits", event_types: ["*"], regulations: [], before, by }
    fs.writeFileSync(join(logDir, ".state/expired.json"), JSON.stringify({ v: 1, rules: [rule] }), { mode: 0o600 })
    fs.rmSync(join(logDir, ".state/payloads.sqlite"))
    expect((await verify()).verdict).toBe("payload_damaged")
    expect(await codes()).toContain("expiry_unexplained")
    // Nor does an event that says something else.
    fs.rmSync(join(logDir, ".state/expired.json"))
    const trail = new AuditTrail("again", { logDir })
    trail.logEvent("visit", { who: personal("again", { subject: "x" }) })
    await trail.close()
    await pruneAt({ logDir, policy }, Date.now() + DAYS_40)
    const file = JSON.parse(fs.readFileSync(join(logDir, ".state/expired.json"), "utf8"))
    file.rules[0].event_types = ["*"]
    fs.writeFileSync(join(logDir, ".state/expired.json"), JSON.stringify(file), { mode: 0o600 })
    expect(await codes()).toContain("expiry_unexplained")
  })

  test("a provision that wants them kept for longer contradicts it", () => {
    const file = (classes: object[]) => () => parsePolicy({ v: 1, id: "p", extends: null, classes })
    const source = { provision: "Act 1" }
    const least = { id: "a", event_types: ["visit"], minimum: "P1Y", maximum: null, source }
    const most = { id: "b", event_types: ["visit"], minimum: null, maximum: null, values_maximum: "P30D", source }
    expect(file([least, most])).toThrow(/Act 1 \[a\] wants them kept for P1Y at least, Act 1 \[b\] for P30D at most/)
    expect(file([{ ...least, binds_erasure: false }, most])).not.toThrow()
    expect(file([{ ...most, values_maximum: "soon" }])).toThrow(/values_maximum/)
    expect(file([{ ...most, binds_erasure: 1 }])).toThrow(/binds_erasure/)
  })
})
