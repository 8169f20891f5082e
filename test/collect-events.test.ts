import { describe, expect, test } from "vitest"
import {
  type AuditRecord,
  AuditTrail,
  getAuditLogs,
  getKeptValues,
  proveEvent,
  queryAuditLogs,
  streamAuditLogs,
  verifyAuditLog,
} from "../src/audit.ts"
import { collectAuditEvents } from "../src/testing.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

describe("reading inside collectAuditEvents", () => {
  test("every function reads the place that the trails inside write to", async () => {
    const seen: Record<string, unknown> = {}
    const records = await collectAuditEvents(async () => {
      const audit = new AuditTrail("inside", { logDir: "elsewhere", keepLarge: true })
      const receipt = audit.logEvent("note", { text: "x".repeat(70_000) })
      await audit.close()
      const { eventId } = receipt
      seen["get"] = (await getAuditLogs()).length
      seen["query"] = (await queryAuditLogs()).records.length
      const streamed: AuditRecord[] = []
      for await (const record of streamAuditLogs()) streamed.push(record)
      seen["stream"] = streamed.length
      seen["prove"] = (await proveEvent({ eventId })).index
      seen["kept"] = (await getKeptValues({ eventId })).map(({ state }) => state)
      seen["verdicts"] = [(await verifyAuditLog()).verdict, (await verifyAuditLog({ logDir: audit.logDir })).verdict]
    })
    expect(records).toHaveLength(3)
    const verdicts = ["intact", "intact"]
    expect(seen).toEqual({ get: 3, query: 3, stream: 3, prove: 1, kept: ["present"], verdicts })
  })

  test("a log that is named is read as it is", async () => {
    await new AuditTrail("outside", { logDir: place.logDir }).close()
    let outside: readonly AuditRecord[] = []
    await collectAuditEvents(async () => {
      outside = await getAuditLogs({ logDir: place.logDir })
    })
    expect(outside.map(({ operation_name }) => operation_name)).toEqual(["outside", "outside"])
  })
})
