/**
 * Children that are killed or stopped at a file operation of their own (killer.mjs), and the log before and after.
 * @module
 */
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { getAuditLogs, verifyAuditLog } from "../../src/audit.ts"
import { type Child, childEnvironment, DIST, start } from "../children.ts"
import type { Place } from "../place.ts"
import { endWithTest } from "./counting.ts"

const KILLER = fileURLToPath(new URL("killer.mjs", import.meta.url))

/** Where a child is hit once its code has set `globalThis.armed`. */
export interface Hit {
  /** At which file operation, from 1; 0 is none. */
  readonly at: number
  readonly signal?: "SIGKILL" | "SIGSTOP"
  readonly when?: "before" | "after"
}

/** Starts a module that has `AuditTrail`, `personal`, `eraseSubject`, `recoverLog` and `logDir`, and may be hit. */
export function startArmed(place: Place, code: string, { at, signal = "SIGKILL", when = "before" }: Hit): Child {
  const source = `const { AuditTrail, eraseSubject, personal } = await import("file://${DIST}/audit.js")
    const engine = await import("file://${DIST}/engine.js")
    const recoverLog = Object.values(engine).find((value) => value?.name === "recoverLog")
    const logDir = ${JSON.stringify(place.logDir)}
    ${code}`
  const env = childEnvironment(place.stateDir, { KILL_AT: String(at), KILL_SIGNAL: signal, KILL_WHEN: when })
  return endWithTest(start(process.execPath, ["--import", KILLER, "--input-type=module", "--eval", source], env))
}

/** Resolves once a child has been stopped; false when it came to its end instead. */
export async function isStopped(child: Child): Promise<boolean> {
  let ended = false
  void child.ended.then(() => {
    ended = true
  })
  while (!ended && !child.stdout().includes("stopping\n")) await new Promise((resolve) => setTimeout(resolve, 5))
  // It says so just before.
  if (!ended) await new Promise((resolve) => setTimeout(resolve, 50))
  return !ended
}

/** Keeps a copy of log and state. */
export function keepCopy(place: Place): void {
  for (const name of ["log", "state"])
    fs.cpSync(`${place.directory}/${name}`, `${place.directory}/${name}-before`, { recursive: true })
}

/** Puts that copy back. */
export function putBack(place: Place): void {
  for (const name of ["log", "state"]) {
    fs.rmSync(`${place.directory}/${name}`, { recursive: true, force: true })
    fs.cpSync(`${place.directory}/${name}-before`, `${place.directory}/${name}`, { recursive: true })
  }
}

/** What verification and a read say of the log; it is verified twice, since the first time leaves a memory. */
export async function look({ logDir }: Place): Promise<{ verdict: string; codes: string; ids: string[] }> {
  await verifyAuditLog({ logDir })
  const { verdict, findings } = await verifyAuditLog({ logDir })
  const records = await getAuditLogs({ logDir })
  return { verdict, codes: findings.map(({ code }) => code).join(), ids: records.map(({ event_id }) => event_id) }
}
