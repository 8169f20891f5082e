import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet"
import { describe, expect, test } from "vitest"
import { type AuditRecord, AuditTrail, getAuditLogs, queryAuditLogs } from "../../src/audit.ts"
import { cellValue } from "../../src/cli/csv.ts"
import { type Cell, EXPORT_COLUMNS, recordOfCells } from "../../src/cli/record-columns.ts"
import { restart } from "../place.ts"
import { FORBIDDEN, HOSTILE, hostileLog, trainingLog } from "./logs.ts"
import { parseCsv } from "./rfc4180.ts"
import { ended, HAS_TERMINAL, useCli } from "./run.ts"

const { place, run, audit, terminal, shell, start } = useCli()

const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"
const recordsOf = (text: string): AuditRecord[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditRecord)
const exports = (): Promise<AuditRecord[]> =>
  getAuditLogs<string>({ logDir: place.logDir, eventType: "audit_exported" })
/** Records as the log has them: personal values stay where they are. */
async function all(): Promise<AuditRecord[]> {
  const { records, entries } = await queryAuditLogs({ logDir: place.logDir, proofs: true })
  return records.map(({ index, sealed }, n) => ({ ...(JSON.parse(entries![n]!) as AuditRecord), index, sealed }))
}

describe("export --disclose", () => {
  test("writes personal values once the reason is recorded, and nothing where it cannot be", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const listed = await audit("list", "--json")
    const { code, stdout } = await audit("export", "--disclose", "court order 7")
    expect({ code, same: stdout.startsWith(listed.stdout) }).toEqual({ code: 0, same: true })
    const told = await getAuditLogs({ logDir: place.logDir, eventType: ["audit_disclosed", "audit_exported"] })
    expect(told.map(({ event_type, details }) => [event_type, (details as { reason?: string }).reason])).toEqual([
      ["audit_disclosed", "court order 7"],
      ["audit_exported", undefined],
    ])
    expect((await audit("export", "--disclose", " ")).code).toBe(2)
    expect((await audit("export", "--disclose", "x", "--bundle", "b")).code).toBe(2)
    fs.rmSync(`${place.logDir}/.state/journal`, { recursive: true })
    fs.writeFileSync(`${place.logDir}/.state/journal`, "")
    expect(await audit("export", "--disclose", "x")).toMatchObject({ code: 1, stdout: "" })
  })
})

describe("export --format jsonl", () => {
  test("gives the records as list --json does, and leaves an event", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const listed = await audit("list", "--json")
    const { code, stdout, stderr } = await audit("export")
    // But for what is personal: that does not leave the log.
    const marker = /\{"\$secureml":"personal","commitment":"[^"]{44}"\}/g
    const same = stdout.replace(marker, '"u1"') === listed.stdout
    expect({ code, stderr, same }).toEqual({ code: 0, stderr: "", same: true })
    expect(stdout.match(marker)).toHaveLength(1)
    const [event] = await exports()
    expect(event).toMatchObject({
      event_type: "audit_exported",
      operation_name: "audit_export",
      actor: { type: "system_user" },
      details: { format: "jsonl", records: 9, unsealed: 0, last_index: 8, complete: true },
    })
    expect(Object.keys(event!.details)).not.toContain("filters")
  })

  test("its event names the filters, and never a person", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const filters = ["--user", "ds1", "--text", "patients", "--request-id", "r-7", "--event-type", "data_access"]
    await audit("export", ...filters, "--start-time", "2020-01-01")
    const [event] = await exports()
    expect(event!.details).toEqual({
      format: "jsonl",
      filters: {
        user: ["given"],
        request_id: ["given"],
        event_type: ["data_access"],
        text: "given",
        start_time: "2020-01-01",
      },
      records: 0,
      unsealed: 0,
      complete: true,
    })
    expect(JSON.stringify(event!.details)).not.toMatch(/ds1|patients|r-7/)
  })

  test.each([
    ["--event-type data_access", [1]],
    ["--dataset-name patients", [1, 2]],
    ["--text 山田", [6]],
    ["--end-time 2020-01-01", []],
  ])("takes the filters of list: %s", async (filters, expected) => {
    await trainingLog(place.logDir)
    const { stdout } = await audit("export", ...filters.split(" "))
    expect(recordsOf(stdout).map(({ index }) => index)).toEqual(expected)
  })

  test("a reader that leaves ends it quietly, and the event says that not all went out", async () => {
    const trail = new AuditTrail("many", { logDir: place.logDir })
    for (let n = 0; n < 3_000; n++) trail.logEvent("step", { n, text: "x".repeat(200) })
    await trail.close()
    await restart(place)
    const { stdout, stderr } = await shell('$SECUREML audit export | head -n 1 | wc -l; echo "$PIPESTATUS"')
    expect({ stdout, stderr }).toEqual({ stdout: "1\n0\n", stderr: "" })
    const { records, complete } = (await exports())[0]!.details as { records: number; complete: boolean }
    expect(complete).toBe(false)
    expect(records).toBeLessThan(3_002)
  })
})

