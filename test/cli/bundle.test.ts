import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { type AuditRecord, AuditTrail, getAuditLogs } from "../../src/audit.ts"
import type { BundleReport } from "../../src/cli/verify-bundle.ts"
import { verifyEvidenceBundle, verifyProof } from "../../src/verify.ts"
import { restart } from "../place.ts"
import { FORBIDDEN, trainingLog } from "./logs.ts"
import { ended, type Run, useCli } from "./run.ts"

const { place, run, audit, start } = useCli()

const FILES = ["checkpoint", "entries.jsonl", "manifest.json", "proofs.jsonl", "vkey"]
const bundle = (): string => `${place.directory}/evidence`
const vkeyFile = (): string => `${place.directory}/log.vkey`
const namesHere = (): string[] => fs.readdirSync(place.directory).sort()
const exports = (): Promise<AuditRecord[]> =>
  getAuditLogs<string>({ logDir: place.logDir, eventType: "audit_exported" })

/** A bundle of the records of a training run that match, and the log's key beside it. */
async function made(...flags: readonly string[]): Promise<Run> {
  await trainingLog(place.logDir)
  await restart(place)
  fs.copyFileSync(`${place.logDir}/vkey`, vkeyFile())
  return audit("export", "--bundle", bundle(), ...flags)
}

/** What somebody finds who has the bundle, and neither the log nor this user's keys. */
async function elsewhere(
  ...flags: readonly string[]
): Promise<Omit<BundleReport, "findings"> & { code: number; found: string[] }> {
  const env = { SECUREML_STATE_DIR: `${place.directory}/stranger`, SECUREML_AUDIT_DIR: `${place.directory}/none` }
  const { code, stdout, stderr } = await run(["audit", "verify", "--bundle", bundle(), "--json", ...flags], { env })
  expect(stderr).toBe("")
  const { findings, ...report } = JSON.parse(stdout) as BundleReport
  return { ...report, code: code ?? -1, found: findings.map(({ code: name }) => name) }
}

const pinned = (): string[] => ["--public-key", `@${vkeyFile()}`]

