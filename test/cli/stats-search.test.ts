import { describe, expect, test } from "vitest"
import { type AuditRecord, AuditTrail, countAuditLogs } from "../../src/audit.ts"
import type { Statistics } from "../../src/cli/statistics.ts"
import { restart } from "../place.ts"
import { FORBIDDEN, HOSTILE, hostileLog, trainingLog } from "./logs.ts"
import { HAS_TERMINAL, useCli } from "./run.ts"

const { place, run, audit, terminal, shell } = useCli()

const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"
const lines = (text: string): string[] => text.replaceAll("\r\n", "\n").split("\n").slice(0, -1)
const indexesOf = (text: string): (number | null)[] =>
  lines(text).map((line) => (JSON.parse(line) as AuditRecord).index)
const withoutColours = (text: string): string => text.replace(/\u001b\[\d{1,2}m/g, "").replace(/\r+\n/g, "\n")

describe("stats", () => {
  test("--json counts everything, the most frequent first", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const { code, stdout, stderr } = await audit("stats", "--json")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const statistics = JSON.parse(stdout) as Statistics
    const day = statistics.first!.slice(0, 10)
    expect(statistics).toMatchObject({
      records: 9,
      days: expect.arrayContaining([{ day, count: expect.any(Number) }]),
      operations: [{ value: "model_training", count: 9 }],
      users: [
        { value: "ds1", count: 9 },
        { value: "ds2", count: 1 },
      ],
      regulations: [
        { value: "GDPR", count: 9 },
        { value: "HIPAA", count: 1 },
      ],
    })
    expect(Object.keys(statistics)).toEqual([
      "records",
      "first",
      "last",
      "days",
      "types",
      "operations",
      "users",
      "regulations",
      "outcomes",
    ])
    expect(statistics.types).toHaveLength(9)
    expect(statistics.outcomes.slice(0, 1)).toEqual([{ value: null, count: 5 }])
    expect(statistics.last! >= statistics.first!).toBe(true)
  })

  test("takes the filters, and counts what is not sealed yet", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    new AuditTrail("open", { logDir: place.logDir })
    await restart(place)
    const count = async (...flags: string[]): Promise<number> =>
      (JSON.parse((await audit("stats", "--json", ...flags)).stdout) as Statistics).records
    expect(await count()).toBe(await countAuditLogs({ logDir: place.logDir }))
    expect(await count("--event-type", "audit_started")).toBe(2)
    expect(await count("--user", "ds2")).toBe(1)
    expect(await count("--end-time", "2020-01-01")).toBe(0)
  })

  test("in a pipe: what is counted, value and count, with tabs between them", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const rows = lines((await audit("stats")).stdout).map((line) => line.split("\t"))
    expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([3]))
    expect(rows.slice(0, 3).map(([kind]) => kind)).toEqual(["records", "first", "last"])
    expect(rows).toContainEqual(["records", "", "9"])
    expect(rows).toContainEqual(["type", "data_access", "1"])
    expect(rows).toContainEqual(["outcome", "", "5"])
  })

  test("of nothing is nothing", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    const { code, stdout } = await audit("stats", "--json", "--user", "nobody")
    expect({ code, found: JSON.parse(stdout) }).toMatchObject({
      code: 0,
      found: { records: 0, first: null, last: null, types: [] },
    })
  })

  test.skipIf(!HAS_TERMINAL).each([60, 80, 160])(
    `on a terminal bars keep to %i columns${inTerminal}`,
    async (columns) => {
      await trainingLog(place.logDir)
      await restart(place)
      const { code, stdout } = await terminal(["stats"], columns, { NO_COLOR: "1" })
      expect({ code, colours: stdout.includes("\u001b") }).toEqual({ code: 0, colours: false })
      for (const line of lines(stdout)) expect(line.length).toBeLessThanOrEqual(Math.min(columns, 120))
      const titles = lines(stdout).filter((line) => /^[a-z]+$/.test(line))
      expect(titles).toEqual(["days", "types", "operations", "users", "regulations", "outcomes"])
      expect(stdout).toMatch(/model_training {2}█+ {2}9\r?\n/)
    },
  )

  test.skipIf(!HAS_TERMINAL)(`on a terminal the rarest values are counted together${inTerminal}`, async () => {
    const trail = new AuditTrail("many", { logDir: place.logDir })
    for (let n = 0; n < 20; n++) trail.logEvent(`type_${n}`, {})
    await trail.close()
    await restart(place)
    const { stdout } = await terminal(["stats"])
    expect(stdout).toContain("(14 others)")
    expect(stdout).toContain("\u001b[36m█")
  })
})

