import { describe, expect, test } from "vitest"
import { concatBytes } from "../bytes.ts"
import {
  consistencyRanges,
  EMPTY_ROOT,
  inclusionRanges,
  leafHash,
  nodeHash,
  type Range,
  rangeHash,
  verifyConsistency,
  verifyInclusion,
} from "./index.ts"

const byte = (value: number): Uint8Array => new Uint8Array([value])
const entriesOf = (treeSize: number): Uint8Array[] => Array.from({ length: treeSize }, (_, i) => byte(i))
const [a, b] = [leafHash(byte(1)), leafHash(byte(2))]
const ab = nodeHash(a, b)

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

describe("refusals", () => {
  const entries = entriesOf(21)
  const at = (index: number) => ({
    index,
    treeSize: 21,
    leafHash: leafHash(entries[index]!),
    rootHash: rootOf(21),
    proof: hashesOf(inclusionRanges(index, 21)),
  })
  const leafAt = (i: number): Uint8Array => leafHash(entries[i]!)
  const rootOf = (treeSize: number): Uint8Array => rangeHash(0, treeSize, leafAt)
  const hashesOf = (ranges: readonly Range[]): Uint8Array[] =>
    ranges.map(({ start, end }) => rangeHash(start, end, leafAt))
  const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
    bytes.map((value, i) => (i === bit >> 3 ? value ^ (1 << (bit & 7)) : value))

  test("every bit of every hash of every inclusion proof, of the leaf and of the root", () => {
    for (let index = 0; index < 21; index++) {
      const good = at(index)
      for (let bit = 0; bit < 256; bit++) {
        const bad = [
          ...good.proof.map((_, i) => ({ ...good, proof: good.proof.map((h, j) => (i === j ? flip(h, bit) : h)) })),
          { ...good, leafHash: flip(good.leafHash, bit) },
          { ...good, rootHash: flip(good.rootHash, bit) },
        ]
        for (const check of bad) expect(codeOf(() => verifyInclusion(check))).toBe("INCLUSION_PROOF_WRONG")
      }
    }
  })

  test("every bit of every hash of every consistency proof, and of both roots", () => {
    for (let oldSize = 1; oldSize < 21; oldSize++) {
      const roots = { oldRoot: rootOf(oldSize), newRoot: rootOf(21) }
      const good = { oldSize, newSize: 21, ...roots, proof: hashesOf(consistencyRanges(oldSize, 21)) }
      for (let bit = 0; bit < 256; bit += 5) {
        const bad = [
          ...good.proof.map((_, i) => ({ ...good, proof: good.proof.map((h, j) => (i === j ? flip(h, bit) : h)) })),
          { ...good, oldRoot: flip(good.oldRoot, bit) },
          { ...good, newRoot: flip(good.newRoot, bit) },
        ]
        for (const check of bad) expect(codeOf(() => verifyConsistency(check))).toBe("CONSISTENCY_PROOF_WRONG")
      }
    }
  })

  test("every other index, and every wrong number of hashes", () => {
    for (let index = 0; index < 21; index++) {
      const good = at(index)
      for (let other = 0; other < 21; other++) {
        const code = codeOf(() => verifyInclusion({ ...good, index: other }))
        expect(code).toBe(
          other === index
            ? undefined
            : good.proof.length === at(other).proof.length
              ? "INCLUSION_PROOF_WRONG"
              : "PROOF_LENGTH_WRONG",
        )
      }
      for (const proof of [good.proof.slice(1), good.proof.slice(0, -1), [...good.proof, a], [a, ...good.proof]]) {
        expect(codeOf(() => verifyInclusion({ ...good, proof }))).toBe("PROOF_LENGTH_WRONG")
      }
    }
  })

  test("leaves and nodes have different prefixes, so that neither can be passed off as the other", () => {
    const two = entriesOf(2)
    const both = nodeHash(leafHash(two[0]!), leafHash(two[1]!))
    const asLeaf = leafHash(concatBytes(leafHash(two[0]!), leafHash(two[1]!)))
    expect(asLeaf).not.toEqual(both)
    const check = { index: 0, treeSize: 1, leafHash: asLeaf, rootHash: both, proof: [] }
    expect(codeOf(() => verifyInclusion(check))).toBe("INCLUSION_PROOF_WRONG")
  })
})

const grown = { oldSize: 1, newSize: 2, oldRoot: a, newRoot: ab, proof: [b] }
const none = { oldSize: 0, newSize: 2, oldRoot: EMPTY_ROOT, newRoot: ab, proof: [] }
const same = { oldSize: 2, newSize: 2, oldRoot: ab, newRoot: ab, proof: [] }
const inside = { index: 0, treeSize: 2, leafHash: a, rootHash: ab, proof: [b] }