describe("export --format csv", () => {
  test.each([
    ["a training run", trainingLog],
    ["hostile text", hostileLog],
  ])("is RFC 4180, and every record comes back: %s", async (_, makeLog) => {
    await makeLog(place.logDir)
    await restart(place)
    const expected = await all()
    const { code, stdout } = await audit("export", "--format", "csv")
    const [head, ...rows] = parseCsv(stdout)
    expect({ code, head }).toEqual({ code: 0, head: EXPORT_COLUMNS.map(({ name }) => name) })
    const back = rows.map((row) => recordOfCells(row.map((cell, n) => cellValue(EXPORT_COLUMNS[n]!.kind, cell))))
    expect(back).toEqual(expected)
  })

  test("no cell is a formula, and nothing in it steers a terminal", async () => {
    const trail = new AuditTrail("=HYPERLINK(1)", { logDir: place.logDir, actor: { id: "@SUM(1)" } })
    for (const start of ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t=", "\r="])
      trail.logEvent(`${start.trim()}x`, { start })
    await trail.close()
    await hostileLog(place.logDir)
    await restart(place)
    const { stdout } = await audit("export", "--format", "csv")
    expect(FORBIDDEN.exec(stdout.replaceAll("\r\n", "\n"))).toBeNull()
    const cells = parseCsv(stdout).flat()
    expect(cells.filter((cell) => /^[=+\-@\t\r＝＋－＠]/.test(cell))).toEqual([])
    expect(cells).toEqual(expect.arrayContaining(["'=HYPERLINK(1)", "'@SUM(1)"]))
    expect(stdout.split("\r\n").length - 1).toBe(13 + HOSTILE.length * 5)
  })

  const python = spawnSync("python3", ["--version"]).status === 0
  test.skipIf(!python)(`Python reads the same cells${python ? "" : " (skipped: python3 is not here)"}`, async () => {
    await hostileLog(place.logDir)
    await restart(place)
    const file = `${place.directory}/records.csv`
    expect((await audit("export", "--format", "csv", "--output", file)).code).toBe(0)
    const program =
      "import csv,json,sys; print(json.dumps(list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))))"
    const { stdout } = spawnSync("python3", ["-c", program, file], { encoding: "utf8", maxBuffer: 1 << 26 })
    expect(JSON.parse(stdout)).toEqual(parseCsv(fs.readFileSync(file, "utf8")))
  })
})

describe("export --format parquet", () => {
  test("another reader finds every record, in row groups", async () => {
    await hostileLog(place.logDir)
    await restart(place)
    const expected = await all()
    const path = `${place.directory}/records.parquet`
    expect(await audit("export", "--format", "parquet", "--output", path)).toMatchObject({ code: 0, stderr: "" })
    const file = await asyncBufferFromFile(path)
    const rows = (await parquetReadObjects({ file })) as Record<string, unknown>[]
    const back = rows.map((row) => recordOfCells(EXPORT_COLUMNS.map(({ name }) => cellOf(row[name]))))
    expect(back).toEqual(expected)
    expect(rows.map(({ time }) => (time as Date).toISOString())).toEqual(expected.map(({ timestamp }) => timestamp))
  })

  test("its columns have types, and it is the same file in a pipe", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const { bytes } = await audit("export", "--format", "parquet", "--event-type", "data_access")
    const path = `${place.directory}/piped.parquet`
    fs.writeFileSync(path, bytes)
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path))
    expect(metadata.num_rows).toBe(1n)
    const types = parquetSchema(metadata).children.map(({ element }) => [element.name, element.type])
    expect(types.slice(0, 3)).toEqual([
      ["index", "INT64"],
      ["sealed", "BOOLEAN"],
      ["event_id", "BYTE_ARRAY"],
    ])
    expect(types).toHaveLength(EXPORT_COLUMNS.length + 1)
  })

  test("where the library is not installed, it says what to install and writes nothing", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const { code, stdout, stderr } = await shell(
      `cp "\${SECUREML##* }" secureml.mjs && ${process.execPath} secureml.mjs audit export --format parquet --output x`,
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toContain("npm install hyparquet-writer")
    expect(fs.readdirSync(place.directory).sort()).toEqual(["log", "secureml.mjs", "state"])
    expect(await exports()).toEqual([])
  })
})

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return undefined
  return typeof value === "bigint" ? Number(value) : (value as Cell)
}

