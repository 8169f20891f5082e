import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { concatBytes, utf8 } from "../bytes.ts"
import {
  consistencyProof,
  consistencyRanges,
  EMPTY_ROOT,
  Frontier,
  frontierRanges,
  inclusionProof,
  inclusionRanges,
  leafHash,
  leafHashes,
  nodeHash,
  rangeHash,
  rangeHashFromTiles,
  rootFromTiles,
  type TileId,
  tilePath,
  tileRoot,
  tilesForRanges,
  verifyConsistency,
  verifyInclusion,
} from "./index.ts"

const LARGEST = 70_000
const hashes = leafHashes(Array.from({ length: LARGEST }, (_, i) => utf8(`entry-${i}`)))
const leafAt = (index: number): Uint8Array => hashes.subarray(32 * index, 32 * index + 32)

/** Every tile of the 70,000 entries, built level by level as a writer does. */
const levels: Uint8Array[] = [hashes]
for (let below = hashes; below.length >= 8192; below = levels.at(-1)!) {
  const roots: Uint8Array[] = []
  for (let i = 0; i + 8192 <= below.length; i += 8192) {
    roots.push(tileRoot({ level: levels.length - 1, index: i / 8192, width: 256 }, below.subarray(i, i + 8192)))
  }
  levels.push(concatBytes(...roots))
}
const storedTile = ({ level, index, width }: TileId): Uint8Array =>
  levels[level as number]!.slice(8192 * index, 8192 * index + 32 * width)

/** A reader that has only what was planned. */
const fetched = (ids: readonly TileId[]): ((id: TileId) => Uint8Array) => {
  const tiles = new Map(ids.map((id) => [tilePath(id), storedTile(id)]))
  return (id) => {
    const bytes = tiles.get(tilePath(id))
    if (bytes === undefined) throw new Error(`${tilePath(id)} was not planned`)
    return bytes
  }
}

const rootAt = (treeSize: number): Uint8Array => {
  const frontier = Frontier.empty()
  frontier.appendAll(hashes.subarray(0, 32 * treeSize))
  return frontier.root()
}

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 700 }),
  fc.constantFrom(255, 256, 257, 512, 65_535, 65_536, 65_537, LARGEST),
)

describe("hashes from tiles", () => {
  test("roots, out of exactly the planned tiles", () => {
    expect(rootFromTiles(0, fetched([]))).toEqual(EMPTY_ROOT)
    fc.assert(
      fc.property(sizes, (treeSize) => {
        const plan = tilesForRanges(frontierRanges(treeSize), treeSize)
        expect(rootFromTiles(treeSize, fetched(plan))).toEqual(rootAt(treeSize))
      }),
      { numRuns: 30 },
    )
  })

  test("inclusion proofs, out of exactly the planned tiles, verify", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (treeSize, any) => {
        const index = any % treeSize
        const plan = tilesForRanges(inclusionRanges(index, treeSize), treeSize)
        const proof = inclusionProof(index, treeSize, fetched(plan))
        const rootHash = rootFromTiles(treeSize, storedTile)
        expect(verifyInclusion({ index, treeSize, leafHash: leafAt(index), rootHash, proof })).toBe(true)
      }),
    )
  })

  test("consistency proofs, out of exactly the planned tiles, verify", () => {
    fc.assert(
      fc.property(sizes, sizes, (one, other) => {
        const [oldSize, newSize] = one < other ? [one, other] : [other, one]
        const plan = tilesForRanges(consistencyRanges(oldSize, newSize), newSize)
        const proof = consistencyProof(oldSize, newSize, fetched(plan))
        const roots = { oldRoot: rootFromTiles(oldSize, storedTile), newRoot: rootFromTiles(newSize, storedTile) }
        expect(verifyConsistency({ oldSize, newSize, ...roots, proof })).toBe(true)
      }),
    )
  })

  test("every range of a proof agrees with its leaf hashes", () => {
    for (const range of [...inclusionRanges(40_000, LARGEST), ...consistencyRanges(65_537, LARGEST)]) {
      expect(rangeHashFromTiles(range, LARGEST, storedTile)).toEqual(rangeHash(range.start, range.end, leafAt))
    }
  })

  test("a root of 2^53 - 1 equal leaves takes seven tiles", () => {
    // All subtrees of one height are equal, so one hash a level stands for the whole tree.
    const perfect = [leafHash(utf8("x"))]
    while (perfect.length < 53) perfect.push(nodeHash(perfect.at(-1)!, perfect.at(-1)!))
    const treeSize = Number.MAX_SAFE_INTEGER
    const plan = tilesForRanges(frontierRanges(treeSize), treeSize)
    expect(plan.map(({ level }) => level)).toEqual([6, 5, 4, 3, 2, 1, 0])
    const tile = ({ level, width }: TileId) => concatBytes(...new Array(width).fill(perfect[8 * (level as number)]!))
    expect(rootFromTiles(treeSize, tile)).toEqual(perfect.reduce((right, left) => nodeHash(left, right)))
  })

  test.each([
    { name: "a byte short", cut: (tile: Uint8Array) => tile.slice(1) },
    { name: "a hash long", cut: (tile: Uint8Array) => concatBytes(tile, leafAt(0)) },
    { name: "empty", cut: () => new Uint8Array() },
  ])("a tile that is $name is refused", ({ cut }) => {
    const read = (id: TileId) => cut(storedTile(id))
    expect(() => rootFromTiles(300, read)).toThrow(expect.objectContaining({ code: "TILE_MALFORMED" }))
    expect(() =>
      tileRoot({ level: 0, index: 0, width: 256 }, cut(storedTile({ level: 0, index: 0, width: 256 }))),
    ).toThrow(expect.objectContaining({ code: "TILE_MALFORMED" }))
  })

  test("tiles are left as they are, also in a Buffer, whose slice is no copy", () => {
    const tiles = new Map<string, Buffer>()
    const read = (id: TileId): Uint8Array => {
      const tile = tiles.get(tilePath(id)) ?? Buffer.from(storedTile(id))
      tiles.set(tilePath(id), tile)
      return tile
    }
    for (const index of [1, 0, 256, 1]) {
      const check = { index, treeSize: 700, leafHash: leafAt(index), rootHash: rootAt(700) }
      expect(verifyInclusion({ ...check, proof: inclusionProof(index, 700, read) })).toBe(true)
    }
    const id = { level: 0, index: 0, width: 256 } as const
    const tile = Buffer.from(storedTile(id))
    expect([tileRoot(id, tile), tileRoot(id, tile)]).toEqual([
      tileRoot(id, storedTile(id)),
      tileRoot(id, storedTile(id)),
    ])
  })

  test("a range that no tree has, or this tree has not, is a RangeError", () => {
    expect(() => rangeHashFromTiles({ start: 1, end: 3 }, 300, storedTile)).toThrow(RangeError)
    expect(() => rangeHashFromTiles({ start: 0, end: 512 }, 300, storedTile)).toThrow(RangeError)
    expect(() => tileRoot({ level: 0, index: 1, width: 44 }, storedTile({ level: 0, index: 1, width: 44 }))).toThrow(
      RangeError,
    )
  })
})
