/**
 * Queries while the index cannot be made or read: a full disk, too many open files, system calls that fail or kill.
 * They answer all the same, by reading the log; nothing of the log changes, and the index is mended afterwards.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { sealLog } from "../../src/capture/index.ts"
import { findLogDirectory, LocalIndex } from "../../src/store/index.ts"
import { childEnvironment, DIST } from "../children.ts"
import { writeEntries } from "../log-of-entries.ts"
import { usePlace } from "../place.ts"
import { keepCopy, putBack } from "./armed.ts"
import { type Answer, answerOf } from "./attempts.ts"
import { type Faults, runWithFault, targetsOf, type Victim } from "./faulty-calls.ts"
import { mountsMissing, notice, useMountPoint, useMounts } from "./mounts.ts"
import { type Injection, straceMissing } from "./strace.ts"

/** Runs with a failing call: of each call and fault at most so many, at random; and so many in all. */
const IS_LONG = process.env["SECUREML_TEST_SWEEP_STEP"] === "1"
const [MOST_ALIKE, MOST] = IS_LONG ? [12, 1_000] : [1, 5]
/** More than are read without an index. */
const ENTRIES = 4_352
const EVERY = 100
const place = usePlace()
const mounts = useMounts()
const mounted = useMountPoint(place)

/** Adds entries of which one in 100 is a hit; they are some 100 KB a bundle, so that reading one takes a while. */
function write(count = ENTRIES, size = 20): void {
  writeEntries(place.logDir, count, (n) => ({
    event_type: n % EVERY === 0 ? "hit" : "other",
    details: { note: `only${n} ${"x".repeat(size)}` },
  }))
}

const hits = (entries: number): number => Math.ceil(entries / EVERY)

/** Everything of the log but its index. */
function digest(): string {
  const names = fs.readdirSync(place.logDir, { recursive: true, encoding: "utf8" })
  const hash = createHash("sha256")
  for (const name of names.filter((name) => !name.startsWith(".state/index")).sort()) {
    const path = join(place.logDir, name)
    hash.update(name).update(fs.statSync(path).isFile() ? fs.readFileSync(path) : "")
  }
  return hash.digest("hex")
}

/** Nobody is accused; the next queries make the index whole, and it says what the log says. */
async function expectMended(found: number): Promise<void> {
  const { logDir } = place
  const { findings: told, treeSize } = await verifyAuditLog({ logDir, index: true })
  expect(told.map(({ code }) => code)).toEqual([])
  // Each has half a second for the index.
  const behind = async (): Promise<number> => {
    expect((await getAuditLogs({ logDir, eventType: "hit" })).length).toBe(found)
    return treeSize - (LocalIndex.open(findLogDirectory(logDir)!)?.state?.position ?? 0)
  }
  await expect.poll(behind, { timeout: 60_000 }).toBeLessThan(4_096)
  expect(await verifyAuditLog({ logDir, index: true })).toMatchObject({ verdict: "intact", findings: [] })
}

const QUERIES = `
  const { countAuditLogs, histogramAuditLogs } = secureml
  const query = { logDir, eventType: "hit" }
  const asked = () => failureOf(async () => (await getAuditLogs(query)).length)
  const counted = () => failureOf(() => countAuditLogs(query))
  const summed = () => failureOf(async () =>
    (await histogramAuditLogs({ logDir, by: "type" })).reduce((sum, { count, value }) => sum + (value === "hit" && count), 0))`

describe.skipIf(mountsMissing !== undefined)(`a full disk${notice(mountsMissing)}`, () => {
  const FILL = `
    const ballast = ${JSON.stringify("BALLAST")}
    const fill = (left) => {
      const fd = fs.openSync(ballast, "a")
      for (let size = 65_536; size >= 1; size = Math.floor(size / 2))
        try { while (fs.writeSync(fd, Buffer.alloc(size)) > 0); } catch (error) { if (error.code !== "ENOSPC") throw error }
      fs.ftruncateSync(fd, fs.fstatSync(fd).size - left)
      fs.closeSync(fd)
    }`

  test.each([0, 8_192, 40_960, 65_536, 131_072])(
    "with %i bytes left: queries answer, and a rebuild says that there is no room",
    { timeout: 120_000 },
    async (left) => {
      mounts.tmpfs(mounted.path, "size=16m")
      write()
      await sealLog({ logDir: place.logDir })
      const before = digest()
      const fill = FILL.replace("BALLAST", join(mounted.path, "ballast"))
      const answer = await answerOf(
        place,
        `${fill}\n${QUERIES}\nfill(${left})\nanswer.full = [await asked(), await asked(), await counted(), await summed()]
        const { findings } = await verifyAuditLog({ logDir, index: true })
        answer.findings = findings`,
      )
      const found = ["done", hits(ENTRIES)]
      expect(answer).toEqual({ full: [found, found, found, found], findings: [] })
      const args = [`${DIST}/cli.js`, "audit", "reindex", "--log-dir", place.logDir]
      const { status, stderr } = spawnSync(process.execPath, args, {
        env: childEnvironment(place.stateDir),
        encoding: "utf8",
      })
      expect(digest()).toBe(before)
      expect(status).not.toBe(0)
      expect(stderr).toMatch(/ENOSPC|full|no space/)
      fs.rmSync(join(mounted.path, "ballast"))
      await expectMended(hits(ENTRIES))
    },
  )
})

