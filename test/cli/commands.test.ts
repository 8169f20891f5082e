import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { type AuditRecord, AuditTrail } from "../../src/audit.ts"
import { restart } from "../place.ts"
import { trainingLog } from "./logs.ts"
import { useCli } from "./run.ts"

const { place, run, audit, shell } = useCli()

const lines = (text: string): string[] => text.split("\n").slice(0, -1)
const records = (text: string): AuditRecord[] => lines(text).map((line) => JSON.parse(line) as AuditRecord)

describe("the program", () => {
  test("tells its version, and helps with every command by examples", async () => {
    const { version } = JSON.parse(fs.readFileSync("package.json", "utf8")) as { version: string }
    expect(await run(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" })
    const help = await audit("--help")
    expect(help.code).toBe(0)
    for (const name of [
      "init",
      "list",
      "show",
      "tail",
      "operations",
      "trace",
      "verify",
      "prove",
      "seal",
      "key",
      "recover",
      "export",
      "import",
      "reindex",
      "search",
      "stats",
    ]) {
      expect(help.stdout).toContain(`\n  ${name} `)
      const own = await audit(name, "--help")
      expect({ name, code: own.code, examples: own.stdout.includes("Examples:\n  $ secureml audit") }).toEqual({
        name,
        code: 0,
        examples: true,
      })
      for (const flag of ["--log-dir", "--json"]) expect(own.stdout).toContain(flag)
    }
  })

  const wrong: readonly (readonly [readonly string[], string])[] = [
    [[], "Usage"],
    [["audit"], "Usage"],
    [["audit", "lst"], "unknown command 'lst'"],
    [["audit", "list", "--nope"], "--nope"],
    [["audit", "list", "--limit", "0"], "--limit"],
    [["audit", "list", "--limit", "1e3"], "--limit"],
    [["audit", "list", "--order", "up"], "--order"],
    [["audit", "list", "--start-time", "yesterday"], "--start-time"],
    [["audit", "list", "--end-time", "2026-02-30"], "--end-time"],
    [["audit", "list", "--since", "7"], "--since"],
    [["audit", "list", "--since", "7d", "--start-time", "2026-01-01"], "--since"],
    [["audit", "list", "--start-time", "2026-01-02", "--end-time", "2026-01-01"], "--start-time"],
    [["audit", "tail", "-n", "x"], "--lines"],
    [["audit", "show"], "event-id"],
    [["audit", "operations", "--limit", "0"], "--limit"],
    [["audit", "operations", "x", "--unfinished"], "--unfinished"],
    [["audit", "operations", "x", "--event-type", "e"], "--event-type"],
    [["audit", "show", "abc"], "event-id"],
    [["audit", "trace"], "event-id"],
    [["audit", "trace", "abc"], "event-id"],
    [["audit", "show", "0", "--raw", "--json"], "--raw"],
    [["audit", "verify", "--public-key", "nonsense"], "--public-key"],
    [["audit", "prove", "0", "--out", "a", "--entry-out", "./a"], "--out"],
    [["audit", "recover"], "--reason"],
    [["audit", "recover", "--reason", " "], "--reason"],
    [["audit", "init", "--group", "no such group"], "--group"],
    [["audit", "key", "rotate", "--reason", " "], "--reason"],
    [["audit", "key", "revoke", "--reason", "x"], "--from-index"],
    [["audit", "key", "revoke", "--from-index", "-1", "--reason", "x"], "--from-index"],
    [["audit", "key", "revoke", "--from-index", "1", "--reason", " "], "--reason"],
    [["audit", "key", "succeed"], "--reason"],
    [["audit", "key", "export"], "file"],
    [["audit", "key", "import"], "file"],
    [["audit", "list", "--log-dir", ""], "--log-dir"],
    [["audit", "verify", "--log-dir="], "--log-dir"],
    [["audit", "init", "--log-dir="], "--log-dir"],
    [["audit", "tail", "--start-time", "yesterday"], "--start-time"],
    [["audit", "tail", "--start-time", "2026-01-02", "--end-time", "2026-01-01"], "--start-time"],
  ]
  test.each(wrong)("wrong usage %j exits 2 and names %j", async (args, named) => {
    fs.mkdirSync(place.logDir)
    const { code, stdout, stderr } = await run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toContain(named)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test.each([
    "list",
    "show 0",
    "tail",
    "operations",
    "operations x",
    "trace 0",
    "prove 0",
    "seal",
    "key",
    "key rotate",
    "key rotate --finish",
    "key revoke --from-index 0 --reason x",
    "key succeed --reason x",
    "key export x.keys",
    "key import x.keys",
    "recover --reason x",
    "export",
    "reindex",
    "export --bundle b",
    "stats",
    "search x",
  ])("%s of a directory that does not exist exits 1 and names its absolute path", async (command) => {
    const { code, stdout, stderr } = await run(["audit", ...command.split(" "), "--log-dir", "not/there"])
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(/^secureml: .* \[LOG_DIR_UNREADABLE\]\n$/)
    expect(stderr).toContain(`${place.directory}/not/there`)
    expect(fs.existsSync(`${place.directory}/not`)).toBe(false)
  })

  test("a stack trace only where SECUREML_DEBUG=1 asks for it", async () => {
    const args = ["audit", "show", "5", "--log-dir", place.directory]
    expect((await run(args)).stderr).toMatch(/^secureml: .* \[EVENT_NOT_FOUND\]\n$/)
    expect((await run(args, { env: { SECUREML_DEBUG: "1" } })).stderr).toMatch(/\n\s+at /)
  })
})

describe("list", () => {
  test("in a pipe: tab-separated lines, index, time, type, operation, who, what, id", async () => {
    await trainingLog(place.logDir)
    const { code, stdout, stderr } = await audit("list")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const rows = lines(stdout).map((line) => line.split("\t"))
    expect(rows.map(([index, , type]) => `${index} ${type}`)).toEqual([
      "0 audit_started",
      "1 data_access",
      "2 model_training",
      "3 model_inference",
      "4 compliance_check",
      "5 user_request",
      "6 患者登録",
      "7 error",
      "8 audit_closed",
    ])
    expect(rows[1]).toEqual([
      "1",
      expect.stringMatching(/^\d{4}-.*Z$/),
      "data_access",
      "model_training",
      "ds2",
      "patients num_records=1000 columns_accessed=age,diagnosis purpose=training",
      expect.stringMatching(/^[0-9a-f-]{36}$/),
    ])
  })

  test("--json: one record a line, as the library gives it", async () => {
    await trainingLog(place.logDir)
    const found = records((await audit("list", "--json")).stdout)
    expect(found.map(({ index, sealed }) => [index, sealed])).toEqual(Array.from({ length: 9 }, (_, n) => [n, true]))
    expect(found[3]).toMatchObject({ v: 1, event_type: "model_inference", details: { model_id: "m1", output: "ill" } })
  })

  const filters: readonly (readonly [string, readonly number[]])[] = [
    ["--event-type data_access", [1]],
    ["--user ds2", [1]],
    ["--user ds1", [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ["--dataset-name patients", [1, 2]],
    ["--model-id m1", [3]],
    ["--regulation hipaa", [4]],
    ["--status open", [5]],
    ["--text YAMADA", []],
    ["--text 山田", [6]],
    ["--operation-name model_training --limit 2", [0, 1]],
    ["--operation-name other", []],
    ["--order desc --limit 2", [8, 7]],
    ["--since 1h", [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ["--end-time 2020-01-01", []],
    ["--start-time 2020-01-01 --event-type error", [7]],
    ["--request-id r1", []],
    ["--event-type error --event-type data_access", [1, 7]],
    ["--user ds1 --not event-type=data_access --not event-type=error", [0, 2, 3, 4, 5, 6, 8]],
    ["--result false", [4]],
    ["--operation-id nobody", []],
  ]
  test.each(filters)("%s", async (flags, expected) => {
    await trainingLog(place.logDir)
    const { code, stdout } = await audit("list", "--json", ...flags.split(" "))
    expect({ code, indexes: records(stdout).map(({ index }) => index) }).toEqual({ code: 0, indexes: expected })
  })

  test.each(["asc", "desc"])("--limit and --cursor page through all records, %s", async (order) => {
    await trainingLog(place.logDir)
    const seen: (number | null)[] = []
    let cursor: string[] = []
    for (let page = 0; page < 3; page++) {
      const { stdout, stderr } = await audit("list", "--json", "--order", order, "--limit", "4", ...cursor)
      seen.push(...records(stdout).map(({ index }) => index))
      const next = /--cursor (\S+)/.exec(stderr)?.[1]
      expect(next === undefined).toBe(page === 2)
      cursor = ["--cursor", next ?? ""]
    }
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    expect(seen).toEqual(order === "asc" ? all : all.reverse())
  })

  test("--limit is the most that is listed, unsealed records included", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const trail = new AuditTrail("open", { logDir: place.logDir })
    for (let n = 0; n < 4; n++) trail.logEvent("step", { n })
    await restart(place)
    const desc = records((await audit("list", "--json", "--order", "desc", "--limit", "7")).stdout)
    expect(desc.map(({ index }) => index)).toEqual([null, null, null, null, null, 8, 7])
    const few = await audit("list", "--json", "--order", "desc", "--limit", "2")
    expect(records(few.stdout).map(({ index }) => index)).toEqual([null, null])
    expect(few.stderr).toContain("not sealed yet")
    expect((await audit("list")).stdout).toContain("\n-\t")
  })

  test("a cursor that is none of ours could not run", async () => {
    await trainingLog(place.logDir)
    expect(await audit("list", "--cursor", "xyz")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[CURSOR_MALFORMED]"),
    })
  })
})

describe("pipes", () => {
  test("a reader that leaves ends it quietly with 0", async () => {
    const trail = new AuditTrail("many", { logDir: place.logDir })
    for (let n = 0; n < 2_000; n++) trail.logEvent("step", { n, text: "x".repeat(200) })
    await trail.close()
    const { code, stdout, stderr } = await shell('$SECUREML audit list --json | head -n 1; echo "$PIPESTATUS"')
    expect({ code, stderr, lines: lines(stdout).length, ended: lines(stdout)[1] }).toEqual({
      code: 0,
      stderr: "",
      lines: 2,
      ended: "0",
    })
  })

  test.skipIf(!fs.existsSync("/dev/full"))("output that cannot be written could not run", async () => {
    await trainingLog(place.logDir)
    const { code, stderr } = await shell("$SECUREML audit list > /dev/full")
    expect({ code, told: stderr.includes("standard output cannot be written") }).toEqual({ code: 1, told: true })
  })

  test("a verdict stands even when nobody reads it", async () => {
    const { stdout } = await shell('$SECUREML audit verify | true; echo "$PIPESTATUS"')
    expect(stdout).toBe("16\n")
  })
})