test.each([
  { name: "one leaf grown to two", check: grown, code: undefined },
  { name: "any tree extends the empty one", check: none, code: undefined },
  { name: "nothing to nothing", check: { ...none, newSize: 0, newRoot: EMPTY_ROOT }, code: undefined },
  { name: "a tree extends itself", check: same, code: undefined },
  { name: "empty tree with another root", check: { ...none, oldRoot: a }, code: "CONSISTENCY_PROOF_WRONG" },
  { name: "nothing to nothing with another root", check: { ...none, newSize: 0 }, code: "CONSISTENCY_PROOF_WRONG" },
  { name: "empty tree with a proof", check: { ...none, proof: [b] }, code: "PROOF_LENGTH_WRONG" },
  { name: "same size with a proof", check: { ...same, proof: [b] }, code: "PROOF_LENGTH_WRONG" },
  { name: "same size, other root", check: { ...same, newRoot: a }, code: "CONSISTENCY_PROOF_WRONG" },
  { name: "no proof where one is needed", check: { ...grown, proof: [] }, code: "PROOF_LENGTH_WRONG" },
  {
    name: "no proof for an old tree that is not perfect",
    check: { ...grown, oldSize: 3, newSize: 4, proof: [] },
    code: "PROOF_LENGTH_WRONG",
  },
  { name: "64 hashes", check: { ...grown, proof: new Array(64).fill(b) }, code: "PROOF_LENGTH_WRONG" },
  { name: "smaller than before", check: { ...grown, oldSize: 3 }, code: "TREE_SHRANK" },
  { name: "a hash of 31 bytes", check: { ...grown, proof: [b.slice(1)] }, code: "PROOF_HASH_MALFORMED" },
  { name: "a hash of 33 bytes", check: { ...grown, proof: [concatBytes(b, byte(0))] }, code: "PROOF_HASH_MALFORMED" },
  { name: "an empty hash", check: { ...grown, proof: [new Uint8Array()] }, code: "PROOF_HASH_MALFORMED" },
  { name: "a root of 31 bytes", check: { ...grown, oldRoot: a.slice(1) }, code: "ROOT_HASH_MALFORMED" },
  { name: "short equal roots", check: { ...same, oldRoot: byte(1), newRoot: byte(1) }, code: "ROOT_HASH_MALFORMED" },
  { name: "a root in base64url", check: { ...same, newRoot: "_".repeat(43) }, code: "ROOT_HASH_MALFORMED" },
])("consistency: $name", ({ check, code }) => {
  expect(codeOf(() => verifyConsistency(check))).toBe(code)
})

test.each([
  { name: "hashes in base64", check: { ...inside, rootHash: Buffer.from(ab).toString("base64") }, code: undefined },
  { name: "index of the size", check: { ...inside, index: 2 }, code: "INDEX_OUT_OF_RANGE" },
  { name: "empty tree", check: { ...inside, treeSize: 0, proof: [] }, code: "INDEX_OUT_OF_RANGE" },
  { name: "a leaf of 31 bytes", check: { ...inside, leafHash: a.slice(1) }, code: "LEAF_HASH_MALFORMED" },
  { name: "a root of 33 bytes", check: { ...inside, rootHash: concatBytes(ab, byte(0)) }, code: "ROOT_HASH_MALFORMED" },
  { name: "64 hashes", check: { ...inside, proof: new Array(64).fill(b) }, code: "PROOF_LENGTH_WRONG" },
  {
    name: "negative index",
    check: { ...inside, index: -1 },
    code: "RangeError: index must be a whole number, 0 or more",
  },
  {
    name: "2^53",
    check: { ...inside, treeSize: 2 ** 53 },
    code: "RangeError: treeSize must be a whole number, 0 or more",
  },
  {
    name: "bigint size",
    check: { ...inside, treeSize: 2n as unknown as number },
    code: "TypeError: treeSize must be a number",
  },
  {
    name: "no proof",
    check: { ...inside, proof: null as unknown as [] },
    code: "TypeError: proof must be an array of hashes",
  },
  {
    name: "a number as a hash",
    check: { ...inside, proof: [1 as unknown as string] },
    code: "TypeError: proof[0] must be a Uint8Array",
  },
])("inclusion: $name", ({ check, code }) => {
  expect(codeOf(() => verifyInclusion(check))).toBe(code)
})
