import * as fs from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, test } from "vitest"
import {
  AuditTrail,
  eraseSubject,
  getAuditLogs,
  liftRestriction,
  personal,
  restrictSubject,
  subjectReport,
  verifyAuditLog,
} from "../src/audit.ts"
import { describeKey, exportKeys, finishRotation, importKeys, rotateKey, sealLog } from "../src/capture/index.ts"
import { as, headOf, logSome, signingKeyOf } from "./keys-of-a-log.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const file = (name = "log.keys"): string => join(place.directory, name)
const take = (vault = false, to = file()) => exportKeys({ logDir: place.logDir, file: to, vault })
const bring = (vault = false, from = file()) => importKeys({ logDir: place.logDir, file: from, vault })
const refused = (code: string) => expect.objectContaining({ code })

afterEach(() => {
  delete process.env["SECUREML_VAULT_KEY_FILE"]
})

/** Two persons with a value each. */
async function logPersons(): Promise<void> {
  const audit = new AuditTrail("claims", { logDir: place.logDir })
  for (const subject of ["p-1", "p-2"]) audit.logEvent("claim", { who: personal(`value of ${subject}`, { subject }) })
  await audit.close()
  await restart(place)
}

const vaults = (): string => join(place.stateDir, "vaults")
const vaultOf = (state = place.stateDir): string => join(state, "vaults", fs.readdirSync(join(state, "vaults"))[0]!)
const valuesOf = async (subject: string): Promise<number> =>
  (await subjectReport({ logDir: place.logDir, subject })).values
const erase = (subject: string) => eraseSubject({ logDir: place.logDir, subject, reason: "other" })

/** Bytes of all records in a vault. */
function records(state = place.stateDir): string {
  const keys = join(vaultOf(state), "keys")
  return fs
    .readdirSync(keys)
    .map((name) => fs.readFileSync(join(keys, name), "latin1"))
    .join("")
}

