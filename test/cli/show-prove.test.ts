import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { type AuditRecord, AuditTrail, type SealedReceipt } from "../../src/audit.ts"
import { AUDIT_ERROR_CODES, verifyProof } from "../../src/verify.ts"
import { restart } from "../place.ts"
import { trainingLog } from "./logs.ts"
import { useCli } from "./run.ts"

const { place, audit } = useCli()

describe("show", () => {
  test("by index and by id, for people and as JSON", async () => {
    await trainingLog(place.logDir)
    const shown = await audit("show", "3")
    expect(shown.stdout).toMatch(/^index +3\nevent id +[0-9a-f-]{36}\ntype +model_inference\n/)
    expect(shown.stdout).toContain('    "model_id": "m1"')
    const record = JSON.parse((await audit("show", "3", "--json")).stdout) as AuditRecord
    expect(record).toMatchObject({ index: 3, sealed: true, details: { output: "ill" } })
    const byId = JSON.parse((await audit("show", record.event_id.toUpperCase(), "--json")).stdout)
    expect(byId).toEqual(record)
  })

  test("--raw in a pipe gives the exact bytes that the tree covers", async () => {
    await trainingLog(place.logDir)
    const bundle = fs.readFileSync(`${place.logDir}/tile/entries/000.p/9`)
    for (const index of [0, 6, 8]) {
      const { bytes } = await audit("show", String(index), "--raw")
      const at = bundle.indexOf(bytes)
      expect(bundle.readUInt16BE(at - 2)).toBe(bytes.length)
      expect(JSON.parse(bytes.toString())).toMatchObject({ sequence: index })
    }
  })

  test("an event that is not sealed yet, and one that is not there", async () => {
    const trail = new AuditTrail("open", { logDir: place.logDir })
    const { eventId } = trail.logEvent("step", {})
    await restart(place)
    const shown = await audit("show", eventId)
    expect(shown.stdout).toContain("recorded, not sealed")
    expect(JSON.parse((await audit("show", eventId, "--json")).stdout)).toMatchObject({ index: null, sealed: false })
    const unsealed = await audit("prove", eventId)
    expect(unsealed).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("[EVENT_NOT_SEALED]") })
    for (const absent of ["99", "00000000-0000-7000-8000-000000000000"]) {
      expect(await audit("show", absent)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("[EVENT_NOT_FOUND]"),
      })
    }
  })
})

describe("prove", () => {
  test("writes a proof and an entry that verify with secureml/verify", async () => {
    await trainingLog(place.logDir)
    const vkey = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    const { code, stdout, stderr } = await audit("prove", "6", "--out", "e.tlog-proof", "--entry-out", "e.json")
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" })
    expect(stderr).toContain('verifyProof(fs.readFileSync("e.tlog-proof", "utf8")')
    const proof = fs.readFileSync(`${place.directory}/e.tlog-proof`, "utf8")
    const entry = fs.readFileSync(`${place.directory}/e.json`)
    expect(await verifyProof(proof, entry, vkey)).toMatchObject({ index: 6, treeSize: 9 })
    expect((await audit("prove", "6")).stdout).toBe(proof)
  })

  test("files that prove writes are readable by this user alone, those that were there before too", async () => {
    await trainingLog(place.logDir)
    fs.writeFileSync(`${place.directory}/e.json`, "old and longer than nothing", { mode: 0o644 })
    await audit("prove", "6", "--out", "e.tlog-proof", "--entry-out", "e.json")
    for (const name of ["e.json", "e.tlog-proof"])
      expect(fs.statSync(`${place.directory}/${name}`).mode & 0o777).toBe(0o600)
  })

  test("--json is the receipt", async () => {
    const head = await trainingLog(place.logDir)
    const receipt = JSON.parse((await audit("prove", "2", "--json")).stdout) as SealedReceipt
    expect(receipt).toMatchObject({ index: 2, treeSize: 9, checkpoint: head })
    const vkey = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    expect(await verifyProof(receipt.proof, receipt.entry, vkey)).toMatchObject({ index: 2 })
  })

  test("a proof that does not verify is never given out", async () => {
    await trainingLog(place.logDir)
    const path = `${place.logDir}/tile/0/000.p/9`
    const bytes = fs.readFileSync(path)
    bytes[0]! ^= 1
    fs.writeFileSync(path, bytes)
    const { code, stdout, stderr } = await audit("prove", "2", "--out", "e.tlog-proof")
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(AUDIT_ERROR_CODES.some((known) => stderr.includes(`[${known}]`))).toBe(true)
    expect(fs.existsSync(`${place.directory}/e.tlog-proof`)).toBe(false)
  })
})
