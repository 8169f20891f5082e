/**
 * What was tried against erasures, holds and restrictions: each of these once lost, leaked or excused something.
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { beforeEach, expect, test, vi } from "vitest"
import {
  AuditTrail,
  addHold,
  correctEvent,
  eraseSubject,
  getAuditLogs,
  liftRestriction,
  personal,
  restrictSubject,
  streamAuditLogs,
  subjectReport,
  verifyAuditLog,
} from "../src/audit.ts"
import { recordAct, recoverLog } from "../src/capture/index.ts"
import { closeLedgersUnder, Ledger } from "../src/ledger/index.ts"
import { resumeAt } from "../src/retention/erase.ts"
import { pruneAt } from "../src/retention/prune.ts"
import { findLogDirectory, LocalKeyVault } from "../src/store/index.ts"
import { openDatabase } from "../src/store/local/sqlite.ts"
import { childEnvironment, DIST, start } from "./children.ts"
import { keepCopy } from "./faults/armed.ts"
import { claims, logPersons, policyOf, shownIn } from "./persons.ts"
import { usePlace } from "./place.ts"

const place = usePlace()
const X = "x.person+attack@example.org"
const DAY = 86_400_000
let trail: AuditTrail

beforeEach(async () => {
  trail = new AuditTrail("base", { logDir: place.logDir })
  await logPersons(trail, X)
})

const shown = (eventType: string): Promise<unknown[]> => shownIn(place, eventType)

/** Cuts an erasure off right after its list was written. */
function cutAfterList(): void {
  const spy = vi.spyOn(Ledger.prototype, "keepList").mockImplementationOnce(async function (this: Ledger, form, list) {
    spy.mockRestore()
    await this.keepList(form, list)
    throw new Error("cut off")
  })
}

/** Deletes values of some events from the store, as somebody with an editor would. */
function dropRows(logDir: string, where: (eventId: string) => boolean): void {
  const database = openDatabase(join(logDir, ".state/payloads.sqlite"))!
  const rows = database.prepare("SELECT event_id, sealed FROM sealed_event").all() as {
    event_id: string
    sealed: number
  }[]
  for (const { sealed } of rows.filter((one) => where(one.event_id))) {
    database.prepare("DELETE FROM sealed WHERE id = ?").run(sealed)
    database.prepare("DELETE FROM sealed_event WHERE sealed = ?").run(sealed)
    database.prepare("DELETE FROM sealed_key WHERE sealed = ?").run(sealed)
  }
  database.close()
}

function keyOfEvent(logDir: string, eventId: string): string {
  const database = openDatabase(join(logDir, ".state/payloads.sqlite"))!
  const [row] = database.prepare("SELECT key FROM sealed_key WHERE event_id = ?").all(eventId) as { key: string }[]
  database.close()
  return row!.key
}

function rows(logDir: string): number {
  const database = openDatabase(join(logDir, ".state/payloads.sqlite"))!
  const count = database.prepare("SELECT event_id FROM sealed_event").all().length
  database.close()
  return count
}

function lists(logDir: string): string[] {
  const directory = join(logDir, ".state/erasures")
  return fs.existsSync(directory) ? fs.readdirSync(directory).map((name) => join(directory, name)) : []
}

/** Writes a list as somebody without the vault could: with the MAC of what was there before, or one that is made up. */
function forge(path: string, list: object): void {
  const mac = fs.existsSync(path) ? fs.readFileSync(path, "utf8").split("\n")[1]! : "0".repeat(64)
  fs.writeFileSync(path, `${JSON.stringify(list)}\n${mac}\n`)
}

const read = (path: string) => JSON.parse(fs.readFileSync(path, "utf8").split("\n")[0]!)
const vaultDir = (): string => join(place.stateDir, "vaults", fs.readdirSync(join(place.stateDir, "vaults"))[0]!)

test("a hold that is added while an erasure is cut off is honoured by the one that finishes it", async () => {
  const { logDir } = place
  cutAfterList()
  await expect(eraseSubject({ logDir, subject: X, reason: "other", policy: claims })).rejects.toThrow("cut off")
  await addHold({ logDir, scope: { subject: X }, reason: "litigation", authority: "court" })
  expect((await shown("visit"))[0]).toBe("visit-of-x")
  await resumeAt({ logDir, policy: claims }, Date.now())
  const after = await shown("visit")
  expect(after[0]).toMatchObject({ state: "restricted" })
})

