import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs } from "../src/audit.ts"
import { describeKey, finishRotation, recoverLog, revokeKey, rotateKey, sealLog } from "../src/capture/index.ts"
import { signKeyStatement, verifyCheckpoint } from "../src/proof/index.ts"
import { pruneLog } from "../src/retention/index.ts"
import { parsePolicy } from "../src/retention/policy.ts"
import { StateDirectory } from "../src/store/index.ts"
import { as, headOf, logSome, newKey, signHead, signingKeyOf, takeOver, verdictOf, vkeyOf } from "./keys-of-a-log.ts"
import { writeEntries } from "./log-of-entries.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const linesOf = (note: string): number => note.split("\n— ").length - 1
const rotate = () => rotateKey({ logDir: place.logDir })
const finish = () => finishRotation({ logDir: place.logDir })

/** An auditor pins the key on first use. */
const pin = (user: string) => as(place, user, () => verdictOf(place, { trustOnFirstUse: true }))
const look = (user: string) => as(place, user, () => verdictOf(place))
const pinOf = (user: string) => as(place, user, async () => new StateDirectory(process.env).pin(headOf(place).origin))

describe("rotation", () => {
  test("both keys sign until it is finished, then the new one alone", async () => {
    await logSome(place)
    const old = await vkeyOf(place)
    const report = await rotate()
    expect(report).toMatchObject({ kind: "rotate", formerKeys: [old], resumed: false })
    const current = report.verifierKey
    expect(linesOf(headOf(place).note)).toBe(2)
    for (const key of [old, current]) expect((await verifyCheckpoint(headOf(place).note, key)).treeSize).toBe(4)
    expect(fs.readFileSync(`${place.logDir}/vkey`, "utf8")).toBe(`${current}\n`)
    await logSome(place)
    expect(linesOf(headOf(place).note)).toBe(2)
    await finish()
    expect(linesOf(headOf(place).note)).toBe(1)
    expect((await verifyCheckpoint(headOf(place).note, current)).treeSize).toBe(8)
    await expect(verifyCheckpoint(headOf(place).note, old)).rejects.toThrow(
      expect.objectContaining({ code: "NOTE_UNSIGNED" }),
    )
    await logSome(place)
    expect(linesOf(headOf(place).note)).toBe(1)
    const acts = await getAuditLogs({ logDir: place.logDir, operationName: "audit_key" })
    expect(acts.map(({ event_type }) => event_type)).toEqual(["key_rotated", "key_retired"])
    expect(acts.map(({ details }) => details)).toEqual([
      { old_key: old, new_key: current, statement: expect.any(String) },
      { retired_key: old, key: current },
    ])
    expect(await verdictOf(place)).toMatchObject({ verdict: "intact", codes: [], publicKey: current })
  })

  test("keys are 0600 in the state directory, no trace of them is in the log, and the old one is removed", async () => {
    await logSome(place)
    const old = signingKeyOf(place)
    await rotate()
    const keys = `${place.stateDir}/keys`
    expect(fs.readdirSync(keys)).toHaveLength(2)
    for (const name of fs.readdirSync(keys)) expect(fs.statSync(`${keys}/${name}`).mode & 0o777).toBe(0o600)
    await finish()
    expect(fs.readdirSync(keys)).toHaveLength(1)
    const secrets = [old, signingKeyOf(place)].map((text) => text.split("+").slice(4).join("+"))
    for (const file of fs.readdirSync(place.logDir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const bytes = fs.readFileSync(`${file.parentPath}/${file.name}`, "latin1")
      for (const secret of secrets) expect(bytes).not.toContain(secret)
    }
  })

  test("who pinned the old key follows to the new one, is told, and has it pinned", async () => {
    await logSome(place)
    const old = await vkeyOf(place)
    for (const user of ["early", "late", "later"]) expect((await pin(user)).verdict).toBe("intact")
    const { verifierKey: second } = await rotate()
    const during = await look("early")
    expect(during).toMatchObject({ verdict: "intact", codes: ["key_rotated"], publicKey: second, keySource: "pinned" })
    expect(during.findings[0]!.message).toContain(`${second} has taken over from ${old}`)
    expect(await pinOf("early")).toBe(second)
    await finish()
    expect(await look("early")).toMatchObject({ verdict: "intact", codes: [] })
    expect(await look("late")).toMatchObject({ verdict: "intact", codes: ["key_rotated"], publicKey: second })
    const { verifierKey: third } = await rotate()
    await finish()
    expect(await look("later")).toMatchObject({
      verdict: "intact",
      codes: ["key_rotated", "key_rotated"],
      publicKey: third,
    })
    expect(await pinOf("later")).toBe(third)
    expect(await look("later")).toMatchObject({ verdict: "intact", codes: [] })
  })

  test("a key that is given is followed, said to be an older one, and pinned for nobody", async () => {
    await logSome(place)
    const publicKey = await vkeyOf(place)
    const { verifierKey } = await rotate()
    await finish()
    const given = await as(place, "auditor", () => verdictOf(place, { publicKey }))
    expect(given).toMatchObject({ verdict: "intact", codes: ["key_rotated"], publicKey: verifierKey })
    expect(given.findings[0]!.message).toContain("give this one from now on")
    expect(await pinOf("auditor")).toBeUndefined()
  })

  test("a second one waits until the first is finished; nothing to finish is said", async () => {
    await logSome(place)
    await expect(finish()).rejects.toThrow(expect.objectContaining({ code: "ROTATION_NOT_OPEN" }))
    await rotate()
    await expect(rotate()).rejects.toThrow(expect.objectContaining({ code: "ROTATION_OPEN" }))
    expect(await getAuditLogs({ logDir: place.logDir, operationName: "audit_key" })).toHaveLength(1)
  })

  test("without the key nothing is changed", async () => {
    await logSome(place)
    const before = fs.readFileSync(`${place.logDir}/.state/log.json`, "utf8")
    await as(place, "guest", async () => {
      await expect(rotate()).rejects.toThrow(expect.objectContaining({ code: "SEALING_UNAVAILABLE" }))
      await expect(revokeKey({ logDir: place.logDir, fromIndex: 0, reason: "x" })).rejects.toThrow(
        expect.objectContaining({ code: "SEALING_UNAVAILABLE" }),
      )
    })
    expect(fs.readFileSync(`${place.logDir}/.state/log.json`, "utf8")).toBe(before)
    expect(fs.existsSync(`${place.logDir}/.state/rotation.json`)).toBe(false)
  })

  test("a writer that was open all the time goes on sealing, with the keys of the day", async () => {
    const audit = new AuditTrail("long", { logDir: place.logDir })
    await audit.flush()
    const { verifierKey: second } = await rotate()
    audit.logEvent("step", {})
    const during = await audit.flush()
    expect([linesOf(during.note), during.treeSize]).toEqual([2, 3])
    await finish()
    audit.logEvent("step", {})
    expect(await verifyCheckpoint((await audit.flush()).note, second)).toMatchObject({ treeSize: 5 })
    await audit.close()
    expect(await verdictOf(place)).toMatchObject({ verdict: "intact", codes: [] })
  })

  test("a process that has only the old key records, and seals nothing", async () => {
    await logSome(place)
    await restart(place)
    fs.cpSync(place.stateDir, `${place.directory}/left-behind`, { recursive: true })
    await rotate()
    const before = headOf(place).note
    await as(place, "left-behind", async () => {
      const audit = new AuditTrail("old key", { logDir: place.logDir })
      await expect(audit.flush()).rejects.toThrow(expect.objectContaining({ code: "SEALING_UNAVAILABLE" }))
      expect(await audit.close()).toBeUndefined()
    })
    expect(headOf(place).note).toBe(before)
    expect((await sealLog({ logDir: place.logDir })).treeSize).toBe(6)
    expect(await verdictOf(place)).toMatchObject({ verdict: "intact", codes: [] })
  })

  test("a key in a file of the user's choice changes in its place", async () => {
    const file = `${place.directory}/secret/log.skey`
    fs.mkdirSync(`${place.directory}/secret`)
    process.env["SECUREML_SIGNING_KEY_FILE"] = file
    try {
      await logSome(place)
      const old = fs.readFileSync(file, "utf8")
      await rotate()
      expect(fs.readFileSync(file, "utf8")).not.toBe(old)
      expect(fs.readdirSync(`${place.directory}/secret`)).toHaveLength(2)
      await logSome(place)
      await finish()
      expect(fs.readdirSync(`${place.directory}/secret`)).toEqual(["log.skey"])
      await logSome(place)
      expect(await verdictOf(place)).toMatchObject({ verdict: "intact", codes: [], keySource: "own" })
    } finally {
      delete process.env["SECUREML_SIGNING_KEY_FILE"]
    }
  })

  test("an identity that is lost meanwhile is rebuilt with both keys", async () => {
    await logSome(place)
    const old = await vkeyOf(place)
    const { verifierKey } = await rotate()
    fs.rmSync(`${place.logDir}/.state/log.json`)
    await recoverLog({ logDir: place.logDir, reason: "log.json was gone" })
    expect(await describeKey({ logDir: place.logDir })).toMatchObject({ verifierKey, previous: { verifierKey: old } })
    expect(linesOf(headOf(place).note)).toBe(2)
    await finish()
    expect((await verdictOf(place)).verdict).toBe("intact")
  })

  test("a public key file of any key that the log has had, or will have, accuses nobody", async () => {
    await logSome(place)
    await pin("auditor")
    const old = await vkeyOf(place)
    await rotate()
    fs.writeFileSync(`${place.logDir}/vkey`, `${old}\n`)
    expect(await verdictOf(place)).toMatchObject({ verdict: "intact", codes: [] })
    expect(await look("auditor")).toMatchObject({ verdict: "intact", codes: ["key_rotated"] })
    await finish()
    const other = await newKey(headOf(place).origin)
    fs.writeFileSync(`${place.logDir}/vkey`, `${other.vkey}\n`)
    expect(await verdictOf(place)).toMatchObject({ verdict: "wrong_key", codes: ["vkey_file_differs"] })
  })

  test("whichever of this user's own keys has signed is the one that counts, however far a change had come", async () => {
    await logSome(place)
    const old = signingKeyOf(place)
    await revokeKey({ logDir: place.logDir, fromIndex: 0, reason: "x" })
    const keys = new StateDirectory(process.env).signerKeys(headOf(place).origin)
    const current = keys.current()!
    fs.writeFileSync(keys.path, `${old}\n`)
    await keys.addBeside(current.split("+")[3]!, current)
    expect((await verdictOf(place)).verdict).toBe("intact")
    await signHead(place, [(await newKey(headOf(place).origin)).text])
    expect((await verdictOf(place)).verdict).toBe("wrong_key")
  })

  test("a statement that was pruned leads nobody on any more; who has the new key sees nothing wrong", async () => {
    const { logDir } = place
    await logSome(place)
    const publicKey = await vkeyOf(place)
    const { verifierKey } = await rotate()
    await finish()
    writeEntries(logDir, 600, () => ({}))
    await sealLog({ logDir })
    const policy = parsePolicy({ v: 1, id: "t", default: { minimum: "P0D", source: { provision: "handbook" } } })
    expect((await pruneLog({ logDir, policy })).minimumIndex).toBeGreaterThan(256)
    expect((await as(place, "early", () => verdictOf(place, { publicKey }))).verdict).toBe("wrong_key")
    expect(await as(place, "late", () => verdictOf(place, { publicKey: verifierKey }))).toMatchObject({
      verdict: "intact",
      codes: ["pruned"],
    })
  })

  test("a log restored from before a rotation is rolled back like any other, and can be recovered", async () => {
    await logSome(place)
    await restart(place)
    fs.cpSync(place.logDir, `${place.directory}/backup`, { recursive: true })
    await rotate()
    await finish()
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    fs.renameSync(`${place.directory}/backup`, place.logDir)
    const restored = { verdict: "wrong_key", codes: expect.arrayContaining(["older_than_known"]) }
    expect(await verdictOf(place)).toMatchObject(restored)
    expect(await recoverLog({ logDir: place.logDir, reason: "restored" })).toMatchObject({ kind: "successor" })
    expect((await verdictOf(place)).verdict).toBe("intact")
  })
})

describe("nobody without the old key can rotate", () => {
  test("a key of their own, named by a statement of their own, is a wrong key", async () => {
    await logSome(place)
    const [{ origin, treeSize, rootHash }, old] = [headOf(place), await vkeyOf(place)]
    await pin("auditor")
    const forged = await newKey(origin)
    const statement = await signKeyStatement({ origin, treeSize, rootHash, newKey: forged.vkey }, forged.key)
    const details = { old_key: old, new_key: forged.vkey, statement }
    await takeOver(place, forged.text, { event_type: "key_rotated", details })
    expect(await look("auditor")).toMatchObject({ verdict: "wrong_key", publicKey: old })
    expect((await as(place, "other", () => verdictOf(place, { publicKey: old }))).verdict).toBe("wrong_key")
    expect(await pinOf("auditor")).toBe(old)
  })

  test("nor with a statement that the old key made for another key or another log", async () => {
    await logSome(place)
    await pin("auditor")
    const old = await vkeyOf(place)
    await rotate()
    const [told] = await getAuditLogs({ logDir: place.logDir, eventType: "key_rotated" })
    await finish()
    const forged = await newKey(headOf(place).origin)
    await takeOver(place, forged.text, {
      event_type: "key_rotated",
      details: { ...told!.details, new_key: forged.vkey },
    })
    expect(await look("auditor")).toMatchObject({ verdict: "wrong_key" })
    expect(await pinOf("auditor")).toBe(old)
  })

  test("who has the new key cannot put another history before the rotation", async () => {
    await logSome(place)
    const old = await vkeyOf(place)
    await rotate()
    await finish()
    const [told] = await getAuditLogs({ logDir: place.logDir, eventType: "key_rotated" })
    const stolen = signingKeyOf(place)
    const { origin } = headOf(place)
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    await as(place, "thief", async () => {
      await new StateDirectory(process.env).signerKeys(origin).create(stolen)
      process.env["SECUREML_ORIGIN"] = origin
      await logSome(place, 5)
      delete process.env["SECUREML_ORIGIN"]
    })
    await takeOver(place, stolen, { event_type: "key_rotated", details: told!.details })
    expect(await as(place, "auditor", () => verdictOf(place, { publicKey: old }))).toMatchObject({
      verdict: "rewritten",
      codes: expect.arrayContaining(["key_statement_wrong"]),
    })
  })

  test("a key that was retired signs nothing behind the entry that says so", async () => {
    await logSome(place)
    await pin("auditor")
    const [retired, old] = [signingKeyOf(place), await vkeyOf(place)]
    await rotate()
    await finish()
    await signHead(place, [retired])
    expect(await look("auditor")).toMatchObject({ verdict: "wrong_key" })
    expect((await as(place, "other", () => verdictOf(place, { publicKey: old }))).verdict).toBe("wrong_key")
  })

  test("an entry that retires or revokes a key by nobody's word changes no verdict", async () => {
    await logSome(place)
    await pin("auditor")
    const key = await vkeyOf(place)
    const revoked = { revoked_keys: [key], new_key: "x", from_index: 0, tree_size: 2 }
    writeEntries(place.logDir, 2, (n) =>
      n === 0
        ? { event_type: "key_retired", details: { retired_key: key, key: "x" } }
        : { event_type: "key_revoked", details: revoked },
    )
    await sealLog({ logDir: place.logDir })
    const found = await look("auditor")
    expect(found).toMatchObject({ verdict: "intact", codes: ["key_revoked"] })
    expect(found.findings[0]!.message).toContain("either the thief goes on, or somebody without a key wrote that entry")
  })
})

describe("revocation", () => {
  const revoke = (fromIndex: number) => revokeKey({ logDir: place.logDir, fromIndex, reason: "stolen" })

  test("a new key takes over at once, the entry is signed by it alone, and the range is in doubt", async () => {
    await logSome(place, 6)
    const old = await vkeyOf(place)
    new AuditTrail("unsealed", { logDir: place.logDir })
    const { verifierKey } = await revoke(2)
    expect(linesOf(headOf(place).note)).toBe(1)
    expect((await verifyCheckpoint(headOf(place).note, verifierKey)).treeSize).toBe(8)
    const [told] = await getAuditLogs({ logDir: place.logDir, eventType: "key_revoked" })
    const details = { revoked_keys: [old], new_key: verifierKey, from_index: 2, tree_size: 6, reason: "stolen" }
    expect(told!.details).toMatchObject(details)
    const { verdict, findings, notProven } = await verdictOf(place)
    expect([verdict, findings.map(({ code, index }) => [code, index])]).toEqual(["intact", [["key_revoked", 2]]])
    expect(findings[0]!.message).toContain("entries 2 to 5 are in doubt")
    expect(notProven.at(-1)).toMatch(/^that the log's operator wrote entries 2 to 5: .*\. The 2 before are those of/)
    expect(fs.readdirSync(`${place.stateDir}/keys`)).toHaveLength(1)
  })

  test("who pinned the stolen key is not led to the new one, and is told what happened", async () => {
    await logSome(place, 6)
    await pin("auditor")
    const old = await vkeyOf(place)
    const { verifierKey } = await revoke(2)
    const found = await look("auditor")
    expect(found).toMatchObject({ verdict: "wrong_key", publicKey: old })
    expect(found.findings.find(({ code }) => code === "key_revoked")!.message).toContain(
      "from the log's operator by another way",
    )
    expect(await pinOf("auditor")).toBe(old)
    const given = await as(place, "auditor", () => verdictOf(place, { publicKey: verifierKey }))
    expect(given).toMatchObject({ verdict: "intact", codes: ["key_revoked"] })
  })

  test("of the entries before, it says how many rest on a checkpoint that was kept", async () => {
    const kept = await logSome(place)
    await logSome(place, 6)
    const { verifierKey: publicKey } = await revoke(7)
    const last = async (options: object) =>
      as(place, "auditor", async () => (await verdictOf(place, { publicKey, ...options })).notProven.at(-1))
    const doubt = "that the log's operator wrote entries 7 to 8: a key that was declared stolen has signed them"
    expect(await last({ against: kept })).toContain(`${doubt}. Of the 7 before, the first 3 are those of a checkpoint`)
    await as(place, "auditor", async () => fs.rmSync(process.env["SECUREML_STATE_DIR"]!, { recursive: true }))
    expect(await last({})).toContain(`${doubt}. Of the 7 before, the first 0 are`)
    expect(await last({})).toContain(`${doubt}. The 7 before are those of a checkpoint`)
  })

  test("it ends a rotation that is open: both of its keys sign no more", async () => {
    await logSome(place)
    const old = await vkeyOf(place)
    const { verifierKey: second } = await rotate()
    const { verifierKey: third, formerKeys } = await revoke(0)
    expect(formerKeys).toEqual([second, old])
    expect(linesOf(headOf(place).note)).toBe(1)
    expect((await verifyCheckpoint(headOf(place).note, third)).treeSize).toBe(5)
    expect(fs.readdirSync(`${place.stateDir}/keys`)).toHaveLength(1)
    await logSome(place)
    expect((await verdictOf(place)).verdict).toBe("intact")
  })

  test("an index beyond what is sealed, or no reason, changes nothing", async () => {
    await logSome(place)
    const before = fs.readFileSync(`${place.logDir}/.state/log.json`, "utf8")
    await expect(revoke(4)).rejects.toThrow(RangeError)
    expect(() => revokeKey({ logDir: place.logDir, fromIndex: 0, reason: " " })).toThrow(TypeError)
    expect(fs.readFileSync(`${place.logDir}/.state/log.json`, "utf8")).toBe(before)
    expect(await revoke(3)).toMatchObject({ kind: "revoke" })
    expect((await verdictOf(place)).findings[0]!.message).toContain("no entry was sealed since")
  })
})
