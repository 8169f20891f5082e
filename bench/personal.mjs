/** Personal values: what recording them costs, and erasing one of many persons. */

import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { distAudit, interleave, place, QUICK, ratio, report, row, secureml, summary, syncAll } from "./measure.mjs"

const ROUNDS = QUICK ? 3 : 15
const CALLS = QUICK ? 300 : 3_000
const PERSONS = QUICK ? 1_000 : 100_000
const EVENTS = QUICK ? 10_000 : 1_000_000
const { AuditTrail, eraseSubject, personal, verifyAuditLog } = secureml

const audit = new AuditTrail("bench", { logDir: join(place, "calls") })
const plain = (name, income) => ({ name, income, purpose: "scoring", amount: 5_000 })
const one = personal("Jane Roe", { subject: "customer-1" })
const two = personal(42_000, { subject: "customer-1" })
audit.logEvent("scored", plain(one, two))
const perCall = (work) => () => {
  const beganMs = performance.now()
  for (let n = 0; n < CALLS; n++) work()
  return ((performance.now() - beganMs) * 1_000) / CALLS
}
let seen = 0
const firstSight = () => {
  const subject = `new-${seen++}`
  audit.logEvent("scored", plain(personal("Jane Roe", { subject }), personal(42_000, { subject })))
}
const numbers = await interleave(
  ROUNDS,
  {
    "a plain event": perCall(() => audit.logEvent("scored", plain("Jane Roe", 42_000))),
    "two personal fields, person known": perCall(() => audit.logEvent("scored", plain(one, two))),
    "two personal fields, person new": () => {
      const beganMs = performance.now()
      for (let n = 0; n < 100; n++) firstSight()
      return ((performance.now() - beganMs) * 1_000) / 100
    },
  },
  async () => {
    await audit.flush()
    syncAll()
  },
)
await audit.close()

// Every person has as many events; they are erased in a log that was asked before, as any log in use is.
const logDir = join(place, "many")
const many = new AuditTrail("bench", { logDir })
for (let n = 0; n < EVENTS; n++) {
  const subject = `customer-${n % PERSONS}`
  many.logEvent("scored", plain(personal("Jane Roe", { subject }), personal(42_000 + n, { subject })))
  if (n % 20_000 === 0) await many.flush()
}
await many.close()
execFileSync(process.execPath, [join(distAudit, "../cli.js"), "audit", "reindex", "--log-dir", logDir], {
  stdio: "ignore",
})
const erasures = []
for (let n = 0; n < (QUICK ? 3 : 7); n++) {
  const beganMs = performance.now()
  const { result, values } = await eraseSubject({
    logDir,
    subject: `customer-${(n * PERSONS) / 10}`,
    reason: "consumer_request",
  })
  erasures.push(performance.now() - beganMs)
  if (result !== "erased" || values !== (2 * EVENTS) / PERSONS) throw new Error(`${result} ${values}`)
}
const { verdict } = await verifyAuditLog({ logDir })
if (verdict !== "intact") throw new Error(verdict)

const [bare, known, fresh] = Object.values(numbers)
const erased = summary(erasures).median
report({
  title: "Personal values",
  text: `${ROUNDS} interleaved rounds of ${CALLS.toLocaleString("en")} calls (of a new person: 100), microseconds a call. Then ${EVENTS.toLocaleString("en")} events of ${PERSONS.toLocaleString("en")} persons, ${erasures.length} of whom are erased, milliseconds each: from the call until it returns, so with both events sealed and everything deleted.`,
  head: ["what", "median µs", "min", "max"],
  rows: [
    ...Object.entries(numbers).map(([name, values]) => row(name, values)),
    row(
      "erasing a person",
      erasures.map((ms) => ms * 1_000),
    ),
  ],
  bars: [
    {
      what: "two personal fields of a known person × a plain event",
      bar: "≤ 3",
      value: ratio(known, bare),
      met: ratio(known, bare) <= 3,
    },
    { what: "the first event of a person, µs", bar: "none", value: summary(fresh).median, met: true },
    { what: "erasing one person, ms", bar: "≤ 2,000", value: erased, met: erased <= 2_000 },
  ],
})
