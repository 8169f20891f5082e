import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import type { VerificationReport } from "../../src/audit.ts"
import { AuditTrail } from "../../src/audit.ts"
import { restart } from "../place.ts"
import { cutHole, trainingLog } from "./logs.ts"
import { type Run, useCli } from "./run.ts"

const { place, run, audit } = useCli()

/** As somebody else on another machine: no key, nothing remembered. */
const asAuditor = (...args: string[]): Promise<Run> =>
  run(["audit", ...args], { env: { SECUREML_STATE_DIR: `${place.directory}/auditor` } })

async function flipByte(path: string, at: number): Promise<void> {
  const bytes = fs.readFileSync(path)
  bytes[at]! ^= 1
  fs.writeFileSync(path, bytes)
}

function replaceLog(by: string): void {
  fs.rmSync(place.logDir, { recursive: true })
  fs.renameSync(by, place.logDir)
}

function copyLog(name: string): string {
  const target = `${place.directory}/${name}`
  fs.cpSync(place.logDir, target, { recursive: true })
  return target
}

/** What was done to a log of nine sealed events, the verdict, and what the flags are. */
const rows: readonly { verdict: string; code: number; tamper: () => Promise<readonly string[]> }[] = [
  { verdict: "intact", code: 0, tamper: async () => [] },
  {
    verdict: "unsealed_tail",
    code: 0,
    tamper: async () => {
      new AuditTrail("open", { logDir: place.logDir })
      await restart(place)
      return []
    },
  },
  {
    verdict: "torn_tail",
    code: 10,
    tamper: async () => {
      new AuditTrail("open", { logDir: place.logDir })
      await restart(place)
      const journal = `${place.logDir}/.state/journal`
      fs.appendFileSync(`${journal}/${fs.readdirSync(journal).at(-1)}`, '0a1b2c3d 99 {"v":1,"event')
      return []
    },
  },
  {
    verdict: "gap",
    code: 11,
    tamper: async () => {
      await cutHole(place.logDir)
      return []
    },
  },
  {
    verdict: "truncated",
    code: 12,
    tamper: async () => {
      const old = copyLog("old")
      await trainingLog(place.logDir)
      await restart(place)
      replaceLog(old)
      return []
    },
  },
  {
    verdict: "rewritten",
    code: 13,
    tamper: async () => {
      const before = copyLog("before")
      await trainingLog(place.logDir)
      await restart(place)
      fs.copyFileSync(`${place.logDir}/checkpoint`, `${place.directory}/kept`)
      replaceLog(before)
      // A dishonest key holder has forgotten what was signed, and signs another history with the same key.
      for (const name of ["signed", "seen", "origins"])
        fs.rmSync(`${place.stateDir}/${name}`, { recursive: true, force: true })
      await trainingLog(place.logDir)
      await restart(place)
      return ["--against", "kept"]
    },
  },
  {
    verdict: "corrupt",
    code: 14,
    tamper: async () => {
      await flipByte(`${place.logDir}/tile/entries/000.p/9`, 900)
      return []
    },
  },
  {
    verdict: "wrong_key",
    code: 15,
    tamper: async () => {
      const key = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
      fs.rmSync(place.logDir, { recursive: true })
      process.env["SECUREML_STATE_DIR"] = `${place.directory}/attacker`
      await trainingLog(place.logDir)
      await restart(place)
      return ["--public-key", key]
    },
  },
  {
    verdict: "unverifiable",
    code: 16,
    tamper: async () => {
      fs.rmSync(place.logDir, { recursive: true })
      fs.mkdirSync(place.logDir)
      fs.rmSync(place.stateDir, { recursive: true })
      return []
    },
  },
]

describe("exit codes", () => {
  test.each(rows)("$verdict is $code", async ({ verdict, code, tamper }) => {
    await trainingLog(place.logDir)
    await restart(place)
    const flags = await tamper()
    const json = await audit("verify", "--json", ...flags)
    const report = JSON.parse(json.stdout) as VerificationReport
    expect({ verdict: report.verdict, code: json.code }).toEqual({ verdict, code })
    const text = await audit("verify", ...flags)
    expect(text.code).toBe(code)
    expect(text.stdout.startsWith(`${verdict}: `)).toBe(true)
    expect(text.stdout.split("\n").filter((line) => line.startsWith("Not proven:"))).toHaveLength(3)
    for (const { code: finding, index, path } of report.findings) {
      expect(text.stdout).toContain(finding)
      if (index !== undefined) expect(text.stdout).toContain(`index ${index}`)
      if (path !== undefined) expect(text.stdout).toContain(path)
    }
  })

  test("a directory that does not exist is unverifiable, by its absolute path", async () => {
    const { code, stdout } = await audit("verify", "--log-dir", "not/there")
    expect({ code, first: stdout.split("\n")[0] }).toEqual({
      code: 16,
      first: "unverifiable: there is no log in this directory",
    })
    expect(stdout).toContain(`${place.directory}/not/there`)
    expect(JSON.parse((await audit("verify", "--log-dir", "not/there", "--json")).stdout)).toMatchObject({
      logDir: `${place.directory}/not/there`,
    })
  })

  test("what cannot be read could not run", async () => {
    await trainingLog(place.logDir)
    fs.writeFileSync(`${place.directory}/junk`, "junk\n")
    for (const flags of [
      ["--against", "nowhere"],
      ["--against", "junk"],
      ["--public-key", "@nowhere"],
      ["--public-key", "junk"],
      ["--log-dir", "junk"],
    ]) {
      const { code, stdout, stderr } = await audit("verify", ...flags)
      expect({ flags, code, stdout, told: stderr.startsWith("secureml: ") }).toEqual({
        flags,
        code: 1,
        stdout: "",
        told: true,
      })
    }
  })
})

describe("keys", () => {
  test("the directory's own key proves nothing until it is pinned", async () => {
    await trainingLog(place.logDir)
    const first = await asAuditor("verify")
    expect(first).toMatchObject({ code: 16, stdout: expect.stringContaining("key_not_pinned") })
    const pinned = await asAuditor("verify", "--trust-on-first-use")
    expect(pinned).toMatchObject({ code: 0, stdout: expect.stringContaining("pinned from now on") })
    expect(await asAuditor("verify")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("pinned by an earlier"),
    })
  })

  test("--forget forgets, and says so", async () => {
    await trainingLog(place.logDir)
    await asAuditor("verify", "--trust-on-first-use")
    const forgot = await asAuditor("verify", "--forget")
    expect(forgot).toMatchObject({
      code: 16,
      stderr: `forgot the checkpoint and the key remembered for ${place.logDir}\n`,
    })
    expect((await asAuditor("verify", "--forget")).stderr).toBe(`nothing was remembered for ${place.logDir}\n`)
  })

  test("--public-key takes the key, @file, or the path of a file", async () => {
    await trainingLog(place.logDir)
    const key = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    fs.writeFileSync(`${place.directory}/known.vkey`, `${key}\n`)
    for (const given of [key, "@known.vkey", "known.vkey"]) {
      const { code, stdout } = await asAuditor("verify", "--json", "--public-key", given)
      expect({ given, code }).toEqual({ given, code: 0 })
      expect(JSON.parse(stdout)).toMatchObject({ verdict: "intact", publicKey: key, keySource: "argument" })
    }
  })

  test("--against holds an earlier checkpoint against the log", async () => {
    const { note } = await trainingLog(place.logDir)
    fs.writeFileSync(`${place.directory}/kept`, note)
    await trainingLog(place.logDir)
    expect(await audit("verify", "--against", "kept")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^intact: all 18 /),
    })
  })
})
