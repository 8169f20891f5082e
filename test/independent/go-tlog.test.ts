import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, test } from "vitest"
import { AuditTrail } from "../../src/audit.ts"
import { usePlace } from "../place.ts"

const GO_PATH = "/usr/share/gocode"
const hasGo = spawnSync("go", ["version"]).status === 0 && fs.existsSync(`${GO_PATH}/src/golang.org/x/mod/sumdb/tlog`)
const BINARY = fileURLToPath(new URL("../../.tmp/go-tlog-check", import.meta.url))
const place = usePlace()

function goCheck(): { status: number | null; output: string } {
  const key = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
  const { status, stdout, stderr } = spawnSync(BINARY, [place.logDir, key], { encoding: "utf8" })
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
