import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { recoverLog } from "../src/capture/index.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const journal = (): string => `${place.logDir}/.state/journal`

function record(count: number): AuditTrail {
  const audit = new AuditTrail("work", { logDir: place.logDir })
  for (let n = 0; n < count; n++) audit.logEvent("step", { n })
  return audit
}

describe("a journal that is taken away from a running process", () => {
  test("is written again from the open descriptor when it was removed", async () => {
    const audit = record(10)
    await audit.flush()
    audit.logEvent("step", { n: 10 })
    fs.rmSync(journal(), { recursive: true })
    fs.mkdirSync(journal(), { mode: 0o700 })
    expect((await audit.flush()).treeSize).toBe(12)
    audit.logEvent("step", { n: 11 })
    await audit.close()
    expect(
      (await getAuditLogs({ logDir: place.logDir, eventType: "step" })).map(({ details }) => details["n"]),
    ).toEqual(Array.from({ length: 12 }, (_, n) => n))
    expect((await verifyAuditLog({ logDir: place.logDir })).verdict).toBe("intact")
  })

  test("makes flush say so when the lines themselves are gone", async () => {
    const audit = record(10)
    for (const name of fs.readdirSync(journal())) fs.truncateSync(`${journal()}/${name}`, 0)
    await expect(audit.flush()).rejects.toThrow(expect.objectContaining({ code: "JOURNAL_GAP" }))
    await restart(place)
    await expect(recoverLog({ logDir: place.logDir, reason: "truncated" })).rejects.toThrow(
      expect.objectContaining({ code: "NOTHING_TO_RECOVER" }),
    )
  })
})

describe("whoever asks for a seal gets one of everything recorded before", () => {
  test("also when the background has just begun one up to a multiple of 256", { timeout: 60_000 }, async () => {
    const audit = record(1)
    for (let round = 0; round < 12; round++) {
      for (let n = 0; n < 300; n++) audit.logEvent("burst", { n })
      // The background seals about a second after the news.
      await new Promise((resolve) => setTimeout(resolve, 940 + round * 10))
      const last = audit.logEvent("last", { round })
      const { index, treeSize } = await last.sealed()
      expect(treeSize).toBeGreaterThan(index)
      const { treeSize: flushed } = await audit.flush()
      expect(flushed).toBe(2 + (round + 1) * 301)
    }
  })
})
