import { execFileSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { initLog } from "../../src/capture/index.ts"
import { formatLine } from "../../src/store/index.ts"
import { restart, usePlace } from "../place.ts"

const place = usePlace()

async function log(name: string, ...texts: string[]): Promise<void> {
  const audit = new AuditTrail(name, { logDir: place.logDir })
  for (const text of texts) audit.logEvent("step", { text })
  await audit.close()
}

const verdict = async (publicKey?: string) =>
  (await verifyAuditLog({ logDir: place.logDir, ...(publicKey === undefined ? {} : { publicKey }) })).verdict
const vkey = (): string => fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
const modeOf = (path: string): string => (fs.lstatSync(path).mode & 0o7777).toString(8)

describe("links and files in the way", () => {
  test.each([".state", "tile", "checkpoint", "vkey"])(
    "a symbolic link in place of %s is not followed",
    async (name) => {
      const outside = `${place.directory}/outside`
      await log("before", "one")
      await restart(place)
      fs.renameSync(`${place.logDir}/${name}`, outside)
      fs.symlinkSync(outside, `${place.logDir}/${name}`)
      const before = fs.statSync(outside).mtimeMs
      const { verdict } = await verifyAuditLog({ logDir: place.logDir })
      expect(verdict).toBe("corrupt")
      // Sealing reads no vkey; everything else it would have to follow.
      if (name !== "vkey")
        await expect(log("after", "two")).rejects.toThrow(expect.objectContaining({ code: "UNSAFE_PATH" }))
      expect(fs.statSync(outside).mtimeMs).toBe(before)
    },
  )

  test("a text log is not written through a symbolic link", async () => {
    await log("before", "one")
    const audit = new AuditTrail("linked", { logDir: place.logDir })
    const victim = `${place.directory}/victim`
    fs.writeFileSync(victim, "as it was")
    fs.symlinkSync(victim, `${place.logDir}/linked_${audit.operationId}.log`)
    expect(() => audit.setupFileLogging()).toThrow(expect.objectContaining({ code: "UNSAFE_PATH" }))
    expect(fs.readFileSync(victim, "utf8")).toBe("as it was")
    await audit.close()
  })

  test.each([
    ["a directory", (path: string) => fs.mkdirSync(path)],
    ["a pipe that nobody reads", (path: string) => execFileSync("mkfifo", [path])],
  ])("%s in the place of a text log is refused, at once", (_, put) => {
    const audit = new AuditTrail("odd", { logDir: place.logDir })
    put(`${place.logDir}/odd_${audit.operationId}.log`)
    expect(() => audit.setupFileLogging()).toThrow(expect.objectContaining({ code: "UNSAFE_PATH" }))
  })
})

describe("who can read and write", () => {
  test.skipIf(process.platform === "win32")("a signing key that others can read is not used", async () => {
    await log("before", "one")
    await restart(place)
    const keys = `${place.stateDir}/keys`
    fs.chmodSync(`${keys}/${fs.readdirSync(keys)[0]}`, 0o640)
    await expect(log("after", "two")).rejects.toThrow(expect.objectContaining({ code: "KEY_FILE_INSECURE" }))
    expect(await getAuditLogs({ logDir: place.logDir, operationName: "after" })).toHaveLength(3)
  })

  test.skipIf(process.platform === "win32")("one group is let in, others never, whatever the umask", async () => {
    const umask = process.umask(0)
    try {
      await initLog({ logDir: place.logDir, group: String(process.getgid!()) })
      await log("shared", "one")
    } finally {
      process.umask(umask)
    }
    for (const name of ["", ...fs.readdirSync(place.logDir, { recursive: true, encoding: "utf8" })]) {
      const path = `${place.logDir}/${name}`
      expect([name, modeOf(path)]).toEqual([name, fs.statSync(path).isDirectory() ? "2770" : "660"])
    }
    expect(modeOf(place.stateDir)).toBe("700")
  })

  test("the private key is in the state directory and nowhere in the log directory", async () => {
    await log("work", "one")
    const files = fs.readdirSync(place.logDir, { recursive: true, encoding: "utf8" })
    const texts = files.map((name) => `${place.logDir}/${name}`).filter((path) => fs.statSync(path).isFile())
    const [key = ""] = fs
      .readdirSync(`${place.stateDir}/keys`)
      .map((name) => fs.readFileSync(`${place.stateDir}/keys/${name}`, "utf8"))
    expect(key).toMatch(/^PRIVATE\+KEY\+/)
    const seed = key.trim().split("+").slice(4).join("+")
    for (const path of texts) expect(fs.readFileSync(path, "latin1")).not.toContain(seed)
  })
})

describe("what a reader sees", () => {
  test("the text log escapes what a terminal would obey, one line an event", async () => {
    const audit = new AuditTrail("hostile\u202e", { logDir: place.logDir, fileLogging: true })
    audit.logEvent("note", { text: "a\u001b[31mb\nc\u009b1md\u202ee\u2028f\u200bg\u0000h" })
    await audit.close()
    const name = fs.readdirSync(place.logDir).find((file) => file.endsWith(".log"))!
    const text = fs.readFileSync(`${place.logDir}/${name}`, "utf8")
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069]/)
    expect(text.trimEnd().split("\n")).toHaveLength(3)
    expect(name).not.toMatch(/\u202e/)
  })
})

describe("what is not detected", () => {
  test("a line that somebody writes into a journal before it is sealed counts as recorded", async () => {
    await log("honest", "one")
    const [record] = await getAuditLogs({ logDir: place.logDir })
    const { index: _, sealed: __, ...entry } = record!
    const id = randomUUID()
    const forged = { ...entry, operation_id: randomUUID(), operation_name: "forged", writer: { id, seq: 0 } }
    fs.writeFileSync(`${place.logDir}/.state/journal/${id}.0`, formatLine(0, JSON.stringify(forged)))
    await log("honest", "two")
    expect(await getAuditLogs({ logDir: place.logDir, operationName: "forged" })).toHaveLength(1)
    expect(await verdict()).toBe("intact")
  })

  test("a key holder who rewrites everything is not detected where nothing was kept outside, and is where something was", async () => {
    const keyFile = `${place.directory}/key`
    process.env["SECUREML_SIGNING_KEY_FILE"] = keyFile
    try {
      await log("real", "the truth")
      const [publicKey, kept] = [vkey(), fs.readFileSync(`${place.logDir}/checkpoint`, "utf8")]
      await restart(place)
      fs.rmSync(place.logDir, { recursive: true })
      fs.rmSync(place.stateDir, { recursive: true })
      await log("invented", "another truth")
      process.env["SECUREML_STATE_DIR"] = `${place.directory}/auditor`
      delete process.env["SECUREML_SIGNING_KEY_FILE"]
      expect(await verdict(publicKey)).toBe("intact")
      expect((await verifyAuditLog({ logDir: place.logDir, publicKey, against: kept })).verdict).toBe("rewritten")
    } finally {
      delete process.env["SECUREML_SIGNING_KEY_FILE"]
    }
  })

  test("a secret that has no known shape and no telling name is stored", async () => {
    await log("work", "the gate code is 4711-blue")
    expect(JSON.stringify(await getAuditLogs({ logDir: place.logDir }))).toContain("4711-blue")
  })
})
