/**
 * A journal that ends anywhere: cut at every one of its last bytes, and with single bits flipped. What must come of it
 * is worked out here from the offsets of the lines, by the words of docs/format.md.
 * @module
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { dirname } from "node:path"
import { crc32 } from "node:zlib"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs } from "../../src/audit.ts"
import { closeLedgersUnder } from "../../src/ledger/index.ts"
import { verifyLog } from "../../src/query/index.ts"
import { restart, usePlace } from "../place.ts"

const place = usePlace()
const { floor, max, random } = Math
const POSITIONS = 4_096
/** The last ones are always taken, the others every so many, from a random one on; the long form takes all. */
const ALWAYS = 64
const STEP = Number(process.env["SECUREML_TEST_SWEEP_STEP"] ?? 127)
/** One copy in so many is sealed again. */
const SEALED_AGAIN = 12
/** Copies that are looked at together: a verification waits a third of a second to see whether a tail still grows. */
const TOGETHER = 64

/** The journal of one writer: its bytes, and where its lines end. */
interface Journal {
  readonly name: string
  readonly bytes: Buffer
  readonly ends: readonly number[]
}

/** What must be found after some damage. */
interface Expected {
  /** Numbers of the lines of the journal that are read; those behind a hole wait until it is explained. */
  readonly lines: readonly number[]
  readonly verdict: string
  /** The verdict once another process has sealed what is whole. */
  readonly sealed: string
}

/** One kind of damage at one place. */
interface Damage {
  readonly what: string
  readonly bytes: Uint8Array
  readonly expected: Expected
}

/** The journal in which the events of a trail are. */
function readJournal({ operationId }: AuditTrail): Journal {
  const directory = `${place.logDir}/.state/journal`
  for (const name of fs.readdirSync(directory)) {
    const bytes = fs.readFileSync(`${directory}/${name}`)
    if (bytes.includes(operationId))
      return { name, bytes, ends: [...bytes.keys()].filter((at) => bytes[at] === 0x0a).map((at) => at + 1) }
  }
  throw new Error("there is no journal of this trail")
}

/** A sealed log with the journal of a process that died, `lines` long; its first `sealed` lines are sealed. */
async function prepare(lines: number, sealed: number): Promise<Journal> {
  await new AuditTrail("base", { logDir: place.logDir }).flush()
  await restart(place)
  const audit = new AuditTrail("torn", { logDir: place.logDir })
  for (let n = 1; n < lines; n++) {
    if (n === sealed) await audit.flush()
    audit.logEvent("step", { n, text: "ä".repeat(n % 50) })
  }
  await restart(place)
  return readJournal(audit)
}

/**
 * A copy of the log with other bytes in the journal; gives its path. The files are links, which is fast: nothing in a
 * log is written in place but the journal of a process that is alive.
 */
function copyWith({ name }: Journal, bytes: Uint8Array, number: number): string {
  const logDir = `${place.directory}/copy-${number}`
  for (const entry of fs.readdirSync(place.logDir, { recursive: true, withFileTypes: true })) {
    const path = `${entry.parentPath}/${entry.name}`
    const copy = `${logDir}${path.slice(place.logDir.length)}`
    if (entry.isDirectory()) fs.mkdirSync(copy, { recursive: true, mode: 0o700 })
    else fs.mkdirSync(dirname(copy), { recursive: true, mode: 0o700 })
    if (entry.isFile() && entry.name !== name) fs.linkSync(path, copy)
  }
  fs.writeFileSync(`${logDir}/.state/journal/${name}`, bytes, { mode: 0o600 })
  return logDir
}

/** Positions from the end: all of the last ones, and some of the others. */
function positions(sizeBytes: number): number[] {
  const first = max(0, sizeBytes - POSITIONS)
  const some = Array.from({ length: sizeBytes }, (_, at) => at).slice(first + floor(random() * STEP))
  return some.filter((at, n) => n % STEP === 0 || at >= sizeBytes - ALWAYS)
}

/** Damages copies in one way each and looks at them; some are sealed again by a new process. */
async function sweep(journal: Journal, damages: readonly Damage[], others: number): Promise<void> {
  expect(damages.length).toBeGreaterThanOrEqual(ALWAYS / 2)
  // The paths come again with each group, so that a verification finds them as it remembers them, and syncs nothing.
  for (let from = 0; from < damages.length; from += TOGETHER) {
    const copies = damages.slice(from, from + TOGETHER).map((damage, n) => {
      return { ...damage, logDir: copyWith(journal, damage.bytes, n) }
    })
    await Promise.all(
      copies.map(async ({ what, logDir, expected: { lines, verdict } }) => {
        expect({ what, ...(await lookAt(logDir, place.stateDir, others)) }).toEqual({ what, lines, verdict })
      }),
    )
    const again = copies.filter((_, n) => (from + n) % SEALED_AGAIN === 0)
    for (const { logDir } of again) await sealAgain(logDir)
    await Promise.all(
      again.map(async ({ what, logDir, expected: { lines, sealed: verdict } }) => {
        expect({ what, ...(await lookAt(logDir, `${logDir}-state`, others + 2)) }).toEqual({ what, lines, verdict })
        expect((await getAuditLogs({ logDir })).filter(({ sealed }) => !sealed)).toEqual([])
      }),
    )
    for (const { logDir } of copies)
      for (const path of [logDir, `${logDir}-state`]) fs.rmSync(path, { recursive: true, force: true })
  }
}

