import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { parseNote } from "../../src/proof/index.ts"
import { restart } from "../place.ts"
import { trainingLog } from "./logs.ts"
import { useCli } from "./run.ts"

const { place, run, audit } = useCli()
const auditor = (...args: string[]) =>
  run(["audit", "verify", ...args], { env: { SECUREML_STATE_DIR: `${place.directory}/auditor` } })
const json = async (...args: string[]): Promise<Record<string, unknown>> => JSON.parse((await audit(...args)).stdout)
const signatures = (): number => parseNote(fs.readFileSync(`${place.logDir}/checkpoint`)).signatures.length

async function log(): Promise<void> {
  await trainingLog(place.logDir)
  await restart(place)
}

describe("key rotate", () => {
  test("one process rotates, another verifies by a pin, a third one finishes", async () => {
    await log()
    const { verifierKey: old } = await json("key", "--json")
    expect((await auditor("--trust-on-first-use")).code).toBe(0)
    const rotated = await audit("key", "rotate", "--reason", "yearly")
    expect(rotated.stdout).toMatch(/^origin +\S+\nverifier key +\S+\ntakes over from +\S+\nentries +10 sealed\n$/)
    expect([rotated.code, rotated.stderr]).toEqual([0, expect.stringContaining("Both keys sign from now on.")])
    const { verifierKey, previous } = await json("key", "--json")
    expect([previous, signatures()]).toEqual([{ verifierKey: old, since: expect.any(String) }, 2])
    expect((await audit("key")).stdout).toContain(`from ${old} since`)
    const during = await auditor()
    expect([during.code, during.stdout]).toEqual([0, expect.stringContaining(`note  key_rotated (index 9)`)])
    expect(await json("key", "rotate", "--finish", "--json")).toMatchObject({
      kind: "finish",
      verifierKey,
      formerKeys: [old],
    })
    expect(signatures()).toBe(1)
    const after = await auditor("--json")
    expect(after.stdout).not.toContain("key_rotated")
    expect([after.code, JSON.parse(after.stdout)]).toEqual([
      0,
      expect.objectContaining({ verdict: "intact", publicKey: verifierKey }),
    ])
  })

  test("twice, or nothing to finish: exit code 1 and the command to run", async () => {
    await log()
    expect(await audit("key", "rotate", "--finish")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[ROTATION_NOT_OPEN]"),
    })
    await audit("key", "rotate")
    const again = await audit("key", "rotate")
    expect(again).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/--finish first \[ROTATION_OPEN\]\n$/),
    })
  })

  test("the log directory may be named before and behind the command", async () => {
    await log()
    for (const args of [
      ["key", "rotate", "--log-dir", place.logDir, "--json"],
      ["key", "--log-dir", place.logDir, "--json"],
    ])
      expect(
        JSON.parse((await run(["audit", ...args], { env: { SECUREML_AUDIT_DIR: "/nowhere" } })).stdout),
      ).toMatchObject({
        verifierKey: fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim(),
      })
  })
})

describe("key revoke", () => {
  test("names the range in doubt, in the report and in words, and leads nobody on", async () => {
    await log()
    await auditor("--trust-on-first-use")
    const revoked = await audit("key", "revoke", "--from-index", "4", "--reason", "stolen\u001b[31m")
    expect([revoked.code, revoked.stderr]).toEqual([
      0,
      expect.stringContaining("by a way that the thief does not control"),
    ])
    const own = await audit("verify")
    expect(own).toMatchObject({ code: 0, stdout: expect.stringContaining("entries 4 to 8 are in doubt") })
    expect(own.stdout).toContain("Not proven: that the log's operator wrote entries 4 to 8:")
    expect(own.stdout).not.toContain("\u001b")
    const { notProven, findings } = await json("verify", "--json")
    expect(notProven).toHaveLength(4)
    expect(findings).toEqual([expect.objectContaining({ code: "key_revoked", index: 4 })])
    expect(await auditor()).toMatchObject({ code: 15, stdout: expect.stringContaining("key_revoked (index 4)") })
    const vkey = `@${place.logDir}/vkey`
    expect((await auditor("--public-key", vkey)).code).toBe(0)
  })

  test("an index beyond what is sealed is wrong usage", async () => {
    await log()
    const { code, stderr } = await audit("key", "revoke", "--from-index", "10", "--reason", "x")
    expect([code, stderr]).toEqual([2, "secureml: --from-index: fromIndex is 10, and only 9 entries are sealed\n"])
  })
})

