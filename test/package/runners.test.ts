import { beforeAll, describe, expect, test } from "vitest"
import { makeFixture, outcome, runNode } from "./fixture.ts"

describe("Vitest", () => {
  const rows = [
    { pool: "forks", inline: "no" },
    { pool: "forks", inline: "yes" },
    { pool: "threads", inline: "no" },
    { pool: "vmForks", inline: "no" },
    { pool: "vmThreads", inline: "no" },
  ]
  test.each(rows)("pool $pool, package inlined: $inline", ({ pool, inline }) => {
    const folder = makeFixture("vitest")
    const environment = { FIXTURE_POOL: pool, FIXTURE_INLINE: inline }
    const run = runNode(folder, ["root:node_modules/vitest/vitest.mjs", "run", "--root", "."], environment)
    expect(outcome(run)).toEqual({ status: 0, output: expect.stringMatching(/Tests +4 passed \(4\)/) })
  })
})

describe("Jest 30", () => {
  const JEST = "root:node_modules/jest/bin/jest.js"
  const NATIVE = "--experimental-vm-modules"
  // From Node 24.9 on Jest can require() an ES module.
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const jestRequires = major > 24 || (major === 24 && minor >= 9)
  let folder: string
  beforeAll(() => {
    folder = makeFixture("jest")
  })

  test.each([
    { file: "module.test.mjs", tests: 4 },
    { file: "imported.test.cjs", tests: 1 },
  ])("$file passes with node --experimental-vm-modules", ({ file, tests }) => {
    const run = runNode(folder, [NATIVE, JEST, file])
    expect(outcome(run)).toEqual({
      status: 0,
      output: expect.stringMatching(`Tests: +${tests} passed, ${tests} total`),
    })
  })

  // What the README names as not working: should a row begin to pass, the README has to say so.
  const failing = [
    { args: [JEST, "module.test.mjs"], says: "Must use import to load ES Module" },
    { args: [JEST, "imported.test.cjs"], says: "without --experimental-vm-modules" },
    { args: [NATIVE, JEST, "required.test.cjs"], says: "Must use import to load ES Module" },
    { args: [JEST, "-c", "to-commonjs.config.mjs", "required.test.cjs"], says: "dist/engine.js" },
  ]
  test.each(jestRequires ? [] : failing)("does not work before Node 24.9: jest $args", ({ args, says }) => {
    expect(outcome(runNode(folder, args))).toEqual({ status: 1, output: expect.stringContaining(says) })
  })

  test.each(jestRequires ? ["required.test.cjs"] : [])("%s passes from Node 24.9 on", (file) => {
    const run = runNode(folder, [NATIVE, JEST, file])
    expect(outcome(run)).toEqual({ status: 0, output: expect.stringMatching(/Tests: +1 passed, 1 total/) })
  })
})
