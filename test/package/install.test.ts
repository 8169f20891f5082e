import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { cleanEnvironment, outcome, runNode, TARBALL } from "./fixture.ts"

const ping = ["view", "libsql", "version", "--fetch-retries=0", "--fetch-timeout=20000"]
const reachable = spawnSync("npm", ping, { cwd: tmpdir(), env: cleanEnvironment(tmpdir()) }).status === 0

describe.skipIf(!reachable)("npm install of the tarball in an empty folder (skipped: no package registry)", () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "secureml-install-"))
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n')
    const options = { cwd: folder, env: cleanEnvironment(folder), stdio: "pipe", timeout: 170_000 } as const
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--fetch-retries=1", TARBALL], options)
    const fixtures = fileURLToPath(new URL("fixtures", import.meta.url))
    cpSync(join(fixtures, "round-trip.mjs"), join(folder, "round-trip.mjs"))
    cpSync(join(fixtures, "server/main.mjs"), join(folder, "main.mjs"))
  }, 180_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("libsql arrives, and nothing else but what it needs", () => {
    const { stdout } = spawnSync("npm", ["ls", "--all", "--parseable"], { cwd: folder, encoding: "utf8" })
    const names = stdout.split("\n").map((line) => line.split("node_modules/").at(-1) ?? "")
    expect(names).toEqual(expect.arrayContaining(["secureml", "libsql"]))
    expect(names.filter((name) => !/^(secureml|libsql|@libsql\/.*|@neon-rs\/load|detect-libc|)$/.test(name))).toEqual([
      folder,
    ])
  })

  test("it records, seals, reads, verifies and proves out of the box, without a warning", () => {
    expect(outcome(runNode(folder, ["main.mjs", "log"]))).toEqual({ status: 0, output: "done\n" })
  })

  test("the command is installed and knows its version", () => {
    const command = join(folder, "node_modules/.bin/secureml")
    expect(existsSync(command)).toBe(true)
    const run = spawnSync(command, ["--version"], { cwd: folder, env: cleanEnvironment(folder), encoding: "utf8" })
    expect(outcome(run)).toEqual({ status: 0, output: expect.stringMatching(/^(secureml )?\d+\.\d+\.\d+\n$/) })
  })
})