describe("export --bundle", () => {
  test("what matches verifies without the log, by the log's key", async () => {
    expect(await made("--dataset-name", "patients")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("verify --bundle"),
    })
    expect(fs.readdirSync(bundle()).sort()).toEqual(FILES)
    fs.renameSync(place.logDir, `${place.directory}/away`)
    expect(await elsewhere(...pinned())).toMatchObject({
      code: 0,
      verdict: "intact",
      found: [],
      treeSize: 9,
      entries: 2,
      firstIndex: 1,
      lastIndex: 2,
      keySource: "argument",
    })
  })

  test("secureml/verify alone accepts it, and the entries are those of the log", async () => {
    await made("--text", "patients")
    const files = Object.fromEntries(FILES.map((name) => [name, fs.readFileSync(`${bundle()}/${name}`)]))
    const { entries } = await verifyEvidenceBundle(files, fs.readFileSync(vkeyFile(), "utf8").trim())
    const records = await getAuditLogs({ logDir: place.logDir, text: "patients" })
    expect(
      entries.map(({ index, bytes }) => ({ ...JSON.parse(Buffer.from(bytes).toString()), index, sealed: true })),
    ).toEqual(records)
  })

  test("tools for C2SP logs take a proof put together from its lines, and sha256sum its files", async () => {
    await made("--dataset-name", "patients")
    const text = (name: string): string => fs.readFileSync(`${bundle()}/${name}`, "utf8")
    const { index, hashes } = JSON.parse(text("proofs.jsonl").split("\n")[1]!) as { index: number; hashes: string[] }
    const proof = `${["c2sp.org/tlog-proof@v1", `index ${index}`, ...hashes].join("\n")}\n\n${text("checkpoint")}`
    const entry = text("entries.jsonl").split("\n")[1]!
    expect(await verifyProof(proof, entry, fs.readFileSync(vkeyFile(), "utf8").trim())).toMatchObject({ index: 2 })
    const { files } = JSON.parse(text("manifest.json")) as { files: Record<string, { bytes: number; sha256: string }> }
    for (const [name, { bytes, sha256 }] of Object.entries(files)) {
      const found = [Buffer.byteLength(text(name)), createHash("sha256").update(text(name)).digest("hex")]
      expect([name, bytes, sha256]).toEqual([name, ...found])
    }
  })

  test("one event, by its id or its index; the event of the export names it by its id", async () => {
    await made("--event-id", "3", "--json")
    const { event_id } = (await getAuditLogs({ logDir: place.logDir }))[3]!
    expect(await elsewhere(...pinned())).toMatchObject({ verdict: "intact", entries: 1, firstIndex: 3 })
    fs.rmSync(bundle(), { recursive: true })
    const { code, stdout } = await audit("export", "--bundle", bundle(), "--event-id", event_id, "--json")
    expect({ code, told: JSON.parse(stdout) }).toMatchObject({
      code: 0,
      told: { bundle: bundle(), records: 1, unsealed: 0, lastIndex: 3, files: { "manifest.json": {} } },
    })
    expect((await exports()).map(({ details }) => details)).toEqual(
      [1, 2].map(() => ({ format: "bundle", event_id, records: 1, unsealed: 0, last_index: 3, complete: true })),
    )
  })

  test("is for this user alone, and its event names no person", async () => {
    await made("--user", "ds2", "--event-type", "data_access")
    const modes = [bundle(), ...FILES.map((name) => `${bundle()}/${name}`)].map(
      (path) => fs.statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o700, ...FILES.map(() => 0o600)])
    expect((await exports())[0]!.details).toEqual({
      format: "bundle",
      filters: { user: ["given"], event_type: ["data_access"] },
      records: 1,
      unsealed: 0,
      last_index: 1,
      complete: true,
    })
  })

  test("carries commitments in place of values that are kept beside the log", async () => {
    const secret = "blood group AB negative "
    const trail = new AuditTrail("kept", { logDir: place.logDir, keepLarge: true })
    trail.logEvent("scan", { report: secret.repeat(4_000) })
    await trail.close()
    await restart(place)
    expect((await audit("export", "--bundle", bundle())).code).toBe(0)
    const entries = fs.readFileSync(`${bundle()}/entries.jsonl`, "utf8")
    expect(entries).toContain('"commitment"')
    expect(FILES.filter((name) => fs.readFileSync(`${bundle()}/${name}`, "utf8").includes(secret))).toEqual([])
  })

  test("leaves out what is not sealed yet, and says so", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/keyless`
    new AuditTrail("model_training", { logDir: place.logDir })
    await restart(place)
    process.env["SECUREML_STATE_DIR"] = place.stateDir
    const { code, stderr } = await audit("export", "--bundle", bundle(), "--event-type", "audit_started")
    expect({ code, told: stderr.includes("1 more records match and are not sealed yet") }).toEqual({
      code: 0,
      told: true,
    })
    expect(await elsewhere()).toMatchObject({ entries: 1 })
  })

  test("of a log whose entries were changed there is none", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const path = `${place.logDir}/tile/entries/000.p/9`
    fs.writeFileSync(
      path,
      fs.readFileSync(path, "latin1").replace('"num_records":1000', '"num_records":9000'),
      "latin1",
    )
    const { code, stderr } = await audit("export", "--bundle", bundle())
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("[LEDGER_CORRUPT]") })
    expect(namesHere()).toEqual(["log", "state"])
    expect((await exports()).map(({ details }) => details["complete"])).toEqual([false])
  })

  test("a signal leaves nothing behind", async () => {
    const trail = new AuditTrail("many", { logDir: place.logDir })
    for (let n = 0; n < 20_000; n++) trail.logEvent("step", { n })
    await trail.close()
    await restart(place)
    const child = start("export", "--bundle", bundle())
    while (!namesHere().some((name) => name.startsWith(".tmp-"))) await new Promise((resolve) => setTimeout(resolve, 1))
    child.kill("SIGINT")
    const { code, stderr } = await ended(child)
    expect({ code, told: stderr.includes("interrupted") }).toEqual({ code: 1, told: true })
    expect(namesHere()).toEqual(["log", "state"])
  })
})

describe("export --bundle makes nothing", () => {
  test.each([
    ["where nothing matches", ["--user", "nobody"], 1, "[EVENT_NOT_FOUND]"],
    ["of an event that is not there", ["--event-id", "99"], 1, "[EVENT_NOT_FOUND]"],
    ["of an event and filters", ["--event-id", "1", "--user", "ds1"], 2, "--event-id"],
    ["in a format", ["--format", "csv"], 2, "--format"],
    ["into a file", ["--output", "x"], 2, "--output"],
    ["by force", ["--force"], 2, "--force"],
  ])("%s", async (_, flags, code, told) => {
    expect(await made(...flags)).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(told) })
    expect(namesHere()).toEqual(["log", "log.vkey", "state"])
  })

  test("where the name is taken, be it by a link that leads nowhere", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    fs.symlinkSync("/nowhere", bundle())
    const { code, stderr } = await audit("export", "--bundle", bundle())
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("is there already") })
    expect([fs.readlinkSync(bundle()), namesHere()]).toEqual(["/nowhere", ["evidence", "log", "state"]])
  })

  test("before anything is sealed", async () => {
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/keyless`
    fs.mkdirSync(place.logDir)
    const { code, stderr } = await audit("export", "--bundle", bundle())
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("can be proven") })
    expect((await audit("export", "--event-id", "1")).code).toBe(2)
    expect((await audit("export", "--bundle", "")).code).toBe(2)
  })
})

