// @ts-check
/**
 * `npm test`: every check that a change must pass, cheapest first, all of them even after one has failed.
 * The last line counts the tests and ends in `0 failed` exactly when everything passed.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const report = `${root}.tmp/test-report.json`

/** Each is a script of package.json, or a command that Node runs. */
const steps = [
  { name: "lint", script: "lint" },
  { name: "types", script: "types" },
  { name: "import floors", script: "floors" },
  { name: "build", script: "build" },
  {
    name: "tests",
    node: ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json", `--outputFile=${report}`],
  },
]

mkdirSync(`${root}.tmp`, { recursive: true })
rmSync(report, { force: true })
const results = steps.map(runStep)
const tests = readReport()

console.log("\nsteps")
for (const { name, ok, seconds } of results) {
  console.log(`  ${ok ? "ok    " : "FAILED"} ${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s`)
}
if (tests.skippedNames.length > 0) console.log(`\nskipped\n${tests.skippedNames.map((name) => `  ${name}`).join("\n")}`)
// A step that fails is one failure more; the step of the tests only if no test stands for it.
const failedSteps = results.filter(({ name, ok }) => !ok && !(name === "tests" && tests.failed > 0)).length
const failed = tests.failed + failedSteps
console.log(`\n${tests.passed} passed, ${failed} failed, ${tests.skipped} skipped`)
process.exitCode = failed === 0 && tests.passed > 0 ? 0 : 1

/** @param {{ name: string, script?: string, node?: string[] }} step */
function runStep({ name, script, node }) {
  console.log(`\n== ${name}`)
  const started = performance.now()
  // npm is a .cmd file on Windows, which only a shell starts.
  const { status } = node
    ? spawnSync(process.execPath, node, { cwd: root, stdio: "inherit" })
    : spawnSync("npm", ["run", "--silent", `${script}`], {
        cwd: root,
        stdio: "inherit",
        shell: process.platform === "win32",
      })
  return { name, ok: status === 0, seconds: (performance.now() - started) / 1000 }
}

function readReport() {
  const counts = { passed: 0, failed: 0, skipped: 0, skippedNames: /** @type {string[]} */ ([]) }
  if (!existsSync(report)) return counts
  for (const file of JSON.parse(readFileSync(report, "utf8")).testResults) {
    for (const { status, fullName } of file.assertionResults) {
      if (status === "passed") counts.passed += 1
      else if (status === "failed") counts.failed += 1
      else {
        counts.skipped += 1
        counts.skippedNames.push(`${relative(root, file.name)}: ${fullName}`)
      }
    }
    // A file that could not be loaded has no tests, and is a failure all the same.
    if (
      file.status === "failed" &&
      file.assertionResults.every((/** @type {any} */ { status }) => status !== "failed")
    ) {
      counts.failed += 1
    }
  }
  return counts
}
