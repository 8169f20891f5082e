import { createHash, createHmac, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto"
import * as fs from "node:fs"
import { dirname } from "node:path"
import { crc32 } from "node:zlib"
import { describe, expect, test } from "vitest"
import { verifyAuditLog } from "../../src/audit.ts"
import { EntryTemplate, parseEntry } from "../../src/event/index.ts"
import { commitmentOf } from "../../src/privacy/index.ts"
import { formatLine } from "../../src/store/index.ts"
import * as ours from "../../src/verify.ts"
import { usePlace } from "../place.ts"
import { block, read } from "./markdown.ts"

const page = read("docs/format.md")
const prose = page.replace(/\s+/g, " ")
const entries = block(page, "entries")
  .split("\n")
  .map((line) => Buffer.from(line))
const [origin, vkey] = ["example.com/audit-log", block(page, "vkey")]
const note = `${block(page, "checkpoint")}\n`
const proof = `${block(page, "proof")}\n`
const place = usePlace()

/** Hashing and keys as the page describes them, on Node's own functions alone. */
const sha256 = (...parts: readonly (Uint8Array | string)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest()
const leaf = (entry: Uint8Array): Buffer => sha256(Uint8Array.of(0), entry)
const node = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Uint8Array.of(1), left, right)
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(block(page, "seed"), "hex")]),
  format: "der",
  type: "pkcs8",
})
const publicBytes = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32)
const keyId = sha256(`${origin}\n`, Uint8Array.of(1), publicBytes).subarray(0, 4)
const bundle = Buffer.concat(entries.flatMap((entry) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]))

describe("the worked example, by Node's own cryptography", () => {
  test("keys", () => {
    const keyText = (bytes: Uint8Array): string =>
      `${origin}+${keyId.toString("hex")}+${Buffer.concat([Uint8Array.of(1), bytes]).toString("base64")}`
    expect(vkey).toBe(keyText(publicBytes))
    expect(block(page, "skey")).toBe(`PRIVATE+KEY+${keyText(Buffer.from(block(page, "seed"), "hex"))}`)
  })

  test("leaves, bundle, roots and journal line", () => {
    const [a, b, c] = entries.map(leaf) as [Buffer, Buffer, Buffer]
    expect(block(page, "leaves").split("\n")).toEqual([a, b, c].map((hash) => hash.toString("hex")))
    expect(block(page, "bundle")).toBe(sha256(bundle).toString("hex"))
    expect(prose).toContain(`They have ${entries[0]!.length}, ${entries[1]!.length} and ${entries[2]!.length} bytes.`)
    expect(prose).toContain(
      `has ${bundle.length.toLocaleString("en")} bytes and this SHA-256. It begins with \`01 a6\``,
    )
    expect(bundle.subarray(0, 2).toString("hex")).toBe("01a6")
    expect(block(page, "roots").split("\n")).toEqual(
      [node(a, b), node(node(a, b), c)].map((root) => root.toString("hex")),
    )
    const crc = crc32(`1 ${entries[1]}`).toString(16).padStart(8, "0")
    expect(`${crc} 1 ${entries[1]}`.startsWith(block(page, "journal"))).toBe(true)
  })

  test("checkpoint and receipt", () => {
    const [a, b, c] = entries.map(leaf) as [Buffer, Buffer, Buffer]
    const text = `${origin}\n3\n${node(node(a, b), c).toString("base64")}\n`
    const signature = sign(null, Buffer.from(text), privateKey)
    expect(note).toBe(`${text}\n\u2014 ${origin} ${Buffer.concat([keyId, signature]).toString("base64")}\n`)
    const key: KeyObject = createPublicKey(privateKey)
    expect(verify(null, Buffer.from(text), key, signature)).toBe(true)
    expect(proof).toBe(`c2sp.org/tlog-proof@v1\nindex 1\n${a.toString("base64")}\n${c.toString("base64")}\n\n${note}`)
    expect(block(page, "consistency")).toBe(c.toString("base64"))
    expect(walk(b, 1, 3, [a, c])).toEqual(node(node(a, b), c))
  })
})

