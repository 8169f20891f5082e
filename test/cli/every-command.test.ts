import * as fs from "node:fs"
import { PassThrough } from "node:stream"
import { beforeEach, describe, expect, test } from "vitest"
import { completionTree } from "../../src/cli/completion/tree.ts"
import { Output } from "../../src/cli/output.ts"
import { createProgram } from "../../src/cli/program.ts"
import { newSession } from "../../src/cli/session.ts"
import { FORBIDDEN, HOSTILE, hostileLog } from "./logs.ts"
import { HAS_TERMINAL, type Run, useCli } from "./run.ts"

const { place, audit, terminal } = useCli()
const inTerminal = HAS_TERMINAL ? "" : " (skipped: script of util-linux is not here)"
const EVIL = "\u001b]0;x\u0007\u202e\r\u009b2J"

const streams = [new PassThrough(), new PassThrough()] as unknown as [NodeJS.WriteStream, NodeJS.WriteStream]
const tree = completionTree(createProgram(newSession(new Output(...streams, {}), {}), "0.0.0"))
const COMMANDS = tree.flatMap(({ path, flags }) =>
  path.startsWith("audit ") ? [{ name: path.slice(6), json: flags.some(({ word }) => word === "--json") }] : [],
)

/** What a command needs besides its name; one that is not here is run as it is. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  show: ["1"],
  prove: ["1"],
  trace: ["1"],
  search: ["op"],
  tail: ["-n", "100"],
  assess: ["--regulation", "GDPR"],
  deadlines: ["--regulation", "GDPR"],
  requests: ["--regulation", "GDPR"],
  recover: ["--reason", EVIL],
  "key export": ["hostile.keys", "--vault"],
  "key import": ["hostile.jsonl", "--vault"],
  "key revoke": ["--from-index", "1", "--reason", EVIL],
  "key succeed": ["--reason", EVIL],
  redact: ["1", "--reason", EVIL],
  import: ["--from", "jsonl", "hostile.jsonl"],
  completion: ["bash"],
  correct: ["1", "/details/text", "-", "--reason", "other"],
  restrict: ["-", "--ground", "other"],
  lift: ["-", "--reason", "other"],
  "hold add": ["--model-id", EVIL, "--reason", EVIL, "--authority", EVIL],
  "hold release": [EVIL, "--reason", EVIL, "--authority", EVIL],
}

beforeEach(async () => {
  await hostileLog(place.logDir)
  const lines = HOSTILE.map(({ text }) =>
    JSON.stringify({ event_type: "note", operation_name: `op ${text}`, details: { text } }),
  )
  fs.writeFileSync(`${place.directory}/hostile.jsonl`, `${lines.join("\n")}\n${EVIL}\n`)
})

function check(args: readonly string[], { code, stdout, stderr }: Run): void {
  // Colours are our own, and a terminal ends lines with CR LF.
  const shown = `${stdout}${stderr}`.replaceAll("\r\n", "\n").replace(/\u001b\[\d{1,2}m/g, "")
  expect({ args, found: FORBIDDEN.exec(shown) }).toEqual({ args, found: null })
  expect({ args, code: [0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21].includes(code ?? -1) }).toEqual({
    args,
    code: true,
  })
  expect(shown).not.toContain("    at ")
}

describe.each(COMMANDS)("$name, on a log that is hostile", ({ name, json }) => {
  const words = name.split(" ")
  const args = [...words, ...(ARGUMENTS[name] ?? [])]

  test("in a pipe: text, JSON, and what was typed", async () => {
    check(args, await audit(...args))
    const typed = [
      [...words, EVIL],
      [...args, "--log-dir", EVIL],
      [...args, `--${EVIL}`],
    ]
    for (const [n, run] of (await Promise.all(typed.map((one) => audit(...one)))).entries()) check(typed[n]!, run)
    if (!json) return
    const run = await audit(...args, "--json")
    check([...args, "--json"], run)
    for (const line of run.stdout.split("\n")) if (line !== "") expect(() => JSON.parse(line)).not.toThrow()
  })

  test.skipIf(!HAS_TERMINAL)(`in a terminal${inTerminal}`, async () => check(args, await terminal(args, 60)))
})
