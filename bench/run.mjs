/**
 * The benchmark: peers on the same event in interleaved rounds, medians with min and max, ratios.
 * Writes docs/performance.md; never edit its numbers by hand.
 *
 *   npm run bench          (from the root; builds first)
 * @module
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import pino from "pino"

const root = fileURLToPath(new URL("..", import.meta.url))
const { AuditTrail } = await import(join(root, "dist/audit.js"))
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15)
const CALLS = 20_000
const IMPORTS = 15

const place = fs.mkdtempSync(join(tmpdir(), "secureml-bench-"))
process.env.SECUREML_STATE_DIR = join(place, "state")

// The same literal object for every peer.
const details = {
  dataset_name: "patient_records",
  columns_accessed: ["age", "diagnosis"],
  num_records: 1000,
  purpose: "training disease prediction model",
  user: "data_scientist_1",
}

let audit
function recordPeers() {
  audit = new AuditTrail("bench", { logDir: join(place, "log") })
  const logger = pino(pino.destination({ dest: join(place, "pino.log"), sync: true }))
  const fd = fs.openSync(join(place, "bare.log"), "a")
  const {
    dataset_name: datasetName,
    columns_accessed: columnsAccessed,
    num_records: numRecords,
    purpose,
    user,
  } = details
  const access = { datasetName, columnsAccessed, numRecords, purpose, user }
  return {
    "pino 10, sync: true": () => logger.info(details),
    "secureml logEvent": () => audit.logEvent("data_seen", details),
    "secureml logDataAccess": () => audit.logDataAccess(access),
    "bare JSON.stringify + fs.writeSync": () => fs.writeSync(fd, `${JSON.stringify(details)}\n`),
  }
}

/** Microseconds a call, one number a round; every round runs all peers. */
async function measure(peers) {
  const times = Object.fromEntries(Object.keys(peers).map((name) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(peers)) {
      const beganMs = performance.now()
      for (let n = 0; n < CALLS; n++) call()
      times[name].push(((performance.now() - beganMs) * 1_000) / CALLS)
      // Syncs and seals of one peer must not fall into the time of the next.
      await audit.flush()
      execFileSync("sync")
    }
  }
  return times
}

function summary(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)], min: sorted[0], max: sorted.at(-1) }
}

function importTimes() {
  const code = `const t = performance.now(); await import(${JSON.stringify(join(root, "dist/audit.js"))}); console.log(performance.now() - t)`
  return Array.from({ length: IMPORTS }, () =>
    Number(execFileSync(process.execPath, ["--input-type=module", "-e", code])),
  )
}

const number = (value) => value.toFixed(2)
const times = await measure(recordPeers())
const pinoMedian = summary(times["pino 10, sync: true"]).median
const rows = Object.entries(times).map(([name, numbers]) => {
  const { median, min, max } = summary(numbers)
  return `| ${name} | ${number(median)} | ${number(min)} | ${number(max)} | ${number(median / pinoMedian)} |`
})
const imported = summary(importTimes())
const text = `# Performance

Written by \`npm run bench\`; do not edit the numbers by hand. Ratios compare peers of the same run; absolute times
depend on the machine and on what else it was doing.

Machine: ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}.

## Recording one event

${ROUNDS} interleaved rounds of ${CALLS.toLocaleString("en")} calls each, the same object for every peer; microseconds a call. secureml writes a
longer line (ids, sequence, checksum) and redacts; its background syncs are on. Between rounds everything is sealed and
synced, so that no peer pays for another.

| peer | median µs | min | max | × pino |
| --- | ---: | ---: | ---: | ---: |
${rows.join("\n")}

## Importing

\`import "secureml/audit"\`, ${IMPORTS} fresh processes: median ${number(imported.median)} ms (${number(imported.min)} to ${number(imported.max)}).
`
fs.writeFileSync(join(root, "docs/performance.md"), text)
console.log(text)
fs.rmSync(place, { recursive: true, force: true })
process.exit(0)