test("the commitment, by Node's own cryptography and by this package", () => {
  const committed = { eventId: parseEntry(entries[1]!).event_id, pointer: "/input_data", json: "[1,2,3]" }
  const hmac = createHmac("sha256", Buffer.alloc(32))
  for (const text of ["secureml/commit/v1", ...Object.values(committed)]) {
    hmac.update(Uint8Array.of(0, 0, 0, text.length)).update(text)
  }
  expect(block(page, "commitment")).toBe(hmac.digest("base64"))
  expect(block(page, "commitment")).toBe(commitmentOf(Buffer.alloc(32), committed))
})

/** The check of an inclusion proof, line by line as on the page. */
function walk(leafHash: Buffer, index: number, size: number, hashes: readonly Buffer[]): Buffer {
  let [fn, sn, r] = [index, size - 1, leafHash]
  for (const p of hashes) {
    expect(sn).not.toBe(0)
    if (fn % 2 === 1 || fn === sn) {
      r = node(p, r)
      while (fn % 2 === 0 && fn > 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)]
    } else r = node(r, p)
    ;[fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)]
  }
  expect(sn).toBe(0)
  return r
}

describe("the worked example, by this package", () => {
  test("entries are events, in their fixed order of keys", () => {
    for (const bytes of entries) {
      const entry = parseEntry(bytes)
      const template = new EntryTemplate({
        operationId: entry.operation_id,
        operationName: entry.operation_name,
        regulations: entry.regulations,
        contextJson: JSON.stringify(entry.context),
      })
      const again = template.entry({
        eventId: entry.event_id,
        eventType: entry.event_type,
        timestamp: entry.timestamp,
        sequence: entry.sequence,
        writerId: entry.writer.id,
        writerSeq: entry.writer.seq,
        ...(entry.actor === undefined ? {} : { actorJson: JSON.stringify(entry.actor) }),
        detailsJson: JSON.stringify(entry.details),
      })
      expect(again).toBe(bytes.toString())
    }
    expect(formatLine(1, `${entries[1]}`).startsWith(block(page, "journal"))).toBe(true)
  })

  test("secureml/verify accepts checkpoint, receipt and consistency proof", async () => {
    const { treeSize, rootHash } = await ours.verifyCheckpoint(note, vkey)
    const oldRoot = Buffer.from(block(page, "roots").split("\n")[0]!, "hex")
    expect(await ours.verifyProof(proof, entries[1]!, vkey)).toMatchObject({ index: 1, treeSize: 3, rootHash })
    const consistency = {
      oldSize: 2,
      newSize: treeSize,
      oldRoot,
      newRoot: rootHash,
      proof: [block(page, "consistency")],
    }
    expect(ours.verifyConsistency(consistency)).toBe(true)
    expect(ours.parseBundle(bundle, 3).map((bytes) => Buffer.from(bytes))).toEqual(entries)
  })

  test("its public part, written to a directory, verifies; with one letter changed it does not", async () => {
    const files = {
      checkpoint: note,
      "tile/0/000.p/3": Buffer.concat(entries.map(leaf)),
      "tile/entries/000.p/3": bundle,
    }
    for (const [path, bytes] of Object.entries(files)) {
      fs.mkdirSync(dirname(`${place.logDir}/${path}`), { recursive: true })
      fs.writeFileSync(`${place.logDir}/${path}`, bytes)
    }
    const verdict = async () => (await verifyAuditLog({ logDir: place.logDir, publicKey: vkey })).verdict
    expect(await verdict()).toBe("intact")
    const changed = bundle.toString("latin1").replace('"num_records":1000', '"num_records":9000')
    fs.writeFileSync(`${place.logDir}/tile/entries/000.p/3`, changed, "latin1")
    expect(await verdict()).toBe("corrupt")
  })
})
