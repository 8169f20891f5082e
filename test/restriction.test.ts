/**
 * Restriction and correction: what readers get meanwhile, and what the person gets.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { beforeEach, expect, test, vi } from "vitest"
import {
  AuditTrail,
  correctEvent,
  eraseSubject,
  getAuditLogs,
  liftRestriction,
  personal,
  queryAuditLogs,
  restrictSubject,
  subjectReport,
  verifyAuditLog,
} from "../src/audit.ts"
import { closeLedgersUnder, Ledger } from "../src/ledger/index.ts"
import { policyOf } from "./persons.ts"
import { everyByte, usePlace } from "./place.ts"

const place = usePlace()
const X = "x.person+restricted@example.org"
let trail: AuditTrail

beforeEach(async () => {
  trail = new AuditTrail("base", { logDir: place.logDir })
  trail.logEvent("step", { who: personal("of-x", { subject: X }), plain: 1 })
  trail.logEvent("step", { who: personal("of-other", { subject: "other" }) })
  await trail.flush()
})

async function shown(): Promise<unknown[]> {
  return (await getAuditLogs({ logDir: place.logDir, eventType: "step" })).map(({ details }) => details["who"])
}

test("a person who is restricted is used by nobody, what comes later neither, until it is lifted", async () => {
  const { logDir } = place
  const report = await restrictSubject({ logDir, subject: X, ground: "accuracy_contested", requestId: "r-1" })
  expect(report).toMatchObject({ result: "restricted", events: 1, recordedBy: [expect.any(String)] })
  trail.logEvent("step", { who: personal("later-of-x", { subject: X }) })
  const by = report.recordedBy[0]
  const [first, other, later] = (await shown()) as [object, string, object]
  for (const value of [first, later]) {
    expect(value).toMatchObject({ state: "restricted", by })
    expect(JSON.stringify(value)).not.toContain("of-x")
  }
  expect(other).toBe("of-other")
  const page = await queryAuditLogs({ logDir, subject: X })
  expect(JSON.stringify(page)).not.toContain("of-x")
  expect(await subjectReport({ logDir, subject: X })).toMatchObject({
    values: 2,
    restricted: [{ by }, { by }],
    records: [{ details: { who: "of-x" } }, { details: { who: "later-of-x" } }],
  })
  expect(everyByte(place).includes(X)).toBe(false)
  expect(await restrictSubject({ logDir, subject: X, ground: "other" })).toMatchObject({
    result: "already_restricted",
    restrictionIds: report.restrictionIds,
  })
  await trail.flush()
  expect(await verifyAuditLog({ logDir })).toMatchObject({
    verdict: "intact",
    personalValues: { present: 1, restricted: 2 },
  })
  const lift = { logDir, subject: X, reason: "accuracy_verified", notifiedAt: "2026-11-24T10:00:00Z" } as const
  expect(await liftRestriction(lift)).toMatchObject({ result: "lifted", restrictionIds: report.restrictionIds })
  expect(await shown()).toEqual(["of-x", "of-other", "later-of-x"])
  expect(await liftRestriction(lift)).toMatchObject({ result: "not_restricted", recordedBy: [] })
  const told = await getAuditLogs({ logDir, eventType: ["restriction_started", "restriction_lifted"] })
  const restriction_id = report.restrictionIds[0]
  expect(told.map(({ details }) => details)).toEqual([
    { restriction_id, ground: "accuracy_contested", request_id: "r-1" },
    { restriction_id, reason: "accuracy_verified", notified_at: "2026-11-24T10:00:00Z" },
  ])
  await trail.close()
})

test.each(["log/.state/restrictions", "state/vaults"])(
  "%s restored from before a restriction ends no restriction",
  async (what) => {
    const { logDir } = place
    await closeLedgersUnder(place.directory)
    const path = join(place.directory, what)
    const before = join(place.directory, "before")
    if (fs.existsSync(path)) fs.cpSync(path, before, { recursive: true })
    await restrictSubject({ logDir, subject: X, ground: "objection_pending" })
    await closeLedgersUnder(place.directory)
    fs.rmSync(path, { recursive: true })
    if (fs.existsSync(before)) fs.cpSync(before, path, { recursive: true })
    const next = new AuditTrail("next", { logDir })
    await next.close()
    expect(await shown()).toMatchObject([{ state: "restricted" }, "of-other"])
    // What is restricted is the person, under whatever key comes next.
    await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf({ id: "all", event_types: ["*"] }) })
    const later = new AuditTrail("later", { logDir })
    later.logEvent("step", { who: personal("later-of-x", { subject: X }) })
    await later.close()
    expect(await shown()).toMatchObject([{ state: "restricted" }, "of-other", { state: "restricted" }])
    await liftRestriction({ logDir, subject: X, reason: "other" })
    expect(await shown()).toMatchObject([{ state: "restricted" }, "of-other", "later-of-x"])
  },
)

test("a restriction that was cut off before its event is in force, and told by the next act", async () => {
  const { logDir } = place
  const spy = vi.spyOn(Ledger.prototype, "keepList").mockImplementationOnce(async function (this: Ledger, form, list) {
    spy.mockRestore()
    await this.keepList(form, list)
    throw new Error("cut off")
  })
  await expect(restrictSubject({ logDir, subject: X, ground: "other" })).rejects.toThrow("cut off")
  expect(await shown()).toMatchObject([{ state: "restricted" }, "of-other"])
  expect(await getAuditLogs({ logDir, eventType: "restriction_started" })).toEqual([])
  await liftRestriction({ logDir, subject: "other", reason: "other" })
  const [told] = await getAuditLogs({ logDir, eventType: "restriction_started" })
  expect(await shown()).toMatchObject([{ state: "restricted", by: told!.event_id }, "of-other"])
})

test("wrong arguments and strangers change nothing", async () => {
  const { logDir } = place
  await expect(restrictSubject({ logDir, subject: X, ground: "because" as never })).rejects.toThrow(/ground/)
  await expect(restrictSubject({ logDir, subject: "", ground: "other" })).rejects.toThrow(/subject/)
  await expect(restrictSubject({ logDir, subject: X, ground: "other", requestId: `r ${X}` })).rejects.toThrow(
    /requestId/,
  )
  await expect(liftRestriction({ logDir, subject: X, reason: "so" as never })).rejects.toThrow(/reason/)
  await expect(liftRestriction({ logDir, subject: X, reason: "other", notifiedAt: "soon" })).rejects.toThrow(
    /notifiedAt/,
  )
  expect(await restrictSubject({ logDir, subject: "nobody", ground: "other" })).toMatchObject({
    result: "nothing_held",
  })
  fs.renameSync(join(place.stateDir, "vaults"), join(place.directory, "elsewhere"))
  await closeLedgersUnder(place.directory)
  await expect(restrictSubject({ logDir, subject: X, ground: "other" })).rejects.toMatchObject({
    code: "VAULT_MISSING",
  })
  expect(await getAuditLogs({ logDir, eventType: "restriction_started" })).toEqual([])
})

test("a correction stands beside what it corrects, with the values of the person or without", async () => {
  const { logDir } = place
  const [record] = await getAuditLogs({ logDir, eventType: "step" })
  const eventId = record!.event_id
  const place1 = { logDir, eventId, pointer: "/details/who", reason: "inaccurate" } as const
  const first = await correctEvent({ ...place1, value: "right-of-x", subject: X, requestId: "r-2" })
  await correctEvent({ logDir, eventId, pointer: "/details/plain", value: 2, reason: "outdated" })
  const [now, other] = await getAuditLogs({ logDir, eventType: "step" })
  expect(now).toMatchObject({
    details: { who: "of-x", plain: 1 },
    corrections: [
      { by: first.eventId, pointer: "/details/who", value: "right-of-x", reason: "inaccurate" },
      { pointer: "/details/plain", value: 2, reason: "outdated" },
    ],
  })
  expect(other).not.toHaveProperty("corrections")
  const page = await queryAuditLogs({ logDir, eventType: "step", limit: 1 })
  expect(page.records[0]!.corrections).toHaveLength(2)
  expect(everyByte(place).includes("right-of-x")).toBe(false)
  expect(await subjectReport({ logDir, subject: X })).toMatchObject({
    values: 2,
    records: [{ corrections: [{ value: "right-of-x" }, { value: 2 }] }, { details: { value: "right-of-x" } }],
  })
  await eraseSubject({ logDir, subject: X, reason: "other" })
  const [gone] = await getAuditLogs({ logDir, eventType: "step" })
  expect(gone!.corrections![0]).toMatchObject({ value: { state: "erased" } })
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
  // What is gone cannot be corrected for them any more.
  await expect(correctEvent({ ...place1, value: "again", subject: X })).rejects.toThrow(/none that the log holds/)
})

test("what cannot be corrected says why, and nothing is recorded", async () => {
  const { logDir } = place
  const [record] = await getAuditLogs({ logDir, eventType: "step" })
  const eventId = record!.event_id
  const right = { logDir, eventId, pointer: "/details/who", value: 1, subject: X, reason: "other" } as const
  const wrong: [object, RegExp][] = [
    [{ eventId: "00000000-0000-7000-8000-000000000000" }, /no event/],
    [{ eventId: "" }, /eventId/],
    [{ pointer: "/details/nowhere" }, /nothing at/],
    [{ pointer: "/timestamp" }, /pointer/],
    [{ pointer: 7 }, /pointer/],
    [{ subject: undefined }, /subject/],
    [{ subject: "other" }, /none that the log holds of this person/],
    [{ value: undefined }, /value/],
    [{ reason: "wrong" }, /reason/],
    [{ requestId: X }, /requestId/],
  ]
  for (const [change, message] of wrong)
    await expect(correctEvent({ ...right, ...change } as never)).rejects.toThrow(message)
  expect(await getAuditLogs({ logDir, eventType: "correction_recorded" })).toEqual([])
  await trail.close()
})
