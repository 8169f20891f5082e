/** A log of a million entries: verifying it, proving one entry, opening it again, and its size on the disk. */
import { execFileSync } from "node:child_process"
import { hash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { entriesOf } from "./entries.mjs"
import {
  details,
  distAudit,
  interleave,
  place,
  QUICK,
  ratio,
  report,
  row,
  secureml,
  summary,
  syncAll,
  verifier,
} from "./measure.mjs"

const ROUNDS = QUICK ? 2 : 5
const EVENTS = QUICK ? 100_000 : 1_000_000
const PROOFS = QUICK ? 50 : 300
const logDir = join(place, "log")

const audit = new secureml.AuditTrail("bench", { logDir })
for (let n = 0; n < EVENTS - 1; n++) {
  audit.logEvent("data_seen", details)
  if (n % 5_000 === 0) await new Promise((resolve) => setImmediate(resolve))
}
await audit.flush()
const vkey = fs.readFileSync(join(logDir, "vkey"), "utf8").trim()

const entries = entriesOf(logDir)
const bytes = entries.reduce((sum, { length }) => sum + length, 0)
const milliseconds = (work) => async () => {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}
const numbers = await interleave(
  ROUNDS,
  {
    "secureml verifyAuditLog: tree, sequences, signature": milliseconds(async () => {
      const { verdict } = await secureml.verifyAuditLog({ logDir })
      if (verdict !== "intact") throw new Error(verdict)
    }),
    "bare crypto.hash of each entry": milliseconds(() => {
      for (const entry of entries) hash("sha256", entry, "latin1")
    }),
  },
  async () => syncAll(),
)
const proofs = []
for (let n = 0; n < PROOFS; n++) {
  const index = Math.floor(Math.random() * EVENTS)
  const beganMs = performance.now()
  const { proof, entry } = await secureml.proveEvent({ logDir, index })
  await verifier.verifyProof(proof, entry, vkey)
  proofs.push(performance.now() - beganMs)
}

/** What a new process needs until its first event is recorded, and its memory once that is sealed. */
const openCode = `
  const { AuditTrail } = await import(${JSON.stringify(distAudit)})
  const beganMs = performance.now()
  const audit = new AuditTrail("again", { logDir: ${JSON.stringify(logDir)} })
  audit.logEvent("data_seen", {})
  const openMs = performance.now() - beganMs
  await audit.flush()
  console.log(JSON.stringify([openMs, performance.now() - beganMs, process.memoryUsage().rss / 2 ** 20]))`
const opened = Array.from({ length: ROUNDS }, () =>
  JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", openCode], { encoding: "utf8" })),
)

/** Bytes of the files below a path. */
function sizeOf(path) {
  const stats = fs.lstatSync(path)
  if (!stats.isDirectory()) return stats.size
  return fs.readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}
const publicBytes = ["tile", "checkpoint", "vkey"].reduce((sum, name) => sum + sizeOf(join(logDir, name)), 0)
const allowed = 1.12 * bytes + 36 * entries.length
const privateBytes = sizeOf(join(logDir, ".state"))

const [ours, bare] = Object.values(numbers)
const proofMs = summary(proofs).median
const openMs = summary(opened.map(([ms]) => ms)).median
const sealedMs = summary(opened.map(([, ms]) => ms)).median
const rss = summary(opened.map(([, , mib]) => mib)).median
report({
  title: `A log of ${EVENTS.toLocaleString("en")} entries`,
  text: `Milliseconds, ${ROUNDS} interleaved rounds; for proofs, ${PROOFS} random indexes, each proved and checked. The entries take ${(bytes / 2 ** 20).toFixed(0)} MiB, the public files ${(publicBytes / 2 ** 20).toFixed(0)} MiB, the private state after tidying ${(privateBytes / 2 ** 20).toFixed(1)} MiB.`,
  head: ["what", "median ms", "min", "max"],
  rows: [
    ...Object.entries(numbers).map(([name, values]) => row(name, values, 0)),
    row("proveEvent and verifyProof, one entry", proofs, 3),
    row(
      "a new process: trail opened, one event recorded",
      opened.map(([ms]) => ms),
      1,
    ),
    row(
      "the same until that event is sealed",
      opened.map(([, ms]) => ms),
      1,
    ),
  ],
  bars: [
    { what: "verifying × bare leaf hashing", bar: "≤ 2.5", value: ratio(ours, bare), met: ratio(ours, bare) <= 2.5 },
    { what: "making and checking an inclusion proof, ms", bar: "< 1", value: proofMs, met: proofMs < 1 },
    {
      what: "opening after a restart, ms (until sealed)",
      bar: "< 1,000",
      value: `${openMs.toFixed(1)} (${sealedMs.toFixed(1)})`,
      met: openMs < 1_000,
    },
    { what: "memory of the new process, MiB", bar: "< 150", value: rss, met: rss < 150 },
    {
      what: "public files ÷ (1.12 × entries + 36 bytes an entry)",
      bar: "≤ 1",
      value: publicBytes / allowed,
      met: publicBytes <= allowed,
    },
  ],
})