describe("a copy of the signing key", () => {
  test("is 0600, recorded without anything secret, and lets another user seal", async () => {
    await logSome(place)
    const secret = signingKeyOf(place).split("+").slice(4).join("+")
    const { verifierKey } = await describeKey({ logDir: place.logDir })
    expect(await take()).toEqual({ file: file(), origin: headOf(place).origin, keys: [verifierKey] })
    expect(fs.statSync(file()).mode & 0o777).toBe(0o600)
    expect(fs.readFileSync(file(), "utf8")).toContain(secret)
    await as(place, "other", async () => {
      await expect(sealLog({ logDir: place.logDir })).rejects.toThrow(refused("SEALING_UNAVAILABLE"))
      await restart(place)
      expect(await bring()).toMatchObject({ verifierKey, newKey: true })
      expect(await bring()).toMatchObject({ newKey: false })
      expect(fs.statSync(`${place.directory}/other/keys`).mode & 0o777).toBe(0o700)
      expect((await sealLog({ logDir: place.logDir })).treeSize).toBe(6)
    })
    const told = await getAuditLogs({ logDir: place.logDir, operationName: "audit_key" })
    expect(told.map(({ event_type, details }) => [event_type, details])).toEqual([
      ["key_exported", { what: "signing_key", keys: [verifierKey] }],
      ["key_imported", { what: "signing_key", keys: [verifierKey] }],
      ["key_imported", { what: "signing_key", keys: [verifierKey] }],
    ])
    expect(JSON.stringify(await getAuditLogs({ logDir: place.logDir }))).not.toContain(secret)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })

  test("never takes the place of a file, nor lies in the log; then nothing is recorded", async () => {
    await logSome(place)
    fs.writeFileSync(file(), "mine")
    await expect(take()).rejects.toThrow(RangeError)
    fs.symlinkSync(file("nowhere"), file("link"))
    await expect(take(false, file("link"))).rejects.toThrow(RangeError)
    await expect(take(false, join(place.logDir, "log.keys"))).rejects.toThrow(RangeError)
    await expect(take(false, file("not/there"))).rejects.toThrow(RangeError)
    expect([fs.readFileSync(file(), "utf8"), fs.existsSync(file("nowhere"))]).toEqual(["mine", false])
    expect(await getAuditLogs({ logDir: place.logDir, operationName: "audit_key" })).toEqual([])
  })

  test("is there only once its record is durable", async () => {
    await logSome(place)
    await restart(place)
    const journal = `${place.logDir}/.state/journal`
    fs.rmSync(journal, { recursive: true })
    fs.writeFileSync(journal, "")
    await expect(take()).rejects.toThrow()
    expect(fs.existsSync(file())).toBe(false)
  })

  test("of another log, or of a key that the log no longer has, is refused and changes nothing", async () => {
    await logSome(place)
    await take()
    await rotateKey({ logDir: place.logDir })
    await take(false, file("during"))
    await finishRotation({ logDir: place.logDir })
    await as(place, "other", async () => {
      await expect(bring()).rejects.toThrow(refused("KEY_NOT_OF_LOG"))
      expect(await bring(false, file("during"))).toMatchObject({ newKey: true })
    })
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    await as(place, "third", async () => {
      await logSome(place)
      const key = signingKeyOf(place)
      await expect(bring(false, file("during"))).rejects.toThrow(refused("KEY_NOT_OF_LOG"))
      expect(signingKeyOf(place)).toBe(key)
    })
    expect(await getAuditLogs({ logDir: place.logDir, operationName: "audit_key" })).toEqual([])
  })

  test("while a key takes over both come along", async () => {
    await logSome(place)
    await rotateKey({ logDir: place.logDir })
    expect((await take()).keys).toHaveLength(2)
    await as(place, "other", async () => {
      await bring()
      await sealLog({ logDir: place.logDir })
      expect(headOf(place).note.split("\n— ")).toHaveLength(3)
      await finishRotation({ logDir: place.logDir })
    })
  })

  test("that others can read, is cut off anywhere or is changed is refused", async () => {
    await logPersons()
    await take(true)
    const whole = fs.readFileSync(file(), "utf8")
    fs.chmodSync(file(), 0o640)
    await expect(bring()).rejects.toThrow(refused("KEY_FILE_INSECURE"))
    const write = (text: string) => fs.writeFileSync(file("cut"), text, { mode: 0o600 })
    const cuts = Array.from({ length: 40 }, (_, n) => Math.floor((whole.length * n) / 40))
    for (const length of [...cuts, whole.length - 1, whole.lastIndexOf("{")]) {
      write(whole.slice(0, length))
      await expect(bring(true, file("cut")), `${length} characters`).rejects.toThrow(refused("KEY_COPY_MALFORMED"))
    }
    for (const [from, to] of [
      ['"v":1', '"v":2'],
      ["secureml-keys", "other-keys"],
      ['"vault":"', '"vault":"../'],
      ['"shard":"', '"shard":"../'],
      ['"records":"', '"records":"!'],
    ] as const) {
      write(whole.replace(from, to))
      await expect(bring(true, file("cut")), to).rejects.toThrow(refused("KEY_COPY_MALFORMED"))
    }
    expect(await getAuditLogs({ logDir: place.logDir, eventType: "key_imported" })).toEqual([])
  })
})

