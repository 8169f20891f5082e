/** auditFunction around an empty function, against the record calls that it makes. */
import * as fs from "node:fs"
import { join } from "node:path"
import { interleave, place, QUICK, ratio, report, row, secureml, syncAll } from "./measure.mjs"

const ROUNDS = QUICK ? 3 : 15
const CALLS = QUICK ? 500 : 5_000
const logDir = join(place, "log")
const options = { logDir }
const wrapped = secureml.auditFunction(function empty() {
  // Nothing: what is measured is the wrapper.
}, options)
const audit = new secureml.AuditTrail("bench", options)

// The four events of one call, of about the same size, through a trail that is open.
const began = { start_time: new Date().toISOString(), regulations: [] }
const called = { function: "empty", arguments: [] }
const returned = { status: "success", execution_time: 0.000001, result: { type: "undefined" } }
const closed = { status: "completed", end_time: began.start_time }
function recordCalls() {
  audit.logEvent("began", began)
  audit.logEvent("called", called)
  audit.logEvent("returned", returned)
  audit.logEvent("ended", closed)
}

const perCall = (work) => async () => {
  const beganMs = performance.now()
  for (let n = 0; n < CALLS; n++) work()
  return ((performance.now() - beganMs) * 1_000) / CALLS
}
const numbers = await interleave(
  ROUNDS,
  { "a wrapped empty function": perCall(wrapped), "the four record calls alone": perCall(recordCalls) },
  async () => {
    await audit.flush()
    syncAll()
  },
)
await audit.close()
await audit.flush().catch(() => undefined)
/** Files below a path. */
const filesIn = (path) =>
  fs.readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
const files = filesIn(logDir).length
const events = Number(fs.readFileSync(join(logDir, "checkpoint"), "utf8").split("\n")[1])
const least = Math.ceil(events / 256) * 2
const [ours, bare] = Object.values(numbers)
report({
  title: "auditFunction",
  text: `${ROUNDS} interleaved rounds of ${CALLS.toLocaleString("en")} calls; microseconds a call. Afterwards the log of ${events.toLocaleString("en")} entries has ${files.toLocaleString("en")} files; its bundles and tiles are ${least.toLocaleString("en")} of them.`,
  head: ["what", "median µs", "min", "max"],
  rows: Object.entries(numbers).map(([name, values]) => row(name, values)),
  bars: [
    {
      what: "a wrapped call × the record calls it makes",
      bar: "≤ 1.5",
      value: ratio(ours, bare),
      met: ratio(ours, bare) <= 1.5,
    },
    { what: "files beyond bundles and full tiles", bar: "< 100", value: files - least, met: files - least < 100 },
  ],
})
