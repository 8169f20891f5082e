// Turns the floor table (scripts/floors.json) into rules. Type-only imports count like any other.
const { resolve } = require("node:path")
const { base, floors } = require("./scripts/floors.json")

const table = Object.assign({}, ...floors)
const TESTS = "\\.test\\.ts$"
const pattern = (name) => `^src/${name.endsWith(".ts") ? `${name.replace(".", "\\.")}$` : `${name}/`}`
const known = [...Object.keys(table), ...base].map(pattern)

const floorRules = Object.entries(table).map(([name, allowed]) => ({
  name: `floor-of-${name}`,
  comment: `${name} may import ${[...allowed, ...base].join(", ")} (scripts/floors.json)`,
  severity: "error",
  from: { path: pattern(name), pathNot: TESTS },
  to: { path: "^src/", pathNot: [name, ...allowed, ...base].map(pattern) },
}))

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...floorRules,
    {
      name: "base-stands-alone",
      comment: `${base.join(" and ")} are floor 0: they import nothing`,
      severity: "error",
      from: { path: base.map(pattern) },
      to: {},
    },
    {
      name: "not-in-the-table",
      comment: "every folder and file directly under src has its line in scripts/floors.json",
      severity: "error",
      from: { path: "^src/", pathNot: [...known, TESTS] },
      to: {},
    },
    {
      name: "through-the-index",
      comment: "another folder is entered through its index.ts",
      severity: "error",
      from: { path: "^src/([^/]+)/", pathNot: TESTS },
      to: { path: "^src/[^/]+/", pathNot: ["^src/$1/", "^src/[^/]+/index\\.ts$"] },
    },
    {
      name: "doors-through-the-index",
      comment: "a folder is entered through its index.ts",
      severity: "error",
      from: { path: "^src/[^/]+\\.ts$", pathNot: TESTS },
      to: { path: "^src/[^/]+/", pathNot: "^src/[^/]+/index\\.ts$" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "audit-takes-only-types-of-proof",
      comment: "what checks proofs at run time is secureml/verify's to export",
      severity: "error",
      from: { path: pattern("audit.ts") },
      to: { path: pattern("proof"), dependencyTypesNot: ["type-only"] },
    },
    {
      name: "pure-floors",
      comment: "event, proof and floor 0 do no I/O and run in a browser: no built-ins of Node",
      severity: "error",
      from: { path: ["event", "proof", "verify.ts", ...base].map(pattern), pathNot: TESTS },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "files-have-their-places",
      comment: "only these read or write files themselves",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [
          TESTS,
          ...["store", "ledger", "capture", "query", "retention", "import", "cli", "testing.ts"].map(pattern),
        ],
      },
      to: { path: "^(node:)?fs(/promises)?$", dependencyTypes: ["core"] },
    },
    {
      name: "no-packages",
      comment: "no run-time dependency; commander is bundled into the command",
      severity: "error",
      from: { path: "^src/", pathNot: TESTS },
      to: {
        dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"],
        pathNot: "/commander/",
      },
    },
    {
      name: "commander-is-for-the-command",
      severity: "error",
      from: { pathNot: pattern("cli") },
      to: { path: "node_modules/commander/" },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-tests-in-the-product",
      severity: "error",
      from: { path: "^src/", pathNot: TESTS },
      to: { path: TESTS },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: resolve(__dirname, "tsconfig.json") },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
}
