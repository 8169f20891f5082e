/**
 * Every way out of a process or a thread, and every way to make another one: what was recorded stays, and nobody writes
 * with another's identity.
 * @module
 */
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { childEnvironment, DIST, startModule } from "../children.ts"
import { usePlace } from "../place.ts"

const place = usePlace()
const KILLS = Number(process.env["SECUREML_TEST_KILLS"] ?? 16)

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
    [
      "process.exit while events are being synced",
      `for (let n = 0; n < 100; n++) audit.logEvent("step", { n }).durable()\nprocess.exit(0)`,
      0,
    ],
    [
      "process.exit where the first of many is durable",
      `for (let n = 0; n < 100; n++) audit.logEvent("step", { n }).durable().then(() => process.exit(0))`,
      0,
    ],
    ["process.exit in the middle of a seal", `${LOG_100}audit.flush()\nsetImmediate(() => process.exit(0))`, 0],
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

  test("receipts that are pending at the end of the main module are settled before the process ends", async () => {
    const ended = await run(`const receipts = Array.from({ length: 100 }, (_, n) => audit.logEvent("step", { n }))
      let durable = 0
      for (const receipt of receipts) receipt.durable().then(() => durable++)
      Promise.all(receipts.map((receipt) => receipt.sealed())).then((sealed) => console.log(durable, sealed.length))`)
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, "100 100\n", ""])
    expect(await countEvents()).toBe(100)
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

  test(`${KILLS} workers that are terminated in the middle of logging and sealing keep nobody from sealing`, {
    timeout: 60_000 + KILLS * 2_000,
  }, async () => {
    const worker = `import("file://${DIST}/audit.js").then(async ({ AuditTrail }) => {
      const { workerData: counter } = await import("node:worker_threads")
      const audit = new AuditTrail("in a worker", { logDir: ${JSON.stringify(place.logDir)} })
      for (;;) {
        for (let n = 0; n < 10; n++) { audit.logEvent("step", { who: "worker" }); Atomics.add(counter, 0, 1) }
        await audit.flush()
      }
    })`
    // A thread that dies with the lock in its hand leaves its process alive: the system does not free the lock.
    const code = `const { Worker } = await import("node:worker_threads")
    const counter = new Int32Array(new SharedArrayBuffer(4))
    for (let round = 0; round < ${KILLS}; round++) {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: counter })
      const before = Atomics.load(counter, 0)
      while (Atomics.load(counter, 0) < before + 30) await new Promise((resolve) => setTimeout(resolve, 1))
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
      await worker.terminate()
      audit.logEvent("step", { who: "main" })
      await audit.flush()
    }
    console.log(Atomics.load(counter, 0))
    await audit.close()`
    const ended = await run(code)
    expect([ended.code, ended.stderr]).toEqual([0, ""])
    const writers = await identities()
    expect([writers.get("main")!.size, writers.get("worker")!.size]).toEqual([1, KILLS])
    const steps = (await getAuditLogs({ logDir: place.logDir, eventType: "step" })).length - KILLS
    // One call of each worker may have been on its way.
    expect(steps).toBeGreaterThanOrEqual(Number(ended.stdout))
    expect(steps).toBeLessThanOrEqual(Number(ended.stdout) + KILLS)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})

/** Which writers wrote for whom; nobody writes with the identity of another. */
async function identities(): Promise<Map<string, Set<string>>> {
  const records = await getAuditLogs({ logDir: place.logDir, eventType: "step" })
  const writers = new Map<string, Set<string>>()
  for (const { details, writer } of records) {
    const who = String(details["who"])
    writers.set(who, (writers.get(who) ?? new Set()).add(writer.id))
  }
  const all = [...writers.values()].flatMap((ids) => [...ids])
  expect(new Set(all).size).toBe(all.length)
  return writers
}

/** A module in a file, as `fork` and `cluster` need it, that logs 100 events for the one who runs it. */
function moduleFile(name: string, code = ""): string {
  const path = `${place.directory}/${name}.mjs`
  const source = `import { AuditTrail } from "file://${DIST}/audit.js"
    const logDir = ${JSON.stringify(place.logDir)}
    const audit = new AuditTrail("child", { logDir })
    export const log = (who) => { for (let n = 0; n < 100; n++) audit.logEvent("step", { n, who }) }
    ${code}`
  fs.writeFileSync(path, source)
  return path
}

describe("another process never writes with the identity of the one that made it", () => {
  const LOG_AS_PARENT = `for (let n = 0; n < 100; n++) audit.logEvent("step", { n, who: "parent" })\n`

  test.each([
    [
      "spawn",
      (file: string) => `const { spawn } = await import("node:child_process")
        const children = ["a", "b"].map((who) => spawn(process.execPath, [${JSON.stringify(file)}, who], { stdio: "inherit" }))`,
    ],
    [
      "fork",
      (file: string) => `const { fork } = await import("node:child_process")
        const children = ["a", "b"].map((who) => fork(${JSON.stringify(file)}, [who], { execArgv: [] }))`,
    ],
    [
      "cluster",
      (file: string) => `const { default: cluster } = await import("node:cluster")
        const children = ["a", "b"].map((who) => {
          cluster.setupPrimary({ exec: ${JSON.stringify(file)}, args: [who], execArgv: [] })
          return cluster.fork().process
        })`,
    ],
  ])("%s", async (_name, make) => {
    // A worker of a cluster, and one that was forked, has a channel to its parent that keeps it alive.
    const file = moduleFile("child", `log(process.argv[2])\nawait audit.close()\nprocess.disconnect?.()`)
    const ended = await run(`${LOG_AS_PARENT}${make(file)}
      ${LOG_AS_PARENT}
      const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.on("exit", resolve))))
      await audit.close()
      console.log(codes.join())`)
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, "0,0\n", ""])
    const writers = await identities()
    expect([...writers].map(([who, ids]) => [who, ids.size]).sort()).toEqual([
      ["a", 1],
      ["b", 1],
      ["parent", 1],
    ])
    expect(await countEvents()).toBe(400)
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })
})
