/**
 * What every section of the benchmark shares: a place, the event, interleaved rounds, and medians.
 * @module
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const dist = fileURLToPath(new URL("../dist", import.meta.url))

/** A directory for one section; removed by run.mjs once all are done, since deleting slows down making files. */
export const place = fs.mkdtempSync(join(process.env.BENCH_PLACE ?? tmpdir(), "secureml-bench-"))
process.env.SECUREML_STATE_DIR = join(place, "state")

/** The built package. */
export const secureml = await import(join(dist, "audit.js"))
export const verifier = await import(join(dist, "verify.js"))
export const distAudit = join(dist, "audit.js")

/** Shorter rounds, to try the benchmark itself. */
export const QUICK = process.env.BENCH_QUICK === "1"

/** The same literal object for every peer. */
export const details = {
  dataset_name: "patient_records",
  columns_accessed: ["age", "diagnosis"],
  num_records: 1000,
  purpose: "training disease prediction model",
  user: "data_scientist_1",
}

/** Middle, least and greatest. */
export function summary(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)], min: sorted[0], max: sorted.at(-1) }
}

/** Number at a fraction of sorted numbers. */
export function percentile(sorted, fraction) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))]
}

/**
 * Runs all peers in every round, each time in the next order, and returns a number a round for each.
 * @param peers - Functions that return, or resolve with, the number of one round.
 */
export async function interleave(rounds, peers, between = () => undefined) {
  const names = Object.keys(peers)
  const numbers = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < names.length; n++) {
      const name = names[(n + round) % names.length]
      numbers[name].push(await peers[name]())
      await between()
    }
  }
  return numbers
}

/** Syncs everything, so that no peer pays for another. */
export function syncAll() {
  execFileSync("sync")
}

/** Microseconds that a piece of work takes. */
export async function microseconds(work) {
  const beganMs = performance.now()
  await work()
  return (performance.now() - beganMs) * 1_000
}

/** Hands the results of a section to run.mjs. */
export function report(section) {
  fs.writeFileSync(process.env.BENCH_RESULT ?? "/dev/stdout", `${JSON.stringify({ ...section, place })}\n`)
  process.exit(0)
}

/** A row of a table: what, and the summary of its numbers. */
export function row(name, numbers, digits = 2) {
  const { median, min, max } = summary(numbers)
  return [name, median.toFixed(digits), min.toFixed(digits), max.toFixed(digits)]
}

/** Ratio of two medians. */
export function ratio(numerator, denominator) {
  return summary(numerator).median / summary(denominator).median
}
