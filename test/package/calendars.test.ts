/** The calendars are optional peers: where they are not installed, the message says what to install. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { outcome, ROOT, runNode, UNPACKED } from "./fixture.ts"

const PEERS = ["temporal-polyfill", "temporal-spec", "temporal-utils", "date-holidays"]

// Outside the repository, or Node would find the peers in its node_modules.
let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "secureml-calendars-")))
  mkdirSync(join(folder, "node_modules"))
  cpSync(UNPACKED, join(folder, "node_modules/secureml"), { recursive: true })
  writeFileSync(
    join(folder, "main.mjs"),
    `import { openCalendars, builtInCatalogues } from "secureml/compliance"
     const say = ({ code, message }) => console.log(code, message)
     console.log(builtInCatalogues().length, await openCalendars().then(({ holidayTable }) => holidayTable.split(" ")[0], say))\n`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test("without them the door opens, and a deadline says what to install", () => {
  const { status, output } = outcome(runNode(folder, ["main.mjs"]))
  expect(status, output).toBe(0)
  expect(output).toContain("CALENDAR_LIBRARY_MISSING")
  expect(output).toContain("npm install temporal-polyfill date-holidays")
  expect(output).toContain("4 undefined")
})

test("with them installed they are found", () => {
  for (const name of PEERS) symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name))
  expect(outcome(runNode(folder, ["main.mjs"]))).toEqual({ status: 0, output: "4 date-holidays\n" })
})
