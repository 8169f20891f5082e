/** What importing the package costs a process. */
import { execFileSync } from "node:child_process"
import { distAudit, QUICK, report, row, summary } from "./measure.mjs"

const PROCESSES = QUICK ? 5 : 15
const code = `const t = performance.now(); await import(${JSON.stringify(distAudit)}); console.log(performance.now() - t)`
const times = Array.from({ length: PROCESSES }, () =>
  Number(execFileSync(process.execPath, ["--input-type=module", "-e", code])),
)
const { median } = summary(times)
report({
  title: "Importing",
  text: `${PROCESSES} fresh processes; milliseconds.`,
  head: ["what", "median ms", "min", "max"],
  rows: [row('import "secureml/audit"', times, 1)],
  bars: [{ what: "importing, ms", bar: "≤ 60", value: median, met: median <= 60 }],
})
