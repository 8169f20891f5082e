import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { drawGraph, readFolders } from "../../scripts/draw-architecture.mjs"
import floorTable from "../../scripts/floors.json" with { type: "json" }
import { ROOT, SCRATCH } from "./fixture.ts"

/** One wrong import a row; `file` is added to a small tree that keeps the rules. */
const wrong = [
  { file: "event/up.ts", text: 'import "../capture/index.ts"', rule: "floor-of-event" },
  { file: "event/aside.ts", text: 'import "../store/index.ts"', rule: "floor-of-event" },
  { file: "ledger/type.ts", text: 'import type { Event } from "../event/index.ts"', rule: "floor-of-ledger" },
  { file: "ledger/inline.ts", text: 'export type E = import("../event/index.ts").Event', rule: "floor-of-ledger" },
  { file: "ledger/late.ts", text: 'export const late = import("../event/index.ts")', rule: "floor-of-ledger" },
  { file: "query/again.ts", text: 'export { event } from "../capture/index.ts"', rule: "floor-of-query" },
  { file: "query/round.ts", text: 'import "../event/deep.ts"', rule: "through-the-index" },
  { file: "verify.ts", text: 'import "./proof/deep.ts"', rule: "doors-through-the-index" },
  { file: "audit.ts", text: 'export { proof } from "./proof/index.ts"', rule: "audit-takes-only-types-of-proof" },
  { file: "proof/random.ts", text: 'import { randomBytes } from "node:crypto"', rule: "pure-floors" },
  { file: "privacy/disk.ts", text: 'import { readFileSync } from "node:fs"', rule: "files-have-their-places" },
  { file: "store/driver.ts", text: 'import "vite"', rule: "no-packages" },
  { file: "store/command.ts", text: 'import "commander"', rule: "commander-is-for-the-command" },
  { file: "store/lost.ts", text: 'import "./nowhere.ts"', rule: "resolvable" },
  { file: "store/a.ts", text: 'import type { B } from "./b.ts"\nexport type A = B', rule: "no-cycles" },
  { file: "utils/index.ts", text: 'import "../errors.ts"', rule: "not-in-the-table" },
  { file: "errors.ts", text: 'import "./bytes.ts"', rule: "base-stands-alone" },
]

const right = {
  "bytes.ts": "export const bytes = 1",
  "event/deep.ts": "export const deep = 1",
  "event/index.ts": 'export interface Event { id: string }\nexport { deep as event } from "./deep.ts"',
  "proof/deep.ts": "export const deep = 1",
  "proof/index.ts": 'export { deep as proof } from "./deep.ts"',
  "store/index.ts": "export const store = 1",
  "capture/index.ts": 'export { event } from "../event/index.ts"\nimport "../store/index.ts"',
  "capture/row.test.ts": 'import "../event/deep.ts"\nimport "node:fs"',
}

interface Violation {
  readonly from: string
  readonly rule: { readonly name: string }
}

function violationsIn(files: Readonly<Record<string, string>>): Violation[] {
  const tree = join(SCRATCH, "floors")
  rmSync(tree, { recursive: true, force: true })
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, "src", file)), { recursive: true })
    writeFileSync(join(tree, "src", file), `${text}\n`)
  }
  const command = join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs")
  const options = ["src", "--config", join(ROOT, ".dependency-cruiser.cjs"), "--output-type", "json"]
  const { stdout } = spawnSync(process.execPath, [command, ...options], { cwd: tree, encoding: "utf8" })
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations
}

let found: string[]
beforeAll(() => {
  const added = Object.fromEntries(wrong.map(({ file, text }) => [file, text]))
  added["store/b.ts"] = 'import type { A } from "./a.ts"\nexport type B = A'
  found = violationsIn({ ...right, ...added }).map(({ from, rule }) => `${from}: ${rule.name}`)
})

test("a tree that keeps the rules has no violation, tests beside the files included", () => {
  expect(violationsIn(right)).toEqual([])
})

test.each(wrong)("$file: $text is reported by $rule", ({ file, rule }) => {
  expect(found).toContain(`src/${file}: ${rule}`)
})

test("every folder and file directly under src has its line in the floor table", async () => {
  const table = Object.assign({}, ...floorTable.floors) as Record<string, string[]>
  const { names } = await readFolders()
  expect(names.filter((name) => !(name in table))).toEqual([])
})

test("the graph in docs/architecture.md is the one that the imports give (else: npm run docs)", async () => {
  const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8")
  expect(page).toContain(drawGraph(await readFolders()))
})
