import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, eraseSubject } from "../../src/audit.ts"
import type { AssessmentReport } from "../../src/compliance.ts"
import { restart } from "../place.ts"
import { useCli } from "./run.ts"

const { place, audit, run } = useCli()
const PROFILE = {
  v: 1,
  id: "acme",
  roles: ["controller"],
  jurisdictions: ["EU"],
  time_zone: "Europe/Berlin",
  country: "DE",
}
const lines = (text: string): string[][] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t"))

/** Three requests: answered, unanswered, and one of which nobody recorded when it came. Their events are from now. */
async function threeRequests(): Promise<string> {
  const trail = new AuditTrail("rights_desk", { logDir: place.logDir, regulations: ["GDPR"] })
  const now = new Date().toISOString()
  const log = (request_id: string, more: object): void => {
    const args = { requestType: "access", userId: "u", details: {}, status: "open" }
    trail.logUserRequest(args, { evidence: { request_id, ...more } })
  }
  log("answered", { received_at: now, responded_at: now, response_nature: "fulfilled" })
  log("open", { received_at: now })
  log("dateless", {})
  await trail.close()
  await restart(place)
  fs.writeFileSync(`${place.directory}/acme.json`, JSON.stringify(PROFILE))
  return now
}

const GDPR = ["--regulation", "GDPR", "--profile", "acme.json"]
/** Days from now, as a time. */
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()

describe("assess", () => {
  test("in a pipe: outcome, control, provision, items and why; 20 where there are findings", async () => {
    await threeRequests()
    const { code, stdout, stderr } = await audit("assess", ...GDPR)
    expect({ code, stderr }).toEqual({ code: 20, stderr: expect.stringContaining("law as of") })
    const rows = lines(stdout)
    expect(rows).toHaveLength(26)
    const row = rows.find(([, control]) => control === "gdpr-12-3-respond")!
    expect(row.slice(0, 4)).toEqual(["not_evidenced", "gdpr-12-3-respond", "Art 12(3)", "3"])
    expect(stderr).toContain("log intact: 5 entries assessed, 0 not assessed")
    expect(stdout).not.toMatch(/complian|complies/i)
  })

  test("--json is the report", async () => {
    await threeRequests()
    const { stdout } = await audit("assess", ...GDPR, "--regulation", "HIPAA", "--json")
    const report = JSON.parse(stdout) as AssessmentReport
    expect(report.catalogues.map(({ id }) => id)).toEqual(["secureml/gdpr", "secureml/hipaa"])
    const finding = report.findings.find(({ control }) => control === "gdpr-12-3-respond")!
    expect(finding.counts).toMatchObject({ pass: 1, pending: 1, not_evidenced: 1 })
  })

  test("0 where nothing is found", async () => {
    await threeRequests()
    const exclude = ((await reportOf()).findings ?? [])
      .filter(({ control }) => control !== "gdpr-32-integrity")
      .map(({ control }) => ({ id: control, reason: "not ours" }))
    fs.writeFileSync(`${place.directory}/acme.json`, JSON.stringify({ ...PROFILE, controls: { exclude } }))
    expect((await audit("assess", ...GDPR)).code).toBe(0)
  })

  const reportOf = async (): Promise<AssessmentReport> => JSON.parse((await audit("assess", ...GDPR, "--json")).stdout)

  test.each([
    [["--regulation", "Mars Law"], 1, "CATALOGUE_MALFORMED"],
    [[], 2, "--regulation"],
    [["--regulation", ""], 2, "must not be empty"],
    [[...GDPR, "--as-of", "soon"], 2, "asOf must be a date"],
    [[...GDPR, "--from", "soon"], 2, "window.from must be a date"],
    [[...GDPR, "--public-key", "none"], 2, "--public-key"],
    [["--regulation", "GDPR", "--profile", "absent.json"], 1, "absent.json cannot be read"],
    [["--regulation", "GDPR", "--profile", "broken.json"], 1, "broken.json is no JSON"],
    [["--regulation", "GDPR", "--profile", "wrong.json"], 1, "PROFILE_MALFORMED"],
    [["--regulation", "GDPR", "--catalogue", "wrong.json"], 1, "CATALOGUE_MALFORMED"],
  ])("%j ends with %i and says %s", async (args, code, says) => {
    await threeRequests()
    fs.writeFileSync(`${place.directory}/broken.json`, "{")
    fs.writeFileSync(`${place.directory}/wrong.json`, "{}")
    expect(await audit("assess", ...args)).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(says) })
  })

  test("a log that is not there is an error", async () => {
    const { code, stderr } = await run(["audit", "assess", "--regulation", "GDPR", "--log-dir", "absent"])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("LOG_DIR_UNREADABLE") })
  })
})

