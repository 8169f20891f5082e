import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, test } from "vitest"
import { AuditTrail } from "../../src/audit.ts"
import { finishRotation, initLog, rotateKey, sealLog } from "../../src/capture/index.ts"
import { pruneLog, redactEntry } from "../../src/retention/index.ts"
import { parsePolicy } from "../../src/retention/policy.ts"
import { writeEntries } from "../log-of-entries.ts"
import { usePlace } from "../place.ts"

const GO_PATH = "/usr/share/gocode"
const hasGo = spawnSync("go", ["version"]).status === 0 && fs.existsSync(`${GO_PATH}/src/golang.org/x/mod/sumdb/tlog`)
const BINARY = fileURLToPath(new URL("../../.tmp/go-tlog-check", import.meta.url))
const place = usePlace()

const vkey = (): string => fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()

function goCheck(minimum = 0, key = vkey()): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(BINARY, [place.logDir, key, String(minimum)], { encoding: "utf8" })
  return { status, output: stdout + stderr }
}

describe.skipIf(!hasGo)(
  "Go's sumdb/note and sumdb/tlog (skipped without the Debian packages golang-go and golang-golang-x-mod-dev)",
  () => {
    beforeAll(() => {
      const main = fileURLToPath(new URL("main.go", import.meta.url))
      const env = { ...process.env, GO111MODULE: "off", GOPATH: GO_PATH, GOFLAGS: "", GOCACHE: `${BINARY}-cache` }
      fs.mkdirSync(fileURLToPath(new URL("../../.tmp", import.meta.url)), { recursive: true })
      execFileSync("go", ["build", "-o", BINARY, main], { env, stdio: "pipe" })
    }, 240_000)

    test.each([1, 2, 255, 256, 257, 1_000, 66_000])(
      "check a log of %i entries",
      { timeout: 120_000 },
      async (count) => {
        const audit = new AuditTrail("checked by others", { logDir: place.logDir })
        for (let n = 1; n < count; n++) {
          audit.logEvent("step", { n, text: "ä\u2028\u0000".repeat(n % 5) })
          if (n === 100) await audit.flush()
        }
        await audit.flush()
        expect(goCheck()).toEqual({ status: 0, output: `ok ${count} entries\n` })
      },
    )

    test.each([5_000, 70_000])(
      "check what is left of a pruned log of %i entries",
      { timeout: 120_000 },
      async (count) => {
        const { logDir } = place
        writeEntries(logDir, count, (n) => (n < count - 1_000 ? {} : { regulations: ["EU AI Act"] }))
        await sealLog({ logDir })
        const policy = parsePolicy({ v: 1, id: "t", default: { minimum: "P0D", source: { provision: "handbook" } } })
        const { minimumIndex } = await pruneLog({ logDir, policy })
        expect(minimumIndex).toBe(Math.floor((count - 1_000) / 256) * 256)
        expect(goCheck(minimumIndex)).toEqual({ status: 0, output: `ok ${count + 1 - minimumIndex} entries\n` })
        expect(goCheck(minimumIndex - 256).status).toBe(1)
      },
    )

    test("and name an entry that was redacted: they hash what is there, and know no event that explains it", async () => {
      const { logDir } = place
      writeEntries(logDir, 400, (n) => ({ details: { n } }))
      await sealLog({ logDir })
      await redactEntry({ logDir, event: 17, reason: "test" })
      const { status, output } = goCheck()
      expect([status, output]).toEqual([1, expect.stringContaining("entry 17 does not have the hash in its tile")])
      // From the next bundle on everything is as before: signature, tiles, root, proofs.
      expect(goCheck(256)).toEqual({ status: 0, output: "ok 145 entries\n" })
    })

    test("check a log whose key is taking over by either key, and by the new one alone when that is finished", async () => {
      const { logDir } = place
      await initLog({ logDir })
      const old = vkey()
      await rotateKey({ logDir })
      const ok = { status: 0, output: "ok 1 entries\n" }
      expect([goCheck(0, old), goCheck(0, vkey()), old === vkey()]).toEqual([ok, ok, false])
      await finishRotation({ logDir })
      expect([goCheck(0, old).status, goCheck(0, vkey())]).toEqual([1, { status: 0, output: "ok 2 entries\n" }])
    })

    test("and refuse one with a byte changed", async () => {
      const audit = new AuditTrail("checked by others", { logDir: place.logDir })
      audit.logEvent("step", { amount: 100 })
      await audit.flush()
      const path = `${place.logDir}/tile/entries/000.p/2`
      fs.writeFileSync(path, fs.readFileSync(path, "latin1").replace("100", "900"), "latin1")
      expect(goCheck().status).toBe(1)
    })
  },
)