describe("export --output", () => {
  const modeOf = (path: string): string => (fs.statSync(path).mode & 0o777).toString(8)
  const file = (): string => `${place.directory}/out.jsonl`

  test("makes a file for this user alone, and tells its SHA-256", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const { code, stdout } = await shell(`umask 000; $SECUREML audit export --output '${file()}' --json`)
    const bytes = fs.readFileSync(file())
    expect({ code, told: JSON.parse(stdout) }).toEqual({
      code: 0,
      told: {
        file: file(),
        format: "jsonl",
        records: 9,
        unsealed: 0,
        lastIndex: 8,
        bytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      },
    })
    expect(recordsOf(bytes.toString())).toHaveLength(9)
    expect([modeOf(file()), fs.readdirSync(place.directory).sort()]).toEqual(["600", ["log", "out.jsonl", "state"]])
  })

  test("never takes the place of what is there, unless told to, and then only that of a file", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    fs.writeFileSync(file(), "mine", { mode: 0o644 })
    const refused = await audit("export", "--output", file())
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") })
    expect(fs.readFileSync(file(), "utf8")).toBe("mine")
    expect(await exports()).toEqual([])
    expect((await audit("export", "--output", file(), "--force")).code).toBe(0)
    expect([recordsOf(fs.readFileSync(file(), "utf8")).length, modeOf(file())]).toEqual([9, "600"])
    for (const [name, make] of [
      ["link", (path: string) => fs.symlinkSync(file(), path)],
      ["directory", (path: string) => fs.mkdirSync(path)],
    ] as const) {
      make(`${place.directory}/${name}`)
      const { code, stderr } = await audit("export", "--output", `${place.directory}/${name}`, "--force")
      expect({ name, code, told: stderr.includes("no regular file") }).toEqual({ name, code: 2, told: true })
    }
  })

  test("a file that appears meanwhile is not replaced", async () => {
    const child = await startLongExport(file())
    fs.writeFileSync(file(), "mine")
    const { code, stderr } = await ended(child)
    expect({ code, told: stderr.includes("is there already") }).toEqual({ code: 2, told: true })
    expect(fs.readFileSync(file(), "utf8")).toBe("mine")
    expect(fs.readdirSync(place.directory).filter((name) => name.startsWith(".tmp-"))).toEqual([])
  })

  test("a signal leaves nothing behind, and is on record", async () => {
    const child = await startLongExport(file())
    child.kill("SIGTERM")
    const { code, stderr } = await ended(child)
    expect({ code, told: stderr.includes("interrupted") }).toEqual({ code: 1, told: true })
    expect(fs.readdirSync(place.directory).sort()).toEqual(["log", "state"])
    expect((await exports()).map(({ details }) => details["complete"])).toEqual([false])
  })

  test("where it cannot be written it could not run", async () => {
    await trainingLog(place.logDir)
    const { code, stderr } = await audit("export", "--output", `${place.directory}/none/x`)
    expect({ code, told: stderr }).toEqual({ code: 1, told: expect.stringContaining("cannot be written (ENOENT)") })
  })
})

