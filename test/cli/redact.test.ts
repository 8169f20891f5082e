import * as fs from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, test } from "vitest"
import { sealLog } from "../../src/capture/index.ts"
import { writeEntries } from "../log-of-entries.ts"
import { restart } from "../place.ts"
import { FORBIDDEN } from "./logs.ts"
import { useCli } from "./run.ts"

const { place, audit } = useCli()
const SSN = "078-05-1120"
const REASON = ["--reason", "ticket T-9, \u001b[31mred"]

beforeEach(async () => {
  writeEntries(place.logDir, 400, (n) => ({
    event_type: n === 17 ? "note" : "step",
    details: { n, purpose: n === 17 ? SSN : "x" },
  }))
  await sealLog({ logDir: place.logDir })
  await restart(place)
})

describe("redact", () => {
  test("says what it overwrote and what it cannot reach; verify, show and prove say by which event", async () => {
    const { code, stdout, stderr } = await audit("redact", "17", ...REASON)
    expect([code, stderr]).toEqual([0, ""])
    expect(stdout).toMatch(
      /^result +redacted\nentry +17, redacted by event 400\noverwritten +1 bundles, 1 journal lines, /,
    )
    expect(stdout).toMatch(/not reached from here:\n {2}backups, mirrors and other copies/)
    const verify = await audit("verify")
    expect(verify.code).toBe(0)
    expect(verify.stdout).toContain("intact: all 401 entries are as they were signed, but for those that were redacted")
    expect(verify.stdout).toContain("entry 17: redacted by event 400")
    expect(JSON.parse((await audit("verify", "--json")).stdout).redacted).toEqual([{ index: 17, by: 400 }])
    expect((await audit("show", "17")).stdout).toMatch(/redacted +by event 400/)
    expect(JSON.parse((await audit("show", "17", "--json")).stdout)).toMatchObject({
      event_type: "redacted",
      index: 17,
      details: { by: 400 },
    })
    expect(await audit("prove", "17")).toMatchObject({ code: 1, stderr: expect.stringContaining("ENTRY_REDACTED") })
    const record = await audit("show", "400")
    expect(FORBIDDEN.exec(record.stdout)).toBeNull()
    expect(record.stdout).toContain("ticket T-9")
  })

  test("by event id, as JSON, and once more by its index", async () => {
    const [line] = (await audit("list", "--event-type", "note", "--json")).stdout.split("\n")
    const { event_id } = JSON.parse(line!)
    const report = JSON.parse((await audit("redact", event_id, ...REASON, "--json")).stdout)
    expect(report).toMatchObject({ result: "redacted", index: 17, by: 400, overwritten: { bundles: 1, lines: 1 } })
    expect((await audit("redact", "17", ...REASON)).stdout).toMatch(/^result +already redacted\n/)
    expect(await audit("redact", event_id, ...REASON)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("EVENT_NOT_FOUND"),
    })
  })

  test("a reason that is missing, empty, or repeats what goes is wrong usage, and changes nothing", async () => {
    expect(await audit("redact", "17")).toMatchObject({ code: 2 })
    expect(await audit("redact", "17", "--reason", " ")).toMatchObject({ code: 2 })
    const repeated = await audit("redact", "17", "--reason", `number ${SSN}`)
    expect(repeated).toMatchObject({ code: 2, stderr: expect.stringContaining("--reason") })
    expect(repeated.stderr).not.toContain(SSN)
    expect((await audit("show", "17")).stdout).toContain(SSN)
  })

  test("an evidence bundle of a range leaves it out, says so, and verifies; one of it alone is refused", async () => {
    await audit("redact", "17", ...REASON)
    const bundle = join(place.directory, "evidence")
    const made = await audit("export", "--bundle", bundle, "--end-time", "2026-11-01T00:00:59Z", "--json")
    expect(made.stderr).toContain(
      "Left out, since they were redacted and nothing is left to prove: entry 17 by event 400",
    )
    expect(JSON.parse(made.stdout)).toMatchObject({ records: 59, redacted: [{ index: 17, by: 400 }] })
    const checked = await audit("verify", "--bundle", bundle)
    expect([checked.code, checked.stdout.slice(0, 60)]).toEqual([
      0,
      expect.stringContaining("its 59 entries are in the signed log"),
    ])
    const alone = await audit("export", "--bundle", join(place.directory, "alone"), "--event-id", "17")
    expect(alone).toMatchObject({ code: 1, stderr: expect.stringContaining("ENTRY_REDACTED") })
    expect(fs.existsSync(join(place.directory, "alone"))).toBe(false)
  })

  test("list, tail, export, operations, stats, doctor and trace go on", async () => {
    await audit("redact", "17", ...REASON)
    expect((await audit("list", "--limit", "18", "--json")).stdout).toContain('"event_type":"redacted"')
    expect((await audit("tail", "-n", "5000", "--json")).stdout.trim().split("\n")).toHaveLength(401)
    for (const format of ["jsonl", "csv"]) expect((await audit("export", "--format", format)).code).toBe(0)
    expect((await audit("operations", "op-1")).code).toBe(0)
    expect((await audit("stats")).stdout).toContain("redacted")
    expect((await audit("search", SSN)).stdout).toBe("")
    const doctor = JSON.parse((await audit("doctor", "--json")).stdout)
    expect(doctor.findings.find(({ check }: { check: string }) => check === "entries")?.state ?? "ok").toBe("ok")
    expect(await audit("trace", "17")).toMatchObject({ code: 1, stderr: expect.stringContaining("NOT_A_DECISION") })
  })

  test("an import of the same lines does not bring an entry back", async () => {
    const lines = [SSN, "fine", "fine too"].map((text) =>
      JSON.stringify({ event_type: "note", operation_name: "old", details: { text } }),
    )
    const file = join(place.directory, "old.jsonl")
    fs.writeFileSync(file, `${lines.join("\n")}\n`)
    expect((await audit("import", "--from", "jsonl", file)).code).toBe(0)
    const found = JSON.parse((await audit("search", SSN, "--limit", "1", "--json")).stdout.split("\n")[0]!)
    expect(found.context.imported.line).toBe(1)
    expect((await audit("redact", String(found.index), ...REASON)).code).toBe(0)
    const again = await audit("import", "--from", "jsonl", file, "--json")
    expect(again.code).toBe(0)
    expect(JSON.parse(again.stdout)).toMatchObject({ known: 3, imported: 0 })
    expect((await audit("search", "fine", "--json")).stdout.trim().split("\n")).toHaveLength(2)
    expect((await audit("verify")).code).toBe(0)
  })
})
