/**
 * What an entry that is blank can be excused by, and what not: an event of the same tree, sealed, and nothing else.
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, test } from "vitest"
import { getAuditLogs, proveEvent, verifyAuditLog } from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { blankFor, recordNamedBy } from "../src/event/index.ts"
import { publishFiles, TreeGrowth } from "../src/ledger/publish.ts"
import { encodeBundle, leafHash, parseBundle } from "../src/proof/index.ts"
import { redactEntry } from "../src/retention/index.ts"
import { findLogDirectory, formatLine, LocalBlobs } from "../src/store/index.ts"
import { writeEntries } from "./log-of-entries.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const FULL = 256
const [REDACTED, OTHER] = [17, 18]
const verify = () => verifyAuditLog({ logDir: place.logDir })
const bundle = (n: number) => `${place.logDir}/tile/entries/${String(n).padStart(3, "0")}`
let record = 0

/** Changes one entry of a full bundle. */
function change(index: number, to: (entry: string) => string): void {
  const path = bundle(Math.floor(index / FULL))
  const entries = parseBundle(fs.readFileSync(path), FULL)
  entries[index % FULL] = Buffer.from(to(Buffer.from(entries[index % FULL]!).toString()))
  fs.writeFileSync(path, encodeBundle(entries))
}

function entryAt(index: number): string {
  return Buffer.from(parseBundle(fs.readFileSync(bundle(Math.floor(index / FULL))), FULL)[index % FULL]!).toString()
}

/** A line that somebody without the key writes into a journal. */
async function addLine(own: object): Promise<void> {
  const id = randomUUID()
  const entry = {
    v: 1,
    event_id: "019ab38e-5ef3-7000-8000-2f9d6d1c0a55",
    event_type: "entry_redacted",
    timestamp: "2026-11-24T00:00:00.000Z",
    operation_id: "forged",
    operation_name: "forged",
    sequence: 0,
    writer: { id, seq: 0 },
    ...own,
  }
  fs.writeFileSync(`${place.logDir}/.state/journal/${id}.0`, formatLine(0, JSON.stringify(entry)), { mode: 0o600 })
  await sealLog({ logDir: place.logDir })
}

async function corruptAt(index: number, code: string): Promise<void> {
  const { verdict, findings } = await verify()
  expect(findings.map((finding) => [finding.code, finding.index])).toContainEqual([code, index])
  expect(verdict).toBe("corrupt")
}

beforeEach(async () => {
  const { logDir } = place
  writeEntries(logDir, 700, (n) => ({ details: { n } }))
  await sealLog({ logDir })
  record = (await redactEntry({ logDir, event: REDACTED, reason: "test" })).by
  expect(record).toBe(700)
  expect((await verify()).verdict).toBe("intact")
})

