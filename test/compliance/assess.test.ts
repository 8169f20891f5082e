/** Assessments of real logs: sealed, unsealed, without a pinned key, tampered with. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { AuditTrail } from "../../src/audit.ts"
import { type AssessmentOptions, assessCompliance, type Profile } from "../../src/compliance.ts"

const PROFILE: Profile = {
  v: 1,
  id: "acme",
  roles: ["controller", "processor"],
  jurisdictions: ["EU"],
  time_zone: "Europe/Berlin",
  country: "DE",
}

let place: string
let logDir: string
let state: string | undefined
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "secureml-assess-"))
  logDir = join(place, "log")
  state = process.env["SECUREML_STATE_DIR"]
  process.env["SECUREML_STATE_DIR"] = join(place, "state")
})
afterEach(() => {
  process.env["SECUREML_STATE_DIR"] = state
  rmSync(place, { recursive: true, force: true })
})

async function recordRequests(ids: readonly string[]): Promise<void> {
  const audit = new AuditTrail("rights_desk", { logDir, regulations: ["GDPR"] })
  const now = new Date().toISOString()
  for (const request_id of ids) {
    const answer = { responded_at: now, response_nature: "fulfilled" }
    const evidence = { request_id, received_at: now, jurisdiction: "EU", ...answer }
    audit.logUserRequest({ requestType: "access", userId: "u", details: {}, status: "closed" }, { evidence })
  }
  await audit.close()
}

function assess(more: Partial<AssessmentOptions> = {}) {
  return assessCompliance({ logDir, regulations: ["GDPR"], profile: PROFILE, ...more })
}

async function outcomesOf(controls: readonly string[], more: Partial<AssessmentOptions> = {}) {
  const { findings } = await assess(more)
  return Object.fromEntries(controls.map((id) => [id, findings.find(({ control }) => control === id)!.outcome]))
}

describe("a real log", () => {
  test("is assessed under its verified checkpoint", async () => {
    await recordRequests(["r1", "r2"])
    const report = await assess()
    expect(report.log).toMatchObject({ verdict: "intact", assessed: 4, not_assessed: 0 })
    const finding = report.findings.find(({ control }) => control === "gdpr-12-3-respond")!
    expect(finding).toMatchObject({ outcome: "pass", population: 2, catalogue: "secureml/gdpr" })
    expect(finding.passes[0]!.events[0]).toMatchObject({ event_type: "user_request", index: 1 })
    expect(report.catalogues[0]!.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(report.counts.pass + report.counts.not_evidenced).toBeGreaterThan(0)
  })

  test("with another state directory has no pinned key, and nothing passes", async () => {
    await recordRequests(["r1"])
    process.env["SECUREML_STATE_DIR"] = join(place, "another")
    const report = await assess()
    expect(report.log.verdict).toBe("unverifiable")
    expect(report.counts.pass).toBe(0)
  })

  test("one byte of which was changed has nothing that passes, and says so", async () => {
    await recordRequests(["r1"])
    const bundles = join(logDir, "tile/entries")
    const names = readdirSync(bundles, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
    for (const { parentPath, name } of names) {
      const file = join(parentPath, name)
      const bytes = readFileSync(file)
      const at = bytes.indexOf("fulfilled")
      bytes[at] = "F".charCodeAt(0)
      rmSync(file)
      writeFileSync(file, bytes)
    }
    const report = await assess()
    expect(report.log.verdict).toBe("corrupt")
    expect(report.counts.pass).toBe(0)
    expect(await outcomesOf(["gdpr-32-integrity"])).toEqual({ "gdpr-32-integrity": "fail" })
  })

  test("counts what is not sealed as not assessed", async () => {
    await recordRequests(["r1"])
    const audit = new AuditTrail("later", { logDir })
    try {
      const { log } = await assess()
      expect(log.assessed + log.not_assessed).toBe(4)
    } finally {
      await audit.close()
    }
  })

  test("that is not there is assessed as empty, and nothing passes", async () => {
    const report = await assess()
    expect(report.log).toMatchObject({ verdict: "unverifiable", assessed: 0 })
    expect(report.counts.pass).toBe(0)
  })

  test("answers for several regulations at once, in one stream", async () => {
    await recordRequests(["r1"])
    const report = await assess({ regulations: ["GDPR", "HIPAA", "CCPA", "EU AI Act"] })
    expect(report.findings).toHaveLength(83)
    expect(report.catalogues.map(({ id }) => id)).toEqual([
      "secureml/gdpr",
      "secureml/hipaa",
      "secureml/ccpa",
      "secureml/eu-ai-act",
    ])
  })
})

describe("wrong arguments name the field", () => {
  test.each([
    [{ regulations: [] }, "regulations must be a list"],
    [{ regulations: "GDPR" }, "regulations must be a list"],
    [{ regulation: "GDPR" }, "assessCompliance has no option"],
    [{ asOf: 7 }, "asOf must be"],
    [{ asOf: "2026-06-30T10:00:00" }, "asOf must be a date, or a time with an offset"],
    [{ window: "2026" }, "window must be an object"],
    [{ window: { from: "soon" } }, "window.from must be a date"],
    [{ window: { from: "2026-03-01", to: "2026-02-01" } }, "window.from is after window.to"],
    [{ regulations: ["Mars Law"] }, 'missing for "Mars Law"'],
    [{ profile: { v: 1 } }, 'it has no "id"'],
  ])("%j", async (more, says) => {
    await expect(assess(more as never)).rejects.toThrow(says)
  })
})
