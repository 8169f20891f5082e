import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createContext, runInContext } from "node:vm"
import { beforeAll, describe, expect, test } from "vitest"
import { createTestTrail } from "../../src/testing.ts"
import { makeFixture, outcome, runNode } from "./fixture.ts"

const COMPILERS = ["typescript", "typescript7"]

test("require() in CommonJS, without a warning", () => {
  const folder = makeFixture("require")
  expect(outcome(runNode(folder, ["main.cjs"]))).toEqual({ status: 0, output: "done\n" })
})

describe("TypeScript", () => {
  interface Options {
    readonly module: string
    readonly [name: string]: unknown
  }
  const main = ["main.ts", "wrong.ts"]
  let folder: string
  beforeAll(() => {
    folder = makeFixture("types")
  })
  function compile(compiler: string, compilerOptions: Options, files: readonly string[] = main) {
    const base = { strict: true, target: "es2022", lib: ["es2022"], types: ["node"], noEmit: true, skipLibCheck: false }
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...base, ...compilerOptions }, files }),
    )
    return outcome(runNode(folder, [`root:node_modules/${compiler}/bin/tsc`, "-p", "."]))
  }

  const working: Options[] = [
    { module: "nodenext" },
    { module: "nodenext", exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    { module: "node20" },
    { module: "commonjs", moduleResolution: "bundler" },
    { module: "esnext", moduleResolution: "bundler" },
  ]
  // TypeScript 6 takes seconds for what 7 does at once: one row is enough for it.
  const rows = working.map((options) => ({ compiler: "typescript7", options }))
  rows.unshift({ compiler: "typescript", options: { module: "nodenext" } })
  test.each(rows)("a CommonJS project compiles: $compiler $options", ({ compiler, options }) => {
    expect(compile(compiler, options)).toEqual({ status: 0, output: "" })
  })

  // What the README names as not working: should a row begin to pass, the README has to say so.
  const failing = [
    { options: { module: "node16" }, says: "error TS1479" },
    { options: { module: "node18" }, says: "error TS1479" },
    { options: { module: "nodenext", lib: ["es2021"] }, says: "ErrorOptions" },
  ]
  test.each(failing)("does not work: $options", ({ options, says }) => {
    expect(compile("typescript7", options).output).toContain(says)
  })

  test("moduleResolution node10 does not find the package, and TypeScript 7 has removed it", () => {
    const options = { module: "commonjs", moduleResolution: "node10", ignoreDeprecations: "6.0" }
    expect(compile("typescript", options).output).toContain("Cannot find module 'secureml'")
    expect(compile("typescript7", options).output).toContain("has been removed")
  })

  test.each(COMPILERS)("%s: secureml/verify needs neither Node's types nor the DOM's", (compiler) => {
    const options = { module: "esnext", moduleResolution: "bundler", types: [] }
    expect(compile(compiler, options, ["browser.ts"])).toEqual({ status: 0, output: "" })
  })

  test("the compiled CommonJS project runs", () => {
    const compiled = compile("typescript7", { module: "nodenext", noEmit: false, outDir: "out" })
    expect(compiled).toEqual({ status: 0, output: "" })
    expect(readFileSync(join(folder, "out/main.js"), "utf8")).toContain('require("secureml")')
    const run = runNode(folder, ["out/main.js"])
    expect(outcome(run)).toEqual({ status: 0, output: '[5,["age"],["m1"],1,"intact"]\n' })
  })
})

describe("Vite", () => {
  const VITE = "root:node_modules/vite/bin/vite.js"

  test("a minified server bundle records, seals, reads, verifies and proves", () => {
    const folder = makeFixture("server")
    expect(outcome(runNode(folder, [VITE, "build"]))).toMatchObject({ status: 0 })
    const [bundle = ""] = readdirSync(join(folder, "out"))
    const text = readFileSync(join(folder, "out", bundle), "utf8")
    expect(text).not.toMatch(/from ?["'](?!node:)/)
    const run = runNode(folder, [join("out", bundle), "log"])
    expect(outcome(run)).toEqual({ status: 0, output: "done\n" })
  })

  test("secureml/verify in a browser bundle imports nothing and verifies where there is no Node", async () => {
    const folder = makeFixture("browser")
    expect(outcome(runNode(folder, [VITE, "build"]))).toMatchObject({ status: 0 })
    expect(readFileSync(join(folder, "out/es.js"), "utf8")).not.toMatch(/\bimport\b|\brequire\b/)
    const { audit, logDir, cleanup } = createTestTrail()
    const receipt = audit.logEvent("model_deployed", { model_id: "m1" })
    const { proof, entry } = await receipt.sealed()
    const vkey = readFileSync(join(logDir, "vkey"), "utf8").trim()
    await cleanup()
    const page = createContext({ crypto: globalThis.crypto, TextEncoder, TextDecoder, atob, btoa, proof, entry, vkey })
    runInContext(readFileSync(join(folder, "out/iife.js"), "utf8"), page)
    expect(await runInContext("secureml.verifyProof(proof, entry, vkey)", page)).toMatchObject({ index: 1 })
    await expect(runInContext("secureml.verifyProof(proof, entry + ' ', vkey)", page)).rejects.toThrow()
  })
})