describe("a copy of the vault", () => {
  test("brings the values of persons back where the vault was lost, and says how many keys", async () => {
    await logPersons()
    expect(await take(true)).toMatchObject({ persons: 2, rootKey: true })
    fs.rmSync(vaults(), { recursive: true })
    await expect(subjectReport({ logDir: place.logDir, subject: "p-1" })).rejects.toThrow(refused("VAULT_MISSING"))
    await restart(place)
    expect(await bring(true)).toMatchObject({ persons: { added: 2, erased: 0 } })
    expect([await valuesOf("p-1"), await valuesOf("p-2")]).toEqual([1, 1])
    expect(await bring(true)).toMatchObject({ persons: { added: 0, erased: 0 } })
    const [told] = await getAuditLogs({ logDir: place.logDir, eventType: "key_exported" })
    expect(told!.details).toMatchObject({ what: "signing_key_and_vault", persons: 2, root_key: true })
    for (const name of fs.readdirSync(vaultOf(), { recursive: true, withFileTypes: true }))
      if (name.isFile()) expect(fs.statSync(join(name.parentPath, name.name)).mode & 0o777).toBe(0o600)
    expect((await verifyAuditLog({ logDir: place.logDir })).personalValues).toMatchObject({ present: 2 })
  })

  test.each([
    ["into the vault that erased them", () => undefined],
    ["into an empty state directory", () => fs.rmSync(vaults(), { recursive: true })],
  ])("brings nobody back who was erased since: %s", async (_, lose) => {
    await logPersons()
    await take(true)
    const before = records()
    await erase("p-1")
    await restart(place)
    lose()
    expect(await bring(true)).toMatchObject({ persons: { erased: 1 } })
    expect(await valuesOf("p-2")).toBe(1)
    expect(await valuesOf("p-1")).toBe(0)
    const kept = records()
    const whole = before.match(/SMK1[\s\S]{124}/g)!
    expect(whole.filter((record) => kept.includes(record))).toHaveLength(1)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("unsealed_tail")
  })

  test("has each key once, with the marks that it has now", async () => {
    await logPersons()
    const person = { logDir: place.logDir, subject: "p-1" }
    await restrictSubject({ ...person, ground: "other" })
    await liftRestriction({ ...person, reason: "other" })
    await restrictSubject({ ...person, ground: "other" })
    expect(await take(true)).toMatchObject({ persons: 2 })
    await restart(place)
    fs.rmSync(vaults(), { recursive: true })
    expect(await bring(true)).toMatchObject({ persons: { added: 2, erased: 0 } })
    const again = new AuditTrail("again", { logDir: place.logDir })
    again.logEvent("claim", { who: personal("later", { subject: "p-1" }) })
    await again.close()
    const states = (await getAuditLogs({ logDir: place.logDir, eventType: "claim" })).map(
      ({ details }) => details["who"],
    )
    expect(states).toMatchObject([{ state: "restricted" }, "value of p-2", { state: "restricted" }])
  })

  test("takes an erasure along that the log and the vault do not know, both being restored from before", async () => {
    await logPersons()
    for (const name of ["log", "state"])
      fs.cpSync(join(place.directory, name), join(place.directory, `${name}-before`), { recursive: true })
    await erase("p-1")
    await take(true)
    await restart(place)
    const copied = fs.readFileSync(file(), "utf8")
    expect(copied.match(/"destroyed":\["[\w-]{22}"\]/)).not.toBeNull()
    fs.rmSync(join(place.stateDir, "vaults"), { recursive: true })
    fs.cpSync(join(place.directory, "state-before/vaults"), vaults(), { recursive: true })
    fs.rmSync(join(place.logDir, ".state/erasures"), { recursive: true })
    fs.cpSync(join(place.directory, "log-before/.state/payloads.sqlite"), join(place.logDir, ".state/payloads.sqlite"))
    expect(await valuesOf("p-1")).toBe(1)
    await restart(place)
    await bring(true)
    expect(await valuesOf("p-1")).toBe(0)
    expect(records()).toContain("SMK1")
    expect(records().match(/SMK1/g)).toHaveLength(1)
  })

  test("brings nobody back whom only its own list of destroyed keys names", async () => {
    await logPersons()
    await take(true)
    const lines = fs.readFileSync(file(), "utf8").split("\n")
    const [id] = /"records":"([^"]+)"/
      .exec(lines[2]!)!
      .slice(1)
      .map((text) => Buffer.from(text, "base64"))
    const destroyed = `"destroyed":["${id!.toString("base64url", 4, 20)}"]`
    fs.writeFileSync(file(), lines.join("\n").replace(/"destroyed":\[\]/, destroyed))
    fs.rmSync(vaults(), { recursive: true })
    await restart(place)
    expect(await bring(true)).toMatchObject({ persons: { added: 1, erased: 1 } })
    expect((await valuesOf("p-1")) + (await valuesOf("p-2"))).toBe(1)
  })

  test("of another log is refused, and so is a copy that has none", async () => {
    await logPersons()
    await take()
    await expect(bring(true)).rejects.toThrow(refused("KEY_NOT_OF_LOG"))
    await take(true, file("with"))
    const text = fs.readFileSync(file("with"), "utf8")
    fs.writeFileSync(file("foreign"), text.replace(/"vault":"[0-9a-f]{32}"/, `"vault":"${"0".repeat(32)}"`), {
      mode: 0o600,
    })
    await expect(bring(true, file("foreign"))).rejects.toThrow(refused("KEY_NOT_OF_LOG"))
    fs.writeFileSync(file("rooted"), text.replace(/"root_key":"[0-9a-f]{64}"/, `"root_key":"${"0".repeat(64)}"`), {
      mode: 0o600,
    })
    await expect(bring(true, file("rooted"))).rejects.toThrow(refused("VAULT_KEY_WRONG"))
    expect(fs.readdirSync(vaults())).toHaveLength(1)
  })
})

