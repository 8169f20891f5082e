import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { entryBundlesFor, newTiles, parseTilePath, partialsOf, tileAt, tilePath, tilesOfSize } from "./index.ts"

describe("plans", () => {
  // Counts are worked examples of https://c2sp.org/tlog-tiles, "Partial Tiles".
  test("the 70,000 entries of the specification", () => {
    const paths = tilesOfSize(70_000).map(tilePath)
    expect(paths.length).toBe(273 + 1 + 1 + 1 + 1)
    expect(paths[272]).toBe("tile/0/272")
    expect(paths.slice(273)).toEqual(["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"])
    expect(partialsOf(70_000).map(tilePath)).toEqual([
      "tile/0/273.p/112",
      "tile/1/001.p/17",
      "tile/2/000.p/1",
      "tile/entries/273.p/112",
    ])
  })

  test.each([
    { from: 0, to: 0, paths: [] },
    { from: 5, to: 5, paths: [] },
    { from: 0, to: 1, paths: ["tile/0/000.p/1"] },
    { from: 1, to: 3, paths: ["tile/0/000.p/3"] },
    { from: 255, to: 256, paths: ["tile/0/000", "tile/1/000.p/1"] },
    { from: 256, to: 257, paths: ["tile/0/001.p/1"] },
    { from: 255, to: 600, paths: ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"] },
    { from: 65_535, to: 65_536, paths: ["tile/0/255", "tile/1/000", "tile/2/000.p/1"] },
    { from: 2 ** 52, to: 2 ** 52 + 1, paths: ["tile/0/x017/x592/x186/x044/416.p/1"] },
  ])("growth from $from to $to", ({ from, to, paths }) => {
    expect(newTiles(from, to).map(tilePath)).toEqual(paths)
    const bundles = paths.filter((path) => path.startsWith("tile/0/")).map((path) => path.replace("/0/", "/entries/"))
    expect(entryBundlesFor(from, to).map(tilePath)).toEqual(bundles)
  })

  test("the tiles of a step are those of the new size that the old one has not", () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.nat(3_000), (one, other) => {
        const [oldSize, newSize] = one < other ? [one, other] : [other, one]
        const old = new Set(tilesOfSize(oldSize).map(tilePath))
        expect(newTiles(oldSize, newSize).map(tilePath)).toEqual(
          tilesOfSize(newSize)
            .map(tilePath)
            .filter((path) => !old.has(path)),
        )
        for (const id of tilesOfSize(newSize)) expect(tileAt(id.level, id.index, newSize)).toEqual(id)
      }),
    )
  })

  test("a tree that shrinks is a RangeError, a place without a tile is undefined", () => {
    expect(() => newTiles(2, 1)).toThrow(RangeError)
    expect(() => entryBundlesFor(2, 1)).toThrow(RangeError)
    expect(tileAt(0, 1, 256)).toBeUndefined()
    expect(tileAt(1, 0, 255)).toBeUndefined()
    expect(tileAt("entries", 1, 257)).toEqual({ level: "entries", index: 1, width: 1 })
  })
})

describe("paths", () => {
  const anyTile = fc.record({
    level: fc.oneof(fc.nat(63), fc.constant("entries" as const)),
    index: fc.oneof(fc.nat(), fc.maxSafeNat()),
    width: fc.integer({ min: 1, max: 256 }),
  })

  test("one spelling, there and back", () => {
    fc.assert(
      fc.property(anyTile, (id) => {
        expect(parseTilePath(tilePath(id))).toEqual(id)
      }),
    )
  })

  test("every prefix that is not itself a path, and every added character, is refused", () => {
    const path = "tile/0/x001/x234/067.p/112"
    const good = new Set([path, "tile/0/x001/x234/067", "tile/0/x001/x234/067.p/1", "tile/0/x001/x234/067.p/11"])
    for (let end = 0; end < path.length; end++) {
      if (!good.has(path.slice(0, end))) expect(() => parseTilePath(path.slice(0, end))).toThrow(/is not the path/)
    }
    for (const added of ["0", "/", " ", "\n", ".p/1", "x"])
      expect(() => parseTilePath(path + added)).toThrow(/is not the path/)
  })

  test.each([
    "",
    "/tile/0/000",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/00/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/x/000",
    "tile/0/x000/000",
    "tile/0/x000/001",
    "tile/0/001/000",
    "tile/0/x001",
    "tile/0/X001/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p/",
    "tile/0/000.P/1",
    "tile/0/000.p/1/",
    "tile/0/000/",
    "tile/0/+01",
    "tile/0/\u0660\u0660\u0660",
    "tile/0/../000",
    "tile/entries",
    "tile/entries/000\n",
    "tile/0/x009/x007/x199/x254/x740/992",
    "tile/0/x001/x000/x000/x000/x000/x000/000",
  ])("path %j is refused", (path) => {
    expect(() => parseTilePath(path)).toThrow(expect.objectContaining({ code: "TILE_PATH_MALFORMED" }))
  })

  test.each([
    [{ level: 64, index: 0, width: 1 }, "level must be 0 to 63"],
    [{ level: 0, index: -1, width: 1 }, "index must be a whole number, 0 or more"],
    [{ level: 0, index: 0, width: 0 }, "width must be 1 to 256"],
    [{ level: 0, index: 0, width: 257 }, "width must be 1 to 256"],
  ])("tile %j has no path", (id, message) => {
    expect(() => tilePath(id)).toThrow(new RangeError(message))
  })
})
