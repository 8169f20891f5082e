import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, test } from "vitest"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { childEnvironment, startModule } from "../children.ts"
import { usePlace } from "../place.ts"
import { type Faults, runWithFault, type Said, targetsOf, type Victim } from "./faulty-calls.ts"
import { notice } from "./mounts.ts"
import { straceMissing } from "./strace.ts"

/** The short form takes one in so many of all calls and faults, from a random one on; the long one takes all. */
const STEP = Number(process.env["SECUREML_TEST_SWEEP_STEP"] ?? 25)
const place = usePlace()

/** 250 sealed events, and 6 that a process left when it died; kept aside, to begin each run with. */
beforeEach(async () => {
  const env = childEnvironment(place.stateDir)
  const open = (name: string) =>
    `const audit = new AuditTrail("${name}", { logDir: "${place.logDir}", keepLarge: true })`
  const base = `${open("base")}
    for (let n = 0; n < 249; n++) audit.logEvent("step", { n, large: n === 3 ? "x".repeat(100_000) : "" })
    await audit.flush()
    process.exit(0)`
  const dead = `${open("dead")}
    for (let n = 0; n < 5; n++) audit.logEvent("step", { n })
    process.kill(process.pid, "SIGKILL")`
  for (const code of [base, dead]) await startModule(code, env).ended
  for (const name of ["log", "state"])
    fs.cpSync(join(place.directory, name), join(place.directory, `${name}-before`), { recursive: true })
})

function putBack(): void {
  for (const name of ["log", "state"]) {
    fs.rmSync(join(place.directory, name), { recursive: true, force: true })
    fs.cpSync(join(place.directory, `${name}-before`), join(place.directory, name), { recursive: true })
  }
}

/** Runs a victim with one fault after the other; tells of all that went wrong. */
async function sweep(victim: Victim, faults: Faults, check: Check): Promise<void> {
  putBack()
  const targets = await targetsOf(place, victim, faults)
  expect(targets.length).toBeGreaterThan(50)
  const first = Math.floor(Math.random() * STEP)
  const wrong: string[] = []
  for (const target of targets.filter((_, n) => n % STEP === first)) {
    putBack()
    const { said, ended, trace } = await runWithFault(place, victim, target)
    // A descriptor of Node's own, which aborts then.
    if (/anon_inode.*INJECTED/.test(trace)) continue
    try {
      if (target.fault?.includes("signal") && ended.signal !== null) expect(ended.signal).toBe("SIGKILL")
      else expect([ended.code, ended.stderr.replace(EXPECTED_WARNINGS, "")]).toEqual([0, ""])
      await check({ said, isKilled: ended.signal !== null, trace })
    } catch (error) {
      wrong.push(`${JSON.stringify(target)}\n${String(error)}\n${trace}${ended.stdout}${ended.stderr}`)
    }
  }
  expect(wrong).toEqual([])
}

/** Looks at what a run left. */
type Check = (run: { said: Said; isKilled: boolean; trace: string }) => Promise<void>

const EXPECTED_WARNINGS = /.*\[(TIDY_FAILED|NOT_REMEMBERED|SEALING_UNAVAILABLE)\] SecuremlWarning.*\n(.*\n)?/g

async function look() {
  const { verdict, findings, treeSize } = await verifyAuditLog({ logDir: place.logDir })
  return { verdict, codes: findings.map(({ code }) => code).join(), treeSize }
}

/** A new process goes on, and afterwards everything is there once and intact. */
async function expectGoesOn(count?: number): Promise<void> {
  const { verdict, codes } = await look()
  expect(["intact", "unsealed_tail"], codes).toContain(verdict)
  const code = `const audit = new AuditTrail("after", { logDir: "${place.logDir}" })\nawait audit.close()\nprocess.exit(0)`
  const { code: exit, stderr } = await startModule(code, childEnvironment(place.stateDir)).ended
  expect([exit, stderr]).toEqual([0, ""])
  expect(await look()).toMatchObject({ verdict: "intact", codes: "" })
  const ids = (await getAuditLogs({ logDir: place.logDir })).map(({ event_id }) => event_id)
  expect(new Set(ids).size).toBe(ids.length)
  if (count !== undefined) expect(ids.length).toBe(count)
}

const RECORDING: Victim = {
  code: `let audit
    const open = () => { audit = new AuditTrail("victim", { logDir, keepLarge: true }) }
    await attempt("open", open)
    if (audit === undefined) await attempt("open again", open)
    for (let n = 0; n < 8; n++) {
      const large = n % 4 === 3 ? "x".repeat(100_000) : ""
      await attempt(n, async () => {
        const receipt = audit.logEvent("step", { n, large }, n % 4 === 1 ? { durability: "durable" } : {})
        if (n % 4 === 2) await receipt.durable()
      })
    }`,
}

/** What was said of each event agrees with what is in the log. */
async function expectAsSaid(said: Said): Promise<void> {
  const records = await getAuditLogs({ logDir: place.logDir, operationName: "victim" })
  const numbers = records.filter(({ event_type }) => event_type === "step").map(({ details }) => details["n"] as number)
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  for (const { what, outcome, message } of said) {
    expect(["done", "RECORD_FAILED", "NOT_DURABLE", "LOG_DIR_NOT_WRITABLE"], message).toContain(outcome)
    if (typeof what !== "number") continue
    if (outcome === "done" || outcome === "NOT_DURABLE") expect(numbers, message).toContain(what)
    else if (/was not recorded/.test(message)) expect(numbers, message).not.toContain(what)
    else expect(message).toMatch(/may still be found/)
  }
  const last = said.findLastIndex(({ outcome }) => outcome === "done")
  const failed = said.filter(({ outcome }, n) => outcome === "RECORD_FAILED" && n < last).length
  const told = records.filter(({ event_type }) => event_type === "events_lost")
  expect(told.reduce((sum, { details }) => sum + Number(details["count"]), 0)).toBe(failed)
}

