import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import ts from "typescript"
import { describe, expect, test } from "vitest"
import { runnableSnippets } from "../../scripts/runnable-snippets.mjs"
import { cleanEnvironment, makeFixture, outcome, ROOT, runNode } from "./fixture.ts"

const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
const pages = ["README.md", ...docs.map((name) => `docs/${name.replaceAll("\\", "/")}`)]
  .filter((page) => page.endsWith(".md") && existsSync(join(ROOT, page)))
  .map((page) => ({ page, snippets: runnableSnippets(readFileSync(join(ROOT, page), "utf8")) }))
const options = { module: "nodenext", target: "es2022", strict: true, types: ["node"], noEmit: true }

/** One folder a page, with the package and its command, in which the snippets run one after the other. */
function readerOf(page: string): string {
  const folder = makeFixture(`snippets-${page.replaceAll(/\W/g, "-")}`)
  mkdirSync(join(folder, "node_modules/.bin"))
  symlinkSync("../secureml/dist/cli.js", join(folder, "node_modules/.bin/secureml"))
  return folder
}

function shell(folder: string, code: string) {
  const environment = cleanEnvironment(folder)
  const env = { ...environment, PATH: `${join(folder, "node_modules/.bin")}${delimiter}${environment.PATH}` }
  return spawnSync("sh", ["-euc", code], { cwd: folder, env, encoding: "utf8" })
}

function runModule(folder: string, line: number, code: string) {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }
  writeFileSync(join(folder, `line-${line}.mjs`), ts.transpileModule(code, { compilerOptions }).outputText)
  return runNode(folder, [`line-${line}.mjs`])
}

const runnable = pages.filter(({ snippets }) => snippets.length > 0)
describe.each(runnable)("$page", ({ page, snippets }) => {
  const folder = readerOf(page)
  const modules = snippets.filter(({ language }) => language === "ts")
  const fileOf = ({ line }: { line: number }): string => `line-${line}.mts`

  test.skipIf(modules.length === 0)("its modules pass a strict type check", () => {
    for (const snippet of modules) writeFileSync(join(folder, fileOf(snippet)), snippet.code)
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: modules.map(fileOf) }),
    )
    const run = runNode(folder, ["root:node_modules/typescript7/bin/tsc", "-p", "."])
    expect(outcome(run)).toEqual({ status: 0, output: "" })
  })

  test.each(snippets)("line $line runs ($language)", ({ language, line, code, output }) => {
    const run = language === "ts" ? runModule(folder, line, code) : shell(folder, code)
    expect(outcome(run).status, outcome(run).output).toBe(0)
    if (output !== undefined) expect(run.stdout).toBe(output)
  })
})

test.skipIf(!existsSync(join(ROOT, "README.md")))("the README has a snippet that runs", () => {
  expect(pages.find(({ page }) => page === "README.md")?.snippets.length).toBeGreaterThan(0)
})

test("a snippet is found by its mark, with its line and what it prints", () => {
  const page =
    "# A\n```ts\nno\n```\n\n```ts runnable\nconst a = 1\n```\n\n```text output\n1\n```\n```sh runnable\nls\n```\n"
  expect(runnableSnippets(page)).toEqual([
    { language: "ts", line: 6, code: "const a = 1\n", output: "1\n" },
    { language: "sh", line: 13, code: "ls\n", output: undefined },
  ])
  expect(() => runnableSnippets("```py runnable\n1\n```\n")).toThrow("not py")
})
