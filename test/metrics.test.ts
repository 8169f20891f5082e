import { channel, subscribe, unsubscribe } from "node:diagnostics_channel"
import * as fs from "node:fs"
import { afterEach, describe, expect, test, vi } from "vitest"
import { AuditTrail, type ErrorNote, getAuditLogs, type RecordNote, type SealNote } from "../src/audit.ts"
import { childEnvironment, DIST, start, startModule } from "./children.ts"
import { usePlace } from "./place.ts"

const place = usePlace()
const subscriptions: [string, (note: unknown) => void][] = []

afterEach(() => {
  for (const [name, listener] of subscriptions.splice(0)) unsubscribe(name, listener)
})

function listen<T>(name: string): T[] {
  const notes: T[] = []
  const listener = (note: unknown): void => void notes.push(note as T)
  subscribe(name, listener)
  subscriptions.push([name, listener])
  return notes
}

const open = (): AuditTrail => new AuditTrail("measured", { logDir: place.logDir })

describe("the counters of a trail", () => {
  test("say what is recorded, what waits, and what was sealed", async () => {
    const audit = open()
    for (let n = 0; n < 9; n++) audit.logEvent("step", { n })
    const before = audit.metrics()
    expect(before).toMatchObject({ recorded: 10, unsealed: 10, seals: 0, sealErrors: 0, writeErrors: 0, syncErrors: 0 })
    expect(before.lastSealMs).toBeUndefined()
    expect(before.recordedBytes).toBe(before.unsyncedBytes)
    const journal = fs.readdirSync(`${place.logDir}/.state/journal`)
    expect(before.recordedBytes).toBe(fs.statSync(`${place.logDir}/.state/journal/${journal[0]}`).size)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(audit.metrics().unsealedAgeMs).toBeGreaterThan(0)

    await audit.flush()
    const after = audit.metrics()
    expect(after).toMatchObject({ recorded: 10, unsealed: 0, unsealedAgeMs: 0, seals: 1, treeSize: 10 })
    expect(after.lastSealMs).toBeGreaterThan(0)
    await vi.waitFor(() => expect(audit.metrics().unsyncedBytes).toBe(0))
  })

  test("count what was redacted, whatever the event and the place, and tell nothing else of it", () => {
    const audit = open()
    expect(audit.metrics().redacted).toBe(0)
    audit.logEvent("step", { password: "hunter2", note: "token=abcdef1234567890 and Bearer abcdef123456" })
    expect(audit.metrics().redacted).toBe(2)
    audit.logError(new Error("postgres://app:hunter2@db failed"))
    expect(audit.metrics().redacted).toBe(3)
    expect(() => audit.logModelInference({ modelId: "m", inputData: { password: "x" } } as never)).toThrow(TypeError)
    expect(audit.metrics().redacted).toBe(3)
  })

  test("count each log call that could not write", async () => {
    const code = `const audit = new AuditTrail("full", { logDir: ${JSON.stringify(place.logDir)}, onWriteError: () => {} })
      for (let n = 0; n < 40; n++) audit.logEvent("step", { n, text: "x".repeat(5000) })
      const { recorded, writeErrors } = audit.metrics()
      console.log(recorded, writeErrors)
      process.exit(0)`
    const source = `const { AuditTrail } = await import("file://${DIST}/audit.js")\n${code}`
    const env = childEnvironment(place.stateDir, { SOURCE: source, NODE: process.execPath })
    const limited = 'ulimit -f 64; trap "" XFSZ; exec "$NODE" --input-type=module --eval "$SOURCE"'
    const { stdout } = await start("bash", ["-c", limited], env).ended
    const [recorded, errors] = stdout.trim().split(" ").map(Number)
    expect(errors).toBeGreaterThan(0)
    expect((await getAuditLogs({ logDir: place.logDir })).length).toBe(recorded)
  })

  test("count each seal that failed, and what is left unsealed by it", async () => {
    await open().flush()
    const { stdout } = await startModule(
      `const audit = new AuditTrail("keyless", { logDir: ${JSON.stringify(place.logDir)} })
       await audit.flush().catch((error) => console.log(error.code))
       const { sealErrors, seals, unsealed } = audit.metrics()
       console.log(sealErrors, seals, unsealed)`,
      childEnvironment(`${place.directory}/other-state`),
    ).ended
    expect(stdout).toBe("SEALING_UNAVAILABLE\n1 0 1\n")
  })
})

describe("the channels", () => {
  test("tell of each event, seal and failure, and hold nothing that the entry does not", async () => {
    const records = listen<RecordNote>("secureml.audit.record")
    const seals = listen<SealNote>("secureml.audit.seal")
    const errors = listen<ErrorNote>("secureml.audit.error")
    const audit = open()
    const receipt = audit.logEvent("step", { password: "hunter2" })
    await audit.flush()
    expect(records.map(({ eventType, sequence }) => [eventType, sequence])).toEqual([
      ["audit_started", 0],
      ["step", 1],
    ])
    expect(records[1]).toMatchObject({ logDir: audit.logDir, eventId: receipt.eventId, operationId: audit.operationId })
    expect(JSON.stringify(records)).not.toContain("hunter2")
    const { entry } = await receipt.sealed()
    expect(records[1]!.bytes).toBe(Buffer.byteLength(entry))
    expect(seals[0]).toMatchObject({ logDir: audit.logDir, treeSize: 2, entries: 2 })
    expect(errors).toEqual([])

    fs.rmSync(`${place.logDir}/.state/log.json`)
    audit.logEvent("step", {})
    await expect(audit.flush()).rejects.toThrow("log.json is gone")
    expect(errors.map(({ during, error }) => [during, (error as { code?: string }).code])).toEqual([
      ["seal", "IDENTITY_MALFORMED"],
    ])
  })

  test("are not asked to tell anything while nobody listens", () => {
    const publish = vi.spyOn(channel("secureml.audit.record"), "publish")
    open().logEvent("step", {})
    expect(publish).not.toHaveBeenCalled()
  })
})
