/**
 * Values declared personal: a commitment in the tree, the value beside it under the person's key.
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { AuditTrail, eraseSubject, getAuditLogs, personal, queryAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

/** Every byte below the log and the state directory. */
function everything(): Buffer {
  const files = [place.logDir, place.stateDir].flatMap((directory) =>
    fs
      .readdirSync(directory, { recursive: true })
      .map((name) => join(directory, String(name)))
      .filter((path) => fs.statSync(path).isFile()),
  )
  return Buffer.concat(files.map((path) => fs.readFileSync(path)))
}

test("a personal value is nowhere in clear, sealed or not, and its reader gets it back", async () => {
  const { logDir } = place
  const trail = new AuditTrail("loans", { logDir })
  trail.logEvent("loan_decided", { amount: 5000, income: personal("42000 euro", { subject: "customer-17" }) })
  trail.logUserRequest({ requestType: "access", userId: "customer-18", details: {}, status: "received" })
  trail.logModelInference(
    { modelId: "m1", inputData: { age: "seventy-one" }, output: "refused-for-age" },
    { subjects: ["customer-19"] },
  )
  trail.logEvent(
    "note",
    { text: { deep: ["kept-clear", "zzz-hidden"] } },
    { subjects: ["c20"], personal: ["text.deep.1"] },
  )
  for (const sealed of [false, true]) {
    if (sealed) await trail.flush()
    const bytes = everything()
    for (const secret of [
      "42000 euro",
      "customer-17",
      "customer-18",
      "customer-19",
      "seventy-one",
      "refused-for-age",
      "zzz-hidden",
    ])
      expect(bytes.includes(secret), secret).toBe(false)
    expect(bytes.includes("kept-clear")).toBe(true)
    const records = await getAuditLogs({
      logDir,
      eventType: ["loan_decided", "user_request", "model_inference", "note"],
    })
    expect(records.map(({ details }) => details)).toEqual([
      { amount: 5000, income: "42000 euro" },
      { request_type: "access", user_id: "customer-18", details: {}, status: "received" },
      { model_id: "m1", input_data: { age: "seventy-one" }, output: "refused-for-age" },
      { text: { deep: ["kept-clear", "zzz-hidden"] } },
    ])
  }
  const { entries } = await queryAuditLogs({ logDir, eventType: "loan_decided", proofs: true })
  expect(JSON.parse(entries![0]!).details.income).toEqual({ $secureml: "personal", commitment: expect.any(String) })
})

test("an erased person is nowhere any more, the log is intact, and others are read as before", async () => {
  const { logDir } = place
  const trail = new AuditTrail("loans", { logDir })
  for (let n = 0; n < 300; n++) {
    const customer = n % 5 === 0 ? "erase-me@example.org" : `customer-${n % 5}`
    trail.logEvent("loan_decided", { n, income: personal(`income ${n} of ${customer}`, { subject: customer }) })
    if (n === 150) await trail.flush()
  }
  const before = everything()
  const report = await eraseSubject({
    logDir,
    subject: "erase-me@example.org",
    reason: "consent_withdrawn",
    requestId: "r-1",
  })
  expect(report).toMatchObject({ result: "erased", values: 60, events: 60 })
  // Recorded since, about the same person: a new key.
  trail.logEvent("loan_decided", { n: 300, income: personal("a new start", { subject: "erase-me@example.org" }) })
  await trail.flush()
  expect(everything().includes("erase-me@example.org")).toBe(false)
  const records = await getAuditLogs({ logDir, eventType: "loan_decided" })
  for (const { details } of records) {
    const { n, income } = details as unknown as { n: number; income: unknown }
    if (n === 300) expect(income).toBe("a new start")
    else if (n % 5 === 0)
      expect(income).toMatchObject({ $secureml: "personal", state: "erased", by: report.completedBy })
    else expect(income).toBe(`income ${n} of customer-${n % 5}`)
  }
  expect(await verifyAuditLog({ logDir })).toMatchObject({
    verdict: "intact",
    personalValues: { present: 241, erased: 60, missing: 0, damaged: 0, withheld: 0 },
  })
  expect(await eraseSubject({ logDir, subject: "nobody", reason: "other" })).toMatchObject({ result: "nothing_held" })
  expect(before.length).toBeGreaterThan(0)
})
