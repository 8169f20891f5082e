import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { usePlace } from "../place.ts"
import { answerOf } from "./attempts.ts"
import { mountsMissing, notice, useMountPoint, useMounts } from "./mounts.ts"

const place = usePlace()
const mounts = useMounts()
const mounted = useMountPoint(place)

describe.skipIf(mountsMissing !== undefined)(`a log that may not be written${notice(mountsMissing)}`, () => {
  const TRYING = `
    const trial = async () => {
      answer.record = await failureOf(() => new AuditTrail("late", { logDir }).logEvent("step", {}))
      answer.read = await failureOf(async () => (await getAuditLogs({ logDir })).length)
      answer.verify = await failureOf(async () => (await verifyAuditLog({ logDir })).verdict)
    }`

  async function sealedLog(): Promise<void> {
    await answerOf(
      place,
      `const audit = new AuditTrail("early", { logDir })\nfor (let n = 0; n < 3; n++) audit.logEvent("step", { n })\nawait audit.close()`,
    )
  }

  test("on a read-only file system: is read and verified, and recording fails clearly", {
    timeout: 60_000,
  }, async () => {
    await sealedLog()
    mounts.readOnlyView(mounted.path, mounted.path)
    const answer = await answerOf(
      place,
      `${TRYING}\nawait trial()\nanswer.none = await failureOf(() => new AuditTrail("x", { logDir: logDir + "/none" }))`,
    )
    expect(answer).toEqual({
      record: ["RECORD_FAILED", expect.stringMatching(/\(EROFS\): it was not recorded/)],
      read: ["done", 5],
      verify: ["done", "intact"],
      none: ["LOG_DIR_NOT_WRITABLE", expect.stringContaining(`${place.logDir}/none cannot be written (EROFS)`)],
    })
  })

  test("where the state directory is read-only too: verification only cannot be remembered", {
    timeout: 60_000,
  }, async () => {
    await sealedLog()
    mounts.readOnlyView(place.directory, place.directory)
    const code = `${TRYING}
      answer.warnings = []
      process.on("warning", ({ code }) => answer.warnings.push(code))
      await trial()
      await new Promise((resolve) => setImmediate(resolve))`
    expect(await answerOf(place, code)).toMatchObject({
      read: ["done", 5],
      verify: ["done", "intact"],
      warnings: ["NOT_REMEMBERED"],
    })
  })

  test("by another user: nothing of it is read or written, and that is said", { timeout: 60_000 }, async () => {
    await sealedLog()
    fs.chmodSync(place.directory, 0o755)
    const answer = await answerOf(
      place,
      `${TRYING}
      process.setgroups([])
      process.setgid(65_534)
      process.setuid(65_534)
      await trial()`,
    )
    expect(answer).toEqual({
      record: ["LOG_DIR_NOT_WRITABLE", expect.stringContaining(`${place.logDir} cannot be written (EACCES)`)],
      read: ["LOG_DIR_UNREADABLE", expect.stringContaining(place.logDir)],
      verify: ["LOG_DIR_UNREADABLE", expect.stringContaining(place.logDir)],
    })
  })
})
