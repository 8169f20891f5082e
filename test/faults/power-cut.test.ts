import * as fs from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { type Child, childEnvironment, startModule } from "../children.ts"
import { usePlace } from "../place.ts"
import { type Disk, notice, powerCutsMissing, useMounts } from "./mounts.ts"

const CUTS = Number(process.env["SECUREML_TEST_POWER_CUTS"] ?? 3)
/** Cuts in the tests that need fewer. */
const FEW_CUTS = Math.ceil(CUTS / 3)
const place = usePlace()
const mounts = useMounts()

/** A process that says on its standard output, a pipe, what was promised to it, and when. */
function starts(name: string, options: string, code: string): Child {
  return startModule(
    `import * as fs from "node:fs"
    const { personal } = secureml
    const audit = new AuditTrail(${JSON.stringify(name)}, { logDir: ${JSON.stringify(place.logDir)}, ${options} })
    const say = (what) => fs.writeSync(1, Number(process.hrtime.bigint()) / 1e6 + " " + what + "\\n")
    const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    ${code}`,
    childEnvironment(place.stateDir),
  )
}

/** What is promised, and by which call. */
const PROMISES: readonly (readonly [string, string, string])[] = [
  [
    "durable call",
    'durability: "durable"',
    `for (let n = 0; ; n++) {
      audit.logEvent("step", { n })
      say(n)
      if (n % 4 === 0) await soon(5)
    }`,
  ],
  [
    "durable receipts",
    "",
    `for (let n = 0; ; await soon(10)) {
      await Promise.all(Array.from({ length: 24 }, async () => {
        const number = n++
        const receipt = audit.logEvent("step", { n: number })
        if (number % 5 === 0) await soon(1)
        await receipt.durable()
        say(number)
      }))
    }`,
  ],
  [
    "flush",
    "keepLarge: true",
    `for (let n = 0; ; ) {
      for (let k = 0; k < 5; k++) audit.logEvent("step", { n: n++, large: k === 3 ? "x".repeat(70_000) : "" })
      const { note } = await audit.flush()
      for (let k = 5; k > 0; k--) say(n - k)
      say(Buffer.from(note).toString("base64"))
    }`,
  ],
  [
    "sealed receipt",
    "",
    `for (let n = 0; ; n++) {
      await audit.logEvent("step", { n }).sealed()
      say(n)
    }`,
  ],
]

/** The same with values that lie beside the log. */
const PERSONAL_PROMISES: typeof PROMISES = [
  [
    "durable call with personal values",
    'durability: "durable"',
    `for (let n = 0; ; n++) {
      audit.logEvent("step", { n, who: personal("value-" + n, { subject: "person-" + (n % 50) }) })
      say(n)
      if (n % 4 === 0) await soon(5)
    }`,
  ],
  [
    "flush with personal values",
    "",
    `for (let n = 0; ; ) {
      for (let k = 0; k < 5; k++) {
        audit.logEvent("step", { n, who: personal("value-" + n, { subject: "person-" + (n % 50) }) })
        n += 1
      }
      await audit.flush()
      for (let k = 5; k > 0; k--) say(n - k)
    }`,
  ],
]

/** What a child said and when; half a line at the end was never said. */
function saidBy(child: Child): { atMs: number; what: string }[] {
  const lines = child.stdout().split("\n").slice(0, -1)
  return lines.map((line) => ({ atMs: Number(line.split(" ")[0]), what: line.split(" ")[1]! }))
}

/** Numbers among it, in their order. */
function numbersSaidBy(child: Child, beforeMs = Number.POSITIVE_INFINITY): number[] {
  const said = saidBy(child).filter(({ atMs, what }) => atMs < beforeMs && /^\d+$/.test(what))
  return said.map(({ what }) => Number(what))
}

/** The last checkpoint among it. */
function noteSaidBy(child: Child, beforeMs: number): string | undefined {
  const note = saidBy(child).findLast(({ atMs, what }) => atMs < beforeMs && !/^\d+$/.test(what))
  return note === undefined ? undefined : Buffer.from(note.what, "base64").toString()
}

/** Cuts the power under running processes, and boots. Returns when that was. */
async function cut(disk: Disk, children: readonly Child[]): Promise<number> {
  const cutAtMs = await disk.cutPower()
  for (const child of children) child.process.kill("SIGKILL")
  await Promise.all(children.map(({ ended }) => ended))
  await disk.restorePower()
  return cutAtMs
}

async function numbersOf(operationName: string): Promise<unknown[]> {
  const records = await getAuditLogs({ logDir: place.logDir, operationName, eventType: "step" })
  return records.map(({ details }) => details["n"])
}

async function valuesOf(operationName: string): Promise<unknown[]> {
  const records = await getAuditLogs({ logDir: place.logDir, operationName, eventType: "step" })
  return records.map(({ details }) => details["who"])
}

async function look(against?: string) {
  const options = against === undefined ? {} : { against }
  const { verdict, findings, unsealed } = await verifyAuditLog({ logDir: place.logDir, ...options })
  return { verdict, codes: findings.map(({ code, path }) => `${code} ${path ?? ""}`).join(), unsealed }
}

/** A verdict that a power cut may lead to; anything worse would be a false alarm. */
async function expectSane(against?: string): Promise<void> {
  const { verdict, codes } = await look(against)
  if (verdict === "unverifiable") expect(codes).toMatch(/nothing_sealed|no_log/)
  else expect(["intact", "unsealed_tail", "torn_tail"], `${verdict}: ${codes}`).toContain(verdict)
}

