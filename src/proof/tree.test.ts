import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { toHex } from "../bytes.ts"
import {
  consistencyRanges,
  EMPTY_ROOT,
  Frontier,
  frontierRanges,
  inclusionRanges,
  leafHash,
  leafHashes,
  nodeHash,
  type Range,
  rangeHash,
  verifyConsistency,
  verifyInclusion,
} from "./index.ts"

// RFC 6962 section 2.1, letter by letter and slow.
const hash = (...parts: Uint8Array[]): Uint8Array => {
  const state = createHash("sha256")
  for (const part of parts) state.update(part)
  return new Uint8Array(state.digest())
}
const byte = (value: number): Uint8Array => new Uint8Array([value])
const split = (n: number): number => 2 ** Math.ceil(Math.log2(n) - 1)
const MTH = (D: Uint8Array[]): Uint8Array => {
  if (D.length === 0) return hash()
  if (D.length === 1) return hash(byte(0), D[0]!)
  const k = split(D.length)
  return hash(byte(1), MTH(D.slice(0, k)), MTH(D.slice(k)))
}
const PATH = (m: number, D: Uint8Array[]): Uint8Array[] => {
  if (D.length === 1) return []
  const k = split(D.length)
  if (m < k) return [...PATH(m, D.slice(0, k)), MTH(D.slice(k))]
  return [...PATH(m - k, D.slice(k)), MTH(D.slice(0, k))]
}
const SUB = (m: number, D: Uint8Array[], whole: boolean): Uint8Array[] => {
  if (m === D.length) return whole ? [] : [MTH(D)]
  const k = split(D.length)
  if (m <= k) return [...SUB(m, D.slice(0, k), whole), MTH(D.slice(k))]
  return [...SUB(m - k, D.slice(k), false), MTH(D.slice(0, k))]
}

const entriesOf = (treeSize: number): Uint8Array[] => Array.from({ length: treeSize }, (_, i) => byte(i % 251))
const anyEntries = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 70 })
const hashesOf = (entries: Uint8Array[], ranges: readonly Range[]): Uint8Array[] =>
  ranges.map(({ start, end }) => rangeHash(start, end, (index) => leafHash(entries[index]!)))

describe("against a literal RFC 6962", () => {
  test("roots of random trees", () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const frontier = Frontier.empty()
        frontier.appendAll(leafHashes(entries))
        expect(frontier.root()).toEqual(MTH(entries))
        expect(Frontier.from(frontier.size, frontier.hashes).root()).toEqual(MTH(entries))
        expect(frontier.hashes).toEqual(hashesOf(entries, frontierRanges(entries.length)))
      }),
    )
  })

  test("inclusion proofs of random trees, and they verify", () => {
    fc.assert(
      fc.property(anyEntries, fc.nat(), (entries, any) => {
        const index = any % entries.length
        const proof = hashesOf(entries, inclusionRanges(index, entries.length))
        expect(proof).toEqual(PATH(index, entries))
        const check = { index, treeSize: entries.length, leafHash: leafHash(entries[index]!), rootHash: MTH(entries) }
        expect(verifyInclusion({ ...check, proof })).toBe(true)
      }),
    )
  })

  test("consistency proofs of random trees, and they verify", () => {
    fc.assert(
      fc.property(anyEntries, fc.nat(), (entries, any) => {
        const [oldSize, newSize] = [1 + (any % entries.length), entries.length]
        const proof = hashesOf(entries, consistencyRanges(oldSize, newSize))
        expect(proof).toEqual(SUB(oldSize, entries, true))
        const roots = { oldRoot: MTH(entries.slice(0, oldSize)), newRoot: MTH(entries) }
        expect(verifyConsistency({ oldSize, newSize, ...roots, proof })).toBe(true)
      }),
    )
  })

  test("every index and every old size of every tree up to 33", () => {
    for (let treeSize = 1; treeSize <= 33; treeSize++) {
      const entries = entriesOf(treeSize)
      for (let i = 0; i < treeSize; i++) {
        expect(hashesOf(entries, inclusionRanges(i, treeSize))).toEqual(PATH(i, entries))
        expect(hashesOf(entries, consistencyRanges(i + 1, treeSize))).toEqual(SUB(i + 1, entries, true))
      }
    }
  })
})

