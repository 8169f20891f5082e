import * as fs from "node:fs"
import { setTimeout as wait } from "node:timers/promises"
import { beforeEach, describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import type { ImportReport } from "../../src/import/index.ts"
import { pythonLine, writeLines } from "../import/python-logs.ts"
import { FORBIDDEN, HOSTILE, trainingLog } from "./logs.ts"
import { ended, HAS_TERMINAL, useCli } from "./run.ts"

const { place, run, audit, terminal, start, shell } = useCli()
const LINES = Number(process.env["SECUREML_TEST_EVENTS"] ?? 20_000)
const ID = "8b1c5f0e-2d7a-4c39-9a51-0f6e3d2b7c84"
const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"
let source = ""
beforeEach(() => {
  source = `${place.directory}/old`
  fs.mkdirSync(source)
})

const from = (...more: readonly string[]): string[] => ["import", "--from", "python-secureml", source, ...more]
const step = (n: number): string =>
  pythonLine(ID, {
    event_type: "step",
    timestamp: "2026-11-24T02:11:00.123000",
    operation_id: ID,
    operation_name: "t",
    n,
  })

describe("import", () => {
  test("makes a log, tells what it did and where lines are damaged, and ends with 0", async () => {
    writeLines(`${source}/t_${ID}.log`, [step(0), "junk", "junk", step(1)])
    const { code, stdout, stderr } = await audit(...from())
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "2 times have no zone and were read as UTC; --timezone says otherwise\n",
    })
    expect(stdout).toMatch(/^imported +2$/m)
    expect(stdout).toMatch(/^damaged +2$/m)
    expect(stdout).toMatch(/^sealed +3 entries of secureml\.local\//m)
    expect(stdout).toContain(`t_${ID}.log:2-3: each is not a line of such a log\n`)
    const again = await audit(...from("--timezone", "UTC", "--json"))
    expect(again.stderr).toBe("")
    expect(JSON.parse(again.stdout)).toEqual({
      from: "python-secureml",
      source,
      logDir: place.logDir,
      dryRun: false,
      timezone: "UTC",
      naiveTimes: 0,
      files: 1,
      otherFiles: 0,
      lines: 4,
      imported: 0,
      known: 2,
      damaged: 2,
      cut: 0,
      damage: [{ file: `t_${ID}.log`, line: 2, lastLine: 3, code: "not_a_line", why: expect.any(String) }],
      damageNotListed: 0,
      unreadable: [],
      checkpoint: null,
    } satisfies ImportReport)
    expect((await audit("verify")).code).toBe(0)
  })

  test("an event says what was imported, when and by whom", async () => {
    writeLines(`${source}/t_${ID}.log`, [step(0), "junk"])
    await audit(...from("--timezone", "+02:00"))
    const [act] = await getAuditLogs({ logDir: place.logDir, eventType: "audit_imported" })
    const [record] = await getAuditLogs({ logDir: place.logDir, operationId: ID })
    expect(act).toMatchObject({ operation_name: "audit_import", actor: { type: "system_user" } })
    expect(act!.details).toEqual({
      from: "python-secureml",
      source: "old",
      timezone: "+02:00",
      files: 1,
      unreadable_files: 0,
      lines: 2,
      imported: 1,
      known: 0,
      damaged: 1,
      cut: 0,
      first_event_id: record!.event_id,
      last_event_id: record!.event_id,
    })
  })

  test("--dry-run reads and tells, and changes nothing", async () => {
    writeLines(`${source}/t_${ID}.log`, [step(0)])
    const { code, stdout, stderr } = await audit(...from("--dry-run"))
    expect({ code, made: fs.existsSync(place.logDir) }).toEqual({ code: 0, made: false })
    expect(stdout).toMatch(/^new +1$/m)
    expect(stderr).toContain("nothing was changed")
  })

  test("a process without the key imports, and says that it cannot seal", async () => {
    await audit("init")
    writeLines(`${source}/t_${ID}.log`, [step(0)])
    const env = { SECUREML_STATE_DIR: `${place.directory}/other` }
    const { code, stderr, stdout } = await run(["audit", ...from("--json")], { env })
    expect({ code, report: JSON.parse(stdout) }).toMatchObject({ code: 0, report: { imported: 1, checkpoint: null } })
    expect(stderr).toContain("recorded, and not sealed yet")
    expect((await audit("seal")).code).toBe(0)
    expect((await audit("verify")).stdout).toMatch(/^intact/)
  })

  test.each([
    [["import", "old"], 2, "--from"],
    [["import", "--from", "perl", "old"], 2, "--from"],
    [["import", "--from", "python-secureml"], 2, "source"],
    [["import", "--from", "python-secureml", ""], 2, "<source>"],
    [["import", "--from", "python-secureml", "old", "--timezone", "Mars/Olympus"], 2, "--timezone"],
    [["import", "--from", "python-secureml", "nowhere"], 1, "[IMPORT_SOURCE_UNREADABLE]"],
    [["import", "--from", "jsonl", "nowhere"], 1, "nowhere cannot be read (ENOENT)"],
    [["import", "--from", "jsonl", "old"], 1, "old cannot be read (EISDIR)"],
  ])("%j ends with %i and names %s", async (args, code, named) => {
    const ending = await audit(...args)
    expect(ending).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(named) })
    expect(fs.existsSync(place.logDir)).toBe(false)
  })

  test("reads standard input, as list --json of another log gives it", async () => {
    const other = { SECUREML_AUDIT_DIR: `${place.directory}/other` }
    await trainingLog(`${place.directory}/other`)
    const { code, stdout } = await shell(
      "$SECUREML audit list --json --log-dir other | $SECUREML audit import --from jsonl - --json",
    )
    expect({ code, report: JSON.parse(stdout) }).toMatchObject({
      code: 0,
      report: { source: "-", files: 1, imported: 9 },
    })
    const there = await run(["audit", "list", "--event-type", "model_inference", "--json"], { env: other })
    const here = await audit("list", "--event-type", "model_inference", "--json")
    expect(JSON.parse(here.stdout).details).toEqual(JSON.parse(there.stdout).details)
  })

  test(`${LINES} lines stream: memory does not grow with them`, { timeout: 600_000 }, async () => {
    const made = `for (let n = 0; n < ${LINES}; n++) console.log(JSON.stringify({ event_type: "step", details: { n, text: "x".repeat(200) } }))`
    const measured = `import { createRequire } from "node:module"; process.on("exit", () => process.stderr.write("rss " + process.resourceUsage().maxRSS))`
    const preload = `--import 'data:text/javascript,${encodeURIComponent(measured)}'`
    const { code, stdout, stderr } = await shell(
      `${process.execPath} -e '${made}' | NODE_OPTIONS="${preload.replaceAll("'", "")}" $SECUREML audit import --from jsonl - --json`,
    )
    expect({ code, report: JSON.parse(stdout) }).toMatchObject({ code: 0, report: { imported: LINES, damaged: 0 } })
    expect(Number(/rss (\d+)/.exec(stderr)![1]) / 1024).toBeLessThan(300)
  })

  test("killed at any moment and run again ends the same", { timeout: 120_000 }, async () => {
    writeLines(
      `${source}/t_${ID}.log`,
      Array.from({ length: 4_000 }, (_, n) => step(n)),
    )
    for (const bytes of [1, 200_000, 900_000]) {
      const child = start(...from())
      const end = ended(child)
      await grown(bytes)
      child.kill("SIGKILL")
      await end
    }
    const report = JSON.parse((await audit(...from("--json"))).stdout) as ImportReport
    expect(report.known).toBeGreaterThan(0)
    expect(report.known + report.imported).toBe(4_000)
    const found = await getAuditLogs({ logDir: place.logDir, operationId: ID })
    expect(found.map(({ details }) => details["n"])).toEqual(Array.from({ length: 4_000 }, (_, n) => n))
    const told = await getAuditLogs({ logDir: place.logDir, eventType: "audit_imported" })
    const counted = told.reduce(
      (sum, { details }) => sum + Number(details["imported"]) + Number(details["imported_before"] ?? 0),
      0,
    )
    expect(counted).toBe(4_000)
    const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
    expect({ verdict, findings }).toEqual({ verdict: "intact", findings: [] })
    expect(await getAuditLogs({ logDir: place.logDir })).toHaveLength(4_000 + told.length)
  })

  test("hostile names, times and texts reach neither pipe nor JSON as they are", async () => {
    for (const [n, { text }] of HOSTILE.entries()) {
      const name = text.replaceAll(/[\0/]/g, "_")
      writeLines(`${source}/${name}${n}.log`, [`junk ${text}`, pythonLine(text, { event_type: text })])
    }
    const { stdout, stderr, code } = await audit(...from())
    const json = await audit(...from("--json"))
    expect({ code, found: FORBIDDEN.exec(stdout + stderr + json.stdout + json.stderr) }).toEqual({
      code: 0,
      found: null,
    })
    const evil = "\u001b]0;x\u0007\u202e"
    for (const args of [
      ["import", "--from", "python-secureml", evil],
      from("--timezone", evil),
      ["import", "--from", evil, "old"],
    ]) {
      const said = await audit(...args)
      expect({ args, found: FORBIDDEN.exec(said.stdout + said.stderr) }).toEqual({ args, found: null })
    }
  })

  test.skipIf(!HAS_TERMINAL)(`a terminal shows the same report${inTerminal}`, async () => {
    writeLines(`${source}/t_${ID}.log`, [step(0), "junk \u001b[31m"])
    const { code, stdout } = await terminal(from(), 100, { NO_COLOR: "1" })
    expect(code).toBe(0)
    expect(stdout).toMatch(/imported +1\r\n/)
    expect(stdout).not.toContain("\u001b")
  })
})

/** Waits until the journals hold that many bytes, or the tree has taken them. */
async function grown(bytes: number): Promise<void> {
  const journal = `${place.logDir}/.state/journal`
  for (let tries = 0; tries < 4_000; tries++) {
    const names = fs.existsSync(journal) ? fs.readdirSync(journal) : []
    const sizes = names.map((name) => fs.statSync(`${journal}/${name}`, { throwIfNoEntry: false })?.size ?? 0)
    if (sizes.reduce((sum, size) => sum + size, 0) >= bytes) return
    await wait(2)
  }
  throw new Error("it never came to pass")
}