describe("deadlines", () => {
  test("those of which nobody knows the start first, as due at the latest; 0 while nothing is overdue", async () => {
    await threeRequests()
    const { code, stdout } = await audit("deadlines", ...GDPR)
    const rows = lines(stdout).filter(([, , , control]) => control === "gdpr-12-3-respond")
    expect(rows.map(([state, , item]) => [state, item])).toEqual([
      ["start unknown", 'request_id "dateless"'],
      ["due", 'request_id "open"'],
    ])
    expect(code).toBe(0)
  })

  test("what is overdue comes first, and is exit code 21", async () => {
    await threeRequests()
    const { code, stdout } = await audit("deadlines", ...GDPR, "--as-of", inDays(60), "--json")
    const list = JSON.parse(stdout) as { state: string; control: string; item: string; due_on: string }[]
    expect(code).toBe(21)
    expect(list.filter(({ control }) => control === "gdpr-12-3-respond").map(({ state }) => state)).toEqual([
      "overdue",
      "overdue",
    ])
    expect(list[0]!.due_on).toMatch(/^\d{4}-\d\d-\d\d$/)
  })

  test("--within leaves out what is due later", async () => {
    await threeRequests()
    expect(await audit("deadlines", ...GDPR, "--within", "7d")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("nothing is due"),
    })
    expect((await audit("deadlines", ...GDPR, "--within", "40d")).stdout).not.toBe("")
    expect(await audit("deadlines", ...GDPR, "--within", "soon")).toMatchObject({ code: 2 })
  })
})

describe("requests", () => {
  test("each with its status, its times and what is due next", async () => {
    await threeRequests()
    const { code, stdout, stderr } = await audit("requests", ...GDPR)
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const rows = lines(stdout)
    expect(rows.map(([id, type, status]) => [id, type, status])).toEqual([
      ["answered", "access", "open"],
      ["open", "access", "open"],
      ["dateless", "access", "open"],
    ])
    expect(
      rows.map(([, , , received, answered, due, next]) => [received !== "-", answered !== "-", due !== "-", next]),
    ).toEqual([
      [true, true, false, "-"],
      [true, false, true, "inform the person of the action taken"],
      [false, false, true, "inform the person of the action taken"],
    ])
  })

  test("--json has every clock that runs, and the events", async () => {
    await threeRequests()
    const { stdout } = await audit("requests", ...GDPR, "--as-of", inDays(60), "--json")
    const [answered, open, dateless] = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line))
    expect(answered).toMatchObject({ request_id: "answered", response_nature: "fulfilled", events: [1], next: [] })
    expect(open).toMatchObject({
      responded_at: null,
      next: [{ control: "gdpr-12-3-respond", overdue: true, at_the_latest: false }],
    })
    expect(dateless).toMatchObject({ received_at: null, next: [{ at_the_latest: true }] })
  })

  test("once the person is erased they are told all the same", async () => {
    const trail = new AuditTrail("rights_desk", { logDir: place.logDir })
    const evidence = { request_id: "r1", received_at: new Date().toISOString() }
    const args = { requestType: "erasure", userId: "customer-17", details: {}, status: "received" }
    trail.logUserRequest(args, { evidence, subjects: ["customer-17"] })
    await trail.close()
    await restart(place)
    fs.writeFileSync(`${place.directory}/acme.json`, JSON.stringify(PROFILE))
    const before = await audit("requests", ...GDPR)
    await eraseSubject({ logDir: place.logDir, subject: "customer-17", reason: "consent_withdrawn", requestId: "r1" })
    await restart(place)
    expect((await audit("requests", ...GDPR)).stdout).toBe(before.stdout)
    expect(before.stdout).toContain("r1\terasure\treceived")
  })

  test("an event without a request_id is told, not listed", async () => {
    const trail = new AuditTrail("rights_desk", { logDir: place.logDir })
    trail.logUserRequest({ requestType: "access", userId: "u", details: {}, status: "received" })
    await trail.close()
    await restart(place)
    expect(await audit("requests", "--regulation", "GDPR")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("1 user_request events have no request_id"),
    })
  })
})
