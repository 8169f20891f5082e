import { describe, expect, test } from "vitest"
import { utf8, utf8Text } from "../bytes.ts"
import { formatTreeState, parseTreeState, type TreeState } from "./tree-state.ts"

const tree: TreeState = {
  size: 1_051,
  root: new Uint8Array(32).fill(7),
  writers: new Map([["34a49b55-829d-49b6-a145-2f991025a31c", { next: 51, segment: 3, offset: 23_456, goneMs: 9 }]]),
}
const damaged = expect.objectContaining({ code: "TREE_STATE_DAMAGED" })

describe("tree.json", () => {
  test("comes back as it was, and is plain JSON", () => {
    const bytes = formatTreeState(tree)
    expect(parseTreeState(bytes)).toEqual(tree)
    expect(JSON.parse(utf8Text(bytes)!)).toMatchObject({ v: 1, size: 1_051 })
  })

  test("with any bit flipped is damaged: a number that changes would pass over recorded events", () => {
    const bytes = formatTreeState(tree)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => parseTreeState(changed), `bit ${bit}`).toThrow(damaged)
    }
  })

  test("cut short anywhere, or without its checksum, is damaged", () => {
    const bytes = formatTreeState(tree)
    for (let length = 0; length < bytes.length; length++)
      expect(() => parseTreeState(bytes.slice(0, length)), `${length} bytes`).toThrow(damaged)
    const bare = utf8Text(bytes)!.replace(/,"crc32":"[0-9a-f]{8}"/, "")
    expect(() => parseTreeState(utf8(bare))).toThrow(damaged)
  })
})