test("a second erasure without the policy does not shorten what the first one kept", async () => {
  const { logDir } = place
  const first = await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  expect(first.kept).toHaveLength(1)
  await eraseSubject({ logDir, subject: X, reason: "other" })
  expect((await shown("claim"))[0]).toMatchObject({ state: "restricted" })
})

test("values that had to stay, of a person who is restricted then, are not deleted because they are due", async () => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  expect(await restrictSubject({ logDir, subject: X, ground: "needed_for_legal_claims" })).toMatchObject({
    result: "restricted",
  })
  await pruneAt({ logDir, policy: claims }, Date.now() + 92 * DAY)
  expect((await shown("claim"))[0]).toMatchObject({ state: "restricted" })
})

test("a payload store from before values were put aside has lost them: verify says so", async () => {
  const { logDir } = place
  await closeLedgersUnder(place.directory)
  const file = join(logDir, ".state/payloads.sqlite")
  fs.copyFileSync(file, join(place.directory, "old.sqlite"))
  await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  await closeLedgersUnder(place.directory)
  fs.copyFileSync(join(place.directory, "old.sqlite"), file)
  const next = new AuditTrail("next", { logDir })
  next.logEvent("n", {})
  await next.close()
  const report = await verifyAuditLog({ logDir })
  expect(report.verdict).toBe("payload_damaged")
})

test("a prune by another policy leaves what an erasure had to keep", async () => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  const other = policyOf({ id: "short", event_types: ["*"], minimum: null, values_maximum: "P1D" })
  await pruneAt({ logDir, policy: other }, Date.now() + 3 * DAY)
  expect((await shown("claim"))[0]).toMatchObject({ state: "restricted" })
})

test("a restriction is lifted also after an erasure that was refused", async () => {
  const { logDir } = place
  await restrictSubject({ logDir, subject: X, ground: "accuracy_contested" })
  const all = policyOf({ id: "all", event_types: ["*"] })
  expect(await eraseSubject({ logDir, subject: X, reason: "other", policy: all })).toMatchObject({ result: "refused" })
  trail.logEvent("visit", { who: personal("later-of-x", { subject: X }) })
  await trail.flush()
  const lift = await liftRestriction({ logDir, subject: X, reason: "other" })
  expect(lift.result).toBe("lifted")
})

test("what is recorded after an erasure that was refused is restricted, too", async () => {
  const { logDir } = place
  await restrictSubject({ logDir, subject: X, ground: "accuracy_contested" })
  const all = policyOf({ id: "all", event_types: ["*"] })
  await eraseSubject({ logDir, subject: X, reason: "other", policy: all })
  trail.logEvent("visit", { who: personal("later-of-x", { subject: X }) })
  await trail.flush()
  expect(JSON.stringify(await shown("visit"))).not.toContain("later-of-x")
})

test("a hold on a restricted person covers that person and nobody else", async () => {
  const { logDir } = place
  await addHold({ logDir, scope: { subject: X }, reason: "litigation", authority: "court" })
  await restrictSubject({ logDir, subject: X, ground: "needed_for_legal_claims" })
  const r = await eraseSubject({ logDir, subject: "other", reason: "consent_withdrawn", policy: policyOf() })
  expect(r).toMatchObject({ result: "erased" })
})

test("so does one on a person who was erased", async () => {
  const { logDir } = place
  await addHold({ logDir, scope: { subject: X }, reason: "litigation", authority: "court" })
  await eraseSubject({ logDir, subject: X, reason: "consent_withdrawn", policy: policyOf() })
  const r = await eraseSubject({ logDir, subject: "other", reason: "consent_withdrawn", policy: policyOf() })
  expect(r).toMatchObject({ result: "erased" })
})

