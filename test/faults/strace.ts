/**
 * System calls of a child, through strace: recorded in order, or made to fail. Linux with the Debian package strace and
 * the right to trace; tests are skipped with {@link straceMissing} elsewhere.
 * @module
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { type Child, moduleArguments, start } from "../children.ts"

/** Why tests that need strace are skipped; undefined where they run. */
export const straceMissing: string | undefined = whyNoStrace()

function whyNoStrace(): string | undefined {
  const { status, error, stderr } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], { encoding: "utf8" })
  if (error !== undefined) return "needs the Debian package strace"
  return status === 0 ? undefined : `needs the right to trace processes: ${stderr.trim()}`
}

/** Calls that change files or make them durable. */
const WRITING_CALLS =
  "openat,close,write,pwrite64,writev,ftruncate,fdatasync,fsync,mkdir,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir"
/** An entry's id is among the first bytes of its line. */
const SHOWN_BYTES = 512

/** Starts a module text with the package imported, its calls written to a file; `inject` makes some of them fail. */
export function startTraced(
  code: string,
  env: NodeJS.ProcessEnv,
  traceFile: string,
  inject: readonly string[] = [],
): Child {
  const what = ["-e", `trace=${WRITING_CALLS}`, ...inject.flatMap((rule) => ["-e", `inject=${rule}`])]
  const how = ["-f", "--seccomp-bpf", "-y", "-s", String(SHOWN_BYTES), "-o", traceFile]
  // With io_uring, writes would not be seen; calls are counted in each thread, so there is one beside the main one.
  const threads = inject.length > 0 ? { UV_THREADPOOL_SIZE: "1" } : {}
  const command = [...how, ...what, process.execPath, ...moduleArguments(code)]
  return start("strace", command, { ...env, ...threads, UV_USE_IO_URING: "0" })
}

/** One system call. */
export interface Call {
  readonly name: string
  readonly args: string
  /** Number returned; -1 is an error. */
  readonly result: number
  /** Lines of the trace in which it began and had ended. */
  readonly beganAt: number
  readonly endedAt: number
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/
const BEGUN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)/

/** The calls of a trace, in the order in which they ended; one that never ended is left out. */
export function parseTrace(text: string): Call[] {
  const calls: Call[] = []
  const begun = new Map<string, { args: string; at: number }>()
  for (const [at, line] of text.split("\n").entries()) {
    const whole = WHOLE.exec(line)
    if (whole !== null) {
      calls.push({ name: whole[2]!, args: whole[3]!, result: Number(whole[4]), beganAt: at, endedAt: at })
      continue
    }
    const half = BEGUN.exec(line)
    if (half !== null) begun.set(half[1]!, { args: half[3]!, at })
    const resumed = RESUMED.exec(line)
    if (resumed === null) continue
    const { args, at: beganAt } = begun.get(resumed[1]!) ?? { args: "", at }
    calls.push({ name: resumed[2]!, args: args + resumed[3], result: Number(resumed[4]), beganAt, endedAt: at })
  }
  return calls
}

/** The trace that a child left. */
export function readTrace(traceFile: string): string {
  return fs.readFileSync(traceFile, "latin1")
}

/** What is made to fail. */
export interface Injection {
  readonly call: string
  /** `error=EIO`, `signal=KILL`; nothing is done when it is left out. */
  readonly fault?: string
  /** Which such call of a thread, from 1. */
  readonly nth: number
  /** Calls of which every one fails, in strace's words. */
  readonly also?: readonly string[]
  /** Only calls on these files and directories count. */
  readonly paths?: readonly string[]
  /** The only thread watched; all of them when left out. */
  readonly thread?: number
}

/** Attaches strace to a running child. Resolves once its calls are watched; `ended` once the trace is whole. */
export async function attach(
  processId: number,
  traceFile: string,
  { call, fault, nth, also = [], paths = [], thread }: Injection,
): Promise<{ readonly ended: Promise<unknown> }> {
  const rules = fault === undefined ? [] : [`${call}:${fault}:when=${nth}`, ...also]
  const calls = [call, ...also.map((rule) => rule.split(":")[0]!)].join()
  const strace = start(
    "strace",
    [
      ...["-y", "-o", traceFile, "-e", `trace=${calls}`],
      ...rules.flatMap((rule) => ["-e", `inject=${rule}`]),
      ...paths.flatMap((path) => ["-P", path]),
      ...(thread === undefined ? ["-f", "-p", String(processId)] : ["-p", String(thread)]),
    ],
    process.env,
  )
  await new Promise<void>((resolve, reject) => {
    strace.process.stderr!.on("data", (data: Buffer) => {
      if (data.includes("attached")) resolve()
    })
    strace.ended.then(({ stderr }) => reject(new Error(stderr)), reject)
  })
  return strace
}
