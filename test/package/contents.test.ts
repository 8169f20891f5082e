import { execFileSync, spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"
import { describe, expect, test } from "vitest"
import { cleanEnvironment, makeFixture, outcome, ROOT, runNode, TARBALL, UNPACKED } from "./fixture.ts"

interface Manifest {
  readonly name: string
  readonly exports: Record<string, string | { readonly default: string; readonly types: string }>
  readonly [field: string]: unknown
}

const manifest = JSON.parse(readFileSync(join(UNPACKED, "package.json"), "utf8")) as Manifest
const files = readdirSync(UNPACKED, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"))
const scripts = files.filter((name) => name.endsWith(".js"))
const textOf = (name: string): string => readFileSync(join(UNPACKED, name), "utf8")

describe("the tarball", () => {
  test("holds the licence, the read-me, the documentation and the build", () => {
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "docs/architecture.md", "dist/cli.js"]))
    expect(files).toEqual(expect.arrayContaining(["catalogues/gdpr.json", "catalogues/catalogue.schema.json"]))
    expect(textOf("LICENSE")).toContain("Apache License")
    expect(files.filter((name) => /(^|\/)(src|test|node_modules)(\/|$)|\.test\.|\.map$|\.env/.test(name))).toEqual([])
  })

  test("says what it needs and nothing else", () => {
    expect(manifest).toMatchObject({
      name: "secureml",
      type: "module",
      license: "Apache-2.0",
      bin: { secureml: "./dist/cli.js" },
      engines: { node: "^20.19.0 || >=22.13.0" },
    })
    expect(manifest).not.toHaveProperty("dependencies")
    const peers = ["date-holidays", "hyparquet-writer", "temporal-polyfill"]
    expect(Object.keys(manifest.peerDependencies as object)).toEqual(peers)
    expect(manifest.peerDependenciesMeta).toEqual(Object.fromEntries(peers.map((name) => [name, { optional: true }])))
    expect(Object.keys(manifest.optionalDependencies as object)).toEqual(["libsql"])
    const hooks = Object.keys((manifest.scripts ?? {}) as object).filter((name) => /install|^prepare$/.test(name))
    expect(hooks).toEqual([])
  })

  test("is a few files: an entry each, and the parts they share", () => {
    expect(scripts.sort()).toEqual(
      ["audit", "check-worker", "cli", "compliance", "engine", "proof", "rolldown-runtime", "testing", "verify"].map(
        (name) => `dist/${name}.js`,
      ),
    )
  })

  test("has one shebang, in the command", () => {
    expect(textOf("dist/cli.js")).toMatch(/^#!\/usr\/bin\/env node\n(?!#!)/)
    expect(scripts.filter((name) => textOf(name).startsWith("#!"))).toEqual(["dist/cli.js"])
  })
})

/** Awaits and `for await` outside every function: a module with one cannot be loaded by require(). */
function topLevelAwaits(name: string, text: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) return
    const waits = ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)
    if (waits) found.push(`${name}: ${node.getText(source).slice(0, 60)}`)
    ts.forEachChild(node, visit)
  }
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
  visit(source)
  return found
}

describe("modules", () => {
  test("no top-level await anywhere in dist", () => {
    expect(scripts.flatMap((name) => topLevelAwaits(name, textOf(name)))).toEqual([])
  })

  test.each([
    ["await 1", 1],
    ["const a = { b: await import('x') }", 1],
    ["if (a) { for await (const b of c) d() }", 1],
    ["async function a() { await b }\nconst c = async () => await d\nclass E { async f() { await g } }", 0],
  ])("the search for it in %j finds %i", (text, count) => {
    expect(topLevelAwaits("x.js", text)).toHaveLength(count)
  })

  test("secureml/verify reaches no built-in of Node and no package", () => {
    const seen = new Set<string>()
    const outside: string[] = []
    const visit = (name: string): void => {
      if (seen.has(name)) return
      seen.add(name)
      for (const { fileName } of ts.preProcessFile(textOf(name)).importedFiles) {
        if (fileName.startsWith("./")) visit(`dist/${fileName.slice(2)}`)
        else outside.push(fileName)
      }
    }
    visit("dist/verify.js")
    expect([...seen].sort()).toEqual(["dist/proof.js", "dist/verify.js"])
    expect(outside).toEqual([])
  })
})

