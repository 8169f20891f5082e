import { defineConfig } from "tsdown"

const PROOF = /\/src\/(proof\/|errors\.|bytes\.)/
const ENGINE = /\/src\/(event|store|privacy|ledger|capture|query|retention)\//

/** Named parts, instead of one for every set of importers. `proof` is all that a browser loads. */
function part(name: string, folders: RegExp): { name: string; test: (id: string) => boolean }[] {
  const isType = (id: string) => id.endsWith(".d.ts")
  const isIn = (id: string) => folders.test(id.replaceAll("\\", "/")) && !/conformance|check-worker/.test(id)
  return [
    { name, test: (id) => isIn(id) && !isType(id) },
    { name: `${name}.d`, test: (id) => isIn(id) && isType(id) },
  ]
}

export default defineConfig({
  entry: {
    audit: "src/audit.ts",
    verify: "src/verify.ts",
    compliance: "src/compliance.ts",
    testing: "src/testing.ts",
    cli: "src/cli/main.ts",
    "check-worker": "src/query/check-worker.ts",
  },
  format: "esm",
  platform: "node",
  target: "node20.19",
  dts: true,
  outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
  // Commander is bundled, so that the package has no run-time dependency; anything else in the bundle is a mistake.
  deps: { onlyBundle: ["commander"], neverBundle: ["libsql"] },
  hash: false,
  outputOptions: {
    codeSplitting: { groups: [...part("proof", PROOF), ...part("engine", ENGINE)] },
  },
})
