/**
 * Ten thousand events a second for half a minute with sealing on: what the event loop and the memory of the program
 * that logs notice of it, and what it would be with the sealing in another thread.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { details, distAudit, place, QUICK, report } from "./measure.mjs"

const SECONDS = QUICK ? 5 : 30
const PER_SECOND = 10_000

/** One run in a process of its own; `sealer`: "main", "thread" or "none". */
function run(sealer) {
  const logDir = join(place, `log-${sealer}`)
  const code = `
    import { monitorEventLoopDelay } from "node:perf_hooks"
    import { Worker } from "node:worker_threads"
    const { AuditTrail } = await import(${JSON.stringify(distAudit)})
    const details = ${JSON.stringify(details)}
    const logDir = ${JSON.stringify(logDir)}
    const sealer = ${JSON.stringify(sealer)}
    const key = process.env.SECUREML_STATE_DIR
    let worker
    if (sealer !== "main") {
      // Whoever has not the key does not seal: only the thread, if there is one, does.
      worker = new Worker(\`
        import { parentPort, workerData } from "node:worker_threads"
        const { AuditTrail } = await import(workerData.dist)
        const audit = new AuditTrail("sealer", { logDir: workerData.logDir })
        await audit.flush()
        parentPort.postMessage("ready")
        if (workerData.seals) setInterval(() => audit.flush().catch(() => {}), 1_000)\`, { eval: true, workerData: { dist: ${JSON.stringify(distAudit)}, logDir, seals: sealer === "thread" } })
      await new Promise((resolve) => worker.once("message", resolve))
      process.env.SECUREML_STATE_DIR = key + "-none"
    }
    const audit = new AuditTrail("load", { logDir })
    const delay = monitorEventLoopDelay({ resolution: 1 })
    let rssMost = 0
    let rssBegan = 0
    let logged = 0
    let beganMs = performance.now()
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        const elapsed = performance.now() - beganMs
        const due = Math.floor((elapsed / 1_000) * ${PER_SECOND})
        for (; logged < due; logged++) audit.logEvent("data_seen", details)
        if (elapsed > 2_000 && rssBegan === 0) {
          rssBegan = process.memoryUsage.rss()
          delay.enable()
        }
        if (logged % 100 < 12) rssMost = Math.max(rssMost, process.memoryUsage.rss())
        if (elapsed > ${SECONDS * 1_000}) {
          clearInterval(timer)
          resolve()
        }
      }, 1)
    })
    delay.disable()
    const { seals, lastSealMs, unsealed } = audit.metrics()
    const mib = 2 ** 20
    console.log(JSON.stringify({ p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6,
      growth: (rssMost - rssBegan) / mib, rss: rssMost / mib, logged, seals, lastSealMs, unsealed }))
    process.exit(0)`
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    encoding: "utf8",
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const names = { main: "sealing on the main thread", thread: "sealing in a worker thread", none: "no sealing" }
const results = Object.fromEntries(Object.keys(names).map((sealer) => [sealer, run(sealer)]))
const { main } = results
report({
  title: "Ten thousand events a second",
  text: `${SECONDS} seconds; the delay of the event loop includes the millisecond of the timer that measures it. Memory: resident, growth after the first two seconds.`,
  head: ["where", "delay p50 ms", "p99", "max", "growth MiB", "resident MiB", "last seal ms"],
  rows: Object.entries(results).map(([sealer, { p50, p99, max, growth, rss, lastSealMs }]) => [
    names[sealer],
    ...[p50, p99, max, growth, rss].map((value) => value.toFixed(1)),
    lastSealMs === undefined ? "" : lastSealMs.toFixed(0),
  ]),
  bars: [
    { what: "event-loop delay p99 while sealing, ms", bar: "< 10", value: main.p99, met: main.p99 < 10 },
    { what: "memory growth, MiB", bar: "< 64", value: main.growth, met: main.growth < 64 },
    {
      what: "events logged of those due",
      bar: "≥ 0.99",
      value: main.logged / (SECONDS * PER_SECOND),
      met: main.logged >= 0.99 * SECONDS * PER_SECOND,
    },
  ],
})
