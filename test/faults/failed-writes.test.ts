import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { childEnvironment, DIST, start } from "../children.ts"
import { usePlace } from "../place.ts"

const place = usePlace()

/** Runs a module in a shell that allows files of 64 KiB at most, so that appends fail half-way. */
function runLimited(code: string) {
  const source = `const { AuditTrail } = await import("file://${DIST}/audit.js")\n${code}`
  const env = childEnvironment(place.stateDir, { SOURCE: source, NODE: process.execPath })
  return start("bash", ["-c", 'ulimit -f 64; trap "" XFSZ; exec "$NODE" --input-type=module --eval "$SOURCE"'], env)
    .ended
}

const OPEN = (options: string): string =>
  `const audit = new AuditTrail("full", { logDir: ${JSON.stringify(place.logDir)}${options} })\n`

describe("a write that fails", () => {
  test("is thrown, counted, and told by an event as soon as writing works again", async () => {
    const { code, stdout, stderr } = await runLimited(`${OPEN("")}
      let thrown = 0
      for (let n = 0; n < 40; n++) {
        try { audit.logEvent("step", { n, text: "x".repeat(5000) }) } catch (error) { thrown++; if (error.code !== "RECORD_FAILED" || !/not recorded/.test(error.message)) throw error }
      }
      console.log(thrown)`)
    expect([code, stderr.replace(/.*SecuremlWarning.*\n.*\n/, "")]).toEqual([0, ""])
    const thrown = Number(stdout)
    expect(thrown).toBeGreaterThan(0)
    const records = await getAuditLogs({ logDir: place.logDir })
    expect(records.filter(({ event_type }) => event_type === "step").length).toBe(40 - thrown)
    const told = records.filter(({ event_type }) => event_type === "events_lost")
    expect(told.reduce((sum, { details }) => sum + Number(details["count"]), 0)).toBe(thrown)
    expect(told[0]!.details).toMatchObject({ code: "EFBIG" })
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, n) => n))
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toMatch(/intact|unsealed_tail|unverifiable/)
  })

  test("goes to the callback, and the receipt's promises reject", async () => {
    const { code, stdout } =
      await runLimited(`${OPEN(", onWriteError: (error, event) => told.push(error.code + ' ' + event.eventType)").replace("const audit", "const told = []\nconst audit")}
      const rejected = []
      for (let n = 0; n < 14; n++) {
        const receipt = audit.logEvent("step", { n, text: "x".repeat(5000) })
        if (told.length > rejected.length) rejected.push(await receipt.durable().then(() => "resolved", (error) => error.code))
      }
      console.log(JSON.stringify({ told, rejected }))
      process.exit(0)`)
    expect(code).toBe(0)
    const { told, rejected } = JSON.parse(stdout) as { told: string[]; rejected: string[] }
    expect(told.length).toBeGreaterThan(0)
    expect(new Set(told)).toEqual(new Set(["RECORD_FAILED step"]))
    expect(new Set(rejected)).toEqual(new Set(["RECORD_FAILED"]))
  })

  test("of the text log alone loses no event", async () => {
    const { code, stderr } =
      await runLimited(`${OPEN(", fileLogging: true, logFormat: '%(message)s' + 'x'.repeat(9000)")}
      for (let n = 0; n < 20; n++) audit.logEvent("step", { n })`)
    expect(code).toBe(0)
    expect(stderr.match(/TEXT_LOG_FAILED/g)).toHaveLength(1)
    const records = await getAuditLogs({ logDir: place.logDir })
    expect(records.map(({ event_type }) => event_type)).toEqual(["audit_started", ...Array(20).fill("step")])
  })
})