describe("verify --bundle", () => {
  test("without a key from elsewhere it says so; by this user's own key it is intact; by another it is not", async () => {
    await made()
    expect(await elsewhere()).toMatchObject({
      code: 16,
      verdict: "unverifiable",
      found: ["key_not_pinned"],
      entries: 9,
    })
    const text = await audit("verify", "--bundle", bundle())
    expect(text).toMatchObject({ code: 0, stderr: "" })
    expect(text.stdout).toMatch(/^intact: its 9 entries are in the signed log\n[\s\S]*this user's own signing key\n/)
    expect(text.stdout.match(/^Not proven:/gm)).toHaveLength(4)
    const other = `${place.directory}/other`
    const { verifierKey } = JSON.parse((await run(["audit", "init", "--log-dir", other, "--json"])).stdout)
    expect(await elsewhere("--public-key", verifierKey)).toMatchObject({ code: 15, verdict: "wrong_key", entries: 0 })
  })

  test.each(FILES)("one byte of %s changed, and it shows nothing", async (name) => {
    await made("--event-type", "data_access")
    const path = `${bundle()}/${name}`
    const bytes = fs.readFileSync(path)
    for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
      fs.writeFileSync(
        path,
        bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)),
      )
      expect([at, await elsewhere(...pinned())]).toMatchObject([at, { code: 14, verdict: "corrupt", entries: 0 }])
    }
  })

  const crafted: readonly (readonly [string, (dir: string) => void])[] = [
    ["a further file", (dir) => fs.writeFileSync(`${dir}/README`, "")],
    ["a further directory", (dir) => fs.mkdirSync(`${dir}/tile`)],
    ["a file less", (dir) => fs.rmSync(`${dir}/vkey`)],
    ["nothing in it", (dir) => FILES.map((name) => fs.rmSync(`${dir}/${name}`))],
    ["a symbolic link to a file outside", (dir) => linkAway(dir, (path, to) => fs.symlinkSync(to, path))],
    ["a hard link to a file outside", (dir) => linkAway(dir, (path, to) => fs.linkSync(to, path))],
    ["a directory in the place of a file", (dir) => linkAway(dir, (path) => fs.mkdirSync(path))],
    ["a pipe that nobody writes to", (dir) => linkAway(dir, (path) => execFileSync("mkfifo", [path]))],
  ]
  test.each(crafted)("%s is refused, and not opened", async (_, craft) => {
    await made("--event-type", "data_access")
    craft(bundle())
    expect(await elsewhere(...pinned())).toMatchObject({ code: 14, found: ["evidence_files_wrong"], entries: 0 })
  })

  test.each(["entries.jsonl", "manifest.json"])("%s of a terabyte is refused before it is read", async (name) => {
    await made("--event-type", "data_access")
    fs.truncateSync(`${bundle()}/${name}`, 2 ** 40)
    expect(await elsewhere(...pinned())).toMatchObject({ code: 14, found: ["evidence_too_large"], entries: 0 })
  })

  test("a manifest that names files elsewhere leads nowhere", async () => {
    await made("--event-type", "data_access")
    const path = `${bundle()}/manifest.json`
    const secret = `${place.directory}/secret`
    fs.writeFileSync(secret, "secret")
    for (const name of ["../secret", secret]) {
      const manifest = JSON.parse(fs.readFileSync(path, "utf8"))
      manifest.files[name] = { bytes: 6, sha256: createHash("sha256").update("secret").digest("hex") }
      fs.writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`)
      expect(await elsewhere(...pinned())).toMatchObject({ code: 14, found: ["evidence_mismatch"] })
    }
  })

  test("a name that would steer a terminal is shown escaped", async () => {
    await made()
    fs.writeFileSync(`${bundle()}/\u001b]0;x\u0007\u202e`, "")
    const { code, stdout, stderr } = await audit("verify", "--bundle", bundle())
    expect({ code, found: FORBIDDEN.exec(stdout + stderr) }).toEqual({ code: 14, found: null })
  })

  test("where there is none it is unverifiable; a key that is none is wrong usage", async () => {
    expect(await elsewhere()).toMatchObject({ code: 16, verdict: "unverifiable", found: ["no_bundle"] })
    const { stdout } = await audit("verify", "--bundle", bundle())
    expect(stdout).toMatch(/^unverifiable: there is no bundle here\n/)
    expect(await audit("verify", "--bundle", bundle(), "--public-key", "x")).toMatchObject({ code: 2 })
  })

  test.each([["--against", "x"], ["--forget"], ["--trust-on-first-use"], ["--log-dir", "x"]])(
    "it takes no %s",
    async (...flags) => {
      expect(await run(["audit", "verify", "--bundle", "x", ...flags])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(flags[0]!),
      })
    },
  )
})

/** Something else in the place of the entries, which lie outside. */
function linkAway(dir: string, put: (path: string, outside: string) => void): void {
  fs.renameSync(`${dir}/entries.jsonl`, `${place.directory}/outside`)
  put(`${dir}/entries.jsonl`, `${place.directory}/outside`)
}
