/** Surviving power loss: group commit with many callers, and one caller alone. */
import * as fs from "node:fs"
import { join } from "node:path"
import pino from "pino"
import { details, interleave, place, QUICK, ratio, report, row, secureml } from "./measure.mjs"

const ROUNDS = QUICK ? 3 : 9
const CALLERS = 256
const GROUP_EVENTS = QUICK ? 2_560 : 25_600
const SINGLE_EVENTS = QUICK ? 50 : 300

const audit = new secureml.AuditTrail("bench", { logDir: join(place, "log") })
const destination = pino.destination({ dest: join(place, "pino.log"), sync: true })
const logger = pino(destination)
const fd = fs.openSync(join(place, "bare.log"), "a")
const line = Buffer.from(`${JSON.stringify(details).padEnd(460)}\n`)

/** Events a second. */
const rate = (events, work) => async () => {
  const beganMs = performance.now()
  await work(events)
  return (events * 1_000) / (performance.now() - beganMs)
}

const groups = await interleave(
  ROUNDS,
  {
    [`secureml, ${CALLERS} callers await receipt.durable()`]: rate(GROUP_EVENTS, (events) =>
      Promise.all(
        Array.from({ length: CALLERS }, async () => {
          for (let n = 0; n < events / CALLERS; n++) await audit.logEvent("data_seen", details).durable()
        }),
      ),
    ),
    "pino 10, fsync after each line": rate(SINGLE_EVENTS, (events) => {
      for (let n = 0; n < events; n++) {
        logger.info(details)
        fs.fsyncSync(destination.fd)
      }
    }),
  },
  () => audit.flush(),
)
const perCall = (events, work) => async () => {
  const beganMs = performance.now()
  for (let n = 0; n < events; n++) work()
  return ((performance.now() - beganMs) * 1_000) / events
}
const singles = await interleave(
  ROUNDS,
  {
    'secureml, durability: "durable"': perCall(SINGLE_EVENTS, () =>
      audit.logEvent("data_seen", details, { durability: "durable" }),
    ),
    "bare write + fdatasync of as many bytes": perCall(SINGLE_EVENTS, () => {
      fs.writeSync(fd, line)
      fs.fdatasyncSync(fd)
    }),
  },
  () => audit.flush(),
)
const [ours, theirs] = Object.values(groups)
const [one, bare] = Object.values(singles)
report({
  title: "Surviving power loss",
  text: `${ROUNDS} interleaved rounds. Events a second for the first two, microseconds a call for the others.`,
  head: ["what", "median", "min", "max"],
  rows: [
    ...Object.entries(groups).map(([name, numbers]) => row(`${name}, events/s`, numbers, 0)),
    ...Object.entries(singles).map(([name, numbers]) => row(`${name}, µs`, numbers, 0)),
  ],
  bars: [
    {
      what: `${CALLERS} callers waiting × pino with fsync per line`,
      bar: "≥ 20",
      value: ratio(ours, theirs),
      met: ratio(ours, theirs) >= 20,
    },
    { what: "one caller × one write + fdatasync", bar: "≤ 1.5", value: ratio(one, bare), met: ratio(one, bare) <= 1.5 },
  ],
})
