import { expect, test } from "vitest"
import { treeLines } from "./tree.ts"

test("each branch hangs on the line that it belongs to", () => {
  const leaf = { text: "leaf" }
  expect(
    treeLines([
      { text: "a", branches: [{ text: "b", branches: [leaf, leaf] }, leaf] },
      { text: "c", branches: [leaf] },
    ]),
  ).toEqual(["├─ a", "│  ├─ b", "│  │  ├─ leaf", "│  │  └─ leaf", "│  └─ leaf", "└─ c", "   └─ leaf"])
})
