import * as fs from "node:fs"
import { setTimeout as wait } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { type AuditRecord, AuditTrail, getAuditLogs } from "../../src/audit.ts"
import { restart } from "../place.ts"
import { cutHole, trainingLog } from "./logs.ts"
import { ended, useCli } from "./run.ts"

const { place, run, audit, start } = useCli()

/** Waits until a condition holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 400) throw new Error("it never came to pass")
    await wait(25)
  }
}

describe("init", () => {
  test("sets a log up, once", async () => {
    const first = await audit("init", "--json")
    const made = JSON.parse(first.stdout) as Record<string, unknown>
    expect(made).toEqual({
      logDir: place.logDir,
      origin: expect.stringMatching(/^secureml\.local\//),
      verifierKey: expect.any(String),
      created: true,
    })
    const again = JSON.parse((await audit("init", "--json")).stdout)
    expect(again).toEqual({ ...made, created: false })
    expect(fs.statSync(place.logDir).mode & 0o777).toBe(0o700)
    expect(await audit("verify")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^intact: the log is empty/) })
  })

  test("names the log and its key for people", async () => {
    const { stdout, stderr } = await audit("init")
    expect(stdout).toMatch(/^log +\S+\norigin +\S+\nverifier key +\S+\n$/)
    expect(stderr).toContain("set up")
  })
})

describe("key", () => {
  test("shows the public key, where the private one is, and never the private one itself", async () => {
    await trainingLog(place.logDir)
    const vkey = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    const key = JSON.parse((await audit("key", "--json")).stdout) as {
      here: boolean
      keyFile: string
      verifierKey: string
    }
    expect(key).toMatchObject({ verifierKey: vkey, here: true, origin: vkey.split("+")[0] })
    // PRIVATE+KEY+name+id+base64, and base64 may hold a "+" itself.
    const secret = fs.readFileSync(key.keyFile, "utf8").trim().split("+").slice(4).join("+")
    expect(secret.length).toBeGreaterThan(40)
    for (const args of [["key"], ["key", "--json"], ["init"], ["verify"]]) {
      const { stdout, stderr } = await audit(...args)
      expect(`${stdout}${stderr}`).not.toContain(secret)
    }
  })

  test("says when the private key is not here", async () => {
    await trainingLog(place.logDir)
    const env = { SECUREML_STATE_DIR: `${place.directory}/other` }
    const { stdout } = await run(["audit", "key"], { env })
    expect(stdout).toMatch(/signing key +not here/)
    const sealed = await run(["audit", "seal"], { env })
    expect(sealed).toMatchObject({ code: 1, stderr: expect.stringContaining("[SEALING_UNAVAILABLE]") })
  })
})

describe("seal", () => {
  test("seals what another process recorded, and says how much", async () => {
    new AuditTrail("open", { logDir: place.logDir }).logEvent("step", {})
    const { code, stdout } = await audit("seal")
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^sealed 2 entries of secureml\.local\//),
    })
    const checkpoint = JSON.parse((await audit("seal", "--json")).stdout)
    expect(checkpoint).toMatchObject({ treeSize: 2, note: fs.readFileSync(`${place.logDir}/checkpoint`, "utf8") })
  })

  test.each(["SIGINT", "SIGTERM"] as const)("--watch goes on until %s and ends with 0", async (signal) => {
    await trainingLog(place.logDir)
    await restart(place)
    const child = start("seal", "--watch", "--json")
    let said = ""
    child.stdout!.on("data", (data) => (said += data))
    const end = ended(child)
    await until(() => said.includes("\n"))
    const trail = new AuditTrail("late", { logDir: place.logDir })
    trail.logEvent("step", {})
    await until(() => said.includes('"treeSize":11'))
    child.kill(signal)
    expect(await end).toMatchObject({ code: 0, stderr: "" })
    expect(said.split("\n").filter((line) => line.includes('"treeSize":9'))).toHaveLength(1)
  })
})

describe("tail", () => {
  test("shows the newest records, unsealed ones included", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    new AuditTrail("open", { logDir: place.logDir })
    await restart(place)
    const { stdout } = await audit("tail", "-n", "3", "--json")
    const found = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditRecord)
    expect(found.map(({ index, event_type }) => [index, event_type])).toEqual([
      [7, "error"],
      [8, "audit_closed"],
      [null, "audit_started"],
    ])
    expect((await audit("tail", "-n", "0")).stdout).toBe("")
  })

  const filtered: readonly (readonly [string, readonly (number | null)[]])[] = [
    ["--event-type data_access", [1]],
    ["--operation-name open", [null]],
    ["--user ds1 -n 2", [7, 8]],
    ["--dataset-name patients -n 1", [2]],
    ["--regulation hipaa", [4]],
    ["--event-type audit_started", [0, null]],
    ["--since 1h -n 2", [8, null]],
    ["--end-time 2020-01-01", []],
    ["--text 山田", [6]],
  ]
  test.each(filtered)("the newest that match %s", async (flags, expected) => {
    await trainingLog(place.logDir)
    await restart(place)
    new AuditTrail("open", { logDir: place.logDir })
    await restart(place)
    const { code, stdout } = await audit("tail", "--json", ...flags.split(" "))
    const found = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as AuditRecord]))
    expect({ code, indexes: found.map(({ index }) => index) }).toEqual({ code: 0, indexes: expected })
  })

  test("-f prints what another process records, each record once, and ends with 0 on SIGINT", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const child = start("tail", "-f", "-n", "1", "--json")
    let said = ""
    child.stdout!.on("data", (data) => {
      said += data
    })
    const end = ended(child)
    await until(() => said.includes("audit_closed"))
    const trail = new AuditTrail("live", { logDir: place.logDir })
    for (let n = 0; n < 3; n++) trail.logEvent("step", { n })
    await restart(place)
    await until(() => said.includes('"n":2'))
    expect(said.split("\n").filter((line) => line.includes('"sealed":false'))).toHaveLength(4)
    expect((await audit("seal")).code).toBe(0)
    await trainingLog(place.logDir)
    await until(() => said.split("audit_closed").length > 2)
    child.kill("SIGINT")
    expect(await end).toMatchObject({ code: 0, stderr: "" })
    const ids = said
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as AuditRecord).event_id)
    expect(ids).toEqual((await getAuditLogs({ logDir: place.logDir })).slice(8).map(({ event_id }) => event_id))
  })

  test("-f ends quietly when its reader leaves", async () => {
    await trainingLog(place.logDir)
    const child = start("tail", "-f", "-n", "1")
    child.stdout!.once("data", () => child.stdout!.destroy())
    const end = new Promise((resolve) => child.on("exit", (code) => resolve(code)))
    await wait(700)
    const trail = new AuditTrail("live", { logDir: place.logDir })
    await wait(500)
    await trail.close()
    expect(await end).toBe(0)
  })
})

describe("recover", () => {
  test("explains a hole, with the reason on record", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    await cutHole(place.logDir)
    expect((await audit("verify")).code).toBe(11)
    const { code, stdout, stderr } = await audit("recover", "--reason", "a disk failed")
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^recovered +explained\n/) })
    expect(stderr).toContain("audit_recovered")
    expect((await audit("verify")).code).toBe(0)
    expect((await audit("list", "--event-type", "audit_recovered")).stdout).toContain("a disk failed")
  })

  test("a rolled back log goes on in a successor", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    fs.cpSync(place.logDir, `${place.directory}/backup`, { recursive: true })
    await trainingLog(place.logDir)
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    fs.renameSync(`${place.directory}/backup`, place.logDir)
    const stuck = await audit("seal")
    expect(stuck).toMatchObject({ code: 1, stderr: expect.stringContaining("[LOG_ROLLED_BACK]") })
    const report = JSON.parse((await audit("recover", "--reason", "restored a backup", "--json")).stdout)
    expect(report).toMatchObject({ kind: "successor", predecessor: expect.stringContaining(place.logDir) })
    expect((await audit("verify", "--forget")).code).toBe(0)
  })

  test("where nothing is wrong nothing is done", async () => {
    const { note } = await trainingLog(place.logDir)
    const done = await audit("recover", "--reason", "to be sure")
    expect(done).toMatchObject({ code: 1, stderr: expect.stringContaining("[NOTHING_TO_RECOVER]") })
    expect(fs.readFileSync(`${place.logDir}/checkpoint`, "utf8")).toBe(note)
  })
})
