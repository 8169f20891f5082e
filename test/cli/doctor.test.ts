import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { AuditTrail } from "../../src/audit.ts"
import { describeKey, exportKeys, finishRotation, rotateKey, sealLog } from "../../src/capture/index.ts"
import type { Diagnosis } from "../../src/cli/doctor/diagnosis.ts"
import { examine } from "../../src/cli/doctor/examine.ts"
import { closeLedgersUnder } from "../../src/ledger/index.ts"
import { findLogDirectory } from "../../src/store/index.ts"
import { DIST } from "../children.ts"
import { restart } from "../place.ts"
import { cutHole, FORBIDDEN, hostileLog, trainingLog } from "./logs.ts"
import { ended, HAS_TERMINAL, useCli } from "./run.ts"

const { place, run, audit, terminal } = useCli()
const CHECKOUT = fileURLToPath(new URL("../../.tmp", import.meta.url))
const SCRATCH = /^\/(tmp|var\/tmp|run|dev\/shm)\//.test(CHECKOUT) ? homedir() : CHECKOUT
const HOUR = 3_600_000
const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"
/** Not below /tmp, where a state directory is one of the problems. */
let stateDir = ""
beforeEach(() => {
  fs.mkdirSync(SCRATCH, { recursive: true })
  stateDir = fs.mkdtempSync(join(SCRATCH, ".secureml-doctor-"))
  process.env["SECUREML_STATE_DIR"] = stateDir
})
afterEach(() => fs.rmSync(stateDir, { recursive: true, force: true }))

/** What an examination finds that is not ok, by check. */
async function found(options: { atMs?: number; env?: Record<string, string> } = {}): Promise<Diagnosis[]> {
  const { atMs = 0, env = {} } = options
  const environment = { HOME: "/home/nobody", SECUREML_STATE_DIR: stateDir, ...env }
  const all = await examine({ root: findLogDirectory(place.logDir)!, environment, nowMs: Date.now() + atMs })
  for (const { message, advice } of all) expect(`${message} ${advice ?? ""}`).not.toContain("undefined")
  return all.filter(({ state }) => state !== "ok")
}

const states = (findings: readonly Diagnosis[]): string[] => findings.map(({ check, state }) => `${check}: ${state}`)

/** Names, sizes and times of everything below a directory. */
function looks(directory: string): unknown {
  return fs.readdirSync(directory, { recursive: true }).map((name) => {
    const { size, mtimeMs, mode } = fs.lstatSync(join(directory, String(name)))
    return [name, size, mtimeMs, mode]
  })
}

