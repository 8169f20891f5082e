import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { usePlace } from "../place.ts"
import { type Answer, answerOf } from "./attempts.ts"
import { mountsMissing, notice, useMountPoint, useMounts } from "./mounts.ts"

const place = usePlace()
const mounts = useMounts()
const mounted = useMountPoint(place)

function run(code: string): Promise<Answer> {
  const filling = `
    const ballast = ${JSON.stringify(join(mounted.path, "ballast"))}
    /** Leaves no room, or only so much. */
    const fill = (left = 0) => {
      const fd = fs.openSync(ballast, "a")
      for (let size = 65_536; size >= 1; size = Math.floor(size / 2))
        try { while (fs.writeSync(fd, Buffer.alloc(size)) > 0); } catch (error) { if (error.code !== "ENOSPC") throw error }
      if (left > 0) fs.ftruncateSync(fd, fs.fstatSync(fd).size - left)
      fs.closeSync(fd)
    }
    const empty = () => fs.rmSync(ballast)`
  return answerOf(place, `${filling}\n${code}`)
}

async function verdict(): Promise<string> {
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
  return [verdict, ...findings.map(({ code }) => code)].join(" ")
}

async function numbers(): Promise<unknown[]> {
  return (await getAuditLogs({ logDir: place.logDir, eventType: "step" })).map(({ details }) => details["n"])
}

describe.skipIf(mountsMissing !== undefined)(`a full disk${notice(mountsMissing)}`, () => {
  test.each([
    ["tmpfs", "recorded"],
    ["tmpfs", "durable"],
    ["ext4", "durable"],
  ])(
    "(%s) fails single events, %s ones, and what follows says how many",
    { timeout: 120_000 },
    async (kind, durability) => {
      if (kind === "tmpfs") mounts.tmpfs(mounted.path, "size=3m")
      else mounts.disk(mounted.path)
      const { written, failures, whileFull } = await run(`
      const audit = new AuditTrail("full", { logDir, durability: "${durability}" })
      await audit.flush()
      fill(100_000)
      const written = [], failures = []
      for (let n = 0; failures.length < 20; n++) {
        const [code, message] = await failureOf(() => audit.logEvent("step", { n, text: "x".repeat(3_000) }))
        if (code === "done") written.push(n)
        else failures.push([code, message])
      }
      const { verdict, findings } = await verifyAuditLog({ logDir })
      Object.assign(answer, { written, failures, whileFull: [verdict, findings.map(({ code }) => code)] })
      empty()
      for (let n = 1_000; n < 1_003; n++) written.push(audit.logEvent("step", { n }).sequence && n)
      await audit.close()`)
      expect(new Set((failures as string[][]).map(([code]) => code))).toEqual(new Set(["RECORD_FAILED"]))
      for (const [, message] of failures as string[][]) expect(message).toMatch(/\(ENOSPC\): it was not recorded/)
      expect(whileFull).toEqual(["unsealed_tail", ["unsealed_tail"]])
      expect((written as number[]).length).toBeGreaterThan(13)
      expect(await numbers()).toEqual(written)
      const records = await getAuditLogs({ logDir: place.logDir })
      const told = records.filter(({ event_type }) => event_type === "events_lost")
      expect(told.map(({ details }) => [details["count"], details["code"]])).toEqual([[20, "ENOSPC"]])
      expect(records[records.indexOf(told[0]!) + 1]!.details["n"]).toBe(1_000)
      expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, n) => n))
      expect(await verdict()).toBe("intact")
    },
  )

  test("keeps no value that its entry cannot follow, and seals once there is room", { timeout: 60_000 }, async () => {
    mounts.tmpfs(mounted.path, "size=3m")
    const answer = await run(`
      const audit = new AuditTrail("full", { logDir, keepLarge: true })
      for (let n = 0; n < 300; n++) audit.logEvent("step", { n })
      audit.logEvent("step", { n: 300, large: "x".repeat(100_000) })
      fill()
      answer.part = await failureOf(() => audit.logEvent("step", { n: -1, large: "x".repeat(100_000) }))
      answer.full = await failureOf(() => audit.flush())
      answer.again = await failureOf(() => audit.flush())
      answer.verdict = (await verifyAuditLog({ logDir })).verdict
      empty()
      answer.room = (await failureOf(() => audit.flush()))[0]
      await audit.close()`)
    const full = ["SEALING_UNAVAILABLE", expect.stringMatching(/nothing recorded is lost: .*(ENOSPC|disk.*full)/)]
    expect(answer).toEqual({
      part: ["RECORD_FAILED", expect.stringMatching(/ENOSPC.*it was not recorded/)],
      full,
      again: full,
      verdict: "unverifiable",
      room: "done",
    })
    expect(await numbers()).toEqual(Array.from({ length: 301 }, (_, n) => n))
    expect(await verdict()).toBe("intact")
  })

  test("of names holds up new writers and seals, not the one that has its file", { timeout: 60_000 }, async () => {
    mounts.tmpfs(mounted.path, "size=3m,nr_inodes=60")
    const answer = await run(`
      const { Worker } = await import("node:worker_threads")
      const audit = new AuditTrail("full", { logDir })
      await audit.flush()
      const names = []
      try { for (;;) fs.closeSync(fs.openSync(ballast + names.push(0), "w")) } catch (error) { answer.full = error.code }
      audit.logEvent("step", { n: 0 })
      answer.seal = await failureOf(() => audit.flush())
      const elsewhere = ${JSON.stringify(join(mounted.path, "other"))}
      answer.other = await failureOf(() => new AuditTrail("other", { logDir: elsewhere }))
      answer.worker = await new Promise((resolve) => new Worker(\`
        const { parentPort, workerData } = await import("node:worker_threads")
        const { AuditTrail } = await import("file://" + process.env.SECUREML_TEST_DIST + "/audit.js")
        try { new AuditTrail("other", { logDir: workerData }) } catch ({ code, message }) { parentPort.postMessage([code, message]) }
      \`, { eval: true, workerData: logDir }).once("message", resolve))
      for (let n = 1; n < names.length; n++) fs.rmSync(ballast + n)
      audit.logEvent("step", { n: 1 })
      await audit.close()`)
    expect(answer).toEqual({
      full: "ENOSPC",
      seal: ["SEALING_UNAVAILABLE", expect.stringMatching(/ENOSPC|unable to open/)],
      other: ["LOG_DIR_NOT_WRITABLE", expect.stringContaining(`${mounted.path}/other`)],
      worker: ["RECORD_FAILED", expect.stringMatching(/ENOSPC.*it was not recorded/)],
    })
    expect(await numbers()).toEqual([0, 1])
    expect(await verdict()).toBe("intact")
  })
})