describe.skipIf(process.platform === "win32")("too many open files", () => {
  const HOLD = `
    const held = []
    const hold = (free) => {
      try { for (;;) held.push(fs.openSync("/dev/null", "r")) } catch (error) { if (error.code !== "EMFILE") throw error }
      for (let n = 0; n < free; n++) fs.closeSync(held.pop())
    }
    const letGo = () => { for (const fd of held.splice(0)) fs.closeSync(fd) }`

  function runWithFew(code: string): Promise<Answer> {
    return answerOf(place, `${HOLD}\n${QUERIES}\n${code}`, "ulimit -n 64")
  }

  test.each([false, true])(
    "hold up no query that could read the log without an index (made before: %s)",
    {
      timeout: 120_000,
    },
    async (isMade) => {
      write(ENTRIES, 1_000)
      await sealLog({ logDir: place.logDir })
      const before = digest()
      const { outcomes, later } = await runWithFew(`
      answer.outcomes = []
      ${isMade ? "await asked()" : "await getAuditLogs({ logDir, limit: 1 })"}
      for (let free = 0; free <= 20; free++) {
        hold(free)
        const read = await failureOf(async () => (await getAuditLogs({ logDir })).length)
        const all = [await asked(), await counted(), await summed()]
        const verified = await failureOf(async () => (await verifyAuditLog({ logDir, index: true })).findings)
        letGo()
        answer.outcomes.push({ free, read, all, verified })
      }
      answer.later = await asked()`)
      const found = ["done", hits(ENTRIES)]
      for (const { free, read, all, verified } of outcomes as Outcome[]) {
        for (const one of all)
          if (read[0] === "done") expect(one, `${free} left`).toEqual(found)
          else expect([found, ["EMFILE", expect.anything()]], `${free} left`).toContainEqual(one)
        if (verified[0] === "done") expect(verified[1], `${free} left`).toEqual([])
      }
      expect((outcomes as Outcome[]).filter(({ read }) => read[0] === "done").length).toBeGreaterThan(10)
      expect(later).toEqual(found)
      expect(digest()).toBe(before)
      await expectMended(hits(ENTRIES))
    },
  )
})

interface Outcome {
  readonly free: number
  readonly read: readonly unknown[]
  readonly all: readonly unknown[]
  readonly verified: readonly unknown[]
}

const ASKING = `for (const n of [1, 2])
    await attempt(n, async () => (await getAuditLogs({ logDir, eventType: "hit" })).map(({ index }) => index))
  await attempt("verify", async () => (await verifyAuditLog({ logDir, index: true })).findings.map(({ code }) => code))`

const MAKING: Victim = { code: ASKING }
const ADDING: Victim = {
  before: `await getAuditLogs({ logDir, eventType: "hit" })
    const audit = new AuditTrail("sealer", { logDir })
    await audit.flush()`,
  code: ASKING,
}

const FAULTS: Faults = {
  pwrite64: ["error=EIO", "error=ENOSPC", "signal=KILL"],
  pread64: ["error=EIO"],
  openat: ["error=EIO", "error=EMFILE", "error=ENOSPC"],
  ftruncate: ["error=EIO", "signal=KILL"],
  fsync: ["error=EIO", "signal=KILL"],
  rename: ["error=EIO", "error=ENOSPC", "signal=KILL"],
  unlink: ["error=EIO", "signal=KILL"],
}

/** Some of all targets, in any order. */
function someOf(targets: readonly Injection[]): Injection[] {
  const taken = new Map<string, number>()
  const shuffled = targets.map((target) => [Math.random(), target] as const).sort(([a], [b]) => a - b)
  const isWanted = ({ call, fault }: Injection): boolean => {
    const count = (taken.get(`${call} ${fault}`) ?? 0) + 1
    taken.set(`${call} ${fault}`, count)
    return count <= MOST_ALIKE
  }
  return shuffled.flatMap(([, target]) => (isWanted(target) ? [target] : [])).slice(0, MOST)
}

/** Whether a fault hit something else than the index. */
function isElsewhere(trace: string): boolean {
  return trace.split("\n").some((line) => line.includes("INJECTED") && !line.includes("/.state/index"))
}

describe.skipIf(straceMissing !== undefined)(`a system call that fails or kills${notice(straceMissing)}`, () => {
  test.each([
    ["made", MAKING, hits(ENTRIES)],
    ["brought up", ADDING, 2 * hits(ENTRIES)],
  ] as const)(
    "while the index is %s and read: each query answers, and nobody is accused",
    { timeout: 7_200_000 },
    async (_, victim, found) => {
      place.logDir = join(place.directory, "log")
      write()
      await sealLog({ logDir: place.logDir })
      if (victim === ADDING) write()
      keepCopy(place)
      const targets = await targetsOf(place, victim, FAULTS)
      expect(targets.length).toBeGreaterThan(100)
      const wrong: string[] = []
      for (const target of someOf(targets)) {
        putBack(place)
        const { said, ended, trace } = await runWithFault(place, victim, target)
        if (/anon_inode.*INJECTED/.test(trace)) continue
        try {
          if (ended.signal !== null) expect(target.fault).toContain("signal")
          else expect([ended.code, ended.stderr.replace(TOLD, ""), said.length]).toEqual([0, "", 3])
          for (const { what, outcome, value, message } of said) {
            if (outcome !== "done") expect(isElsewhere(trace), `${what}: ${message}`).toBe(true)
            else if (what === "verify") expect(value).toEqual([])
            else expect((value as number[]).length).toBe(found)
          }
          await expectMended(found)
        } catch (error) {
          wrong.push(`${JSON.stringify(target)}\n${String(error)}\n${trace}${ended.stdout}${ended.stderr}`)
        }
      }
      expect(wrong).toEqual([])
    },
  )
})

const TOLD = /.*\[(TIDY_FAILED|NOT_REMEMBERED|SEALING_UNAVAILABLE)\] SecuremlWarning.*\n(.*\n)?/g
