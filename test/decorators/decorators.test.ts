/**
 * The decorator as users compile it: fixtures through tsc, once with TC39 decorators and once with legacy ones. The
 * test runner cannot do that itself, since its transpiler leaves TC39 decorators as they are.
 * @module
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { AuditRecord } from "../../src/audit.ts"
import { type TemporaryLog, temporaryLog } from "./temporary-log.ts"

const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const run = promisify(execFile)

/** What a fixture printed, and what it left in its log. */
interface Outcome {
  readonly printed: unknown
  readonly records: readonly AuditRecord[]
}

let output: string
const outcomes = new Map<string, Outcome>()

// Inside the repository, so that the compiled files find the package by its name, as it was built.
beforeAll(async () => {
  fs.mkdirSync(join(ROOT, ".tmp"), { recursive: true })
  output = fs.mkdtempSync(join(ROOT, ".tmp/decorators-"))
  await Promise.all([compile("tsconfig.json", "tc39"), compile("tsconfig.legacy.json", "legacy")])
  for (const [mode, fixture] of [
    ["tc39", "members"],
    ["legacy", "members"],
    ["tc39", "tc39-only"],
  ] as const) {
    outcomes.set(`${mode} ${fixture}`, await outcomeOf(mode, fixture))
  }
})
afterAll(() => fs.rmSync(output, { recursive: true, force: true }))

async function compile(config: string, mode: string): Promise<void> {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc")
  const args = [compiler, "-p", join(ROOT, "test/decorators/fixtures", config), "--outDir", join(output, mode)]
  await run(process.execPath, args, { cwd: ROOT })
}

async function outcomeOf(mode: string, fixture: string): Promise<Outcome> {
  const log: TemporaryLog = temporaryLog()
  try {
    const { stdout } = await run(process.execPath, [join(output, mode, `${fixture}.js`)])
    return { printed: JSON.parse(stdout), records: await log.records() }
  } finally {
    await log.remove()
  }
}

/** `operation:event` of what matters, in order. */
function calls(key: string): string[] {
  const ends = new Set(["function_call", "function_return", "error"])
  const records = outcomes.get(key)?.records ?? []
  return records
    .filter(({ event_type }) => ends.has(event_type))
    .map((r) => `${r.operation_name}:${r.event_type.replace("function_", "")}`)
}

describe.each(["tc39", "legacy"])("%s decorators", (mode) => {
  test("decorated members behave as before", () => {
    expect(outcomes.get(`${mode} members`)?.printed).toEqual({
      predicted: [true, false],
      trained: "credit: 10 in nightly_training",
      batches: [0, 1, 2],
      failure: "RangeError: too far",
      threshold: 50,
      primitive: "credit",
      rate: 8,
      instances: [true, true, true],
      names: ["Model", "predict", 1],
    })
  })

  test("each call is recorded under the member's name", () => {
    expect(calls(`${mode} members`)).toEqual([
      ...["create:call", "Model:call", "Model:return", "create:return"],
      ...["Model:call", "Model:return"],
      ...["rate:call", "rate:return", "fail:call", "fail:error"],
      ...["predict:call", "predict:return", "predict:call", "predict:return"],
      ...["nightly_training:call", "predict:call", "predict:return", "nightly_training:return"],
      ...["batches:call", "batches:return", "threshold:call", "threshold:return"],
      ...["[Symbol.toPrimitive]:call", "[Symbol.toPrimitive]:return"],
    ])
  })

  test("calls inside are nested, and options hold", () => {
    const started = outcomes.get(`${mode} members`)!.records.filter(({ event_type }) => event_type === "audit_started")
    const outer = started.find(({ operation_name }) => operation_name === "nightly_training")
    const inner = started.find(({ parent_operation_id }) => parent_operation_id === outer?.operation_id)
    expect(inner).toMatchObject({ operation_name: "predict", regulations: ["GDPR"] })
  })
})

test("tc39: fields, accessors and private methods", () => {
  expect(outcomes.get("tc39 tc39-only")?.printed).toEqual({
    scaled: 15,
    hidden: "hidden",
    refused: expect.stringMatching(/^TypeError: "label" .* must hold a function/),
  })
  expect(calls("tc39 tc39-only")).toEqual([
    ...["factor:call", "factor:return", "scale:call", "factor:call", "factor:return", "scale:return"],
    ...["#hidden:call", "#hidden:return"],
  ])
})
