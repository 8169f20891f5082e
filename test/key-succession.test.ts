import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { recoverLog, rotateKey, succeedKey } from "../src/capture/index.ts"
import { as, headOf, logSome, verdictOf, vkeyOf } from "./keys-of-a-log.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const succeed = () => succeedKey({ logDir: place.logDir, reason: "the volume was deleted" })

async function loseKey(): Promise<void> {
  await restart(place)
  fs.rmSync(`${place.stateDir}/keys`, { recursive: true })
}

describe("succession", () => {
  test("a log whose key is lost is set aside and goes on; the first entry quotes its last checkpoint", async () => {
    await logSome(place)
    const [old, former] = [headOf(place), await vkeyOf(place)]
    await loseKey()
    const audit = new AuditTrail("unsealed", { logDir: place.logDir })
    audit.logEvent("step", { n: 1 })
    const report = await succeed()
    expect(report).toMatchObject({ formerOrigin: old.origin, formerKey: former })
    expect(report.origin).not.toBe(old.origin)
    const records = await getAuditLogs({ logDir: place.logDir })
    expect(records.map(({ event_type }) => event_type)).toEqual([
      "audit_recovered",
      "key_succeeded",
      "audit_started",
      "step",
    ])
    expect(records[0]!.details).toMatchObject({ kind: "successor", found: old.note, predecessor: "predecessor-1" })
    expect(records[1]!.details).toEqual({
      former_origin: old.origin,
      former_key: former,
      key: report.verifierKey,
      predecessor: "predecessor-1",
      checkpoint: old.note,
      reason: "the volume was deleted",
    })
    expect(await verdictOf(place)).toMatchObject({ verdict: "intact", codes: ["key_succeeded", "recovered"] })
    expect((await verifyAuditLog({ logDir: report.predecessor, publicKey: former })).verdict).toBe("intact")
    await logSome(place)
    expect((await verdictOf(place)).verdict).toBe("intact")
  })

  test("who pinned the lost key is not led to the successor, and is told what happened", async () => {
    await logSome(place)
    const former = await vkeyOf(place)
    await as(place, "auditor", () => verdictOf(place, { trustOnFirstUse: true }))
    await loseKey()
    const { verifierKey } = await succeed()
    for (const options of [{}, { publicKey: former }]) {
      const found = await as(place, "auditor", () => verdictOf(place, options))
      expect([found.verdict, found.codes]).toEqual(["wrong_key", expect.arrayContaining(["key_succeeded"])])
      expect(found.findings.find(({ code }) => code === "key_succeeded")!.message).toMatch(
        /Nothing proves it.*--public-key.*--forget/,
      )
    }
    const given = await as(place, "other", () => verdictOf(place, { publicKey: verifierKey }))
    expect(given.verdict).toBe("intact")
  })

  test("it is refused while the key is here, and without a reason", async () => {
    await logSome(place)
    const before = headOf(place).note
    await expect(succeed()).rejects.toThrow(expect.objectContaining({ code: "KEY_NOT_LOST" }))
    await expect(succeedKey({ logDir: place.logDir, reason: "" })).rejects.toThrow(TypeError)
    expect([headOf(place).note, fs.existsSync(`${place.logDir}/predecessor-1`)]).toEqual([before, false])
  })

  test("a log that was never sealed has no key that could be lost", async () => {
    new AuditTrail("new", { logDir: place.logDir })
    await expect(succeed()).rejects.toThrow(expect.objectContaining({ code: "SEALING_UNAVAILABLE" }))
  })

  test("one that was cut off is finished by itself, not by recover, and recover's not by it", async () => {
    await logSome(place)
    await loseKey()
    const work = {
      v: 1,
      predecessor: "predecessor-1",
      tree: fs.readFileSync(`${place.logDir}/.state/tree.json`, "utf8"),
    }
    const file = `${place.logDir}/.state/recovery.json`
    fs.writeFileSync(file, JSON.stringify(work))
    await expect(succeed()).rejects.toThrow(expect.objectContaining({ code: "SEALING_UNAVAILABLE" }))
    fs.writeFileSync(file, JSON.stringify({ ...work, succession: true }))
    await expect(recoverLog({ logDir: place.logDir, reason: "x" })).rejects.toThrow(/key succeed again/)
    await succeed()
    expect(await verdictOf(place)).toMatchObject({ verdict: "intact", codes: ["key_succeeded", "recovered"] })
  })

  test("a rotation that was open goes aside with the log", async () => {
    await logSome(place)
    await rotateKey({ logDir: place.logDir })
    fs.writeFileSync(`${place.logDir}/.state/rotation.json`, '{"v":1}')
    await loseKey()
    const { predecessor } = await succeed()
    expect(fs.existsSync(`${predecessor}/.state/rotation.json`)).toBe(true)
    expect((await verdictOf(place)).verdict).toBe("intact")
    expect(await rotateKey({ logDir: place.logDir })).toMatchObject({ kind: "rotate", resumed: false })
  })
})
