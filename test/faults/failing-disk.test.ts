import { setTimeout as wait } from "node:timers/promises"
import { afterEach, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { childEnvironment, startModule } from "../children.ts"
import { usePlace } from "../place.ts"
import { ThinDisk } from "./mounts.ts"

const place = usePlace()
let disk: ThinDisk
afterEach(() => disk.remove())
test("x", { timeout: 60000 }, async () => {
  disk = new ThinDisk(place.directory)
  disk.make()
  const child = startModule(
    `
    import * as fs from "node:fs"
    const audit = new AuditTrail("x", { logDir: "${place.logDir}" })
    const say = (...words) => fs.writeSync(1, words.join(" ") + "\\n")
    process.on("warning", (w) => say("warning", w.code))
    await audit.logEvent("first", {}).durable()
    say("ready")
    const text = "x".repeat(6000)
    for (let n = 0; n < 400; n += 3) {
      await Promise.all([0,1,2].map(async (k) => { let receipt
      try { receipt = audit.logEvent("step", { n: n + k, text }); await receipt.durable(); say("ok", n + k) } catch (error) { say(error.code, n + k) } }))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    say("end")
    setInterval(() => {}, 1000)
  `,
    childEnvironment(place.stateDir),
  )
  while (!child.stdout().includes("ready")) await wait(10)
  await wait(100)
  disk.fail()
  await wait(1000)
  disk.heal()
  while (!child.stdout().includes("end")) {
    if (child.process.exitCode !== null) throw new Error((await child.ended).stderr)
    await wait(10)
  }
  await disk.cutPower()
  child.process.kill("SIGKILL")
  await child.ended
  await disk.restorePower()
  const lines = child
    .stdout()
    .split("\n")
    .map((line) => line.split(" "))
  const counts = new Map<string, number>()
  for (const [kind] of lines) counts.set(kind!, (counts.get(kind!) ?? 0) + 1)
  console.log(counts)
  const acked = lines.filter(([kind]) => kind === "ok").map(([, n]) => Number(n))
  const found = (await getAuditLogs({ logDir: place.logDir, eventType: "step" })).map(
    ({ details }) => details["n"] as number,
  )
  console.log(
    "lost",
    acked.filter((n) => !found.includes(n)),
    "double",
    found.length - new Set(found).size,
  )
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
  console.log(verdict, findings.length)
  expect(1).toBe(1)
})
