import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { type AuditOperation, AuditTrail, auditFunction, getAuditLogs, withAuditTrail } from "../../src/audit.ts"
import { formatLine, parseLines } from "../../src/store/index.ts"
import { restart } from "../place.ts"
import { trainingLog } from "./logs.ts"
import { HAS_TERMINAL, useCli } from "./run.ts"

const { place, audit, shell, terminal } = useCli()
const lines = (text: string): string[] => text.split("\n").slice(0, -1)
const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"

/** A finished training, and an operation left open with two calls inside; the second of them failed. */
async function twoOperations(): Promise<string> {
  await trainingLog(place.logDir)
  const score = auditFunction(function score(n: number) {
    if (n < 0) throw new RangeError("below zero")
    return n
  })
  await withAuditTrail("batch", { logDir: place.logDir, actor: { id: "cron" } }, () => {
    score(1)
    expect(() => score(-1)).toThrow("below zero")
  })
  const { operationId } = new AuditTrail("left open", { logDir: place.logDir })
  await restart(place)
  return operationId
}

const idOf = async (operationName: string): Promise<string> =>
  (await getAuditLogs({ logDir: place.logDir, operationName }))[0]!.operation_id

describe("operations", () => {
  test("in a pipe: id, start, end, status, milliseconds, events, name, the newest first", async () => {
    const left = await twoOperations()
    const { code, stdout, stderr } = await audit("operations")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const rows = lines(stdout).map((line) => line.split("\t"))
    expect(rows.map(([, , , status, , events, name]) => `${name} ${status} ${events}`)).toEqual([
      "left open unfinished 1",
      "batch completed 2",
      "score error 4",
      "score completed 4",
      "model_training completed 9",
    ])
    expect(rows[0]).toEqual([left, expect.stringMatching(/Z$/), "-", "unfinished", "-", "1", "left open"])
    expect(rows[4]).toEqual([
      await idOf("model_training"),
      expect.stringMatching(/Z$/),
      expect.stringMatching(/Z$/),
      "completed",
      expect.stringMatching(/^\d+$/),
      "9",
      "model_training",
    ])
  })

  const filters: readonly (readonly [string, readonly string[]])[] = [
    ["--unfinished", ["left open"]],
    ["--event-type error", ["score", "model_training"]],
    ["--operation-name batch", ["batch"]],
    ["--user ds2", ["model_training"]],
    ["--limit 2", ["left open", "batch"]],
    ["--since 1h --status completed", ["batch", "score", "model_training"]],
    ["--end-time 2020-01-01", []],
  ]
  test.each(filters)("--json %s", async (flags, expected) => {
    await twoOperations()
    const { code, stdout, stderr } = await audit("operations", "--json", ...flags.split(" "))
    const found = lines(stdout).map((line) => JSON.parse(line) as AuditOperation)
    expect({ code, names: found.map(({ operationName }) => operationName) }).toEqual({ code: 0, names: expected })
    expect(stderr).toBe(
      flags === "--limit 2" ? "only the newest 2 operations are shown; a larger --limit shows more\n" : "",
    )
  })

  test("a reader that leaves ends it quietly with 0", async () => {
    for (let n = 0; n < 300; n++) new AuditTrail(`operation ${n}`, { logDir: place.logDir })
    await restart(place)
    const { stdout, stderr } = await shell('$SECUREML audit operations --json | head -n 1; echo "$PIPESTATUS"')
    expect({ stderr, ended: lines(stdout)[1] }).toEqual({ stderr: "", ended: "0" })
  })

  test.skipIf(!HAS_TERMINAL).each([80, 120])(
    `in a terminal a table of %i columns in which no id is cut${inTerminal}`,
    async (columns) => {
      const left = await twoOperations()
      const { code, stdout } = await terminal(["operations"], columns, { NO_COLOR: "1" })
      const rows = lines(stdout.replaceAll("\r\n", "\n"))
      expect({ code, rows: rows.length }).toEqual({ code: 0, rows: 6 })
      expect(rows[0]).toMatch(/^OPERATION ID +STARTED +STATUS +TOOK +EVENTS +NAME$/)
      for (const row of rows) expect(row.length).toBeLessThanOrEqual(columns)
      expect(rows[1]!.startsWith(left)).toBe(true)
      expect((await terminal(["operations"], 50, { NO_COLOR: "1" })).stdout).toContain(`\n${left} `)
      expect((await terminal(["operations", "--user", "nobody"])).stdout).toContain("no operations match")
    },
  )

  test.skipIf(!HAS_TERMINAL)(`in a terminal 50 unless told, and that is said${inTerminal}`, async () => {
    for (let n = 0; n < 60; n++) new AuditTrail(`operation ${n}`, { logDir: place.logDir })
    await restart(place)
    const { stdout } = await terminal(["operations"], 100, { NO_COLOR: "1" })
    expect(stdout.match(/\n/g)).toHaveLength(52)
    expect(stdout).toContain("only the newest 50 operations are shown")
  })
})