test("a stream that is open while a person is restricted stops giving the values", async () => {
  const { logDir } = place
  for (let n = 0; n < 600; n++) trail.logEvent("visit", { who: personal(`v${n}-of-x`, { subject: X }) })
  await trail.flush()
  const got: unknown[] = []
  let cut = 0
  for await (const record of streamAuditLogs({ logDir, eventType: "visit" })) {
    got.push(record.details["who"])
    if (got.length === 5) {
      await restrictSubject({ logDir, subject: X, ground: "accuracy_contested" })
      cut = got.length
    }
  }
  const after = got.slice(cut + 1).filter((one) => typeof one === "string").length
  expect(after).toBe(0)
})

test("a whole that has a personal value in it is not corrected in clear", async () => {
  const { logDir } = place
  const { eventId } = trail.logEvent("intake", { patient: { name: personal("Jane Doe", { subject: X }), code: 1 } })
  await trail.flush()
  await expect(
    correctEvent({ logDir, eventId, pointer: "/details/patient", value: { name: "Jane Roe" }, reason: "inaccurate" }),
  ).rejects.toThrow(/personal value itself/)
})

test("nor is a piece of a marker", async () => {
  const { logDir } = place
  const { eventId } = trail.logEvent("intake", { who: personal({ name: "Jane Doe" }, { subject: X }) })
  await trail.flush()
  await expect(
    correctEvent({ logDir, eventId, pointer: "/details/who/commitment", value: "Jane Roe", reason: "inaccurate" }),
  ).rejects.toThrow()
})

test("a list that is changed by hand explains nothing", async () => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  const [, other] = await getAuditLogs({ logDir, eventType: "claim" })
  await closeLedgersUnder(place.directory)
  dropRows(logDir, (id) => id === other!.event_id)
  expect((await verifyAuditLog({ logDir })).verdict).toBe("payload_damaged")
  const [file] = lists(logDir)
  const list = read(file!)
  list.late.push(other!.event_id)
  forge(file!, list)
  const report = await verifyAuditLog({ logDir })
  expect(report.verdict).toBe("payload_damaged")
})

test("a list that is put there by hand explains nothing, and nobody signs it", async () => {
  const { logDir } = place
  const [, other] = await getAuditLogs({ logDir, eventType: "claim" })
  await closeLedgersUnder(place.directory)
  dropRows(logDir, (id) => id === other!.event_id)
  fs.mkdirSync(join(logDir, ".state/erasures"), { recursive: true })
  forge(join(logDir, `.state/erasures/${randomUUID()}.json`), {
    v: 1,
    keys: [],
    values: { [other!.event_id]: null },
    kept: [],
    late: [],
    request: { reason: "consumer_request", salt: "AA==" },
  })
  const report = await verifyAuditLog({ logDir })
  await pruneAt({ logDir, policy: policyOf() }, Date.now())
  const after = await verifyAuditLog({ logDir })
  expect(report.verdict).toBe("payload_damaged")
  expect(after.verdict).toBe("payload_damaged")
})

test("a list that is put there by hand destroys no key", async () => {
  const { logDir } = place
  const [, other] = await getAuditLogs({ logDir, eventType: "claim" })
  await closeLedgersUnder(place.directory)
  const key = keyOfEvent(logDir, other!.event_id)
  fs.mkdirSync(join(logDir, ".state/erasures"), { recursive: true })
  forge(join(logDir, `.state/erasures/${randomUUID()}.json`), {
    v: 1,
    keys: [key],
    values: {},
    kept: [],
    late: [],
    request: {},
  })
  const next = new AuditTrail("next", { logDir })
  next.logEvent("n", {})
  await next.close()
  expect((await shown("claim"))[1]).toBe("claim-of-other")
})

test("a list that is emptied by hand un-restricts nothing", async () => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  await closeLedgersUnder(place.directory)
  const [file] = lists(logDir)
  const list = read(file!)
  list.kept = []
  forge(file!, list)
  const report = await verifyAuditLog({ logDir })
  expect((await shown("claim"))[0]).toMatchObject({ state: "restricted" })
  expect(report.verdict === "intact" && report.findings.length === 0).toBe(false)
})