/** An export that has begun to write its file, and has long to go. */
async function startLongExport(file: string): Promise<ReturnType<typeof start>> {
  const trail = new AuditTrail("many", { logDir: place.logDir })
  for (let n = 0; n < 30_000; n++) trail.logEvent("step", { n, text: "x".repeat(100) })
  await trail.close()
  await restart(place)
  const child = start("export", "--output", file)
  while (!fs.readdirSync(place.directory).some((name) => name.startsWith(".tmp-")))
    await new Promise((resolve) => setTimeout(resolve, 1))
  return child
}

describe("a log that cannot be written", () => {
  test("a copy of its public part is exported, left alone, and that is said", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const copy = `${place.directory}/copy`
    fs.cpSync(`${place.logDir}/tile`, `${copy}/tile`, { recursive: true })
    fs.copyFileSync(`${place.logDir}/checkpoint`, `${copy}/checkpoint`)
    const { code, stdout, stderr } = await run(["audit", "export", "--log-dir", copy])
    expect({ code, records: recordsOf(stdout).length }).toEqual({ code: 0, records: 9 })
    expect(stderr).toContain("not recorded")
    expect(fs.readdirSync(copy).sort()).toEqual(["checkpoint", "tile"])
  })

  test("an index made for a copy is not recorded in it", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const copy = `${place.directory}/copy`
    fs.cpSync(`${place.logDir}/tile`, `${copy}/tile`, { recursive: true })
    fs.copyFileSync(`${place.logDir}/checkpoint`, `${copy}/checkpoint`)
    const { code, stderr } = await run(["audit", "reindex", "--log-dir", copy])
    expect({ code, told: stderr.includes("not recorded") }).toEqual({ code: 0, told: true })
    expect(fs.existsSync(`${copy}/.state/journal`)).toBe(false)
  })

  test("a log that cannot be recorded in is exported, and that is said", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    // A file where a directory must be: not even root can write into it.
    fs.rmSync(`${place.logDir}/.state/parts`, { recursive: true })
    fs.writeFileSync(`${place.logDir}/.state/parts`, "")
    const { code, stdout, stderr } = await audit("export")
    expect({ code, records: recordsOf(stdout).length }).toEqual({ code: 0, records: 9 })
    expect(stderr).toMatch(/this export is not recorded in the log: .*\[[A-Z_]+\]/)
  })
})

describe("wrong usage", () => {
  test.each([
    [["--format", "xml"], "--format"],
    [["--force"], "--force"],
    [["--json"], "--json"],
    [["--output", ""], "--output"],
    [["--limit", "3"], "--limit"],
  ])("export %j exits 2 and names %s", async (args, named) => {
    fs.mkdirSync(place.logDir)
    const { code, stdout, stderr } = await audit("export", ...args)
    expect({ code, stdout, named: stderr.includes(named) }).toEqual({ code: 2, stdout: "", named: true })
  })

  test.skipIf(!HAS_TERMINAL)(`Parquet does not go to a terminal${inTerminal}`, async () => {
    await trainingLog(place.logDir)
    const { code, stdout } = await terminal(["export", "--format", "parquet"])
    expect({ code, told: stdout.includes("not for a terminal") }).toEqual({ code: 2, told: true })
  })
})

test("no export goes into the log itself, whatever --force says and by whatever way", async () => {
  await trainingLog(place.logDir)
  const checkpoint = fs.readFileSync(`${place.logDir}/checkpoint`)
  fs.symlinkSync(place.logDir, `${place.directory}/way`)
  for (const file of [`${place.logDir}/checkpoint`, `${place.directory}/way/checkpoint`, `${place.logDir}/.state/x`]) {
    const { code, stderr } = await audit("export", "--force", "--output", file)
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("is inside the log") as string })
    const bundle = await audit("export", "--bundle", `${file}-bundle`)
    expect(bundle).toMatchObject({ code: 2, stderr: expect.stringContaining("--bundle: ") as string })
  }
  expect(fs.readFileSync(`${place.logDir}/checkpoint`)).toEqual(checkpoint)
  expect((await audit("list", "--text", " ")).code).toBe(2)
})
