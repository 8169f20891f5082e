import { describe, expect, test } from "vitest"
import { toBase64, utf8 } from "../bytes.ts"
import {
  checkOrigin,
  checkpointText,
  EMPTY_ROOT,
  Frontier,
  formatSignerKey,
  leafHash,
  parseCheckpoint,
  parseSignerKey,
  type SignerKey,
  signCheckpoint,
  signNote,
  verifierKeyOf,
  verifyCheckpoint,
} from "./index.ts"

const ORIGIN = "example.org/log"
const keyNamed = async (name: string, fill: number): Promise<SignerKey> =>
  parseSignerKey(await formatSignerKey(name, new Uint8Array(32).fill(fill)))
const key = await keyNamed(ORIGIN, 1)
const stranger = await keyNamed("example.org/other", 2)
const vkey = verifierKeyOf(key)

const entries = Array.from({ length: 11 }, (_, i) => `entry ${i}`)
const leafAt = (index: number): Uint8Array => leafHash(utf8(entries[index]!))
const frontier = Frontier.empty()
for (const index of entries.keys()) frontier.append(leafAt(index))
const signed = await signCheckpoint({ origin: ORIGIN, treeSize: 11, rootHash: frontier.root() }, [key])

const refusal = (code: string): object => expect.objectContaining({ name: "AuditError", code })
const codeOf = async (outcome: Promise<unknown>): Promise<string | undefined> =>
  outcome.then(
    () => undefined,
    (error) => error.code ?? String(error),
  )
const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

describe("checkpoints", () => {
  test("a checkpoint has exactly four fields and verifies", async () => {
    const rootHash = toBase64(frontier.root())
    expect(signed).toEqual({ origin: ORIGIN, treeSize: 11, rootHash, note: signed.note })
    expect(signed.note.startsWith(`${ORIGIN}\n11\n${rootHash}\n\n— ${ORIGIN} `)).toBe(true)
    expect(await verifyCheckpoint(signed.note, vkey)).toEqual(signed)
    expect(await verifyCheckpoint(utf8(signed.note), vkey)).toEqual(signed)
    expect(parseCheckpoint(utf8(signed.note))).toEqual(signed)
  })

  test("extension lines are kept in the note and signed, and not read", async () => {
    const note = await signNote(`${checkpointText(ORIGIN, 11, frontier.root())}extension\n`, [key])
    expect(await verifyCheckpoint(note, vkey)).toEqual({ ...signed, note })
    expect(await codeOf(verifyCheckpoint(note.replace("extension", "extensiom"), vkey))).toBe("NOTE_SIGNATURE_WRONG")
  })

  test("every flipped bit of a signed checkpoint is refused", async () => {
    const good = utf8(signed.note)
    const signatureStart = utf8(signed.note.slice(0, signed.note.lastIndexOf("\n\n"))).length
    const seen = new Set<string>()
    for (let bit = 0; bit < good.length * 8; bit++) {
      const code = (await codeOf(verifyCheckpoint(flip(good, bit), vkey))) ?? `accepted bit ${bit}`
      const inText = bit < signatureStart * 8
      expect(code).toMatch(inText ? /^(NOTE_SIGNATURE_WRONG|NOTE_NOT_TEXT)$/ : /^NOTE_/)
      seen.add(code)
    }
    expect([...seen].sort()).toEqual([
      "NOTE_MALFORMED",
      "NOTE_NOT_TEXT",
      "NOTE_SIGNATURE_MALFORMED",
      "NOTE_SIGNATURE_WRONG",
      "NOTE_UNSIGNED",
    ])
  })

  test("every prefix of a checkpoint is refused", async () => {
    for (let end = 0; end < signed.note.length; end++) {
      const code = await codeOf(verifyCheckpoint(signed.note.slice(0, end), vkey))
      expect(code).toBe("NOTE_MALFORMED")
      expect(() => parseCheckpoint(signed.note.slice(0, end))).toThrow(refusal("NOTE_MALFORMED") as Error)
    }
  })

  test.each([
    { name: "one line", text: "origin\n", code: "CHECKPOINT_MALFORMED" },
    { name: "two lines", text: "origin\n1\n", code: "CHECKPOINT_MALFORMED" },
    { name: "empty origin", text: "\n1\nROOT\n", code: "CHECKPOINT_MALFORMED" },
    { name: "empty extension line", text: "origin\n1\nROOT\n\n", code: "CHECKPOINT_MALFORMED" },
    { name: "origin of 256 bytes", text: `${"o".repeat(256)}\n1\nROOT\n`, code: "ORIGIN_MALFORMED" },
    { name: "origin of 128 two-byte letters", text: `${"é".repeat(128)}\n1\nROOT\n`, code: "ORIGIN_MALFORMED" },
    ...[
      "-1",
      "+1",
      "01",
      "1.0",
      "0x10",
      " 1",
      "1 ",
      "1e3",
      "9007199254740992",
      "18446744073709551615",
      "-0",
      "one",
      "\u0661",
    ].map((size) => ({
      name: `size ${JSON.stringify(size)}`,
      text: `origin\n${size}\nROOT\n`,
      code: "TREE_SIZE_MALFORMED",
    })),
    { name: "root of 31 bytes", text: `origin\n1\n${toBase64(new Uint8Array(31))}\n`, code: "ROOT_HASH_MALFORMED" },
    { name: "root of 33 bytes", text: `origin\n1\n${toBase64(new Uint8Array(33))}\n`, code: "ROOT_HASH_MALFORMED" },
    { name: "root with stray bits", text: `origin\n1\n${"A".repeat(42)}B=\n`, code: "ROOT_HASH_MALFORMED" },
    { name: "root in hex", text: `origin\n1\n${"00".repeat(32)}\n`, code: "ROOT_HASH_MALFORMED" },
  ])("refused although signed: $name", async ({ text, code }) => {
    const note = await signNote(text.replace("ROOT", toBase64(EMPTY_ROOT)), [key])
    expect(() => parseCheckpoint(note)).toThrow(refusal(code) as Error)
    expect(await codeOf(verifyCheckpoint(note, vkey))).toBe(code)
  })

  test("the largest size and the longest origin are read", async () => {
    const text = `${"o".repeat(255)}\n9007199254740991\n${toBase64(EMPTY_ROOT)}\n`
    expect(parseCheckpoint(await signNote(text, [key])).treeSize).toBe(Number.MAX_SAFE_INTEGER)
  })

  test("a key speaks for its own log alone", async () => {
    const note = await signNote(checkpointText(ORIGIN, 11, frontier.root()), [stranger])
    expect(await codeOf(verifyCheckpoint(note, verifierKeyOf(stranger)))).toBe("CHECKPOINT_ORIGIN_MISMATCH")
    expect(await codeOf(signCheckpoint({ origin: ORIGIN, treeSize: 0, rootHash: EMPTY_ROOT }, [stranger]))).toBe(
      "CHECKPOINT_ORIGIN_MISMATCH",
    )
    expect(await codeOf(verifyCheckpoint(note, vkey))).toBe("NOTE_UNSIGNED")
  })

  test.each(["", "a b", "a+b", "a\nb", "a\u2028b", "o".repeat(256)])("a new log cannot have origin %j", (origin) => {
    expect(() => checkOrigin(origin)).toThrow(refusal("ORIGIN_MALFORMED") as Error)
    expect(() => checkpointText(origin, 0, EMPTY_ROOT)).toThrow(refusal("ORIGIN_MALFORMED") as Error)
  })
})