describe("a root key that is kept elsewhere", () => {
  const rootFile = (name = "root.key", text = "7".repeat(64)): string => {
    fs.writeFileSync(file(name), `${text}\n`, { mode: 0o600 })
    return file(name)
  }

  test("is in no vault made with it, and in no copy", async () => {
    process.env["SECUREML_VAULT_KEY_FILE"] = rootFile()
    await logPersons()
    expect(fs.readdirSync(vaultOf()).sort()).toEqual(["destroyed", "keys", "root.check"])
    expect(await take(true)).toMatchObject({ persons: 2, rootKey: false })
    expect(fs.readFileSync(file(), "utf8")).not.toContain("7".repeat(64))
    fs.rmSync(vaults(), { recursive: true })
    await restart(place)
    delete process.env["SECUREML_VAULT_KEY_FILE"]
    await expect(bring(true)).rejects.toThrow(refused("VAULT_MISSING"))
    process.env["SECUREML_VAULT_KEY_FILE"] = file("root.key")
    expect(await bring(true)).toMatchObject({ persons: { added: 2 } })
    expect(fs.readdirSync(vaultOf()).sort()).toEqual(["destroyed", "keys", "root.check"])
    expect(await valuesOf("p-1")).toBe(1)
  })

  test("can be taken out of a vault, which is then useless without it", async () => {
    await logPersons()
    fs.renameSync(join(vaultOf(), "root.key"), file("root.key"))
    const audit = new AuditTrail("claims", { logDir: place.logDir })
    const record = () => audit.logEvent("claim", { who: personal("x", { subject: "p-3" }) })
    expect(record).toThrow(/has no root key: name the file that holds it in SECUREML_VAULT_KEY_FILE/)
    await audit.close()
    await restart(place)
    process.env["SECUREML_VAULT_KEY_FILE"] = file("root.key")
    expect(await valuesOf("p-1")).toBe(1)
    process.env["SECUREML_VAULT_KEY_FILE"] = file("not-there")
    await restart(place)
    await expect(subjectReport({ logDir: place.logDir, subject: "p-1" })).rejects.toThrow(
      /not-there, which .* is not there/,
    )
  })

  test("that is another one is refused: nobody gets a second key under it, and sealing goes on", async () => {
    await logPersons()
    const before = records()
    process.env["SECUREML_VAULT_KEY_FILE"] = rootFile("wrong")
    const audit = new AuditTrail("claims", { logDir: place.logDir })
    const record = () => audit.logEvent("claim", { who: personal("x", { subject: "p-1" }) })
    expect(record).toThrow(refused("VAULT_KEY_WRONG"))
    await expect(erase("p-1")).rejects.toThrow(refused("VAULT_KEY_WRONG"))
    audit.logEvent("plain", {})
    expect((await audit.close())!.treeSize).toBeGreaterThan(4)
    expect(records()).toBe(before)
    const [claim] = await getAuditLogs({ logDir: place.logDir, eventType: "claim" })
    expect(JSON.stringify(claim)).toContain("withheld")
    process.env["SECUREML_VAULT_KEY_FILE"] = rootFile("text", "no key")
    await restart(place)
    await expect(erase("p-1")).rejects.toThrow(refused("STATE_DIRECTORY_DAMAGED"))
    fs.chmodSync(rootFile("open"), 0o644)
    process.env["SECUREML_VAULT_KEY_FILE"] = file("open")
    await expect(erase("p-1")).rejects.toThrow(refused("KEY_FILE_INSECURE"))
  })
})