describe("key succeed", () => {
  test("goes on without the lost key, and says how to accept it", async () => {
    await log()
    await auditor("--trust-on-first-use")
    expect(await audit("key", "succeed", "--reason", "x")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[KEY_NOT_LOST]"),
    })
    fs.rmSync(`${place.stateDir}/keys`, { recursive: true })
    const succeeded = await audit("key", "succeed", "--reason", "volume deleted")
    expect(succeeded).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/set aside +\S+\/predecessor-1\nentries +2 sealed\n$/),
    })
    expect((await audit("verify")).code).toBe(0)
    expect(await auditor()).toMatchObject({ code: 15, stdout: expect.stringContaining("key_succeeded (index 1)") })
    expect((await auditor("--forget", "--trust-on-first-use")).code).toBe(0)
    expect((await auditor()).code).toBe(0)
  })
})

describe("key export and key import", () => {
  const other = (...args: string[]) =>
    run(["audit", ...args], { env: { SECUREML_STATE_DIR: `${place.directory}/other` } })

  test("carry key and vault to another user, with warnings, and show nothing secret", async () => {
    await log()
    const made = await audit("key", "export", "log.keys", "--vault")
    expect(made.stdout).toMatch(
      /^file +\S+\/log\.keys\norigin .*\nsigning key of .*\npersons +1 keys, with the vault's root key\n$/,
    )
    expect([made.code, made.stderr]).toEqual([
      0,
      expect.stringMatching(/can sign the log in your name[\s\S]*outlive every erasure/),
    ])
    const file = `${place.directory}/log.keys`
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    const secrets = [...fs.readFileSync(file, "utf8").matchAll(/PRIVATE\+KEY\+[^"]+|"root_key":"[0-9a-f]{64}"/g)].map(
      ([text]) => text.slice(-40),
    )
    expect(secrets).toHaveLength(2)
    expect((await other("seal")).code).toBe(1)
    const brought = await other("key", "import", "log.keys", "--vault")
    expect([brought.code, brought.stdout]).toEqual([
      0,
      expect.stringMatching(/signing key +imported\npersons +1 keys added, 0 left out/),
    ])
    expect((await other("seal")).code).toBe(0)
    const again = await other("key", "import", "log.keys", "--json")
    expect(JSON.parse(again.stdout)).toMatchObject({ newKey: false })
    const shown = [made, brought, again, await audit("list", "--json"), await audit("doctor")]
    for (const { stdout, stderr } of shown)
      for (const secret of secrets) expect(`${stdout}${stderr}`).not.toContain(secret)
    expect((await audit("stats", "--json")).stdout).toContain("key_exported")
  })

  test("what is there already, is not there, or is no copy is told, and nothing is changed", async () => {
    await log()
    fs.writeFileSync(`${place.directory}/taken`, "mine", { mode: 0o600 })
    expect(await audit("key", "export", "taken")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is there already"),
    })
    expect(await audit("key", "import", "missing")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is not there"),
    })
    expect(await audit("key", "import", "taken")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[KEY_COPY_MALFORMED]"),
    })
    expect(fs.readFileSync(`${place.directory}/taken`, "utf8")).toBe("mine")
    expect(await other("key", "export", "x.keys")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[SEALING_UNAVAILABLE]"),
    })
    expect((await audit("list", "--operation-name", "audit_key", "--json")).stdout).toBe("")
  })
})
