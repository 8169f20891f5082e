// @ts-check
/**
 * Draws the folders of src and their imports into docs/architecture.md, from the imports themselves.
 * Run by `npm run docs`; test/package/floors.test.ts fails while the page shows another graph.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

const require = createRequire(import.meta.url)
const { base, floors } = require("./floors.json")
const root = fileURLToPath(new URL("..", import.meta.url))
const page = `${root}docs/architecture.md`
const BEGIN = "<!-- graph: drawn by scripts/draw-architecture.mjs from the imports, do not edit -->"
const END = "<!-- end of graph -->"

/** @typedef {{ from: string, to: string, typesOnly: boolean }} Edge */

/**
 * The folders and files directly under src, and which imports which; floor 0 is left out, since all import it.
 * @returns {Promise<{ names: string[], edges: Edge[] }>}
 */
export async function readFolders() {
  const { cruise } = await import("dependency-cruiser")
  const options = {
    baseDir: root,
    tsPreCompilationDeps: /** @type {const} */ (true),
    doNotFollow: { path: "node_modules" },
    exclude: { path: "\\.test\\.ts$" },
  }
  const { output } = await cruise(["src"], options)
  if (typeof output === "string") throw new Error(output)
  const inSource = output.modules.map(({ source }) => folderOf(source)).filter((name) => name !== undefined)
  const names = [...new Set(inSource)].filter((name) => !base.includes(name)).sort()
  /** @type {Map<string, Edge>} */
  const edges = new Map()
  for (const module of output.modules) {
    for (const dependency of module.dependencies) {
      const [from, to] = [folderOf(module.source), folderOf(dependency.resolved)]
      if (from === undefined || to === undefined || from === to || base.includes(from) || base.includes(to)) continue
      const known = edges.get(`${from} ${to}`)
      const typesOnly = (known?.typesOnly ?? true) && dependency.dependencyTypes.includes("type-only")
      edges.set(`${from} ${to}`, { from, to, typesOnly })
    }
  }
  return { names, edges: [...edges.values()] }
}

/** @param {string} path */
function folderOf(path) {
  return /^src\/([^/]+)/.exec(path)?.[1]
}

/**
 * Mermaid text with the highest floor on top. A dotted line means that only types are imported.
 * @param {{ names: readonly string[], edges: readonly Edge[] }} folders
 */
export function drawGraph({ names, edges }) {
  const lines = ["```mermaid", "flowchart TD"]
  for (const [index, floor] of [...floors.entries()].reverse()) {
    const here = Object.keys(floor).filter((name) => names.includes(name))
    if (here.length > 0) lines.push(`  subgraph floor${index + 1} [floor ${index + 1}]`, ...here.map(node), "  end")
  }
  const rank = (/** @type {Edge} */ edge) => `${edge.from} ${edge.to}`
  for (const edge of [...edges].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))) {
    lines.push(`  ${id(edge.from)} ${edge.typesOnly ? "-.->" : "-->"} ${id(edge.to)}`)
  }
  return [...lines, "```"].join("\n")
}

/** @param {string} name */
function node(name) {
  return `    ${id(name)}["${name}"]`
}

/** @param {string} name */
function id(name) {
  return name.replace(".", "_")
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = readFileSync(page, "utf8")
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (before < 0 || after < before) throw new Error(`docs/architecture.md lacks the lines "${BEGIN}" and "${END}"`)
  const graph = drawGraph(await readFolders())
  writeFileSync(page, `${text.slice(0, before)}${BEGIN}\n${graph}\n${text.slice(after)}`)
}
