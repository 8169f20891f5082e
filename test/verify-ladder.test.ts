import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, type Checkpoint, getAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { initLog, recoverLog } from "../src/capture/index.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()

/** Logs some events and seals them. */
async function log(count: number, logDir = place.logDir, name = "work"): Promise<Checkpoint> {
  const audit = new AuditTrail(name, { logDir })
  for (let n = 0; n < count - 2; n++) audit.logEvent("step", { n, text: "x".repeat(20) })
  return (await audit.close())!
}

function copy(to: string): string {
  const target = `${place.directory}/${to}`
  fs.cpSync(place.logDir, target, { recursive: true })
  return target
}

async function verdictOf(options: Partial<Parameters<typeof verifyAuditLog>[0]> = {}) {
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir, ...options })
  return { verdict, codes: findings.map(({ code }) => code), findings }
}

const vkey = (): string => fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()

describe("verdicts", () => {
  test("an untouched log is intact, and its unsealed tail is said", async () => {
    await log(10)
    expect((await verdictOf()).verdict).toBe("intact")
    const audit = new AuditTrail("more", { logDir: place.logDir })
    expect(await verdictOf()).toMatchObject({ verdict: "unsealed_tail", codes: ["unsealed_tail"] })
    await audit.close()
  })

  test("a missing or empty directory is never intact", async () => {
    expect(await verdictOf()).toMatchObject({ verdict: "unverifiable", codes: ["no_log"] })
    fs.mkdirSync(place.logDir)
    expect(await verdictOf()).toMatchObject({ verdict: "unverifiable", codes: ["no_log"] })
  })

  test("an edited entry is corrupt, and the first bad index is named", async () => {
    await log(300)
    const path = `${place.logDir}/tile/entries/000`
    const bytes = fs.readFileSync(path)
    bytes[bytes.indexOf('"n":100,') + 4] = 0x39
    fs.writeFileSync(path, bytes)
    const { verdict, findings } = await verdictOf()
    expect(verdict).toBe("corrupt")
    expect(findings.find(({ code }) => code === "tile_mismatch")).toMatchObject({ index: 101, path: "tile/0/000" })
  })

  test("a log cut back to an earlier checkpoint is truncated", async () => {
    await log(5)
    const old = copy("old")
    await log(5)
    await verifyAuditLog({ logDir: place.logDir })
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    fs.renameSync(old, place.logDir)
    expect(await verdictOf()).toMatchObject({
      verdict: "truncated",
      codes: expect.arrayContaining(["older_than_known"]),
    })
  })

  test("a fork signed with the same key is rewritten against the other side's checkpoint", async () => {
    await log(5)
    await restart(place)
    const fork = copy("fork")
    const kept = await log(4)
    // A dishonest key holder has forgotten what was signed.
    const forkState = `${place.directory}/fork-state`
    fs.cpSync(place.stateDir, forkState, { recursive: true })
    for (const name of ["signed", "seen", "origins"])
      fs.rmSync(`${forkState}/${name}`, { recursive: true, force: true })
    process.env["SECUREML_STATE_DIR"] = forkState
    await log(7, fork, "other history")
    expect((await verdictOf({ logDir: fork })).verdict).toBe("intact")
    const { verdict, codes } = await verdictOf({ logDir: fork, against: kept })
    expect({ verdict, codes }).toEqual({ verdict: "rewritten", codes: ["inconsistent"] })
  })

  test("a log signed anew with another key is a wrong key under a pinned one", async () => {
    await log(5)
    const publicKey = vkey()
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/attacker`
    await log(5)
    expect((await verdictOf({ publicKey })).verdict).toBe("wrong_key")
  })

  test("only the directory's own key: unverifiable, until it is pinned on first use", async () => {
    await log(5)
    await restart(place)
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/auditor`
    expect(await verdictOf()).toMatchObject({ verdict: "unverifiable", codes: ["key_not_pinned"] })
    expect((await verdictOf({ trustOnFirstUse: true })).verdict).toBe("intact")
    expect((await verdictOf()).verdict).toBe("intact")
  })

  test("another log in the place of one seen before is a wrong key, and names the way out", async () => {
    await log(5)
    await verifyAuditLog({ logDir: place.logDir })
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    await log(5)
    const { verdict, findings } = await verdictOf()
    expect(verdict).toBe("wrong_key")
    expect(findings[0]!.message).toContain("--forget")
  })

  test("an older copy elsewhere is a finding, not a verdict", async () => {
    await log(5)
    const older = copy("older")
    await log(5)
    await verifyAuditLog({ logDir: place.logDir })
    expect(await verdictOf({ logDir: older })).toEqual(
      expect.objectContaining({ verdict: "intact", codes: ["older_copy"] }),
    )
  })

  test("half a line at a journal's end is a torn tail", async () => {
    await log(5)
    await restart(place)
    const [segment] = fs.readdirSync(`${place.logDir}/.state/journal`)
    fs.appendFileSync(`${place.logDir}/.state/journal/${segment}`, '0a1b2c3d 99 {"v":1,"event')
    expect(await verdictOf()).toMatchObject({ verdict: "torn_tail", codes: ["torn_tail"] })
  })

  test.each(["tile/0/000.p/5", "vkey", "checkpoint"])(
    "a symbolic link in the place of %s is corrupt, and is not followed",
    async (name) => {
      await log(5)
      fs.renameSync(`${place.logDir}/${name}`, `${place.directory}/elsewhere`)
      fs.symlinkSync(`${place.directory}/elsewhere`, `${place.logDir}/${name}`)
      expect(await verdictOf()).toMatchObject({ verdict: "corrupt", codes: ["unsafe_path"] })
    },
  )

  test("a log without its private state still verifies under a pinned key", async () => {
    await log(5)
    const publicKey = vkey()
    fs.rmSync(`${place.logDir}/.state`, { recursive: true })
    expect((await verdictOf({ publicKey })).verdict).toBe("intact")
  })
})