describe("the public names", () => {
  const folder = makeFixture("names", {
    "names.mjs":
      "const names = await import(process.argv[2])\nconsole.log(JSON.stringify(Object.keys(names).sort()))\n",
  })
  const namesOf = (specifier: string): string[] => JSON.parse(runNode(folder, ["names.mjs", specifier]).stdout)

  function typesOf(specifier: string): string[] {
    const door = manifest.exports[specifier.replace("secureml", ".")]
    if (door === undefined || typeof door === "string") throw new Error(`${specifier} is no module`)
    const program = ts.createProgram([join(UNPACKED, door.types)], { module: ts.ModuleKind.NodeNext, types: [] })
    const checker = program.getTypeChecker()
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(join(UNPACKED, door.types))!)!
    return checker
      .getExportsOfModule(symbol)
      .map(({ name }) => name)
      .sort()
  }

  test.each(["secureml", "secureml/verify", "secureml/testing", "secureml/compliance"])(
    "%s exports what names/ lists (else: npm run test:package -- -u)",
    async (specifier) => {
      const values = namesOf(specifier)
      const types = typesOf(specifier).filter((name) => !values.includes(name))
      const list = [`# ${specifier}`, "", "## values", ...values, "", "## types", ...types, ""].join("\n")
      await expect(list).toMatchFileSnapshot(`names/${specifier.replace("/", "-")}.txt`)
    },
  )

  test("secureml has at most 30 run-time names, and secureml/audit the same", () => {
    expect(namesOf("secureml").length).toBeLessThanOrEqual(30)
    expect(namesOf("secureml/audit")).toEqual(namesOf("secureml"))
  })
})

describe("tools that judge packages", () => {
  test("publint has nothing to say", () => {
    const run = runNode(ROOT, ["root:node_modules/publint/src/cli.js", "run", TARBALL, "--strict"])
    expect(outcome(run)).toEqual({ status: 0, output: expect.stringContaining("All good!") })
  })

  test("attw finds no wrong types", () => {
    const command = "root:node_modules/@arethetypeswrong/cli/dist/index.js"
    const run = runNode(ROOT, [command, TARBALL, "--profile", "esm-only", "--no-color"])
    expect(outcome(run)).toMatchObject({ status: 0 })
  })
})

describe("no registry host and no path of this machine", () => {
  const npm = spawnSync("npm", ["config", "get", "registry"], {
    cwd: ROOT,
    env: cleanEnvironment(ROOT),
    encoding: "utf8",
  })
  // Spelled in parts, or this file would be the first to hold it.
  const usualHost = ["registry", "npmjs", "org"].join(".")
  const host = URL.canParse(npm.stdout.trim()) ? new URL(npm.stdout.trim()).host : usualHost
  const marks = [host, usualHost, ROOT]
  const marked = (text: string): boolean => marks.some((mark) => text.includes(mark))

  test("in the tarball", () => {
    expect(files.filter((name) => /\.\w+$|LICENSE/.test(name) && marked(textOf(name)))).toEqual([])
  })

  const git = spawnSync("git", ["rev-parse", "--is-inside-work-tree"], { cwd: ROOT, encoding: "utf8" })
  test.skipIf(git.status !== 0)("in the repository (skipped: needs git and a clone)", () => {
    const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: ROOT, encoding: "utf8" })
    const names = listed.split("\0").filter((name) => name !== "" && !name.startsWith("test/package/contents"))
    const present = names.filter((name) => spawnSync("test", ["-f", join(ROOT, name)]).status === 0)
    expect(present.filter((name) => marked(readFileSync(join(ROOT, name), "utf8")))).toEqual([])
  })
})