test("what expired by a class stays explained when the class changes", async () => {
  const { logDir } = place
  await pruneAt(
    { logDir, policy: policyOf({ id: "short", event_types: ["claim"], minimum: null, values_maximum: "P1D" }) },
    Date.now() + 3 * DAY,
  )
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
  await pruneAt(
    { logDir, policy: policyOf({ id: "short", event_types: ["visit"], minimum: null, values_maximum: "P1D" }) },
    Date.now() + 3 * DAY,
  )
  const report = await verifyAuditLog({ logDir })
  expect(report.verdict).toBe("intact")
})

test("expired values do not come back from the parts of a writer that does not seal", async () => {
  const { logDir } = place
  // a live writer in another process without the signing key: it records, and somebody else seals
  const code = `const { AuditTrail, personal } = await import("file://${DIST}/audit.js")
    const trail = new AuditTrail("worker", { logDir: ${JSON.stringify(logDir)} })
    for (let n = 0; n < 5; n++) trail.logEvent("visit", { who: personal("v" + n, { subject: ${JSON.stringify(X)} }) })
    console.log("ready"); setInterval(() => {}, 1000)`
  const keyFile = join(place.directory, "nokey")
  const child = start(
    process.execPath,
    ["--input-type=module", "--eval", code],
    childEnvironment(place.stateDir, { SECUREML_SIGNING_KEY_FILE: keyFile }),
  )
  while (!child.stdout().includes("ready")) await new Promise((resolve) => setTimeout(resolve, 20))
  await trail.flush()
  const policy = policyOf({ id: "short", event_types: ["*"], minimum: null, values_maximum: "P1D" })
  await pruneAt({ logDir, policy }, Date.now() + 3 * DAY)
  await shown("visit")
  trail.logEvent("n", {})
  await trail.flush()
  child.process.kill("SIGKILL")
  expect(rows(logDir)).toBe(0)
})

test("a short write to the list of destroyed keys does not shift what comes after", async () => {
  const { logDir } = place
  await closeLedgersUnder(place.directory)
  const file = join(vaultDir(), "destroyed")
  fs.appendFileSync(file, Buffer.alloc(7, 1)) // ENOSPC in the middle of an id
  await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  const sizes = [fs.statSync(file).size]
  for (let n = 0; n < 4; n++) {
    trail = new AuditTrail("t", { logDir })
    trail.logEvent("n", { n })
    await trail.flush()
    await closeLedgersUnder(place.directory)
    sizes.push(fs.statSync(file).size)
  }
  expect(sizes.at(-1)).toBe(sizes[0])
})

test("a wrong actor is refused before anybody is restricted", async () => {
  const { logDir } = place
  await expect(restrictSubject({ logDir, subject: X, ground: "other", actor: { id: 5 } as never })).rejects.toThrow(
    TypeError,
  )
  expect((await shown("visit"))[0]).toBe("visit-of-x")
})

test("a log that goes on in a successor is accused of no erasure or expiry of the one before", async () => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  await pruneAt(
    { logDir, policy: policyOf({ id: "short", event_types: ["claim"], minimum: null, values_maximum: "P1D" }) },
    Date.now() + 3 * DAY,
  )
  await closeLedgersUnder(place.directory)
  fs.cpSync(logDir, join(place.directory, "backup"), { recursive: true })
  trail = new AuditTrail("more", { logDir })
  for (let n = 0; n < 6; n++) trail.logEvent("n", { n })
  await trail.close()
  await closeLedgersUnder(place.directory)
  fs.rmSync(logDir, { recursive: true })
  fs.renameSync(join(place.directory, "backup"), logDir)
  await recoverLog({ logDir, reason: "restored" })
  const report = await verifyAuditLog({ logDir })
  expect(["intact", "unsealed_tail"]).toContain(report.verdict)
})

test("a key that is lost from a vault that is here is damage, not withheld", async () => {
  const { logDir } = place
  await closeLedgersUnder(place.directory)
  fs.rmSync(join(vaultDir(), "keys"), { recursive: true })
  const report = await verifyAuditLog({ logDir })
  expect(report.verdict).toBe("payload_damaged")
})

