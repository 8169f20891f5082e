/** Recording one event: the record call against loggers and a bare loop; its slowest calls; and after two million events. */
import * as fs from "node:fs"
import { join } from "node:path"
import { auditOnly, signed } from "evlog"
import { createFsDrain } from "evlog/fs"
import Hypercore from "hypercore"
import pino from "pino"
import { details, interleave, percentile, place, QUICK, ratio, report, row, secureml, syncAll } from "./measure.mjs"

const ROUNDS = QUICK ? 3 : 15
const CALLS = QUICK ? 5_000 : 20_000
const SLOW_CALLS = QUICK ? 300 : 1_000
const MANY = QUICK ? 100_000 : 2_000_000

const audit = new secureml.AuditTrail("bench", { logDir: join(place, "log") })
const logger = pino(pino.destination({ dest: join(place, "pino.log"), sync: true }))
const fd = fs.openSync(join(place, "bare.log"), "a")
const { dataset_name, columns_accessed, num_records, purpose, user } = details
const access = {
  datasetName: dataset_name,
  columnsAccessed: columns_accessed,
  numRecords: num_records,
  purpose,
  user,
}
const core = new Hypercore(join(place, "hypercore"))
await core.ready()
const drain = auditOnly(signed(createFsDrain({ dir: join(place, "evlog") }), { strategy: "hash-chain" }), {
  await: true,
})
const evlogEvent = () => ({
  timestamp: new Date().toISOString(),
  level: "info",
  service: "bench",
  audit: { action: "data.access", actor: { type: "user", id: user }, outcome: "success", version: 1, context: details },
})

const call = {
  "pino 10, sync: true": () => logger.info(details),
  "secureml logEvent": () => audit.logEvent("data_seen", details),
  "secureml logDataAccess": () => audit.logDataAccess(access),
  "bare JSON.stringify + fs.writeSync": () => fs.writeSync(fd, `${JSON.stringify(details)}\n`),
}
const slow = {
  "hypercore 10, append one (signed Merkle log)": () => core.append(Buffer.from(JSON.stringify(details))),
  "evlog 2, audit with hash chain, fs": () => drain({ event: evlogEvent() }),
}

const perCall = (work, calls) => async () => {
  const beganMs = performance.now()
  for (let n = 0; n < calls; n++) work()
  return ((performance.now() - beganMs) * 1_000) / calls
}
const perAwaitedCall = (work, calls) => async () => {
  const beganMs = performance.now()
  for (let n = 0; n < calls; n++) await work()
  return ((performance.now() - beganMs) * 1_000) / calls
}
const settle = async () => {
  await audit.flush()
  syncAll()
}

const numbers = await interleave(
  ROUNDS,
  {
    ...Object.fromEntries(Object.entries(call).map(([name, work]) => [name, perCall(work, CALLS)])),
    ...Object.fromEntries(Object.entries(slow).map(([name, work]) => [name, perAwaitedCall(work, SLOW_CALLS)])),
  },
  settle,
)

/** The 99th percentile of single calls, timed one by one. */
const slowest = (work) => async () => {
  const times = new Float64Array(CALLS)
  for (let n = 0; n < CALLS; n++) {
    const beganMs = performance.now()
    work()
    times[n] = (performance.now() - beganMs) * 1_000
  }
  return percentile(times.sort(), 0.99)
}
const BARE = "bare JSON.stringify + fs.writeSync"
const p99 = await interleave(
  ROUNDS,
  { [BARE]: slowest(call[BARE]), "secureml logEvent": slowest(call["secureml logEvent"]) },
  settle,
)

const event = perCall(call["secureml logEvent"], CALLS)
const early = []
for (let round = 0; round < ROUNDS; round++) {
  early.push(await event())
  await settle()
}
for (let n = 0; n < MANY; n++) {
  audit.logEvent("data_seen", details)
  if (n % 5_000 === 0) await new Promise((resolve) => setImmediate(resolve))
}
await settle()
const late = []
for (let round = 0; round < ROUNDS; round++) {
  late.push(await event())
  await settle()
}

const PINO = "pino 10, sync: true"
report({
  title: "Recording one event",
  text: `${ROUNDS} interleaved rounds of ${CALLS.toLocaleString("en")} calls (${SLOW_CALLS.toLocaleString("en")} where a call is awaited); microseconds a call. secureml writes a longer line than the loggers (ids, sequence, checksum), redacts, and syncs in the background.`,
  head: ["peer", "median µs", "min", "max", "× pino"],
  rows: Object.entries(numbers).map(([name, times]) => [...row(name, times), ratio(times, numbers[PINO]).toFixed(2)]),
  bars: [
    {
      what: "logEvent, with its default redaction, × pino",
      bar: "≤ 1.5",
      value: ratio(numbers["secureml logEvent"], numbers[PINO]),
      met: (v) => v <= 1.5,
    },
    {
      what: "logDataAccess, which checks its arguments, × pino",
      bar: "≤ 1.5",
      value: ratio(numbers["secureml logDataAccess"], numbers[PINO]),
      met: (v) => v <= 1.5,
    },
    {
      what: "p99 of a logEvent call × the bare loop's p99",
      bar: "≤ 2",
      value: ratio(p99["secureml logEvent"], p99[BARE]),
      met: (v) => v <= 2,
    },
    {
      what: `a call after ${MANY.toLocaleString("en")} events × before`,
      bar: "0.85 to 1.15",
      value: ratio(late, early),
      met: (v) => v <= 1.15,
    },
  ].map(({ met, ...bar }) => ({ ...bar, met: met(bar.value) })),
})