// A tree whose leaves are all the same: the hash of a subtree depends on its width alone, so size is no limit.
const leaf = leafHash(new Uint8Array())
const known = new Map<number, Uint8Array>([[1, leaf]])
const uniform = (width: number): Uint8Array => {
  let root = known.get(width)
  if (root === undefined) {
    let k = 1
    while (k * 2 < width) k *= 2
    known.set(width, (root = nodeHash(uniform(k), uniform(width - k))))
  }
  return root
}
const uniformHashes = (ranges: readonly Range[]): Uint8Array[] => ranges.map(({ start, end }) => uniform(end - start))
const anySize = fc.oneof(
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(2 ** 31, 2 ** 32 + 1, 2 ** 33 - 1, 2 ** 45 - 1, 2 ** 52, 2 ** 53 - 1),
)

describe("sizes beyond 32 bits", () => {
  test("inclusion in trees of up to 2^53 - 1 leaves", () => {
    fc.assert(
      fc.property(anySize, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (treeSize, where) => {
        const index = Math.floor(where * treeSize)
        const proof = uniformHashes(inclusionRanges(index, treeSize))
        expect(proof.length).toBeLessThanOrEqual(53)
        expect(verifyInclusion({ index, treeSize, leafHash: leaf, rootHash: uniform(treeSize), proof })).toBe(true)
      }),
    )
  })

  test("consistency of trees of up to 2^53 - 1 leaves, and their frontiers", () => {
    fc.assert(
      fc.property(anySize, anySize, (one, other) => {
        const [oldSize, newSize] = one < other ? [one, other] : [other, one]
        const proof = uniformHashes(consistencyRanges(oldSize, newSize))
        const roots = { oldRoot: uniform(oldSize), newRoot: uniform(newSize) }
        expect(verifyConsistency({ oldSize, newSize, ...roots, proof })).toBe(true)
        const frontier = Frontier.from(oldSize, uniformHashes(frontierRanges(oldSize)))
        expect(frontier.root()).toEqual(roots.oldRoot)
        if (oldSize === Number.MAX_SAFE_INTEGER) return
        frontier.append(leaf)
        expect(frontier.root()).toEqual(uniform(oldSize + 1))
        expect(frontier.hashes).toEqual(uniformHashes(frontierRanges(oldSize + 1)))
      }),
    )
  })
})

const [a, b] = [leafHash(byte(1)), leafHash(byte(2))]
const ab = nodeHash(a, b)

test("a frontier copies what it is given and what it gives, and a clone grows alone", () => {
  const given = a.slice()
  const frontier = Frontier.empty()
  expect(frontier.root()).toEqual(EMPTY_ROOT)
  frontier.append(given)
  given.fill(0)
  frontier.hashes[0]!.fill(0)
  frontier.root().fill(0)
  const clone = frontier.clone()
  clone.append(b)
  expect([frontier.size, toHex(frontier.root())]).toEqual([1, toHex(a)])
  expect([clone.size, toHex(clone.root())]).toEqual([2, toHex(ab)])
  expect(() => Frontier.from(3, [a])).toThrow(RangeError)
  expect(() => frontier.append(a.slice(1))).toThrow(new RangeError("leafHash must be 32 bytes"))
})

test("an entry longer than the scratch buffer is hashed as any other", () => {
  for (const sizeBytes of [4_095, 4_096, 65_535, 65_536, 65_537, 70_000]) {
    const entry = new Uint8Array(sizeBytes).fill(5)
    expect(leafHash(entry)).toEqual(hash(byte(0), entry))
  }
})
