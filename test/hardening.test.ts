import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, verifyAuditLog } from "../src/audit.ts"
import { recoverLog } from "../src/capture/index.ts"
import { closeLedgersUnder } from "../src/ledger/index.ts"
import { StateDirectory } from "../src/store/index.ts"
import { childEnvironment, startModule } from "./children.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()

function record(count: number, logDir = place.logDir, options = {}): AuditTrail {
  const audit = new AuditTrail("work", { logDir, ...options })
  for (let n = 1; n < count; n++) audit.logEvent("step", { n })
  return audit
}

async function verdictOf(options: Partial<Parameters<typeof verifyAuditLog>[0]> = {}) {
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir, ...options })
  return { verdict, codes: findings.map(({ code }) => code) }
}

describe("a fork of a log", () => {
  test("at another path is told from the log that was seen before, whichever comes first", async () => {
    await record(5).flush()
    await restart(place)
    const january = `${place.directory}/january`
    fs.cpSync(place.logDir, january, { recursive: true })
    const publicKey = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    const operator = process.env["SECUREML_STATE_DIR"]!
    // The operator forgets what was signed and writes another history over the last entries.
    for (const name of ["signed", "seen", "origins"]) fs.rmSync(`${operator}/${name}`, { recursive: true, force: true })
    fs.rmSync(`${place.logDir}/tile`, { recursive: true })
    for (const name of ["checkpoint", ".state/tree.json", ".state/journal"])
      fs.rmSync(`${place.logDir}/${name}`, { recursive: true })
    await record(9).flush()
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/auditor`
    expect((await verdictOf({ logDir: january, publicKey })).verdict).toBe("intact")
    expect(await verdictOf({ publicKey })).toEqual({ verdict: "rewritten", codes: ["inconsistent"] })
    expect((await verdictOf({ logDir: january, publicKey })).verdict).toBe("intact")
  })

  test("is never signed twice at one size when a log and its copy are sealed at once", {
    timeout: 60_000,
  }, async () => {
    await record(3).flush()
    await restart(place)
    const copy = `${place.directory}/copy`
    fs.cpSync(place.logDir, copy, { recursive: true })
    const seal = (logDir: string) =>
      startModule(
        `const fs = await import("node:fs")
        const audit = new AuditTrail(${JSON.stringify(logDir)}, { logDir: ${JSON.stringify(logDir)} })
        for (let n = 0; n < 40; n++) {
          audit.logEvent("step", { n })
          const head = await audit.flush().catch(() => undefined)
          if (head !== undefined) console.log(head.treeSize + " " + head.rootHash)
        }
        process.exit(0)`,
        childEnvironment(place.stateDir),
      ).ended
    const [one, two] = await Promise.all([seal(place.logDir), seal(copy)])
    const roots = new Map<string, string>()
    for (const line of `${one.stdout}${two.stdout}`.trim().split("\n")) {
      const [size, root] = line.split(" ") as [string, string]
      expect(roots.get(size) ?? root, `size ${size} was signed with two roots`).toBe(root)
      roots.set(size, root)
    }
    expect(roots.size).toBeGreaterThan(0)
  })
})

describe("signing", () => {
  test("waits for whoever of this user signs for the same log, wherever its directory is", async () => {
    const audit = record(3)
    const { origin } = await audit.flush()
    const other = new StateDirectory({ SECUREML_STATE_DIR: place.stateDir })
    const lock = other.signingLock(origin)!
    expect(lock.tryAcquire()).toBe(true)
    audit.logEvent("late", {})
    let sealed = false
    const flushed = audit.flush().then((head) => {
      sealed = true
      return head
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(sealed).toBe(false)
    lock.release()
    expect((await flushed).treeSize).toBe(4)
    other.close()
  })
})

describe("verification beside a sealer", () => {
  test("never says truncated", { timeout: 60_000 }, async () => {
    const child = startModule(
      `const audit = new AuditTrail("busy", { logDir: ${JSON.stringify(place.logDir)} })
      const end = Date.now() + 6000
      while (Date.now() < end) { audit.logEvent("step", {}); await audit.flush() }
      process.exit(0)`,
      childEnvironment(place.stateDir),
    )
    let running = true
    const ended = child.ended.then(() => {
      running = false
    })
    const verdicts = new Set<string>()
    while (running) verdicts.add((await verdictOf()).verdict)
    await ended
    verdicts.delete("unverifiable")
    expect([...verdicts].filter((verdict) => !["intact", "unsealed_tail"].includes(verdict))).toEqual([])
  })
})

describe("a log directory that is taken away from a running process", () => {
  test("and made again starts a new log: nothing acknowledged afterwards is lost", async () => {
    await record(3).close()
    fs.rmSync(place.logDir, { recursive: true })
    const audit = record(3, place.logDir, { durability: "durable" })
    await audit.close()
    expect((await getAuditLogs({ logDir: place.logDir })).length).toBe(4)
    await closeLedgersUnder(place.directory)
  })

  test("makes flush and close reject with SEALING_UNAVAILABLE, and sealing goes on when it is back", async () => {
    const audit = record(3)
    await audit.flush()
    audit.logEvent("late", {})
    fs.renameSync(place.logDir, `${place.directory}/moved`)
    await expect(audit.flush()).rejects.toThrow(expect.objectContaining({ code: "SEALING_UNAVAILABLE" }))
    fs.renameSync(`${place.directory}/moved`, place.logDir)
    expect((await audit.flush()).treeSize).toBe(4)
  })

  test("a lock file that is removed is made again", async () => {
    const audit = record(3)
    await audit.flush()
    fs.rmSync(`${place.logDir}/.state/lock`)
    audit.logEvent("late", {})
    expect((await audit.flush()).treeSize).toBe(4)
  })
})

describe("hostile files in the private state", () => {
  const JOURNAL = "00000000-0000-4000-8000-000000000000.0"

  test("a sparse file of 10 GiB for a journal neither stops sealing nor reading", async () => {
    const audit = record(3)
    fs.truncateSync(
      fs.mkdtempSync(`${place.directory}/x`) && makeEmpty(`${place.logDir}/.state/journal/${JOURNAL}`),
      10 * 1024 ** 3,
    )
    expect((await audit.flush()).treeSize).toBe(3)
    expect((await getAuditLogs({ logDir: place.logDir })).length).toBe(3)
    expect((await verdictOf()).verdict).toBe("torn_tail")
  })

  test("a segment that stands in the way is passed over", async () => {
    const audit = record(3)
    await restart(place)
    const [name] = fs.readdirSync(`${place.logDir}/.state/journal`)
    expect(name).toMatch(/\.0$/)
    await record(2).close()
    expect((await verdictOf()).verdict).toBe("intact")
    expect(audit.closed).toBe(false)
  })

  test.each(["payloads.sqlite", "lock"])("a symbolic link in the place of %s is not written through", async (name) => {
    const outside = `${place.directory}/outside`
    const audit = record(2, place.logDir, { keepLarge: true })
    audit.logEvent("large", { text: "x".repeat(100_000) })
    fs.symlinkSync(outside, `${place.logDir}/.state/${name}`)
    await audit.flush().catch(() => undefined)
    expect(fs.existsSync(outside)).toBe(false)
  })

  test.each([
    ["empty", ""],
    ["garbage", "x".repeat(5_000)],
  ])("a payload store that is %s is payload_damaged, no exception", async (_name, content) => {
    const audit = record(2, place.logDir, { keepLarge: true })
    audit.logEvent("large", { text: "x".repeat(100_000) })
    await audit.close()
    await restart(place)
    fs.writeFileSync(`${place.logDir}/.state/payloads.sqlite`, content)
    expect((await verdictOf()).verdict).toBe("payload_damaged")
  })

  test.each(["checkpoint", "vkey", "tile/0/000.p/3"])("3 GiB for %s is no exception", async (name) => {
    await record(3).flush()
    fs.truncateSync(`${place.logDir}/${name}`, 3 * 1024 ** 3)
    expect((await verdictOf()).verdict).toBe("corrupt")
  })

  test("one flipped bit in a journal is a gap that recover explains; the lines behind it are sealed", async () => {
    await record(2).flush()
    await restart(place)
    const audit = record(6)
    await restart(place)
    const name = fs
      .readdirSync(`${place.logDir}/.state/journal`)
      .find((file) => fs.readFileSync(`${place.logDir}/.state/journal/${file}`, "utf8").includes(audit.operationId))!
    const path = `${place.logDir}/.state/journal/${name}`
    const bytes = fs.readFileSync(path)
    bytes[bytes.indexOf('"n":3}') + 4]! ^= 1
    fs.writeFileSync(path, bytes)
    expect((await verdictOf()).verdict).toBe("gap")
    expect((await recoverLog({ logDir: place.logDir, reason: "a flipped bit" })).kind).toBe("explained")
    expect((await verdictOf()).verdict).toBe("intact")
    const steps = await getAuditLogs({ logDir: place.logDir, operationId: audit.operationId, eventType: "step" })
    expect(steps.map(({ details }) => details["n"])).toEqual([1, 2, 4, 5])
  })

  test("vkey is written again when it is missing", async () => {
    await record(3).flush()
    fs.rmSync(`${place.logDir}/vkey`)
    const audit = record(2)
    await audit.close()
    expect(fs.existsSync(`${place.logDir}/vkey`)).toBe(true)
  })
})

function makeEmpty(path: string): string {
  fs.writeFileSync(path, "")
  return path
}

describe("names that a file system refuses for good", () => {
  test.skipIf(process.platform !== "linux")(
    "are LOG_DIR_NOT_WRITABLE at once (skipped where there is no /proc)",
    () => {
      expect(() => new AuditTrail("x", { logDir: "/proc/nope/log" })).toThrow(
        expect.objectContaining({ code: "LOG_DIR_NOT_WRITABLE" }),
      )
    },
  )
})

describe("a receipt in a long log", () => {
  test("is found without reading the log from its beginning", { timeout: 120_000 }, async () => {
    const audit = record(60_000)
    await audit.flush()
    await restart(place)
    const later = new AuditTrail("later", { logDir: place.logDir })
    const receipts = Array.from({ length: 50 }, (_, n) => later.logEvent("step", { n }))
    const beganMs = performance.now()
    await Promise.all(receipts.map((receipt) => receipt.sealed()))
    const togetherMs = performance.now() - beganMs
    const oneBeganMs = performance.now()
    await later.logEvent("one", {}).sealed()
    // Fifty receipts share a seal; were each a scan, they would take fifty times one.
    expect(togetherMs).toBeLessThan(20 * (performance.now() - oneBeganMs) + 500)
  })
})
