/**
 * The benchmark: each section in a process of its own, peers on the same event in interleaved rounds, medians with min
 * and max, ratios. Writes docs/performance.md; never edit its numbers by hand.
 *
 *   npm run bench                    (from the root; builds first; about ten minutes on two quiet cores)
 *   npm run bench -- record seal     (some sections only; nothing is written)
 * @module
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { cpus, loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const SECTIONS = [
  "record",
  "durable",
  "seal",
  "verify",
  "load",
  "wrapper",
  "personal",
  "processes",
  "postgres",
  "query",
  "import",
]
const here = fileURLToPath(new URL(".", import.meta.url))
const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !SECTIONS.includes(name))
if (unknown !== undefined) {
  console.error(`there is no section ${JSON.stringify(unknown)}; there are ${SECTIONS.join(", ")}`)
  process.exit(2)
}

const load = loadavg()[0]
const sections = []
for (const name of wanted.length > 0 ? wanted : SECTIONS) {
  const result = join(tmpdir(), `secureml-bench-${process.pid}-${name}.json`)
  const { status } = spawnSync(process.execPath, [join(here, `${name}.mjs`)], {
    env: { ...process.env, BENCH_RESULT: result },
    stdio: "inherit",
  })
  if (status !== 0) throw new Error(`the section ${name} failed`)
  const section = JSON.parse(fs.readFileSync(result, "utf8"))
  fs.rmSync(result)
  sections.push(section)
  console.log(textOf(section))
}
for (const { place } of sections) fs.rmSync(place, { recursive: true, force: true })

function shown(value) {
  return typeof value === "number" ? value.toFixed(2) : value
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map((_, n) => (n === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n")
}

function textOf({ skipped, title, text, head, rows, bars }) {
  if (skipped !== undefined) return `(skipped: ${skipped})\n`
  return `## ${title}\n\n${text}\n\n${table(head, rows)}\n\n${table(
    ["measure", "bar", "measured", "met"],
    bars.map(({ what, bar, value, met }) => [what, bar, shown(value), bar === "none" ? "" : met ? "yes" : "**no**"]),
  )}\n`
}

if (wanted.length === 0 && process.env.BENCH_QUICK !== "1") {
  const text = `# Performance

Written by \`npm run bench\`; do not edit the numbers by hand. Ratios compare peers of the same run; absolute times
depend on the machine and on what else it was doing.

Machine: ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}; load when it began ${load.toFixed(2)}.

${sections.map(textOf).join("\n")}`
  fs.writeFileSync(join(here, "../docs/performance.md"), text)
}
