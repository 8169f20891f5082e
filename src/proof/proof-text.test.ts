import { describe, expect, test } from "vitest"
import { utf8, utf8Text } from "../bytes.ts"
import {
  Frontier,
  formatProof,
  formatSignerKey,
  inclusionRanges,
  leafHash,
  parseProof,
  parseSignerKey,
  rangeHash,
  type SignerKey,
  signCheckpoint,
  verifierKeyOf,
  verifyProof,
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
const receipt = (index: number, extra?: Uint8Array): string => {
  const hashes = inclusionRanges(index, 11).map(({ start, end }) => rangeHash(start, end, leafAt))
  return formatProof({ index, hashes, checkpoint: signed, ...(extra === undefined ? {} : { extra }) })
}

const codeOf = async (outcome: Promise<unknown>): Promise<string | undefined> =>
  outcome.then(
    () => undefined,
    (error) => error.code ?? String(error),
  )
const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

describe("receipts", () => {
  test("every entry's receipt verifies, as bytes and as text", async () => {
    const verified = { treeSize: 11, rootHash: signed.rootHash, checkpoint: signed }
    for (const [index, entry] of entries.entries()) {
      expect(await verifyProof(receipt(index), entry, vkey)).toEqual({ index, ...verified })
      expect(await verifyProof(receipt(index), utf8(entry), vkey)).toEqual({ index, ...verified })
    }
  })

  test("receipts are written as they are read, with and without extra", () => {
    for (const extra of [undefined, new Uint8Array(), utf8("hello")]) {
      const text = receipt(3, extra)
      expect(formatProof(parseProof(text))).toBe(text)
      expect(parseProof(text).extra).toEqual(extra)
    }
    expect(receipt(3).split("\n").slice(0, 2)).toEqual(["c2sp.org/tlog-proof@v1", "index 3"])
  })

  test("every prefix of a receipt is refused", async () => {
    const text = receipt(3)
    for (let end = 0; end < text.length; end++) {
      const beforeCheckpoint = end < text.indexOf("\n\n") + 2
      expect(await codeOf(verifyProof(text.slice(0, end), entries[3]!, vkey))).toBe(
        beforeCheckpoint ? "PROOF_MALFORMED" : "NOTE_MALFORMED",
      )
    }
  })

  test("every flipped bit of a receipt is refused", async () => {
    const good = utf8(receipt(3))
    for (let bit = 0; bit < good.length * 8; bit++) {
      const text = utf8Text(flip(good, bit))
      if (text === undefined) continue
      const code = (await codeOf(verifyProof(text, entries[3]!, vkey))) ?? `accepted bit ${bit}`
      expect(code).toMatch(
        /^(PROOF_(HASH_)?MALFORMED|PROOF_LENGTH_WRONG|CHECKPOINT_MALFORMED|TREE_SIZE_MALFORMED|ROOT_HASH_MALFORMED|INDEX_OUT_OF_RANGE|INCLUSION_PROOF_WRONG|NOTE_\w+)$/,
      )
    }
  })

  test("every altered hash of a receipt is refused with its own code", async () => {
    const proof = parseProof(receipt(3))
    for (let i = 0; i < proof.hashes.length; i++) {
      for (let bit = 0; bit < 256; bit += 7) {
        const hashes = proof.hashes.map((hash, j) => (i === j ? flip(hash, bit) : hash))
        expect(await codeOf(verifyProof(formatProof({ ...proof, hashes }), entries[3]!, vkey))).toBe(
          "INCLUSION_PROOF_WRONG",
        )
      }
    }
  })

  test.each([
    { name: "another entry", edit: (t: string) => t, entry: "entry 4", code: "INCLUSION_PROOF_WRONG" },
    { name: "another index", edit: (t: string) => t.replace("index 3", "index 2"), code: "INCLUSION_PROOF_WRONG" },
    { name: "index past the end", edit: (t: string) => t.replace("index 3", "index 11"), code: "INDEX_OUT_OF_RANGE" },
    { name: "index 03", edit: (t: string) => t.replace("index 3", "index 03"), code: "PROOF_MALFORMED" },
    { name: "no index", edit: (t: string) => t.replace("index 3\n", ""), code: "PROOF_MALFORMED" },
    { name: "version 2", edit: (t: string) => t.replace("@v1", "@v2"), code: "PROOF_MALFORMED" },
    { name: "bad extra", edit: (t: string) => t.replace("index", "extra AB==\nindex"), code: "PROOF_MALFORMED" },
    { name: "two extras", edit: (t: string) => t.replace("index", "extra \nextra \nindex"), code: "PROOF_MALFORMED" },
    { name: "CRLF", edit: (t: string) => t.replaceAll("\n", "\r\n"), code: "PROOF_MALFORMED" },
    {
      name: "short hash",
      edit: (t: string) => t.replace("index 3\n", "index 3\nAAAA\n"),
      code: "PROOF_HASH_MALFORMED",
    },
    {
      name: "one hash more",
      edit: (t: string) => t.replace("index 3\n", `index 3\n${"A".repeat(43)}=\n`),
      code: "PROOF_LENGTH_WRONG",
    },
    {
      name: "60 hashes more",
      edit: (t: string) => t.replace("index 3\n", `index 3\n${`${"A".repeat(43)}=\n`.repeat(60)}`),
      code: "PROOF_LENGTH_WRONG",
    },
    { name: "two blank lines", edit: (t: string) => t.replace("\n\n", "\n\n\n"), code: "CHECKPOINT_MALFORMED" },
  ])("refused: $name", async ({ edit, entry = entries[3]!, code }) => {
    expect(await codeOf(verifyProof(edit(receipt(3)), entry, vkey))).toBe(code)
  })

  test("63 hashes are read, 64 are not, whatever the tree", () => {
    const hashes = new Array<Uint8Array>(63).fill(new Uint8Array(32))
    const text = formatProof({ index: 0, hashes, checkpoint: signed })
    expect(parseProof(text).hashes.length).toBe(63)
    const tooLong = expect.objectContaining({ code: "PROOF_LENGTH_WRONG" })
    expect(() => parseProof(text.replace("\n\n", `\n${"A".repeat(43)}=\n\n`))).toThrow(tooLong)
    expect(() => formatProof({ index: 0, hashes: [...hashes, hashes[0]!], checkpoint: signed })).toThrow(tooLong)
  })

  test("a receipt by another key is refused, and so is text with a lone surrogate", async () => {
    expect(await codeOf(verifyProof(receipt(3), entries[3]!, verifierKeyOf(stranger)))).toBe("NOTE_UNSIGNED")
    const outcome = verifyProof(receipt(3), "\ud800", vkey)
    await expect(outcome).rejects.toThrow(new TypeError("entry must be text without lone surrogates"))
    await expect(verifyProof(receipt(3), 7 as unknown as string, vkey)).rejects.toThrow(TypeError)
  })
})