/** Numbers of the journal's lines as a read gives them, and the verdict. */
async function lookAt(logDir: string, stateDir: string, others: number): Promise<{ lines: number[]; verdict: string }> {
  const { verdict } = await verifyLog({ logDir }, { SECUREML_STATE_DIR: stateDir })
  const records = await getAuditLogs({ logDir })
  const torn = records.filter(({ operation_name }) => operation_name === "torn")
  const ids = new Set(records.map(({ event_id }) => event_id))
  expect([ids.size, records.length - torn.length]).toEqual([records.length, others])
  return { lines: torn.map(({ sequence }) => sequence), verdict }
}

/** A new process goes on and seals what is whole, up to a hole; of what other copies signed it knows nothing. */
async function sealAgain(logDir: string): Promise<void> {
  fs.cpSync(place.stateDir, `${logDir}-state`, { recursive: true })
  process.env["SECUREML_STATE_DIR"] = `${logDir}-state`
  try {
    await new AuditTrail("after", { logDir }).close()
    await closeLedgersUnder(logDir)
  } finally {
    process.env["SECUREML_STATE_DIR"] = place.stateDir
  }
}

const count = (to: number): number[] => Array.from({ length: to }, (_, n) => n)

/** A cut leaves the lines before it; what is behind the last of them and before the cut is torn. */
function cutAt({ bytes, ends }: Journal, at: number, sealed: number): Damage {
  const whole = ends.filter((end) => end <= at).length
  const isTorn = whole >= sealed && at !== (ends[whole - 1] ?? 0)
  const verdict = isTorn ? "torn_tail" : whole > sealed ? "unsealed_tail" : "intact"
  const expected = { lines: count(max(whole, sealed)), verdict, sealed: isTorn ? "torn_tail" : "intact" }
  return { what: `cut at ${at}`, bytes: bytes.subarray(0, at), expected }
}

/** A flipped bit takes its line, and a newline the next one too; a hole is a gap, a broken end is torn. */
function flipAt({ bytes, ends }: Journal, at: number, sealed: number): Damage {
  const flipped = Buffer.from(bytes)
  const bit = floor(random() * 8)
  flipped[at]! ^= 1 << bit
  const what = `bit ${bit} flipped at ${at}`
  const line = ends.findIndex((end) => end > at)
  if (line < sealed)
    return { what, bytes: flipped, expected: { lines: count(ends.length), verdict: "unsealed_tail", sealed: "intact" } }
  const last = at === ends[line]! - 1 ? line + 1 : line
  const verdict = last >= ends.length - 1 ? "torn_tail" : "gap"
  return { what, bytes: flipped, expected: { lines: count(line), verdict, sealed: verdict } }
}

describe("a journal whose end is broken", () => {
  test.each([
    ["not sealed", 24, 0],
    ["sealed in part", 24, 18],
  ])(
    "cut at any of its last 4,096 bytes, %s: what is whole is read once and sealed, the verdict is right",
    {
      timeout: 1_800_000,
    },
    async (_name, lines, sealed) => {
      const journal = await prepare(lines, sealed)
      const damages = positions(journal.bytes.length).map((at) => cutAt(journal, at, sealed))
      await sweep(journal, damages, 1)
    },
  )

  test.each([
    ["not sealed", 24, 0],
    ["sealed in part", 24, 18],
  ])(
    "with one bit flipped, %s: nothing before it is lost, and a hole is a gap",
    {
      timeout: 1_800_000,
    },
    async (_name, lines, sealed) => {
      const journal = await prepare(lines, sealed)
      const sampled = positions(journal.bytes.length).filter((_, n) => STEP === 1 || n % 2 === 0)
      const damages = sampled.map((at) => flipAt(journal, at, sealed))
      await sweep(journal, damages, 1)
    },
  )

  test("cut at any of its last 4,096 bytes, with a successor that knows how long it was: a gap", {
    timeout: 1_800_000,
  }, async () => {
    const journal = await prepare(24, 0)
    succeed(journal)
    const damages = positions(journal.bytes.length).map((at) => {
      const cut = cutAt(journal, at, 0)
      return { ...cut, expected: { lines: [...cut.expected.lines, 24], verdict: "gap", sealed: "gap" } }
    })
    await sweep(journal, damages, 1)
  })
})

/** Writes the journal of a writer that went on for another one, by the words of docs/format.md. */
function succeed({ name, bytes, ends }: Journal): void {
  const line = bytes.subarray(ends.at(-2), ends.at(-1)! - 1).toString()
  const entry = JSON.parse(line.slice(line.indexOf("{")))
  const writer = { id: randomUUID(), seq: 0, continues: { id: name.slice(0, 36), seq: ends.length } }
  const body = `0 ${JSON.stringify({ ...entry, event_id: entry.event_id.replace(/.{12}$/, "0123456789ab"), sequence: ends.length, writer })}`
  const crc = crc32(body).toString(16).padStart(8, "0")
  fs.writeFileSync(`${place.logDir}/.state/journal/${writer.id}.0`, `${crc} ${body}\n`, { mode: 0o600 })
}
