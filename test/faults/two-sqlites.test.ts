/**
 * Two drivers of SQLite on one lock file, as when processes of different versions of Node write to one log: Node's own
 * from 22.13 on, libsql before. They exclude each other.
 * @module
 */
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { type Child, childEnvironment, DIST, start } from "../children.ts"
import { usePlace } from "../place.ts"
import { endWithTest, isCounting, numbersByName, wait } from "./counting.ts"

const TRACED = new URL("traced-sqlite.mjs", import.meta.url).href
/** Another version of Node; scripts/soak.mjs names one. */
const OTHER = process.env["SECUREML_TEST_OTHER_NODE"]
const SEALS = 40
const hasBuiltIn = Number(process.versions.node.split(".")[0]) >= 22
const place = usePlace()
const traceFile = () => `${place.directory}/trace`
const goFile = () => `${place.directory}/go`

/** Starts a process that seals after each event, once it is told to go. */
function startSealing(name: string, node: string, environment: Readonly<Record<string, string>> = {}): Child {
  const source = `const { AuditTrail } = await import("file://${DIST}/audit.js")
    const { existsSync } = await import("node:fs")
    console.log("ready")
    while (!existsSync(${JSON.stringify(goFile())})) await new Promise((resolve) => setTimeout(resolve, 5))
    const audit = new AuditTrail(${JSON.stringify(name)}, { logDir: ${JSON.stringify(place.logDir)} })
    for (let n = 0; n < ${SEALS}; n++) { audit.logEvent("step", { n }); await audit.flush(); await new Promise((resolve) => setTimeout(resolve, Math.random() * 20)) }
    process.exit(0)`
  const env = childEnvironment(place.stateDir, { TRACE_FILE: traceFile(), ...environment })
  // Node 22 warns about its SQLite where the preloaded module looks at it; the package keeps quiet by itself.
  const quiet = ["--disable-warning=ExperimentalWarning", "--import", TRACED]
  return endWithTest(start(node, [...quiet, "--input-type=module", "--eval", source], env))
}

/** Whoever takes the lock frees it before another one takes it; returns the drivers that did. */
function driversInTrace(): string[] {
  const drivers = new Set<string>()
  const holders: string[] = []
  let holder: string | undefined
  for (const line of fs.readFileSync(traceFile(), "utf8").trimEnd().split("\n")) {
    const [sign, driver, pid] = line.split(" ")
    if (sign === "+") expect(holder, `${line}, while ${holder} has the lock`).toBe(undefined)
    else expect(pid).toBe(holder)
    holder = sign === "+" ? pid : undefined
    drivers.add(driver!)
    if (sign === "+" && pid !== holders.at(-1)) holders.push(pid!)
  }
  // They met: one of the two was not done before the other one began.
  expect(holders.length).toBeGreaterThan(2)
  return [...drivers].sort()
}

describe("two processes that seal one log at once exclude each other", () => {
  const node = process.execPath
  const own = hasBuiltIn ? "node:sqlite" : "libsql"

  const rows = [
    { title: "of one kind", drivers: [own], nodes: [node, node], second: {} },
    {
      title: `one with node:sqlite, one with libsql${hasBuiltIn ? "" : " (skipped: this Node has no SQLite of its own)"}`,
      drivers: ["libsql", "node:sqlite"],
      nodes: hasBuiltIn ? [node, node] : undefined,
      second: { WITHOUT_BUILT_IN: "1" },
    },
    {
      title: `one on this Node, one on another${OTHER === undefined ? " (skipped: SECUREML_TEST_OTHER_NODE names none)" : ""}`,
      drivers: undefined,
      nodes: OTHER === undefined ? undefined : [node, OTHER],
      second: {},
    },
  ]
  for (const { title, drivers, nodes, second } of rows) {
    test.skipIf(nodes === undefined)(title, { timeout: 60_000 }, async () => {
      const children = [startSealing("one", nodes![0]!), startSealing("two", nodes![1]!, second)]
      while (children.some((child) => !child.stdout().includes("ready"))) await wait(5)
      fs.writeFileSync(goFile(), "")
      const ended = await Promise.all(children.map(({ ended }) => ended))
      expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual([
        [0, ""],
        [0, ""],
      ])
      const found = driversInTrace()
      if (drivers === undefined) console.log(`this Node and ${OTHER}: ${found.join(" and ")}`)
      else expect(found).toEqual(drivers)
      const numbers = numbersByName(await getAuditLogs({ logDir: place.logDir, eventType: "step" }))
      for (const name of ["one", "two"]) {
        expect([numbers.get(name)!.length, isCounting(numbers.get(name)!)]).toEqual([SEALS, true])
      }
      expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
    })
  }
})