describe("doctor", () => {
  test("a log that is well has no problem, exit code 0, and stays as it is", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const before = [looks(place.logDir), looks(stateDir)]
    const { code, stdout, stderr } = await audit("doctor", "--json")
    const report = JSON.parse(stdout) as { findings: Diagnosis[] }
    expect({ code, stderr, report }).toMatchObject({
      code: 0,
      stderr: "",
      report: { logDir: place.logDir, problems: 0 },
    })
    const unwell = report.findings.filter(({ state }) => state !== "ok")
    // In a container the scratch directory may be in its writable layer.
    expect(unwell.filter(({ check }) => !["state_directory", "file_system", "disk_space"].includes(check))).toEqual([])
    expect(report.findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        "log_directory",
        "permissions",
        "links",
        "superseded",
        "file_system",
        "disk_space",
        "sqlite",
      ]),
    )
    const text = await audit("doctor")
    expect(text.stdout).toMatch(/^ok {7}log_directory +the log is in \//)
    expect(text.stderr).toMatch(/^0 problems, \d notes?\n$/)
    expect([looks(place.logDir), looks(stateDir)]).toEqual(before)
  })

  test("a problem ends with 1, and what to do stands below it", async () => {
    await trainingLog(place.logDir)
    fs.chmodSync(`${place.logDir}/.state`, 0o755)
    const { code, stdout, stderr } = await audit("doctor")
    expect(code).toBe(1)
    expect(stdout).toMatch(/^problem {2}permissions .*\.state\n {10,}run chmod -R go-rwx \//m)
    expect(stderr).toMatch(/^1 problem, /)
  })

  test("a log that is not there is a problem that names its path", async () => {
    const { code, stdout } = await audit("doctor", "--json")
    expect({ code, report: JSON.parse(stdout) }).toMatchObject({
      code: 1,
      report: {
        problems: 1,
        findings: [{ check: "log_directory", state: "problem", message: expect.stringContaining(place.logDir) }],
      },
    })
    expect(fs.existsSync(place.logDir)).toBe(false)
  })

  test("hostile names of trails reach neither pipe nor JSON as they are", async () => {
    await hostileLog(place.logDir)
    for (const text of ["\u001b[31mred", "\u202egnp"]) new AuditTrail(`open ${text}`, { logDir: place.logDir })
    const [text, json] = [await audit("doctor"), await audit("doctor", "--json")]
    expect(text.stdout).toContain("\\u001b[31mred")
    expect(FORBIDDEN.exec(text.stdout + text.stderr + json.stdout + json.stderr)).toBeNull()
  })

  test.skipIf(!HAS_TERMINAL)(`a terminal shows states in colour${inTerminal}`, async () => {
    await trainingLog(place.logDir)
    fs.chmodSync(`${place.logDir}/.state`, 0o755)
    const { code, stdout } = await terminal(["doctor"])
    expect(code).toBe(1)
    expect(stdout).toContain("\u001b[31mproblem\u001b[39m")
    expect((await terminal(["doctor"], 100, { NO_COLOR: "1" })).stdout).not.toContain("\u001b")
  })

  test.skipIf(process.getBuiltinModule?.("node:sqlite" as "node:fs") !== undefined)(
    "without SQLite it says what to install (skipped where Node has its own)",
    async () => {
      await trainingLog(place.logDir)
      fs.cpSync(DIST, `${place.directory}/dist`, { recursive: true })
      const env = { PATH: process.env["PATH"], HOME: place.directory, SECUREML_STATE_DIR: stateDir }
      const args = [`${place.directory}/dist/cli.js`, "audit", "doctor", "--json", "--log-dir", place.logDir]
      const { code, stdout } = await ended(spawn(process.execPath, args, { env, cwd: place.directory }))
      const { findings } = JSON.parse(stdout) as { findings: Diagnosis[] }
      expect({ code, finding: findings.find(({ check }) => check === "sqlite") }).toMatchObject({
        code: 1,
        finding: { state: "problem", advice: expect.stringContaining("npm install libsql") },
      })
    },
  )
})

describe("files", () => {
  test.skipIf(process.platform === "win32").each([
    [".state", 0o711, "permissions: problem"],
    [".state/tree.json", 0o640, "permissions: problem"],
    ["checkpoint", 0o602, "permissions: problem"],
    ["checkpoint", 0o644, "permissions: note"],
    [".", 0o755, "permissions: note"],
  ])("%s with mode %o: %s", async (path, mode, expected) => {
    await trainingLog(place.logDir)
    fs.chmodSync(`${place.logDir}/${path}`, mode)
    expect(states(await found())).toEqual([expected])
  })

  test("a group that was let in is no problem, anybody else is", async () => {
    const made = await audit("init", "--group", String(process.getgid!()))
    expect(made.code).toBe(0)
    expect(states(await found())).toEqual([])
    fs.chmodSync(`${place.logDir}/.state/log.json`, 0o664)
    expect(states(await found())).toEqual(["permissions: problem"])
  })

  test("links are told", async () => {
    await trainingLog(place.logDir)
    fs.symlinkSync("/etc/passwd", `${place.logDir}/tile/x`)
    expect(await found()).toMatchObject([
      { check: "links", state: "problem", message: expect.stringContaining("tile/x") },
    ])
  })

  test("superseded and temporary files are counted", async () => {
    const trail = new AuditTrail("many", { logDir: place.logDir })
    for (let n = 0; n < 300; n++) trail.logEvent("step", { n })
    await trail.close()
    fs.mkdirSync(`${place.logDir}/tile/0/000.p`)
    fs.writeFileSync(`${place.logDir}/tile/0/000.p/3`, "x".repeat(96), { mode: 0o600 })
    fs.writeFileSync(`${place.logDir}/.state/.tmp-1`, "x", { mode: 0o600 })
    fs.writeFileSync(`${place.logDir}/.state/.tmp-2`, "x", { mode: 0o600 })
    fs.utimesSync(`${place.logDir}/.state/.tmp-2`, 1, 1)
    fs.chmodSync(`${place.logDir}/tile/0/000.p`, 0o700)
    expect(await found()).toMatchObject([
      {
        check: "superseded",
        state: "note",
        message: "1 partial files have been superseded, 1 temporary ones were left behind, 97 bytes in all",
      },
    ])
  })

  test("large values that are kept are told with the reason", async () => {
    const trail = new AuditTrail("large", { logDir: place.logDir, keepLarge: true })
    trail.logEvent("step", { blob: "x".repeat(100_000) })
    expect(states(await found())).toContain("parts: note")
    await trail.close()
    expect(await found()).toMatchObject([
      { check: "payloads", state: "note", message: expect.stringMatching(/^1 values/) },
    ])
    fs.writeFileSync(`${place.logDir}/.state/payloads.sqlite`, "no database, but long enough to be taken for one")
    expect(states(await found())).toContain("payloads: problem")
  })
})