describe("one operation", () => {
  test("its story, with its errors", async () => {
    await twoOperations()
    const { code, stdout, stderr } = await audit("operations", await idOf("model_training"))
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    for (const line of [
      /^operation +model_training$/m,
      /^status +completed$/m,
      /^duration +\S+$/m,
      /^who +ds1, user$/m,
      /^events +9: 1 audit_started, .*1 data_access/m,
      /^entries +0 to 8, all sealed$/m,
      /^errors\n {2}7 {2}\S+Z {2}Error: out of memory$/m,
    ])
      expect(stdout).toMatch(line)
    expect(stdout).not.toContain("missing")
  })

  test("the tree of those that ran inside, and the one it ran in", async () => {
    await twoOperations()
    const outer = await idOf("batch")
    const { stdout } = await audit("operations", outer)
    const inside = stdout.slice(stdout.indexOf("operations inside"))
    expect(inside).toMatch(
      /^operations inside\n├─ score {2}completed {2}[0-9a-f-]{36}\n└─ score {2}error {2}[0-9a-f-]{36}\n$/,
    )
    const child = await audit("operations", (await idOf("score")).toUpperCase())
    expect(child.stdout).toMatch(new RegExp(`^parent +batch \\(${outer}\\)$`, "m"))
  })

  test("one that is open, and one with more inside than is shown", async () => {
    const left = await twoOperations()
    expect((await audit("operations", left)).stdout).toMatch(/^status +unfinished: its last event is of \S+Z$/m)
    const step = auditFunction(function step() {
      return 1
    })
    let outer = ""
    await withAuditTrail("many", { logDir: place.logDir }, (trail) => {
      outer = trail.operationId
      for (let n = 0; n < 120; n++) step()
    })
    await restart(place)
    const { stdout, stderr } = await audit("operations", outer)
    expect(stdout.match(/─ step/g)).toHaveLength(100)
    expect(stderr).toContain("only 100 of the operations inside are shown")
    expect((JSON.parse((await audit("operations", outer, "--json")).stdout) as AuditOperation).children).toHaveLength(
      120,
    )
  })

  test("operations of which a crafted log says that each ran in the other are shown once", async () => {
    let [outer, inner] = ["", ""]
    await withAuditTrail("outer", { logDir: place.logDir }, async (first) => {
      outer = first.operationId
      await withAuditTrail("inner", { logDir: place.logDir }, (second) => {
        inner = second.operationId
      })
    })
    await restart(place)
    const [name] = fs.readdirSync(`${place.logDir}/.state/journal`)
    const path = `${place.logDir}/.state/journal/${name}`
    const lines = parseLines(fs.readFileSync(path), 0).lines.map(({ seq, entry }) =>
      formatLine(
        seq,
        Buffer.from(entry)
          .toString()
          .replace(/("operation_name":"outer".*"writer":\{[^}]*\})/, `$1,"parent_operation_id":"${inner}"`),
      ),
    )
    fs.writeFileSync(path, lines.join(""))
    const { stdout } = await audit("operations", outer)
    expect(stdout).toMatch(/^parent +inner/m)
    expect(stdout.match(/─ (inner|outer)/g)).toEqual(["─ inner"])
  })

  test("--json is what the library gives, and an unknown id could not run", async () => {
    await twoOperations()
    const { getOperation } = await import("../../src/audit.ts")
    const operationId = await idOf("batch")
    expect(JSON.parse((await audit("operations", operationId, "--json")).stdout)).toEqual(
      await getOperation({ logDir: place.logDir, operationId }),
    )
    expect(await audit("operations", "nobody")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("[OPERATION_NOT_FOUND]"),
    })
  })

  test.skipIf(!HAS_TERMINAL)(`in a terminal, in colour${inTerminal}`, async () => {
    await twoOperations()
    const { code, stdout } = await terminal(["operations", await idOf("batch")])
    expect({ code, coloured: stdout.includes("\u001b[31merror") }).toEqual({ code: 0, coloured: true })
  })
})
