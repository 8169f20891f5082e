import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { usePlace } from "../place.ts"
import { type Answer, answerOf } from "./attempts.ts"

const place = usePlace()

async function verdict(): Promise<string> {
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
  return [verdict, ...findings.map(({ code }) => code)].join(" ")
}

async function numbers(): Promise<unknown[]> {
  return (await getAuditLogs({ logDir: place.logDir, eventType: "step" })).map(({ details }) => details["n"])
}

describe.skipIf(process.platform === "win32")("too many open files", () => {
  const HOLD = `
    const held = []
    /** Leaves no descriptor, or so many. */
    const hold = (free) => {
      try { for (;;) held.push(fs.openSync("/dev/null", "r")) } catch (error) { if (error.code !== "EMFILE") throw error }
      for (let n = 0; n < free; n++) fs.closeSync(held.pop())
    }
    const letGo = () => { for (const fd of held.splice(0)) fs.closeSync(fd) }`

  function runWithFew(code: string): Promise<Answer> {
    return answerOf(place, `${HOLD}\n${code}`, "ulimit -n 64")
  }

  test("hold up whatever opens a file; what was recorded is sealed later", { timeout: 60_000 }, async () => {
    const answer = await runWithFew(`
      const audit = new AuditTrail("few", { logDir })
      await audit.logEvent("step", { n: 0 }).durable()
      hold(0)
      answer.record = (await failureOf(() => audit.logEvent("step", { n: 1 }, { durability: "durable" })))[0]
      answer.other = await failureOf(() => new AuditTrail("other", { logDir: logDir + "2" }))
      answer.seal = await failureOf(() => audit.flush())
      answer.read = await failureOf(() => getAuditLogs({ logDir }))
      answer.verify = await failureOf(() => verifyAuditLog({ logDir }))
      letGo()
      answer.later = (await failureOf(() => audit.close()))[0]`)
    expect(answer).toEqual({
      record: "done",
      other: [expect.stringMatching(/LOG_DIR_NOT_WRITABLE|RECORD_FAILED/), expect.stringContaining("EMFILE")],
      seal: ["SEALING_UNAVAILABLE", expect.stringContaining("EMFILE")],
      read: ["EMFILE", expect.anything()],
      verify: ["EMFILE", expect.anything()],
      later: "done",
    })
    expect(await numbers()).toEqual([0, 1])
    expect(await verdict()).toBe("intact")
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    "with %i left, a first seal works or says why not",
    { timeout: 60_000 },
    async (free) => {
      const { seal, verify, later } = await runWithFew(`
      const audit = new AuditTrail("few", { logDir, keepLarge: true })
      audit.logEvent("step", { n: 0, large: "x".repeat(100_000) })
      hold(${free})
      answer.seal = await failureOf(async () => (await audit.flush()).treeSize)
      answer.verify = await failureOf(async () => (await verifyAuditLog({ logDir })).verdict)
      letGo()
      answer.later = (await failureOf(() => audit.close()))[0]`)
      if ((seal as string[])[0] !== "done")
        expect(seal).toEqual([
          "SEALING_UNAVAILABLE",
          expect.stringMatching(/EMFILE|too many|unable to open|Unable to open/),
        ])
      if ((verify as string[])[0] === "done")
        expect(verify).toEqual(["done", expect.stringMatching(/intact|unverifiable/)])
      expect(later).toBe("done")
      expect(await verdict()).toBe("intact")
    },
  )
})
