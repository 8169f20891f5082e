import * as fs from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, test } from "vitest"
import { sealLog } from "../../src/capture/index.ts"
import { writeEntries } from "../log-of-entries.ts"
import { restart } from "../place.ts"
import { FORBIDDEN } from "./logs.ts"
import { useCli } from "./run.ts"

const { place, audit } = useCli()
const GROUNDS = ["--reason", "litigation", "--authority", "court order 1"]

let policy = ""
beforeEach(async () => {
  policy = join(place.directory, "retention.json")
  const fallback = { minimum: "P0D", source: { provision: "handbook, \u001b[31m7" } }
  fs.writeFileSync(policy, JSON.stringify({ v: 1, id: "acme", default: fallback }))
  writeEntries(place.logDir, 1_000, (n) => ({
    details: { model_id: `m${n % 2}` },
    ...(n >= 700 ? { regulations: ["EU AI Act"] } : {}),
  }))
  await sealLog({ logDir: place.logDir })
  await restart(place)
})

const bundles = () => fs.readdirSync(join(place.logDir, "tile/entries")).filter((name) => /^\d+$/.test(name))

describe("prune", () => {
  test("says with --dry-run what would go and why the rest stays, and changes nothing", async () => {
    const { code, stdout, stderr } = await audit("prune", "--policy", policy, "--dry-run")
    expect([code, stderr]).toEqual([0, ""])
    expect(stdout).toMatch(/would prune +512 of 1000 entries/)
    expect(stdout).toMatch(/stops at +entry 700, to be kept until 2027-05-01T00:11:40.000Z: P6M, .*Art 19\(1\)/)
    expect(stdout).toMatch(/class +default\nentries +700, .*\ngo +512\nstay +188 due, behind entries that have to stay/)
    expect(stdout).toMatch(/stay +300 to be kept\nmay go +2027-05-01T00:11:40.000Z to 2027-05-01T00:16:39.000Z/)
    expect(FORBIDDEN.exec(stdout)).toBeNull()
    expect(bundles()).toEqual(["000", "001", "002"])
  })

  test("prunes, and list, show, verify, doctor and export go on with what is left", async () => {
    const report = JSON.parse((await audit("prune", "--policy", policy, "--json")).stdout)
    expect(report).toMatchObject({
      entries: 512,
      minimumIndex: 512,
      record: 1_000,
      dryRun: false,
      policy: { id: "acme" },
    })
    expect(bundles()).toEqual(["002"])
    const verify = await audit("verify", "--json")
    expect([verify.code, JSON.parse(verify.stdout).prunedBelow]).toEqual([0, 512])
    expect((await audit("verify")).stdout).toContain(
      "intact: the 489 entries that are kept are as they were signed; 512 before",
    )
    expect(await audit("show", "511")).toMatchObject({ code: 1, stderr: expect.stringContaining("EVENT_PRUNED") })
    expect((await audit("show", "512", "--raw")).stdout).toContain('"sequence":512')
    expect((await audit("list", "--event-type", "step", "--limit", "1", "--json")).stdout).toContain('"index":512')
    expect((await audit("list", "--operation-name", "none", "--json")).code).toBe(0)
    expect((await audit("tail", "-n", "5000", "--json")).stdout.trim().split("\n")).toHaveLength(489)
    const doctor = JSON.parse((await audit("doctor", "--json")).stdout)
    expect(doctor.findings.find(({ check }: { check: string }) => check === "entries")?.state ?? "ok").toBe("ok")
    const exported = await audit("export", "--format", "jsonl", "--event-type", "step")
    expect(exported.stdout.trim().split("\n")).toHaveLength(488)
    const bundle = join(place.directory, "evidence")
    expect((await audit("export", "--bundle", bundle, "--event-type", "pruned")).code).toBe(0)
    expect((await audit("verify", "--bundle", bundle)).code).toBe(0)
  })

  test("refuses what is too early with exit code 1, and wrong flags and policies with their own", async () => {
    const early = await audit("prune", "--policy", policy, "--below", "1000")
    expect(early).toMatchObject({ code: 1, stdout: "" })
    expect(early.stderr).toMatch(/entry 700 \(step\) must be kept until .*Art 19\(1\).*\[RETENTION_TOO_EARLY\]/s)
    expect(await audit("prune", "--below", "-1")).toMatchObject({ code: 2 })
    expect(await audit("prune", "--before", "yesterday")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--before"),
    })
    fs.writeFileSync(policy, '{"v":1,"id":"x","clases":[]}')
    expect(await audit("prune", "--policy", policy)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"clases"'),
    })
    expect(bundles()).toHaveLength(3)
  })
})

describe("hold", () => {
  test("adds, lists and releases; in between nothing of it is pruned", async () => {
    const added = JSON.parse((await audit("hold", "add", "--model-id", "m1", ...GROUNDS, "--json")).stdout)
    expect(added).toMatchObject({ scope: { modelId: "m1" }, reason: "litigation", authority: "court order 1" })
    expect((await audit("hold", "list")).stdout).toContain(added.id)
    const pruned = JSON.parse((await audit("prune", "--policy", policy, "--json")).stdout)
    expect(pruned).toMatchObject({ entries: 0, stopsAt: { index: 1, reason: "held" } })
    expect((await audit("prune", "--policy", policy, "--below", "256")).stderr).toContain("RETENTION_HELD")
    expect((await audit("hold", "release", added.id, ...GROUNDS)).code).toBe(0)
    expect(await audit("hold", "release", added.id, ...GROUNDS)).toMatchObject({ code: 1 })
    expect(await audit("hold", "list", "--json")).toMatchObject({ stdout: "[]\n" })
    expect(JSON.parse((await audit("hold", "list", "--all", "--json")).stdout)).toHaveLength(1)
    expect(JSON.parse((await audit("prune", "--policy", policy, "--json")).stdout)).toMatchObject({ entries: 512 })
  })

  test("wants a scope, a reason and an authority", async () => {
    expect(await audit("hold", "add", ...GROUNDS)).toMatchObject({ code: 2, stderr: expect.stringContaining("scope") })
    expect(await audit("hold", "add", "--model-id", "m")).toMatchObject({ code: 2 })
    expect(await audit("hold", "add", "--from", "soon", ...GROUNDS)).toMatchObject({ code: 2 })
  })
})