test("a vault from before a partial erasure has lost what had to stay: verify says so", async () => {
  const { logDir } = place
  await closeLedgersUnder(place.directory)
  keepCopy(place)
  await eraseSubject({ logDir, subject: X, reason: "other", policy: claims })
  await closeLedgersUnder(place.directory)
  fs.rmSync(`${place.stateDir}/vaults`, { recursive: true })
  fs.cpSync(`${place.directory}/state-before/vaults`, `${place.stateDir}/vaults`, { recursive: true })
  const next = new AuditTrail("next", { logDir })
  next.logEvent("n", {})
  await next.close()
  const report = await verifyAuditLog({ logDir })
  expect(report.verdict).toBe("payload_damaged")
})

test("a wrong actor is refused before anybody is erased", async () => {
  const { logDir } = place
  await expect(
    eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf(), actor: { id: 5 } as never }),
  ).rejects.toThrow(TypeError)
  await closeLedgersUnder(place.directory)
  const next = new AuditTrail("next", { logDir })
  next.logEvent("n", {})
  await next.close()
  expect((await shown("visit"))[0]).toBe("visit-of-x")
})

test("what was put aside before an erasure was cut off is deleted when it is due, like the rest", async () => {
  const { logDir } = place
  const spy = vi.spyOn(Ledger.prototype, "rewrapParts").mockImplementationOnce(async function (this: Ledger, keys, by) {
    spy.mockRestore()
    await this.rewrapParts(keys, by)
    throw new Error("cut off")
  })
  await expect(eraseSubject({ logDir, subject: X, reason: "other", policy: claims })).rejects.toThrow("cut off")
  // What it had to leave counts, also where the policy is forgotten.
  expect(await resumeAt({ logDir }, Date.now())).toEqual({ resumed: 1, dueValues: 0 })
  const [restricted] = (await shown("claim")) as [{ until: string; by: string }]
  expect(restricted).toMatchObject({ state: "restricted", until: expect.any(String), by: expect.any(String) })
  expect(await shown("visit")).toMatchObject([{ state: "erased" }])
  expect(await resumeAt({ logDir, policy: claims }, Date.parse(restricted.until) + 1)).toMatchObject({ dueValues: 1 })
  expect(await shown("claim")).toMatchObject([{ state: "erased" }, "claim-of-other"])
  expect(rows(logDir)).toBe(1)
})

/** Writes a list as somebody with the vault could. */
function rewrite(change: (list: Record<string, unknown>) => object): void {
  const [path] = lists(place.logDir)
  const text = JSON.stringify(change(read(path!)))
  const vault = LocalKeyVault.ofLog(findLogDirectory(place.logDir)!, place.stateDir, undefined, false)!
  fs.writeFileSync(path!, `${text}\n${vault.macOf("erasures", path!.slice(-41, -5), Buffer.from(text))}\n`)
  vault.close()
}

test.each([
  ["other values", (list: Record<string, unknown>, other: string) => ({ ...list, values: { [other]: null } })],
  ["an event that is none", (list: Record<string, unknown>, other: string) => ({ ...list, completed_by: other })],
])("a list with %s than its event has told of explains nothing, whoever wrote it", async (_, change) => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  const [, other] = await getAuditLogs({ logDir, eventType: "claim" })
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
  await closeLedgersUnder(place.directory)
  dropRows(logDir, (id) => id === other!.event_id)
  rewrite((list) => change(list, other!.event_id))
  const { verdict, findings } = await verifyAuditLog({ logDir })
  expect(verdict).toBe("payload_damaged")
  expect(findings.map(({ code }) => code)).toContain("erasure_unexplained")
})

test("an erasure is explained by its own event alone", async () => {
  const { logDir } = place
  await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  await eraseSubject({ logDir, subject: "other", reason: "other", policy: policyOf() })
  const [first, second] = lists(logDir).map(read) as { completed_by: string }[]
  expect(first!.completed_by).not.toBe(second!.completed_by)
  rewrite((list) => ({ ...list, completed_by: second!.completed_by }))
  expect((await verifyAuditLog({ logDir })).findings.map(({ code }) => code)).toContain("erasure_unexplained")
})