/** A process that comes after the cut records at once, and seals what is there. */
async function expectGoesOn(name: string): Promise<void> {
  const first = 'audit.logEvent("step", { n: 0 })\nconsole.log(performance.now())\nawait audit.close()'
  const child = starts(name, "", first)
  const { code, stderr, stdout } = await child.ended
  expect([code, stderr]).toEqual([0, ""])
  expect(Number(stdout)).toBeLessThan(2_000)
  const { verdict, codes, unsealed } = await look()
  // Half a line of a writer that is gone stays until its segment is tidied away, an hour later.
  if (!/^(torn_tail [^,]+,?)+$/.test(codes)) expect([verdict, codes]).toEqual(["intact", ""])
  expect(unsealed).toBe(0)
  expect(await numbersOf(name)).toEqual([0])
}

async function until(condition: () => boolean): Promise<void> {
  for (const beganMs = performance.now(); !condition(); ) {
    if (performance.now() - beganMs > 120_000) throw new Error("nothing happened for two minutes")
    await wait(20)
  }
}

describe.skipIf(powerCutsMissing !== undefined)(`a power cut${notice(powerCutsMissing)}`, () => {
  test.each([
    [CUTS, "ext4 without its kindnesses", "", PROMISES],
    [FEW_CUTS, "an ext4 that leaves rubbish where data was not synced", ",nodelalloc,data=writeback", PROMISES],
    [FEW_CUTS, "ext4, personal values with what they belong to", "", PERSONAL_PROMISES],
  ])(
    "%i times on %s: what was promised is there, once and in order",
    {
      timeout: 60_000 + CUTS * 30_000,
    },
    async (cuts, _name, options, promises) => {
      const disk = mounts.disk(place.directory, options)
      for (let round = 0; round < cuts; round++) {
        const writers = promises.map(([promise, trail, code]) => {
          const name = `${promise} ${round}`
          return { name, child: starts(name, trail, code) }
        })
        const children = writers.map(({ child }) => child)
        const ended = children.map(({ ended }) => ended.then(({ stderr }) => Promise.reject(new Error(stderr))))
        for (const end of ended) end.catch(() => undefined)
        await Promise.race([until(() => children.every((child) => child.stdout().length > 0)), ...ended])
        await wait(Math.random() * 1_000)
        const cutAtMs = await cut(disk, children)
        await expectSane(children.map((child) => noteSaidBy(child, cutAtMs)).find((note) => note !== undefined))
        for (const { name, child } of writers) {
          const found = await numbersOf(name)
          expect(found, name).toEqual(found.map((_, n) => n))
          const promised = numbersSaidBy(child, cutAtMs).reduce((most, n) => Math.max(most, n), -1)
          expect(found.length, name).toBeGreaterThan(promised)
          if (promises !== PERSONAL_PROMISES) continue
          const values = await valuesOf(name)
          expect(values.slice(0, promised + 1), name).toEqual(found.slice(0, promised + 1).map((n) => `value-${n}`))
        }
        await expectGoesOn(`after ${round}`)
      }
    },
  )

  test("loses what was only written: without a sync nothing of it is there", { timeout: 60_000 }, async () => {
    const disk = mounts.disk(place.directory)
    const plain = join(place.directory, "plain")
    // A thread that is kept busy never gets to its background sync.
    const busy = starts(
      "busy",
      "",
      `const fd = fs.openSync(${JSON.stringify(plain)}, "a")
      for (let n = 0; n < 1000; n++) {
        fs.writeSync(fd, n + "\\n")
        audit.logEvent("step", { n })
        say(n)
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`,
    )
    await until(() => numbersSaidBy(busy).length === 1_000)
    expect(fs.readFileSync(plain, "utf8").split("\n").length).toBe(1_001)
    expect((await numbersOf("busy")).length).toBe(1_000)
    await cut(disk, [busy])
    expect(fs.existsSync(plain) ? fs.readFileSync(plain, "utf8").length : 0).toBeLessThan(1_000)
    expect((await numbersOf("busy")).length).toBeLessThan(1_000)
    await expectGoesOn("after")
  })

  test("takes from a thread that does not block the last moments of what was recorded, and no more", {
    timeout: 60_000 + CUTS * 10_000,
  }, async () => {
    const disk = mounts.disk(place.directory)
    const lost: { events: number; ms: number }[] = []
    for (let round = 0; round < FEW_CUTS; round++) {
      const name = `recorded ${round}`
      const child = starts(
        name,
        "",
        `for (let n = 0; ; n++) {
          audit.logEvent("step", { n })
          say(n)
          await new Promise((resolve) => setImmediate(resolve))
        }`,
      )
      await until(() => numbersSaidBy(child).length > 1_000)
      await wait(Math.random() * 300)
      const cutAtMs = await cut(disk, [child])
      const found = await numbersOf(name)
      expect(found).toEqual(found.map((_, n) => n))
      const missing = saidBy(child).filter(({ atMs, what }) => atMs < cutAtMs && Number(what) >= found.length)
      lost.push({ events: missing.length, ms: cutAtMs - (missing[0]?.atMs ?? cutAtMs) })
      await expectGoesOn(`after ${round}`)
    }
    console.log(`recorded and lost, at each of ${FEW_CUTS} power cuts:`, JSON.stringify(lost))
    expect(Math.max(...lost.map(({ ms }) => ms))).toBeLessThan(5_000)
  })
})
