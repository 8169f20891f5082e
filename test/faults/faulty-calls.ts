/**
 * Runs a piece of code again and again, with another of its system calls failing each time. The child loads what it
 * needs on another log first, so that only its work on the log counts; strace is attached then.
 * @module
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { type Child, childEnvironment, type Ended, startModule } from "../children.ts"
import type { Place } from "../place.ts"
import { attach, type Injection, readTrace } from "./strace.ts"

/** A piece of code whose calls fail. `attempt(what, work)` is at hand, and says how the work went. */
export interface Victim {
  readonly code: string
  /** Runs before, with nothing failing. */
  readonly before?: string
  /** Only calls on these files and directories count. */
  readonly paths?: readonly string[]
}

/** How attempts went: "done" and a value, or the code of an error and its message. */
export type Said = readonly {
  readonly what: string | number
  readonly outcome: string
  readonly value: unknown
  readonly message: string
}[]

/** By call, what happens to it; with a second one that fails every time. */
export type Faults = Readonly<Record<string, readonly (string | readonly [string, string])[]>>

/** Reads and writes of the main thread are not only those of files, and failing ones would make Node abort. */
const THREAD_OF: Readonly<Record<string, "main" | "pool">> = { write: "main", pwrite64: "main", read: "pool" }

/** Every call that a victim makes, with every fault. */
export async function targetsOf(place: Place, victim: Victim, faults: Faults): Promise<Injection[]> {
  const { trace, threads } = await runWithFault(place, victim, { call: Object.keys(faults).join(), nth: 0 })
  const counts = new Map<string, number>()
  for (const [, thread, call] of trace.matchAll(/^(\d+) +(\w+)\(/gm)) {
    const own = THREAD_OF[call!]
    if (own !== undefined && victim.paths === undefined && threads[own] !== Number(thread)) continue
    counts.set(`${call} ${thread}`, (counts.get(`${call} ${thread}`) ?? 0) + 1)
  }
  const most = (call: string): number =>
    Math.max(0, ...[...counts].filter(([key]) => key.startsWith(`${call} `)).map(([, count]) => count))
  return Object.entries(faults).flatMap(([call, ways]) =>
    Array.from({ length: most(call) }, (_, n) => n + 1).flatMap((nth) =>
      ways.map((way) =>
        typeof way === "string" ? { call, nth, fault: way } : { call, nth, fault: way[0]!, also: [way[1]!] },
      ),
    ),
  )
}

/** Runs a victim, one of whose calls fails. */
export async function runWithFault(
  place: Place,
  { code, before = "", paths }: Victim,
  injection: Injection,
): Promise<{ said: Said; ended: Ended; trace: string; threads: { main: number; pool: number } }> {
  const [go, file] = [join(place.directory, "go"), join(place.directory, "trace")]
  for (const path of [go, file]) fs.rmSync(path, { force: true })
  const env = childEnvironment(place.stateDir, { UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" })
  const child = startModule(`${preparation(place, before)}\n${waitingFor(go)}\n${code}\nprocess.exit(0)`, env)
  const threads = { main: child.process.pid!, pool: await poolThread(child) }
  const own = paths === undefined ? THREAD_OF[injection.call] : undefined
  const what = { ...injection, ...(paths && { paths }), ...(own && { thread: threads[own] }) }
  const strace = await attach(threads.main, file, what)
  fs.writeFileSync(go, "")
  const ended = await child.ended
  await strace.ended
  return { said: saidBy(ended), ended, trace: readTrace(file), threads }
}

function preparation(place: Place, before: string): string {
  const warm = join(place.directory, "warm")
  return `import * as fs from "node:fs"
    const logDir = ${JSON.stringify(place.logDir)}
    const say = (value) => {
      const line = JSON.stringify(value) + "\\n"
      // The call that fails may be this one.
      try { fs.writeSync(1, line) } catch { fs.writeSync(1, line) }
    }
    const attempt = async (what, work) => {
      try {
        say({ what, outcome: "done", value: await work(), message: "" })
        return true
      } catch (error) {
        say({ what, outcome: error.code ?? error.name, message: error.stack })
        return false
      }
    }
    const { SECUREML_STATE_DIR } = process.env
    process.env.SECUREML_STATE_DIR = ${JSON.stringify(`${warm}-state`)}
    const first = new AuditTrail("warm", { logDir: ${JSON.stringify(warm)}, keepLarge: true })
    first.logEvent("step", { large: "x".repeat(100_000) })
    await first.close()
    await getAuditLogs({ logDir: first.logDir })
    await verifyAuditLog({ logDir: first.logDir })
    process.env.SECUREML_STATE_DIR = SECUREML_STATE_DIR
    ${before}`
}

/** Says which thread does the asynchronous file operations, and waits until somebody watches. */
function waitingFor(go: string): string {
  return `say((await fs.promises.readlink("/proc/thread-self")).split("/").at(-1))
    while (!fs.existsSync(${JSON.stringify(go)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)`
}

async function poolThread(child: Child): Promise<number> {
  let isOver = false
  const over = child.ended.then(({ stderr }) => {
    isOver = true
    return stderr
  })
  while (!child.stdout().includes("\n")) {
    if (isOver) throw new Error(await over)
    await wait(5)
  }
  return Number(JSON.parse(child.stdout()))
}

/** Half a line, and the first one, are no outcomes. */
function saidBy({ stdout }: Ended): Said {
  const lines = stdout.split("\n").slice(1, -1)
  return lines.map((line) => JSON.parse(line) as Said[number])
}