describe("search", () => {
  test("finds whole words in any order, the newest first", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    expect(indexesOf((await audit("search", "--json", "patients")).stdout)).toEqual([2, 1])
    expect(indexesOf((await audit("search", "--json", "memory", "OUT")).stdout)).toEqual([7])
    expect(indexesOf((await audit("search", "--json", "out of memory")).stdout)).toEqual([7])
    expect(indexesOf((await audit("search", "--json", "patient")).stdout)).toEqual([])
    expect(indexesOf((await audit("search", "--json", "山田太郎")).stdout)).toEqual([6])
  })

  test("takes the filters and --limit; what it gives is what list gives", async () => {
    await trainingLog(place.logDir)
    await restart(place)
    expect(indexesOf((await audit("search", "--json", "patients", "--event-type", "data_access")).stdout)).toEqual([1])
    expect(indexesOf((await audit("search", "--json", "patients", "--limit", "1")).stdout)).toEqual([2])
    const found = await audit("search", "ds1", "patients")
    const listed = await audit("list", "--text", "ds1 patients", "--order", "desc")
    expect(found).toMatchObject({ code: 0, stderr: "", stdout: listed.stdout })
    expect(lines(found.stdout)).toHaveLength(2)
  })

  test("a reader that leaves ends it quietly", async () => {
    const trail = new AuditTrail("many", { logDir: place.logDir })
    for (let n = 0; n < 2_000; n++) trail.logEvent("step", { n, text: "loan ".repeat(50) })
    await trail.close()
    await restart(place)
    const { stdout, stderr } = await shell('$SECUREML audit search loan | head -n 1 | wc -l; echo "$PIPESTATUS"')
    expect({ stdout, stderr }).toEqual({ stdout: "1\n0\n", stderr: "" })
  })

  test.each([
    [["search"], "words"],
    [["search", " "], "words"],
    [["search", "a", "--text", "b"], "--text"],
    [["search", "a", "--limit", "0"], "--limit"],
    [["stats", "a"], "too many arguments"],
    [["stats", "--limit", "1"], "--limit"],
  ])("wrong usage %j exits 2 and names %s", async (args, named) => {
    await trainingLog(place.logDir)
    const { code, stdout, stderr } = await run(["audit", ...args])
    expect({ code, stdout, named: stderr.includes(named) }).toEqual({ code: 2, stdout: "", named: true })
  })

  test.skipIf(!HAS_TERMINAL)(
    `on a terminal it shows where the words stand, and how many there are${inTerminal}`,
    async () => {
      await trainingLog(place.logDir)
      await restart(place)
      const { stdout } = await terminal(["search", "MEMORY"])
      const below = lines(stdout)[2]!
      expect(withoutColours(below)).toBe("       out of memory")
      expect(below).toMatch(/\u001b\[1m\u001b\[33mmemory/)
      expect((await terminal(["search", "memory"], 100, { NO_COLOR: "1" })).stdout).not.toContain("\u001b")
      expect((await terminal(["search", "nothing"])).stdout).toContain("no records match")
      const trail = new AuditTrail("many", { logDir: place.logDir })
      for (let n = 0; n < 30; n++) trail.logEvent("step", { n, text: "loan" })
      await trail.close()
      await restart(place)
      expect((await terminal(["search", "loan"])).stdout).toContain("only the newest 20 records are shown")
      expect((await terminal(["search", "loan", "--limit", "25"])).stdout).not.toContain("only the newest")
    },
  )
})

describe("hostile text reaches neither a terminal nor a pipe unescaped", () => {
  test("from stats and search", async () => {
    await hostileLog(place.logDir)
    await restart(place)
    for (const args of [["stats"], ["stats", "--json"], ["search", "op"], ["search", "op", "--json"]]) {
      const { code, stdout, stderr } = await audit(...args)
      expect({ args, code, found: FORBIDDEN.exec(stdout + stderr) }).toEqual({ args, code: 0, found: null })
    }
    const { stdout } = await audit("stats")
    for (const { name, escaped } of HOSTILE)
      expect({ name, there: stdout.includes(escaped) }).toEqual({ name, there: true })
  })

  test.skipIf(!HAS_TERMINAL)(`on a terminal${inTerminal}`, async () => {
    await hostileLog(place.logDir)
    await restart(place)
    for (const args of [["stats"], ["search", "op"], ["search", "who", "--limit", "100"]]) {
      const { code, stdout } = await terminal(args)
      expect({ args, code, found: FORBIDDEN.exec(withoutColours(stdout)) }).toEqual({ args, code: 0, found: null })
    }
  })
})