test("a destroyed key is overwritten in its file, and what is encrypted under it counts as erased", async () => {
  const { logDir } = place
  await closeLedgersUnder(place.directory)
  const keys = (): Buffer => {
    const directory = join(vaultDir(), "keys")
    return Buffer.concat(fs.readdirSync(directory).map((name) => fs.readFileSync(join(directory, name))))
  }
  const before = keys()
  const payloads = join(logDir, ".state/payloads.sqlite")
  fs.copyFileSync(payloads, join(place.directory, "payloads"))
  await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  const records = Array.from({ length: before.length / 128 }, (_, n) => before.subarray(n * 128 + 20, n * 128 + 112))
  const left = records.filter((record) => keys().includes(record))
  // The other person's.
  expect([records.length, left.length]).toEqual([2, 1])
  await closeLedgersUnder(place.directory)
  fs.rmSync(join(logDir, ".state/erasures"), { recursive: true })
  fs.copyFileSync(join(place.directory, "payloads"), payloads)
  expect(await shown("visit")).toMatchObject([{ state: "erased" }])
})

test("a log that was set aside is cleaned of who is erased, and told of are the copies that are out of reach", async () => {
  const { logDir } = place
  await closeLedgersUnder(place.directory)
  fs.mkdirSync(join(logDir, "predecessor-1/.state"), { recursive: true })
  const aside = join(logDir, "predecessor-1/.state/payloads.sqlite")
  fs.copyFileSync(join(logDir, ".state/payloads.sqlite"), aside)
  recordAct({
    logDir,
    operationName: "audit_export",
    eventType: "audit_disclosed",
    details: { reason: "r", format: "jsonl" },
  })
  const report = await eraseSubject({ logDir, subject: X, reason: "other", policy: policyOf() })
  const database = openDatabase(aside)!
  expect(database.prepare("SELECT event_id FROM sealed_event").all()).toHaveLength(1)
  database.close()
  expect(report.outOfReach[0]).toMatch(/^1 exports with personal values, the last of them event /)
  const [completed] = await getAuditLogs({ logDir, eventType: "erasure_completed" })
  expect(completed!.details.destroyed_keys).toEqual([expect.stringMatching(/^[\w-]{22}$/)])
})

test("the report on a person says nothing of what became of the values of others", async () => {
  const { logDir } = place
  trail.logEvent("claim", { who: personal("with-x", { subject: X }), other: personal("with-y", { subject: "y" }) })
  await trail.flush()
  await eraseSubject({ logDir, subject: "y", reason: "other", policy: policyOf() })
  const { records } = await subjectReport({ logDir, subject: X })
  expect(records.at(-1)!.details).toMatchObject({ who: "with-x", other: { state: "withheld" } })
  expect(JSON.stringify(records)).not.toContain("erased")
})

test("a value that is withheld is not called expired", async () => {
  const { logDir } = place
  const short = policyOf({ id: "short", event_types: ["visit"], minimum: null, values_maximum: "P1D" })
  await addHold({ logDir, scope: { subject: X }, reason: "suit", authority: "court" })
  trail.logEvent("visit", { who: personal("of-y", { subject: "y" }) })
  await trail.flush()
  await pruneAt({ logDir, policy: short }, Date.now() + 3 * DAY)
  expect(await shown("visit")).toMatchObject(["visit-of-x", { state: "expired" }])
  await closeLedgersUnder(place.directory)
  fs.renameSync(join(place.stateDir, "vaults"), join(place.directory, "vaults"))
  expect((await shown("visit"))[0]).toMatchObject({ state: "withheld" })
})

test("an expiry is told by a rule with its time, and no other", async () => {
  const { logDir } = place
  const short = policyOf({ id: "short", event_types: ["visit"], minimum: null, values_maximum: "P1D" })
  await pruneAt({ logDir, policy: short }, Date.now() + 3 * DAY)
  const path = join(logDir, ".state/expired.json")
  const file = JSON.parse(fs.readFileSync(path, "utf8"))
  file.rules[0].before = new Date(Date.now() + 300 * DAY).toISOString()
  fs.writeFileSync(path, JSON.stringify(file), { mode: 0o600 })
  expect((await verifyAuditLog({ logDir })).findings.map(({ code }) => code)).toContain("expiry_unexplained")
})
