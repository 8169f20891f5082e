/**
 * What a trail and a call declare personal, and where that must hold: everywhere.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { expect, test } from "vitest"
import {
  AuditTrail,
  auditFunction,
  eraseSubject,
  getAuditLogs,
  getOperation,
  personal,
  queryAuditLogs,
  subjectReport,
  verifyAuditLog,
} from "../src/audit.ts"
import { closeLedgersUnder } from "../src/ledger/index.ts"
import { everyByte, usePlace } from "./place.ts"

const place = usePlace()

test("sealed staff is nowhere in clear: not as user, as actor, in own events, nor in reads that are recorded", async () => {
  const { logDir } = place
  const trail = new AuditTrail("work", {
    logDir,
    actor: { id: "anna-staff", type: "user", role: "analyst" },
    privacy: { staff: "sealed" },
    auditReads: true,
    fileLogging: true,
  })
  trail.logDataAccess({ datasetName: "d", columnsAccessed: [], numRecords: 1, purpose: "p" })
  trail.logEvent("step", { n: 1 }, { actor: { id: "bert-staff" } })
  const wrapped = auditFunction((n: number) => n + 1, {
    operationName: "add",
    logDir,
    actor: { id: "cleo-staff" },
    privacy: { staff: "sealed" },
  })
  expect(wrapped(1)).toBe(2)
  expect((await getAuditLogs({ logDir, subject: "anna-staff", eventType: "data_access" })).length).toBe(1)
  await trail.close()
  const bytes = everyByte(place)
  for (const name of ["anna-staff", "bert-staff", "cleo-staff"]) expect(bytes.includes(name), name).toBe(false)
  const records = await getAuditLogs({ logDir })
  expect(new Set(records.map(({ actor }) => actor?.id))).toEqual(new Set(["anna-staff", "bert-staff", "cleo-staff"]))
  expect(records.find(({ event_type }) => event_type === "data_access")).toMatchObject({
    actor: { id: "anna-staff", type: "user", role: "analyst" },
    details: { user: "anna-staff" },
  })
  expect(await getAuditLogs({ logDir, user: "anna-staff" })).toEqual([])
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
})

test.each(["id", "type", "role", '"', "\\", "$secureml", "$&", "user"])(
  "a sealed actor may be called %s",
  async (id) => {
    const trail = new AuditTrail("work", {
      logDir: place.logDir,
      actor: { id, type: "user" },
      privacy: { staff: "sealed" },
    })
    await trail.close()
    const records = await getAuditLogs({ logDir: place.logDir, operationId: trail.operationId })
    expect(records.map(({ actor }) => actor)).toEqual([
      { id, type: "user" },
      { id, type: "user" },
    ])
  },
)

test("details sealed by policy keep their names, and a call that names nobody is refused", async () => {
  const { logDir } = place
  const trail = new AuditTrail("work", { logDir, privacy: { details: { claim: "sealed" } } })
  expect(() => trail.logEvent("claim", { name: "Jane" })).toThrow(/subjects/)
  trail.logEvent("claim", { name: "Jane", note: { deep: "secret-note" }, n: 7 }, { subjects: ["p1"] })
  trail.logEvent("other", { name: "in clear" })
  await trail.flush()
  expect(everyByte(place).includes("secret-note")).toBe(false)
  const [claim, other] = await getAuditLogs({ logDir, eventType: ["claim", "other"] })
  expect(claim!.details).toEqual({ name: "Jane", note: { deep: "secret-note" }, n: 7 })
  expect(other!.details).toEqual({ name: "in clear" })
  const { entries } = await queryAuditLogs({ logDir, eventType: "claim", proofs: true })
  expect(Object.keys(JSON.parse(entries![0]!).details)).toEqual(["name", "note", "n"])
  await trail.close()
})

test("where nothing can be kept a personal value is redacted: in the context, and in summaries", async () => {
  const { logDir } = place
  const trail = new AuditTrail("work", { logDir, context: { who: personal("ctx-secret", { subject: "p" }) } })
  const wrapped = auditFunction((_: string) => 1, { operationName: "f", logDir })
  wrapped(personal("argument-secret", { subject: "p" }))
  await trail.close()
  expect(everyByte(place).includes("ctx-secret") || everyByte(place).includes("argument-secret")).toBe(false)
  const [call] = await getAuditLogs({ logDir, eventType: "function_call" })
  expect(call!.details["arguments"]).toEqual([{ type: "personal" }])
  expect(trail.context).toEqual({ who: { $secureml: "redacted", kind: "personal" } })
})

test("a wrapper tells neither value nor person to whoever prints it", () => {
  const wrapper = personal("the-value", { subject: "the-person" })
  for (const text of [inspect(wrapper, { showHidden: true, depth: 9 }), JSON.stringify(wrapper), String(wrapper)])
    expect(text).not.toMatch(/the-value|the-person/)
})

test("odd values that are declared personal do not throw into the caller", async () => {
  const { logDir } = place
  const trail = new AuditTrail("work", { logDir, privacy: { staff: "sealed" } })
  const odd = {
    get user(): never {
      throw new Error("odd user")
    },
    get user_id(): never {
      throw new Error("odd id")
    },
    get input_data(): never {
      throw new Error("odd input")
    },
    fine: 1,
  }
  trail.logEvent("step", odd)
  trail.logEvent("user_request" as string, odd)
  trail.logEvent("model_inference" as string, odd, { subjects: ["p"] })
  trail.logEvent("step", odd, { subjects: ["p"], personal: ["fine"] })
  const cycle: Record<string, unknown> = { big: 2n ** 70n, list: new Map([["k", 1]]) }
  cycle["self"] = cycle
  trail.logEvent("step", { who: personal(cycle, { subject: "p" }) })
  await trail.close()
  const records = await getAuditLogs({ logDir, operationId: trail.operationId })
  expect(records).toHaveLength(7)
  expect(records[4]!.details["fine"]).toBe(1)
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
})

test("a large input of a decision about a person is not searched from end to end for wrapped parts", async () => {
  const trail = new AuditTrail("work", { logDir: place.logDir })
  const rows = Array.from({ length: 300_000 }, (_, n) => ({ n }))
  const beganMs = performance.now()
  for (let n = 0; n < 20; n++)
    trail.logModelInference(
      { modelId: "m", inputData: { rows, raw: new Float32Array(5_000_000) }, output: 1 },
      { subjects: ["p"] },
    )
  // Searching all of it takes seconds; the limit is there for slow machines.
  expect(performance.now() - beganMs).toBeLessThan(5_000)
  await trail.close()
})

test("a root key that is kept elsewhere is found there, and its absence is told, never taken for a person unknown", async () => {
  const { logDir } = place
  const trail = new AuditTrail("work", { logDir })
  trail.logEvent("step", { who: personal("value", { subject: "p" }) })
  await trail.close()
  await closeLedgersUnder(place.directory)
  const [id] = fs.readdirSync(join(place.stateDir, "vaults"))
  const own = join(place.stateDir, "vaults", id!, "root.key")
  const elsewhere = join(place.directory, "root.key")
  const before = process.env["SECUREML_VAULT_KEY_FILE"]
  try {
    fs.cpSync(own, elsewhere)
    process.env["SECUREML_VAULT_KEY_FILE"] = join(place.directory, "not-there")
    await expect(subjectReport({ logDir, subject: "p" })).rejects.toMatchObject({ code: "VAULT_MISSING" })
    await expect(eraseSubject({ logDir, subject: "p", reason: "other" })).rejects.toMatchObject({
      code: "VAULT_MISSING",
    })
    await closeLedgersUnder(place.directory)
    fs.rmSync(own)
    process.env["SECUREML_VAULT_KEY_FILE"] = elsewhere
    expect((await subjectReport({ logDir, subject: "p" })).values).toBe(1)
    expect(await eraseSubject({ logDir, subject: "p", reason: "other" })).toMatchObject({ result: "erased" })
  } finally {
    if (before === undefined) delete process.env["SECUREML_VAULT_KEY_FILE"]
    else process.env["SECUREML_VAULT_KEY_FILE"] = before
  }
})

test("an operation with sealed staff is told", async () => {
  const trail = new AuditTrail("work", { logDir: place.logDir, actor: { id: "anna" }, privacy: { staff: "sealed" } })
  await trail.close()
  expect((await getOperation({ logDir: place.logDir, operationId: trail.operationId })).status).toBe("completed")
})
