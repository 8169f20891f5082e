import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { type AuditRecord, getAuditLogs } from "../../src/audit.ts"
import { FORBIDDEN, HOSTILE, hostileDecision, hostileLog, trainingLog } from "./logs.ts"
import { HAS_TERMINAL, useCli } from "./run.ts"

const { place, run, audit, terminal } = useCli()

const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"
const operationIds = async (): Promise<string[]> => [
  ...new Set((await getAuditLogs({ logDir: place.logDir })).map(({ operation_id }) => operation_id)),
]
/** Colours of our own: nothing but these may begin with an escape character. */
const withoutColours = (text: string): string => text.replace(/\u001b\[\d{1,2}m/g, "").replace(/\r+\n/g, "\n")

describe("hostile text never reaches a terminal or pipe unescaped", () => {
  test("list, tail and show in a pipe", async () => {
    await hostileLog(place.logDir)
    const list = await audit("list")
    for (const { name, escaped } of HOSTILE)
      expect({ name, there: list.stdout.includes(escaped) }).toEqual({ name, there: true })
    expect(
      list.stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => line.split("\t").length),
    ).toEqual(Array.from({ length: HOSTILE.length * 5 }, () => 7))
    for (const { stdout, stderr } of [
      list,
      await audit("tail", "-n", "100"),
      ...(await Promise.all([...HOSTILE.keys()].map((n) => audit("show", String(5 * n + 1))))),
      await audit("operations"),
      ...(await Promise.all((await operationIds()).map((id) => audit("operations", id)))),
    ]) {
      expect(FORBIDDEN.exec(stdout + stderr)).toBeNull()
    }
  })

  test("operations in a pipe: as many tabs in each line", async () => {
    await hostileLog(place.logDir)
    const { stdout } = await audit("operations")
    const cells = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t"))
    expect(cells.map((row) => row.length)).toEqual(HOSTILE.map(() => 7))
    for (const { escaped } of HOSTILE) expect(stdout).toContain(escaped)
  })

  test("JSON writes it as \\uXXXX and parses to the same text", async () => {
    await hostileLog(place.logDir)
    const { stdout } = await audit("list", "--json")
    expect(FORBIDDEN.exec(stdout)).toBeNull()
    const found = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditRecord)
    expect(found).toEqual(await getAuditLogs({ logDir: place.logDir }))
    expect(found.filter(({ event_type }) => event_type === "note").map(({ details }) => details["text"])).toEqual(
      HOSTILE.map(({ text }) => text),
    )
    expect(
      FORBIDDEN.exec((await audit("show", "1", "--json")).stdout + (await audit("prove", "1", "--json")).stdout),
    ).toBeNull()
  })

  test.skipIf(!HAS_TERMINAL)(`a terminal, --raw included${inTerminal}`, async () => {
    await hostileLog(place.logDir)
    const last = await hostileDecision(place.logDir)
    for (const args of [
      ["list", "--limit", "100"],
      ["tail", "-n", "100"],
      ["show", "16"],
      ["show", "16", "--raw"],
      ["list", "--json"],
      ["operations"],
      ["operations", (await operationIds())[0]!],
      ["operations", "--json"],
      ["trace", last],
      ["trace", last, "--json"],
      ["export"],
      ["export", "--format", "csv"],
    ]) {
      const { code, stdout } = await terminal(args)
      expect({ args, code, found: FORBIDDEN.exec(withoutColours(stdout)) }).toEqual({ args, code: 0, found: null })
    }
  })

  test("what was typed, names of files and of the directory", async () => {
    const evil = "\u001b]0;x\u0007\u202e"
    fs.mkdirSync(`${place.directory}/${evil}`)
    const commands = [
      ["list", "--log-dir", `${evil}/nowhere`],
      ["list", evil],
      ["list", "--limit", evil],
      ["verify", "--log-dir", evil],
      ["verify", "--public-key", evil],
      ["verify", "--against", evil],
      ["init", "--log-dir", evil],
      ["key", "--log-dir", evil],
      ["verify", "--forget", "--log-dir", evil],
      ["export", "--output", `${evil}/none/${evil}`],
      ["export", "--format", evil],
      ["export", "--output", evil, "--force"],
    ]
    for (const args of commands) {
      const { stdout, stderr } = await run(["audit", ...args])
      expect({ args, found: FORBIDDEN.exec(stdout + stderr) }).toEqual({ args, found: null })
    }
  })
})

describe("a terminal", () => {
  test.skipIf(!HAS_TERMINAL).each([80, 100, 160])(
    `rows keep to %i columns, wide characters too${inTerminal}`,
    async (columns) => {
      await trainingLog(place.logDir)
      const { stdout } = await terminal(["list"], columns, { NO_COLOR: "1" })
      const rows = stdout.replaceAll("\r\n", "\n").trimEnd().split("\n")
      expect(rows[0]).toMatch(/^INDEX +TIME \(UTC\) +TYPE +OPERATION +WHO +WHAT$/)
      expect(rows).toHaveLength(10)
      for (const row of rows) expect(row.length).toBeLessThanOrEqual(columns)
      // Four wide characters take the room of eight.
      const at = rows[3]!.indexOf("  ds1")
      expect(rows[7]!.indexOf("  ds1")).toBe(at - 4)
      expect(stdout).not.toContain("\u001b")
    },
  )

  test.skipIf(!HAS_TERMINAL)(`the newest 50 records unless told, and that is said${inTerminal}`, async () => {
    for (let n = 0; n < 6; n++) await trainingLog(place.logDir)
    const { stdout } = await terminal(["list"], 100, { NO_COLOR: "1" })
    const rows = stdout.replaceAll("\r\n", "\n").trimEnd().split("\n")
    expect(rows[1]).toMatch(/^ {4}4 /)
    expect(rows[50]).toMatch(/^ {3}53 /)
    expect(rows[51]).toMatch(/^only the newest 50 records are shown/)
    expect((await terminal(["list", "--limit", "60"], 100, { NO_COLOR: "1" })).stdout.match(/\n/g)).toHaveLength(55)
  })

  test.skipIf(!HAS_TERMINAL)(`colours in a terminal; NO_COLOR and FORCE_COLOR are honoured${inTerminal}`, async () => {
    await trainingLog(place.logDir)
    expect((await terminal(["verify"])).stdout).toContain("\u001b[32mintact")
    expect((await terminal(["verify"], 100, { NO_COLOR: "1" })).stdout).not.toContain("\u001b")
    expect((await terminal(["verify"], 100, { TERM: "dumb" })).stdout).not.toContain("\u001b")
    const args = ["audit", "verify"]
    expect((await run(args)).stdout).not.toContain("\u001b")
    expect((await run(args, { env: { FORCE_COLOR: "1" } })).stdout).toContain("\u001b[32mintact")
    expect((await run(["audit", "list", "--json"], { env: { FORCE_COLOR: "1" } })).stdout).not.toContain("\u001b")
  })

  test.skipIf(!HAS_TERMINAL)(`an empty answer says so${inTerminal}`, async () => {
    await trainingLog(place.logDir)
    expect((await terminal(["list", "--user", "nobody"])).stdout).toContain("no records match")
  })
})
