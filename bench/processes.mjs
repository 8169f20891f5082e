/** Several processes logging to one directory, with sealing on. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { details, distAudit, interleave, place, QUICK, ratio, report, row, syncAll } from "./measure.mjs"

const ROUNDS = QUICK ? 2 : 7
const EVENTS = QUICK ? 10_000 : 50_000
let round = 0

/** Events a second of some processes together, from the first one's begin to the last one's end. */
async function rateOf(processes) {
  const logDir = join(place, `log-${round++}`)
  const code = `
    const { AuditTrail } = await import(${JSON.stringify(distAudit)})
    const audit = new AuditTrail("bench", { logDir: ${JSON.stringify(logDir)} })
    const details = ${JSON.stringify(details)}
    process.stdin.once("data", async () => {
      const now = () => performance.timeOrigin + performance.now()
      const began = now()
      for (let n = 0; n < ${EVENTS}; n++) {
        audit.logEvent("data_seen", details)
        if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      console.log(began, now())
      await audit.close()
      process.exit(0)
    })
    console.log("ready")`
  const children = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["pipe", "pipe", "inherit"] })
    let said = ""
    const ready = new Promise((resolve) => {
      child.stdout.on("data", (data) => {
        said += data
        if (said.startsWith("ready")) resolve()
      })
    })
    const ended = new Promise((resolve) =>
      child.on("close", () => resolve(said.trim().split("\n")[1].split(" ").map(Number))),
    )
    return { child, ready, ended }
  })
  await Promise.all(children.map(({ ready }) => ready))
  for (const { child } of children) child.stdin.end("go")
  const times = await Promise.all(children.map(({ ended }) => ended))
  const began = Math.min(...times.map(([first]) => first))
  const end = Math.max(...times.map(([, last]) => last))
  return (processes * EVENTS * 1_000) / (end - began)
}

const numbers = await interleave(ROUNDS, { "1 process": () => rateOf(1), "4 processes": () => rateOf(4) }, async () =>
  syncAll(),
)
const [one, four] = Object.values(numbers)
report({
  title: "Several processes on one directory",
  text: `${ROUNDS} interleaved rounds of ${EVENTS.toLocaleString("en")} events a process; events a second of all together, sealing on.`,
  head: ["what", "median events/s", "min", "max"],
  rows: Object.entries(numbers).map(([name, values]) => row(name, values, 0)),
  bars: [{ what: "four processes × one", bar: "≥ 1.0", value: ratio(four, one), met: ratio(four, one) >= 1 }],
})
