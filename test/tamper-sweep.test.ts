import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { AuditTrail, verifyAuditLog } from "../src/audit.ts"
import { usePlace } from "./place.ts"

const place = usePlace()

/** Every published file: checkpoint, tiles, bundles and `vkey`. */
function publishedFiles(): string[] {
  const tiles = fs
    .readdirSync(join(place.logDir, "tile"), { recursive: true, encoding: "utf8" })
    .map((name) => join("tile", name))
  return ["checkpoint", "vkey", ...tiles].filter((name) => fs.statSync(join(place.logDir, name)).isFile())
}

test("one bit flipped at every byte never passes verification under a pinned key, and never crashes", {
  timeout: 300_000,
}, async () => {
  const audit = new AuditTrail("small", { logDir: place.logDir, context: { v: 1 } })
  for (let n = 0; n < 2; n++) {
    audit.logEvent("step", { n })
    await audit.flush()
  }
  await audit.close()
  const publicKey = fs.readFileSync(join(place.logDir, "vkey"), "utf8").trim()
  process.env["SECUREML_STATE_DIR"] = join(place.directory, "auditor")
  expect((await verifyAuditLog({ logDir: place.logDir, publicKey })).verdict).toBe("intact")
  let flips = 0
  for (const name of publishedFiles()) {
    const path = join(place.logDir, name)
    const original = fs.readFileSync(path)
    for (let at = 0; at < original.length; at++) {
      const changed = Buffer.from(original)
      changed[at]! ^= 1 << (at % 8)
      fs.writeFileSync(path, changed)
      const { verdict } = await verifyAuditLog({ logDir: place.logDir, publicKey })
      expect(["corrupt", "wrong_key", "rewritten", "truncated", "unverifiable"], `${name} byte ${at}`).toContain(
        verdict,
      )
      flips += 1
    }
    fs.writeFileSync(path, original)
  }
  expect(flips).toBeGreaterThan(3_000)
  expect((await verifyAuditLog({ logDir: place.logDir, publicKey })).verdict).toBe("intact")
})

test("every published file missing or empty never passes either", async () => {
  const audit = new AuditTrail("small", { logDir: place.logDir })
  for (let n = 0; n < 300; n++) audit.logEvent("step", { n })
  await audit.close()
  const publicKey = fs.readFileSync(join(place.logDir, "vkey"), "utf8").trim()
  for (const name of publishedFiles().filter((file) => file !== "vkey")) {
    const path = join(place.logDir, name)
    const original = fs.readFileSync(path)
    fs.rmSync(path)
    expect(["intact", "unsealed_tail"], `${name} missing`).not.toContain(
      (await verifyAuditLog({ logDir: place.logDir, publicKey })).verdict,
    )
    fs.writeFileSync(path, "")
    expect(["intact", "unsealed_tail"], `${name} empty`).not.toContain(
      (await verifyAuditLog({ logDir: place.logDir, publicKey })).verdict,
    )
    fs.writeFileSync(path, original)
  }
})