describe("key and state directory", () => {
  test("a state directory that does not last is a problem", async () => {
    process.env["SECUREML_STATE_DIR"] = place.stateDir
    await trainingLog(place.logDir)
    expect(await found({ env: { SECUREML_STATE_DIR: place.stateDir } })).toMatchObject([
      {
        check: "state_directory",
        state: "problem",
        message: expect.stringMatching(/ is below \/.*, which is emptied/),
      },
    ])
    const { code } = await run(["audit", "doctor"], { env: { SECUREML_STATE_DIR: place.stateDir } })
    expect(code).toBe(1)
  })

  test("one that others can look into, or inside the log, is a problem", async () => {
    await trainingLog(place.logDir)
    fs.chmodSync(stateDir, 0o755)
    expect(states(await found())).toEqual(["state_directory: problem"])
    const inside = await found({ env: { SECUREML_STATE_DIR: `${place.logDir}/state` } })
    expect(inside.map(({ message }) => message)).toContainEqual(expect.stringContaining("is inside the log"))
  })

  test("without HOME the directory is told", async () => {
    await trainingLog(place.logDir)
    const notes = await found({ env: { HOME: "", SECUREML_STATE_DIR: "" } })
    expect(notes.map(({ message }) => message)).toContainEqual(expect.stringContaining("HOME is not set"))
  })

  test("no key here is a note; one that others can read, or inside the log, a problem", async () => {
    await trainingLog(place.logDir)
    const other = `${stateDir}/other`
    expect(states(await found({ env: { SECUREML_STATE_DIR: other } }))).toEqual(["key: note", "vault: note"])
    const keys = `${stateDir}/keys`
    const file = `${keys}/${fs.readdirSync(keys)[0]}`
    fs.cpSync(file, `${place.logDir}/.state/copy.skey`)
    const inside = await found({ env: { SECUREML_SIGNING_KEY_FILE: `${place.logDir}/.state/copy.skey` } })
    expect(inside).toMatchObject([
      { check: "key", state: "problem", message: expect.stringContaining("inside the log") },
    ])
    fs.chmodSync(file, 0o644)
    expect(await found()).toMatchObject([
      { check: "key", state: "problem", advice: "see docs/errors.md, KEY_FILE_INSECURE" },
    ])
  })

  test("another vkey than the log's own is a problem", async () => {
    await trainingLog(place.logDir)
    fs.writeFileSync(`${place.logDir}/vkey`, "x\n")
    expect(states(await found())).toEqual(["verifier_key: problem"])
    fs.rmSync(`${place.logDir}/vkey`)
    expect(states(await found())).toEqual(["verifier_key: problem"])
  })

  test("a key that takes over is a note that says since when; a change that was cut off is a problem", async () => {
    await trainingLog(place.logDir)
    await rotateKey({ logDir: place.logDir })
    const open = await found({ atMs: HOUR - 600_000 })
    expect(states(open)).toEqual(["rotation: note"])
    expect(open[0]!.message).toMatch(/has been taking over since 20\S+Z, for 50 minutes: two keys sign/)
    await finishRotation({ logDir: place.logDir })
    expect(await found()).toEqual([])
    const { origin, verifierKey } = await describeKey({ logDir: place.logDir })
    const change = { v: 1, kind: "finish", origin, oldKeys: [], newKey: verifierKey, since: "2026-11-24T00:00:00.000Z" }
    fs.writeFileSync(`${place.logDir}/.state/rotation.json`, JSON.stringify(change), { mode: 0o600 })
    const cut = await found()
    expect([states(cut), cut[0]!.advice]).toEqual([
      ["rotation: problem"],
      "run secureml audit key rotate --finish again",
    ])
    expect((await audit("key")).stderr).toContain("key rotate --finish again")
    fs.writeFileSync(`${place.logDir}/.state/rotation.json`, "{}")
    expect(await found()).toMatchObject([{ check: "rotation", message: expect.stringContaining("is damaged") }])
  })

  test("copies of keys are counted, and those of the vault are told apart", async () => {
    await trainingLog(place.logDir)
    const copy = (name: string, vault: boolean) =>
      exportKeys({ logDir: place.logDir, file: `${place.directory}/${name}`, vault })
    await copy("a", false)
    const once = (await found()).find(({ check }) => check === "key_copies")!
    expect([once.state, once.message]).toEqual(["note", expect.stringMatching(/out of here once, last at 20\S+Z$/)])
    await copy("b", true)
    const twice = (await found()).find(({ check }) => check === "key_copies")!
    expect(twice.message).toMatch(/out of here 2 times, last at 20\S+Z, once with the keys of persons$/)
    expect(twice.advice).toContain("no erasure reaches those of the vault")
  })

  test("a vault that is gone, or that the root key does not open, is a problem", async () => {
    await trainingLog(place.logDir)
    const file = `${place.directory}/root.key`
    fs.writeFileSync(file, `${"0".repeat(64)}\n`, { mode: 0o600 })
    const wrong = await found({ env: { SECUREML_VAULT_KEY_FILE: file } })
    expect([states(wrong), wrong[0]!.advice]).toEqual([["vault: problem"], "see docs/errors.md, VAULT_KEY_WRONG"])
    fs.rmSync(`${stateDir}/vaults`, { recursive: true })
    expect(states(await found())).toEqual(["vault: problem"])
  })

  test("a log that was never sealed has no key yet", async () => {
    new AuditTrail("open", { logDir: place.logDir })
    await closeLedgersUnder(place.directory)
    expect(states(await found())).toEqual(["key: note", "trails: note"])
  })
})

