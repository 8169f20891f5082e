/**
 * Journals behind the tree: holes between lines, and ends that are no whole line. Reads only.
 * @module
 */
import { setTimeout as wait } from "node:timers/promises"
import { LocalJournal, type RootDirectory } from "../store/index.ts"
import type { Finding } from "./findings.ts"
import type { Snapshot } from "./snapshot.ts"

/** A writer in the middle of a line finishes it within this time, unless it was stopped or died. */
const SETTLE_MS = 300

/** Holes and ragged ends of the journals of a snapshot. */
export async function checkTail(root: RootDirectory, { writers }: Snapshot): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { gap } of writers) {
    if (gap === undefined) continue
    const message = `writer ${gap.writerId} has number ${gap.found} in its journal, but ${gap.expected} is missing; secureml audit recover explains a hole`
    findings.push({ code: "journal_gap", verdict: "gap", message, path: `.state/journal/${gap.name}` })
  }
  const ragged = writers.flatMap((lines) => lines.ragged)
  if (ragged.length > 0) await wait(SETTLE_MS)
  const journal = new LocalJournal(root)
  for (const { name, offset, sizeBytes } of ragged) {
    const again = await journal.read(name, offset, sizeBytes)
    // Published and removed meanwhile, still growing, or finished by its writer.
    if (again === undefined || again.sizeBytes !== sizeBytes) continue
    if (again.damagedAt === undefined && (again.lines.length > 0 || again.end === "clean")) continue
    findings.push(again.lines.length > 0 ? damagedFinding(name, offset) : tornFinding(name, offset, sizeBytes))
  }
  return findings
}

function tornFinding(name: string, offset: number, sizeBytes: number): Finding {
  const message = `the last ${sizeBytes - offset} bytes of a journal are no whole line: a write that never finished and was not acknowledged`
  return { code: "torn_tail", verdict: "torn_tail", message, path: `.state/journal/${name}` }
}

function damagedFinding(name: string, offset: number): Finding {
  const message = `bytes from ${offset} on are damaged, and whole lines follow: recorded events are lost unless they are sealed`
  return { code: "journal_damaged", verdict: "gap", message, path: `.state/journal/${name}` }
}
