/**
 * What an erasure may not take yet: it stays, for nobody's use, and goes when it is due.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { beforeEach, expect, test } from "vitest"
import {
  AuditTrail,
  addHold,
  eraseSubject,
  getAuditLogs,
  listHolds,
  personal,
  releaseHold,
  subjectReport,
  verifyAuditLog,
} from "../src/audit.ts"
import { closeLedgersUnder } from "../src/ledger/index.ts"
import { eraseAt, resumeAt } from "../src/retention/erase.ts"
import { pruneAt } from "../src/retention/prune.ts"
import { DIST } from "./children.ts"
import { keepCopy, putBack, startArmed } from "./faults/armed.ts"
import { claims, logPersons, policyOf, shownIn } from "./persons.ts"
import { everyByte, usePlace } from "./place.ts"

const place = usePlace()
const X = "x.person+kept@example.org"
const DAY_MS = 86_400_000
const STEP = Number(process.env["SECUREML_TEST_SWEEP_STEP"] ?? 31)
let trail: AuditTrail

beforeEach(async () => {
  trail = new AuditTrail("base", { logDir: place.logDir })
  await logPersons(trail, X)
})

const shown = (eventType: string): Promise<unknown[]> => shownIn(place, eventType)

test("a provision binds what it covers, not the person: the rest goes, and that goes when it is due", async () => {
  const { logDir } = place
  const report = await eraseSubject({ logDir, subject: X, reason: "objection", policy: claims })
  const until = String(report.kept[0]!.until)
  expect(report).toMatchObject({
    result: "partly_erased",
    values: 1,
    events: 1,
    kept: [{ events: 1, sources: ["P90D, Act 1 [claims]"] }],
  })
  expect(Date.parse(until) - Date.now()).toBeGreaterThan(90 * DAY_MS - 1)
  expect(Date.parse(until) - Date.now()).toBeLessThan(91 * DAY_MS)
  const { completedBy } = report
  expect(await shown("visit")).toMatchObject([{ state: "erased", by: completedBy }])
  const [restricted, other] = await shown("claim")
  expect(restricted).toMatchObject({ state: "restricted", by: completedBy, until })
  expect(restricted).not.toHaveProperty("value")
  expect(other).toBe("claim-of-other")
  expect(await verifyAuditLog({ logDir })).toMatchObject({
    verdict: "intact",
    personalValues: { present: 1, restricted: 1, erased: 1, missing: 0, damaged: 0 },
  })
  const [completed] = await getAuditLogs({ logDir, eventType: "erasure_completed" })
  expect(completed!.details).toMatchObject({ result: "partly_erased", values: 1, kept: [{ events: 1, until }] })
  // The person may still know what is kept of them.
  expect(await subjectReport({ logDir, subject: X })).toMatchObject({
    values: 1,
    restricted: [{ pointer: "/details/who", by: completedBy, until }],
    records: [{ details: { who: "claim-of-x" } }],
  })
  // Before it is due nothing changes, however often it is asked for.
  expect(await resumeAt({ logDir, policy: claims }, Date.parse(until) - 1)).toEqual({ resumed: 0, dueValues: 0 })
  expect(await shown("claim")).toMatchObject([{ state: "restricted" }, "claim-of-other"])
  // A policy that has lost the class does not shorten it.
  expect(await resumeAt({ logDir }, Date.now())).toEqual({ resumed: 0, dueValues: 0 })
  expect(await resumeAt({ logDir, policy: claims }, Date.parse(until) + 1)).toEqual({ resumed: 0, dueValues: 1 })
  const [gone] = (await shown("claim")) as [{ by: string }]
  expect(gone).toMatchObject({ state: "erased" })
  const events = await getAuditLogs({ logDir, eventType: "erasure_completed" })
  expect(events.map(({ details }) => details["continues"])).toEqual([undefined, report.erasureId])
  expect(gone.by).toBe(events[1]!.event_id)
  expect(await subjectReport({ logDir, subject: X })).toMatchObject({ values: 0, records: [] })
  expect(await verifyAuditLog({ logDir })).toMatchObject({
    verdict: "intact",
    personalValues: { present: 1, restricted: 0, erased: 2, missing: 0 },
  })
  expect(await resumeAt({ logDir, policy: claims }, Date.parse(until) + 1)).toEqual({ resumed: 0, dueValues: 0 })
  await trail.close()
})

test("where everything has to stay the erasure is refused, nothing goes, and nobody uses it any more", async () => {
  const { logDir } = place
  const policy = policyOf({ id: "all", event_types: ["*"] })
  expect(await eraseSubject({ logDir, subject: X, reason: "other", policy })).toMatchObject({
    result: "refused",
    values: 0,
    events: 0,
    kept: [{ events: 2 }],
  })
  expect(await shown("visit")).toMatchObject([{ state: "restricted" }])
  expect(everyByte(place).includes(X)).toBe(false)
  // Asked again it is the same, and what is recorded afterwards is found too.
  trail.logEvent("visit", { who: personal("later", { subject: X }) })
  expect(await shown("visit")).toMatchObject([{ state: "restricted" }, "later"])
  expect(await eraseSubject({ logDir, subject: X, reason: "other", policy })).toMatchObject({
    result: "refused",
    kept: [{ events: 3 }],
  })
  expect((await subjectReport({ logDir, subject: X })).values).toBe(3)
  await trail.close()
})

test.each([
  ["guidance binds nobody", { id: "a", event_types: ["*"], source: { provision: "Paper", level: "guidance" } }],
  ["what says that it does not bind does not", { id: "a", event_types: ["*"], binds_erasure: false }],
  ["a period that is over does not", { id: "a", event_types: ["*"], minimum: "P0D" }],
  ["what is about other events does not", { id: "a", event_types: ["other"] }],
])("%s", async (_, one) => {
  const { logDir } = place
  await new Promise((resolve) => setTimeout(resolve, 2))
  const policy = policyOf(one)
  expect(await eraseAt({ logDir, subject: X, reason: "other", policy }, Date.now() + DAY_MS)).toMatchObject({
    result: "erased",
    values: 2,
    kept: [],
  })
  await trail.close()
})

test("a period whose beginning is not declared is never over, until a policy declares it", async () => {
  const { logDir } = place
  const open = { id: "open", event_types: ["claim"], runs_from: "declared" }
  const policy = policyOf(open)
  const report = await eraseSubject({ logDir, subject: X, reason: "other", policy })
  expect(report).toMatchObject({ result: "partly_erased", kept: [{ events: 1, until: null }] })
  const later = Date.now() + 20_000 * DAY_MS
  expect(await resumeAt({ logDir, policy }, later)).toMatchObject({ dueValues: 0 })
  // One that does not know the class says nothing about it.
  expect(await resumeAt({ logDir, policy: policyOf() }, later)).toMatchObject({ dueValues: 0 })
  const declared = policyOf({ ...open, from: "2020-01-01" })
  expect(await resumeAt({ logDir, policy: declared }, later)).toMatchObject({ dueValues: 1 })
  await trail.close()
})

test("a hold binds what it covers until it is released, and one on a person names nobody in the log", async () => {
  const { logDir } = place
  const grounds = { logDir, reason: "litigation", authority: "court" }
  await addHold({ ...grounds, scope: { subject: X, from: "2020-01-01" } })
  await addHold({ ...grounds, scope: { operationName: "elsewhere" } })
  const [hold] = await listHolds({ logDir })
  expect(hold).toMatchObject({ scope: { subject: X } })
  expect(everyByte(place).includes(X)).toBe(false)
  const kept = await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  // The event of the hold itself says whom it holds.
  expect(kept).toMatchObject({
    result: "refused",
    kept: [{ events: 3, until: null, sources: [`hold ${hold!.id}`] }],
  })
  expect(await resumeAt({ logDir, policy: policyOf() }, Date.now())).toMatchObject({ dueValues: 0 })
  // Pruning and erasing still know whom it holds.
  expect(await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })).toMatchObject({
    result: "refused",
  })
  await releaseHold({ ...grounds, hold: hold!.id })
  expect(await resumeAt({ logDir, policy: policyOf() }, Date.now())).toMatchObject({ dueValues: 3 })
  expect(await verifyAuditLog({ logDir })).toMatchObject({ verdict: "intact", personalValues: { restricted: 0 } })
  expect((await subjectReport({ logDir, subject: X })).values).toBe(0)
  await trail.close()
})

test("a hold on a person stops a prune, and one whose person cannot be looked up holds everything", async () => {
  const { logDir } = place
  for (let n = 0; n < 300; n++) trail.logEvent("small", { n })
  await trail.close()
  const scope = { subject: X }
  await addHold({ logDir, scope, reason: "litigation", authority: "court" })
  const policy = policyOf({ id: "a", event_types: ["*"], minimum: "P0D" })
  const ask = () => pruneAt({ logDir, policy, dryRun: true }, Date.now() + DAY_MS)
  expect(await ask()).toMatchObject({ entries: 0, stopsAt: { index: 1, reason: "held" } })
  fs.renameSync(join(place.stateDir, "vaults"), join(place.directory, "vault-elsewhere"))
  await closeLedgersUnder(place.directory)
  expect(await ask()).toMatchObject({ entries: 0, stopsAt: { index: 0, reason: "held" } })
})

test("pruning deletes what is due, too", async () => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  await pruneAt({ logDir, policy: claims }, Date.now() + 92 * DAY_MS)
  expect(await shown("claim")).toMatchObject([{ state: "erased" }, "claim-of-other"])
  await trail.close()
})

test("a joint value that has to stay stays under the key of the other, too", async () => {
  const { logDir } = place
  trail.logEvent("claim", { who: personal("of both", { subject: [X, "y"], joint: "any" }) })
  await trail.flush()
  await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  expect(await shown("claim")).toMatchObject([{ state: "restricted" }, "claim-of-other", { state: "restricted" }])
  expect(await subjectReport({ logDir, subject: "y" })).toMatchObject({ records: [{ details: { who: "of both" } }] })
  // What binds the entry binds it for the other one, too, whatever policy is given then.
  const report = await eraseSubject({ logDir, subject: "y", reason: "other", policy: policyOf() })
  expect(report).toMatchObject({ result: "refused", kept: [{ events: 1, sources: ["P90D, Act 1 [claims]"] }] })
  expect(await shown("claim")).toMatchObject([{ state: "restricted" }, "claim-of-other", { state: "restricted" }])
  expect(await resumeAt({ logDir, policy: policyOf() }, Date.now() + 92 * DAY_MS)).toMatchObject({ dueValues: 2 })
  expect(await shown("claim")).toMatchObject([{ state: "erased" }, "claim-of-other", { state: "erased" }])
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
  await trail.close()
})

test("killed at any file operation and run again, what has to stay is there and the rest is gone", {
  timeout: 900_000,
}, async () => {
  const { logDir } = place
  for (let n = 0; n < 12; n++) {
    if (n === 8) await trail.flush()
    const type = n % 2 === 0 ? "claim" : "visit"
    trail.logEvent(type, { n, who: personal(`hidden-${type}-${n}`, { subject: X }) })
  }
  await closeLedgersUnder(place.directory)
  fs.writeFileSync(
    join(place.directory, "policy.json"),
    JSON.stringify({
      v: 1,
      id: "test",
      extends: null,
      classes: [
        { id: "claims", event_types: ["claim"], minimum: "P90D", maximum: null, source: { provision: "Act 1" } },
      ],
    }),
  )
  const code = `globalThis.armed = true
    const { loadPolicy } = await import("file://${DIST}/audit.js")
    const policy = loadPolicy(${JSON.stringify(join(place.directory, "policy.json"))})
    await eraseSubject({ logDir, subject: ${JSON.stringify(X)}, reason: "other", policy })
    process.exit(0)`
  keepCopy(place)
  for (let killAt = 1 + Math.floor(Math.random() * STEP); ; killAt += STEP) {
    putBack(place)
    const { signal } = await startArmed(place, code, { at: killAt }).ended
    expect(["intact", "unsealed_tail", "torn_tail"]).toContain((await verifyAuditLog({ logDir })).verdict)
    // Whoever seals next deletes what may be deleted, and no more.
    const next = new AuditTrail("next", { logDir })
    await next.close()
    for (const value of (await shown("claim")).filter((one) => typeof one === "object"))
      expect(value, `killed at ${killAt}`).toMatchObject({ state: "restricted" })
    await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
    const claimed = (await shown("claim")).filter((one) => typeof one !== "object")
    expect(claimed, `killed at ${killAt}`).toEqual(["claim-of-other"])
    expect(await shown("visit")).toEqual(Array.from({ length: 7 }, () => expect.objectContaining({ state: "erased" })))
    const { records } = await subjectReport({ logDir, subject: X })
    expect(records.map(({ details }) => details["who"])).toEqual([
      "claim-of-x",
      ...[0, 2, 4, 6, 8, 10].map((n) => `hidden-claim-${n}`),
    ])
    expect(await verifyAuditLog({ logDir })).toMatchObject({
      verdict: "intact",
      personalValues: { present: 1, restricted: 7, erased: 7, missing: 0, damaged: 0, withheld: 0 },
    })
    await closeLedgersUnder(place.directory)
    if (signal === null) return expect(killAt).toBeGreaterThan(40)
  }
})
