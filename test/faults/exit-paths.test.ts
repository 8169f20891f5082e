import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { childEnvironment, DIST, startModule } from "../children.ts"
import { usePlace } from "../place.ts"

const place = usePlace()

/** Runs a module in which `audit` is a trail of the test's log. */
async function run(code: string) {
  const env = childEnvironment(place.stateDir)
  return startModule(`const audit = new AuditTrail("exits", { logDir: ${JSON.stringify(place.logDir)} })\n${code}`, env)
    .ended
}

async function countEvents(): Promise<number> {
  return (await getAuditLogs({ logDir: place.logDir, eventType: "step" })).length
}

const LOG_100 = "for (let n = 0; n < 100; n++) audit.logEvent('step', { n })\n"

describe("every way out keeps what was recorded", () => {
  test.each([
    ["process.exit right after", `${LOG_100}process.exit(0)`, 0],
    ["an uncaught exception", `${LOG_100}throw new Error("boom")`, 1],
    ["an unhandled rejection", `${LOG_100}Promise.reject(new Error("boom"))\nsetTimeout(() => {}, 5000)`, 1],
    ["process.abort", `${LOG_100}process.abort()`, null],
    ["SIGTERM", `${LOG_100}process.kill(process.pid, "SIGTERM")\nsetTimeout(() => {}, 5000)`, null],
    ["SIGINT", `${LOG_100}process.kill(process.pid, "SIGINT")\nsetTimeout(() => {}, 5000)`, null],
    ["SIGHUP", `${LOG_100}process.kill(process.pid, "SIGHUP")\nsetTimeout(() => {}, 5000)`, null],
    ["SIGKILL", `${LOG_100}process.kill(process.pid, "SIGKILL")\nsetTimeout(() => {}, 5000)`, null],
  ])("%s", async (_name, code, exitCode) => {
    const ended = await run(code)
    expect(ended.code).toBe(exitCode)
    expect(await countEvents()).toBe(100)
    expect((await getAuditLogs({ logDir: place.logDir, eventType: "audit_closed" })).length).toBe(0)
  })

  test("a script that never closes ends by itself with exit 0, sealed, in under 3 s", async () => {
    const ended = await run(LOG_100)
    expect([ended.code, ended.stderr]).toEqual([0, ""])
    expect(ended.tookMs).toBeLessThan(3_000)
    const { verdict, treeSize, unsealed } = await verifyAuditLog({ logDir: place.logDir })
    expect({ verdict, treeSize, unsealed }).toEqual({ verdict: "intact", treeSize: 101, unsealed: 0 })
  })

  test("a pending flush keeps the process alive until it is sealed", async () => {
    const ended = await run(`${LOG_100}audit.flush().then(({ treeSize }) => console.log(treeSize))`)
    expect(ended.stdout).toBe("101\n")
  })

  test("worker threads have writers of their own, and one that is terminated loses nothing", async () => {
    const worker = `import("file://${DIST}/audit.js").then(async ({ AuditTrail }) => {
      const audit = new AuditTrail("in a worker", { logDir: ${JSON.stringify(place.logDir)} })
      for (let n = 0; n < 50; n++) audit.logEvent("step", { n });
      (await import("node:worker_threads")).parentPort.postMessage("done")
      setInterval(() => {}, 1000)
    })`
    const code = `const { Worker } = await import("node:worker_threads")
    const workers = [1, 2].map(() => new Worker(${JSON.stringify(worker)}, { eval: true }))
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.on("message", resolve))))
    ${LOG_100}
    await Promise.all(workers.map((worker) => worker.terminate()))`
    const ended = await run(code)
    expect([ended.code, ended.stderr]).toEqual([0, ""])
    const records = await getAuditLogs({ logDir: place.logDir, eventType: "step" })
    expect(records.length).toBe(200)
    expect(new Set(records.map(({ writer }) => writer.id)).size).toBe(3)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })

  test("a forked process never writes with its parent's identity", async () => {
    const child = `const { AuditTrail } = await import("file://${DIST}/audit.js")
      const audit = new AuditTrail("child", { logDir: ${JSON.stringify(place.logDir)} })
      audit.logEvent("step", {})`
    const code = `${LOG_100}
      const { spawnSync } = await import("node:child_process")
      spawnSync(process.execPath, ["--input-type=module", "--eval", ${JSON.stringify(child)}], { env: process.env })`
    expect((await run(code)).code).toBe(0)
    const records = await getAuditLogs({ logDir: place.logDir, eventType: "step" })
    expect(new Set(records.map(({ writer }) => writer.id)).size).toBe(2)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})