describe("a hole in a journal", () => {
  async function withHole(): Promise<void> {
    await log(4)
    const audit = new AuditTrail("holed", { logDir: place.logDir })
    for (let n = 0; n < 5; n++) audit.logEvent("step", { n })
    await restart(place)
    const name = fs.readdirSync(`${place.logDir}/.state/journal`).at(-1)!
    const path = `${place.logDir}/.state/journal/${name}`
    const lines = fs.readFileSync(path, "utf8").split("\n")
    const hole = lines.findIndex((line) => line.includes('"n":2}'))
    fs.writeFileSync(path, lines.filter((_, n) => n !== hole).join("\n"))
  }

  test("is a gap, and nothing behind it is sealed", async () => {
    await withHole()
    expect(await verdictOf()).toMatchObject({ verdict: "gap", codes: expect.arrayContaining(["journal_gap"]) })
  })

  test("is explained by recover, which leaves an event that says why", async () => {
    await withHole()
    expect((await recoverLog({ logDir: place.logDir, reason: "a line was deleted by hand" })).kind).toBe("explained")
    expect(await verdictOf()).toMatchObject({ verdict: "intact", codes: ["recovered"] })
    const [told] = await getAuditLogs({ logDir: place.logDir, eventType: "audit_recovered" })
    expect(told!.details).toMatchObject({ reason: "a line was deleted by hand", kind: "explained" })
    expect((await getAuditLogs({ logDir: place.logDir, operationName: "holed", eventType: "step" })).length).toBe(4)
  })
})

describe("a log that was rolled back", () => {
  async function rolledBack(): Promise<void> {
    await log(5)
    await restart(place)
    const backup = copy("backup")
    await log(6)
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    fs.renameSync(backup, place.logDir)
  }

  test("is not signed again; events are still recorded", async () => {
    await rolledBack()
    const audit = new AuditTrail("after the restore", { logDir: place.logDir })
    await expect(audit.flush()).rejects.toThrow(
      expect.objectContaining({ code: "LOG_ROLLED_BACK", message: expect.stringMatching(/5 entries.*11/) }),
    )
    audit.logEvent("step", { n: 1 })
    const records = await getAuditLogs({ logDir: place.logDir, operationName: "after the restore" })
    expect(records.map(({ sealed }) => sealed)).toEqual([false, false])
  })

  test("goes on in a successor whose first entry quotes the old checkpoint", async () => {
    await rolledBack()
    const audit = new AuditTrail("across", { logDir: place.logDir })
    await restart(place)
    const { kind, predecessor } = await recoverLog({ logDir: place.logDir, reason: "restored from backup" })
    expect(kind).toBe("successor")
    const [first, ...rest] = await getAuditLogs({ logDir: place.logDir })
    expect(first).toMatchObject({
      index: 0,
      event_type: "audit_recovered",
      details: { reason: "restored from backup" },
    })
    expect(String(first!.details["signed"])).toContain("\n11\n")
    expect(rest.map(({ operation_name }) => operation_name)).toContain(audit.operationName)
    expect(await verdictOf()).toMatchObject({ verdict: "intact", codes: ["recovered"] })
    expect((await getAuditLogs({ logDir: predecessor! })).length).toBe(5)
    await expect(recoverLog({ logDir: place.logDir, reason: "again" })).rejects.toThrow(
      expect.objectContaining({ code: "NOTHING_TO_RECOVER" }),
    )
  })
})

describe("lost private state", () => {
  test.each(["tree.json", "log.json"])("%s is rebuilt by recover", async (name) => {
    await log(300)
    await restart(place)
    fs.rmSync(`${place.logDir}/.state/${name}`)
    const audit = new AuditTrail("later", { logDir: place.logDir })
    await expect(audit.flush()).rejects.toThrow()
    await restart(place)
    expect((await recoverLog({ logDir: place.logDir, reason: "lost a file" })).kind).toBe("rebuilt")
    expect(await verdictOf()).toMatchObject({ verdict: "intact" })
    expect((await getAuditLogs({ logDir: place.logDir })).length).toBe(302)
  })
})

describe("a process without the key", () => {
  test("records, never forks, and says so; the one with the key seals its events", async () => {
    await initLog({ logDir: place.logDir })
    await restart(place)
    const own = process.env["SECUREML_STATE_DIR"]!
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/second user`
    const audit = new AuditTrail("second user", { logDir: place.logDir })
    const receipt = audit.logEvent("step", { n: 0 })
    await expect(receipt.sealed()).rejects.toThrow(expect.objectContaining({ code: "SEALING_UNAVAILABLE" }))
    expect(await audit.close()).toBeUndefined()
    await restart(place)
    process.env["SECUREML_STATE_DIR"] = own
    expect((await log(3)).treeSize).toBe(6)
    expect((await verdictOf()).verdict).toBe("intact")
  })
})
