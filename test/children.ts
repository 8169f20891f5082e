/**
 * Child processes that use the built package, as a user's program would.
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** The built package; `npm test` builds it first. */
export const DIST: string = process.env["SECUREML_TEST_DIST"] ?? fileURLToPath(new URL("../dist", import.meta.url))

/** How a child ended and what it said. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly tookMs: number
}

/** A running child, and its end. */
export interface Child {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has printed so far. */
  readonly stdout: () => string
}

/** Environment of a child: nothing of the user's home, its own state directory. */
export function childEnvironment(stateDir: string, extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: "/nonexistent",
    SECUREML_STATE_DIR: stateDir,
    SECUREML_TEST_DIST: DIST,
    ...extra,
  }
}

/** Starts a program. */
export function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Child {
  const beganMs = performance.now()
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] })
  let stdout = ""
  let stderr = ""
  child.stdout!.on("data", (data: Buffer) => {
    stdout += data.toString()
  })
  child.stderr!.on("data", (data: Buffer) => {
    stderr += data.toString()
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr, tookMs: performance.now() - beganMs }))
  })
  return { process: child, ended, stdout: () => stdout }
}

/** What Node is called with to run a module text with the package imported as `secureml`. */
export function moduleArguments(code: string): string[] {
  const source = `import * as secureml from ${JSON.stringify(`file://${DIST}/audit.js`)}\nconst { AuditTrail, withAuditTrail, getAuditLogs, verifyAuditLog } = secureml\n${code}`
  return ["--input-type=module", "--eval", source]
}

/** Starts such a module text. */
export function startModule(code: string, env: NodeJS.ProcessEnv): Child {
  return start(process.execPath, moduleArguments(code), env)
}