const SEALING: Victim = {
  before: `const audit = new AuditTrail("victim", { logDir, keepLarge: true })
    for (let n = 0; n < 17; n++) audit.logEvent("step", { n, large: n === 3 ? "x".repeat(100_000) : "" })`,
  // A call of each of two threads fails.
  code: `for (let n = 0; n < 3; n++)
      if (await attempt("flush", async () => (await audit.flush()).treeSize)) break`,
}

const READING: Victim = {
  code: `await attempt("read", async () => (await getAuditLogs({ logDir })).map((record) => record.event_id))
    await attempt("verify", async () => {
      const { verdict, findings, treeSize } = await verifyAuditLog({ logDir })
      return [verdict, findings.map(({ code }) => code), treeSize]
    })`,
}

/** Every file and directory below some directories. */
function everyPath(...directories: readonly string[]): string[] {
  return directories.flatMap((directory) => [
    directory,
    ...fs.readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name)),
  ])
}

function digestOf(directory: string): string {
  const hash = createHash("sha256")
  for (const path of everyPath(directory).sort())
    hash.update(path).update(fs.statSync(path).isFile() ? fs.readFileSync(path) : "")
  return hash.digest("hex")
}

describe.skipIf(straceMissing !== undefined)(`a system call that fails or kills${notice(straceMissing)}`, () => {
  test("while recording: what was said of each event holds, and the log goes on", { timeout: 3_600_000 }, async () => {
    const faults: Faults = {
      write: ["error=EIO", "error=ENOSPC", "signal=KILL", ["error=ENOSPC", "ftruncate:error=EIO"]],
      openat: ["error=EIO", "error=EMFILE", "error=ENOSPC", "signal=KILL"],
      fdatasync: [
        "error=EIO",
        "signal=KILL",
        ["error=EIO", "pread64:error=EIO"],
        ["error=EIO", "openat:error=ENOSPC:when=4+"],
      ],
      fsync: ["error=EIO", "signal=KILL"],
    }
    await sweep(RECORDING, faults, async ({ said }) => {
      await expectAsSaid(said)
      await expectGoesOn()
      await expectAsSaid(said)
    })
  })

  test("while sealing: nothing is lost or doubled, and the next seal goes on", { timeout: 3_600_000 }, async () => {
    const faults: Faults = {
      write: ["error=EIO", "error=ENOSPC", "signal=KILL"],
      pwrite64: ["error=EIO", "error=ENOSPC", "signal=KILL"],
      read: ["error=EIO"],
      pread64: ["error=EIO"],
      openat: ["error=EIO", "error=EMFILE"],
      fdatasync: ["error=EIO", "signal=KILL"],
      fsync: ["error=EIO", "signal=KILL"],
      rename: ["error=EIO", "error=ENOSPC", "signal=KILL"],
      link: ["error=EIO", "error=ENOSPC", "signal=KILL"],
      unlink: ["error=EIO", "signal=KILL"],
      mkdir: ["error=ENOSPC"],
      getdents64: ["error=EIO"],
    }
    await sweep(SEALING, faults, async ({ said, isKilled }) => {
      for (const { outcome, message } of said) expect(["done", "SEALING_UNAVAILABLE"], message).toContain(outcome)
      if (!isKilled) expect(said.at(-1)).toMatchObject({ outcome: "done", value: 274 })
      if (said.at(-1)?.outcome === "done") expect(await look()).toEqual({ verdict: "intact", codes: "", treeSize: 274 })
      await expectGoesOn(276)
    })
  })

  test("while reading and verifying: no record is left out, no verdict is wrong", { timeout: 3_600_000 }, async () => {
    putBack()
    const ids = (await getAuditLogs({ logDir: place.logDir })).map(({ event_id }) => event_id)
    const before = digestOf(place.logDir)
    const faults: Faults = {
      openat: ["error=EIO", "error=EMFILE"],
      read: ["error=EIO"],
      pread64: ["error=EIO"],
      getdents64: ["error=EIO"],
      statx: ["error=EIO"],
    }
    const paths = everyPath(place.logDir, place.stateDir)
    await sweep({ ...READING, paths }, faults, async ({ said, trace }) => {
      expect(said.map(({ what }) => what)).toEqual(["read", "verify"])
      for (const { what, outcome, value, message } of said) {
        if (outcome !== "done") expect(["EIO", "EMFILE", "LOG_DIR_UNREADABLE"], message).toContain(outcome)
        else if (what === "read") expect(value).toEqual(ids)
        // SQLite takes a read error for a damaged file.
        else if (!/payloads\.sqlite.*EIO.*INJECTED/.test(trace) || !String(value).startsWith("payload_damaged"))
          expect(value).toEqual(["unsealed_tail", ["unsealed_tail"], 250])
      }
      expect(digestOf(place.logDir)).toBe(before)
      await expectGoesOn(258)
    })
  })
})
