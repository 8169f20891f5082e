import * as fs from "node:fs"
import { dirname } from "node:path"
import { describe, expect, test } from "vitest"
import { AuditTrail, verifyAuditLog } from "../src/audit.ts"
import { parseTilePath } from "../src/proof/index.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

async function expectIntact(): Promise<void> {
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
  expect([verdict, findings]).toEqual(["intact", []])
}

/** Tiles and bundles that a sealer leaves when it dies before tree.json says so; the next seal may order otherwise. */
describe("what a sealer that died left unpublished", () => {
  test.each([
    ["the tile being filled", ["entries/000.p/250", "0/000.p/250"]],
    ["a tile behind the one being filled", ["entries/001.p/9", "0/001.p/9"]],
    ["a full tile and the one behind it", ["entries/000", "0/000", "1/000.p/1", "entries/001.p/9", "0/001.p/9"]],
    ["full tiles behind the one being filled", ["entries/001", "0/001", "entries/002", "0/002", "1/000.p/3"]],
    ["a whole directory of tiles", ["entries/x001/000", "0/x001/000", "1/003.p/233"]],
  ])("in %s has its own bytes once other entries are published over it", async (_name, leftovers) => {
    const audit = new AuditTrail("work", { logDir: place.logDir })
    for (let n = 0; n < 200; n++) audit.logEvent("step", { n })
    await audit.flush()
    const paths = leftovers.map((name) => `${place.logDir}/tile/${name}`)
    for (const path of paths) {
      fs.mkdirSync(dirname(path), { recursive: true })
      fs.writeFileSync(path, "another order")
    }
    // Whatever else somebody put there is left alone.
    fs.writeFileSync(`${place.logDir}/tile/entries/notes.txt`, "not ours")
    for (const size of [230, 251, 270, 300, 1_000]) {
      for (let n = (await audit.flush()).treeSize; n < size; n++) audit.logEvent("step", { n })
      await audit.flush()
      await expectIntact()
    }
    // Published over, and tidied away once full; what is still beyond the tree harms nobody.
    for (const path of paths) {
      const { width, index, level } = parseTilePath(path.slice(place.logDir.length + 1))
      const end = (index * 256 + width) * (level === "entries" ? 1 : 256 ** level)
      if (end <= 1_000 && fs.existsSync(path)) expect(fs.readFileSync(path, "utf8")).not.toBe("another order")
    }
    expect(fs.readFileSync(`${place.logDir}/tile/entries/notes.txt`, "utf8")).toBe("not ours")
  })

  test("has its own bytes also where nothing had been sealed before", async () => {
    const audit = new AuditTrail("work", { logDir: place.logDir })
    for (const name of ["entries/000", "0/000", "0/001.p/9", "1/000.p/1"]) {
      const path = `${place.logDir}/tile/${name}`
      fs.mkdirSync(dirname(path), { recursive: true })
      fs.writeFileSync(path, "another order")
    }
    for (let n = 0; n < 599; n++) audit.logEvent("step", { n })
    await audit.flush()
    await expectIntact()
  })
})