describe("entries and journals", () => {
  test("what is not sealed is a note after a minute and a problem after an hour", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    new AuditTrail("open", { logDir: place.logDir })
    await restart(place)
    expect(states(await found())).toEqual(["trails: note"])
    expect(states(await found({ atMs: 5 * 60_000 }))).toContain("unsealed: note")
    const late = await found({ atMs: 2 * HOUR })
    expect(states(late)).toEqual(["unsealed: problem", "journals: problem", "trails: note"])
    expect(late[2]!.message).toMatch(/^1 trail has no end: "open" \([0-9a-f-]{36}\) since 2/)
    await sealLog({ logDir: place.logDir })
    await restart(place)
    expect(states(await found({ atMs: 2 * HOUR }))).toEqual(["journals: note", "trails: note"])
  })

  test("a hole, a torn end, a damaged tree state, a recovery that was cut off, a damaged bundle", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    await cutHole(place.logDir)
    expect(states(await found())).toContain("journal_gap: problem")
    const journal = `${place.logDir}/.state/journal`
    for (const name of fs.readdirSync(journal)) fs.appendFileSync(`${journal}/${name}`, "12345678 9 {")
    expect(states(await found({ atMs: 10_000 }))).toContain("torn_tail: note")
    fs.appendFileSync(`${place.logDir}/.state/tree.json`, "x")
    expect(states(await found())).toContain("tree_state: problem")
    fs.writeFileSync(`${place.logDir}/.state/recovery.json`, "{}", { mode: 0o600 })
    expect(states(await found())).toContain("recovery: problem")
    fs.truncateSync(`${place.logDir}/tile/entries/000.p/9`, 100)
    expect(states(await found())).toContain("entries: problem")
  })

  test("steps of the clock are told, and a clock that is ahead", async () => {
    const now = Date.now
    const trail = new AuditTrail("clock", { logDir: place.logDir })
    try {
      Date.now = () => now() - 3 * HOUR - 60_000
      trail.logEvent("step", {})
    } finally {
      Date.now = now
    }
    await trail.close()
    expect(await found()).toMatchObject([
      { check: "clock", state: "note", message: expect.stringMatching(/ran backwards once .* up to [23] hours/) },
    ])
    const ahead = await found({ atMs: -24 * HOUR })
    expect(ahead.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^the newest entry is 2[34] hours ahead/),
    )
  })

  test("imported trails have no end to wait for", async () => {
    const lines = `{"event_type":"audit_started"}\n{"event_type":"step"}\n`
    fs.writeFileSync(`${place.directory}/old.jsonl`, lines)
    expect((await audit("import", "--from", "jsonl", "old.jsonl")).code).toBe(0)
    expect(states(await found())).toEqual([])
  })
})