describe("a blanked entry without a record is corrupt, whatever a file says", () => {
  const blankOfOther = (by: number) => () =>
    entryAt(REDACTED)
      .replace(/0011"/, `${OTHER.toString(16).padStart(4, "0")}"`)
      .replace(`"sequence":${REDACTED}`, `"sequence":${OTHER}`)
      .replace(`"seq":${REDACTED}`, `"seq":${OTHER}`)
      .replace(/"by":\d+/, `"by":${by}`)

  test.each([
    ["a blank of its own that names the record of another entry", () => blankOfOther(record)],
    ["one that names an entry that is no record", () => blankOfOther(600)],
    ["one that names an entry before it", () => blankOfOther(3)],
    ["one that names an entry that is not there", () => blankOfOther(70_000)],
    ["the blank of another entry as it is", () => () => entryAt(REDACTED)],
  ])("%s", async (_, make) => {
    change(OTHER, make())
    await corruptAt(OTHER, "redaction_unexplained")
    await expect(getAuditLogs({ logDir: place.logDir })).rejects.toMatchObject({ code: "LEDGER_CORRUPT" })
  })

  test.each([
    ["a field added", (text: string) => text.replace(/}$/, ',"more":"text"}')],
    ["another time", (text: string) => text.replace(/"timestamp":"2026/, '"timestamp":"2025')],
    ["another number", (text: string) => text.replace(/"seq":17/, '"seq":16')],
    ["a blank behind it", (text: string) => `${text} `],
    ["a second detail", (text: string) => text.replace(/"by":700/, '"by":700,"x":1')],
  ])("a blank with %s: every byte of it follows from the record", async (_, forge) => {
    change(REDACTED, forge)
    await corruptAt(REDACTED, "redaction_unexplained")
  })

  test("an entry of zero bytes, and any other bytes", async () => {
    for (const text of ["", "{}", "redacted"]) {
      change(OTHER, () => text)
      await corruptAt(OTHER, "tile_mismatch")
    }
  })

  test("the record itself changed in its bundle excuses nothing", async () => {
    for (const width of fs.readdirSync(`${bundle(2)}.p`)) {
      const path = `${bundle(2)}.p/${width}`
      const entries = parseBundle(fs.readFileSync(path), Number(width))
      const at = record % FULL
      if (entries[at] === undefined) continue
      entries[at] = Buffer.from(Buffer.from(entries[at]).toString().replace('"reason":"test"', '"reason":"best"'))
      fs.writeFileSync(path, encodeBundle(entries))
    }
    await corruptAt(REDACTED, "redaction_unexplained")
    const { findings } = await verify()
    expect(findings.map(({ code }) => code)).toContain("tile_mismatch")
  })
})

describe("a record that is not so", () => {
  const kept = {
    timestamp: "2026-11-24T00:00:00.000Z",
    operation_id: "op-1",
    sequence: 18,
    writer: { id: "w", seq: 18 },
  }
  const hashAt = (index: number) => Buffer.from(leafHash(Buffer.from(entryAt(index)))).toString("base64")

  test("whose leaf hash is not the tile's is corrupt", async () => {
    await addLine({ details: { index: OTHER, leaf_hash: hashAt(19), reason: "r", kept } })
    await corruptAt(701, "redaction_record_wrong")
  })

  test.each([
    ["without an index", {}],
    ["about an entry behind it", { index: 9_999 }],
    ["about itself", { index: 701 }],
    ["with nothing kept", { kept: {} }],
    ["with a time that is none", { kept: { ...kept, timestamp: "soon" } }],
  ])("%s is corrupt", async (_, own) => {
    const base = "index" in own || "kept" in own ? { index: OTHER } : {}
    await addLine({ details: { ...base, leaf_hash: hashAt(OTHER), reason: "r", kept, ...own } })
    await corruptAt(701, "redaction_record_wrong")
  })

  test("about an entry that is still there is told, and makes nobody remove it", async () => {
    const details = { index: OTHER, leaf_hash: hashAt(OTHER), reason: "r", kept }
    await addLine({ details })
    const { verdict, findings } = await verify()
    expect([verdict, findings.map(({ code }) => code)]).toEqual([
      "intact",
      ["redaction_unfinished", "redacted"].sort().reverse(),
    ])
    await redactEntry({ logDir: place.logDir, event: 19, reason: "test" })
    expect((await verify()).redacted!.map(({ index }) => index)).toEqual([REDACTED, 19])
    // Nor does it take the place of a record with a reason of one's own.
    expect(await redactEntry({ logDir: place.logDir, event: OTHER, reason: "test" })).toMatchObject({ by: 703 })
    expect((await verify()).verdict).toBe("intact")
  })
})

test("a redaction that an insider forged, event and blank, is not hidden: every verification lists it", async () => {
  const kept = {
    timestamp: "2026-11-24T00:00:00.000Z",
    operation_id: "op-1",
    sequence: OTHER,
    writer: { id: "", seq: OTHER },
  }
  const writer = JSON.parse(entryAt(OTHER)).writer
  const hash = Buffer.from(leafHash(Buffer.from(entryAt(OTHER)))).toString("base64")
  await addLine({ details: { index: OTHER, leaf_hash: hash, reason: "r", kept: { ...kept, writer } } })
  const event = Buffer.from((await proveEvent({ logDir: place.logDir, index: 701 })).entry)
  const blank = blankFor(event, 701, OTHER, Buffer.from(hash, "base64"))
  change(OTHER, () => Buffer.from(blank!).toString())
  expect(await verify()).toMatchObject({
    verdict: "intact",
    redacted: [
      { index: REDACTED, by: 700 },
      { index: OTHER, by: 701 },
    ],
  })
})

describe("sealing", () => {
  test("stops at an entry of an open bundle that was changed, and not at one that was redacted", async () => {
    const { logDir } = place
    await redactEntry({ logDir, event: 600, reason: "test" })
    writeEntries(logDir, 10, (n) => ({ operation_id: "op-2", details: { n } }))
    await sealLog({ logDir })
    expect((await verify()).verdict).toBe("intact")
    await restart(place)
    const directory = `${bundle(2)}.p`
    const widest = String(Math.max(...fs.readdirSync(directory).map(Number)))
    const path = join(directory, widest)
    const entries = parseBundle(fs.readFileSync(path), Number(widest))
    entries[600 % FULL] = Buffer.from(
      Buffer.from(entries[600 % FULL]!)
        .toString()
        .replace('"by":', '"by": '),
    )
    fs.writeFileSync(path, encodeBundle(entries))
    writeEntries(logDir, 10, (n) => ({ operation_id: "op-3", details: { n } }))
    await expect(sealLog({ logDir })).rejects.toMatchObject({ code: "LEDGER_CORRUPT" })
  })

  test("reads a blank back byte for byte, since it has no hash to be told by", async () => {
    await redactEntry({ logDir: place.logDir, event: 600, reason: "test" })
    const blobs = new LocalBlobs(findLogDirectory(place.logDir)!)
    const growth = await TreeGrowth.load(blobs, 702, { recordNamedBy, blankFor })
    growth.append([Buffer.from("entry")])
    const files = growth.takeFiles()
    const flipping = new Proxy(blobs, {
      get: (target, name) =>
        name !== "get"
          ? Reflect.get(target, name).bind(target)
          : async (path: string) => {
              const bytes = await target.get(path)
              if (path === "tile/entries/002.p/191") bytes![Buffer.from(bytes!).indexOf('"redacted"') + 2]! ^= 1
              return bytes
            },
    })
    await expect(publishFiles(flipping, files, 703, async () => 702)).rejects.toMatchObject({ code: "LEDGER_CORRUPT" })
    await expect(publishFiles(blobs, files, 703, async () => 702)).resolves.toHaveLength(32)
  })

  test("what was tampered with is not redacted: that would remove what shows it", async () => {
    change(OTHER, (text) => text.replace('"n":18', '"n":19'))
    await expect(redactEntry({ logDir: place.logDir, event: OTHER, reason: "test" })).rejects.toMatchObject({
      code: "LEDGER_CORRUPT",
    })
    await corruptAt(OTHER, "tile_mismatch")
  })

  test("a query gives a redacted entry, and proves the one beside it", async () => {
    const records = await getAuditLogs({ logDir: place.logDir, limit: 20 })
    expect(records[REDACTED]).toMatchObject({ event_type: "redacted", index: REDACTED })
    expect((await proveEvent({ logDir: place.logDir, index: OTHER })).entry).toBe(entryAt(OTHER))
  })
})
