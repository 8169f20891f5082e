/**
 * The command line as a child process: bundled from source once a test file, run in a pipe or in a terminal.
 * @module
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll } from "vitest"
import { type Place, usePlace } from "../place.ts"

const ROOT = fileURLToPath(new URL("../..", import.meta.url))
// Inside the repository, so that the bundle finds libsql.
const BUNDLE = join(ROOT, ".tmp", "cli-test", `${process.pid}-${process.env["VITEST_POOL_ID"] ?? "0"}.mjs`)

/** Whether util-linux is here, to give a program a terminal. */
export const HAS_TERMINAL: boolean =
  process.platform === "linux" && spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0

/** How a run ended. */
export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Buffer
}

/** What a run is given besides its arguments. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Commands of one test file, each test with a log and a state of its own. */
export interface Cli {
  readonly place: Place
  /** `secureml <args>` with its output in pipes. */
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Run>
  /** `secureml audit <args>` on the log of the test. */
  readonly audit: (...args: readonly string[]) => Promise<Run>
  /** The same in a terminal of some columns; both streams arrive in `stdout`. */
  readonly terminal: (args: readonly string[], columns?: number, env?: Readonly<Record<string, string>>) => Promise<Run>
  /** Starts `secureml audit <args>` and returns at once. */
  readonly start: (...args: readonly string[]) => ChildProcess
  /** A shell pipeline in which `$SECUREML audit` stands for the program. */
  readonly shell: (command: string) => Promise<Run>
}

/** Bundles the command line for the tests of a file. */
export function useCli(): Cli {
  const place = usePlace()
  beforeAll(() => {
    const bundler = join(ROOT, "node_modules/rolldown/bin/cli.mjs")
    const entry = [
      "./src/cli/main.ts",
      "--platform",
      "node",
      "--format",
      "esm",
      "--external",
      "libsql",
      "--inline-dynamic-imports",
      "-o",
      BUNDLE,
    ]
    execFileSync(process.execPath, [bundler, ...entry], { cwd: ROOT, stdio: "pipe" })
  })
  afterAll(() => fs.rmSync(BUNDLE, { force: true }))
  const environment = (extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
    PATH: process.env["PATH"],
    HOME: place.directory,
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    SECUREML_STATE_DIR: process.env["SECUREML_STATE_DIR"],
    SECUREML_AUDIT_DIR: place.logDir,
    ...extra,
  })
  const run = (args: readonly string[], { env, cwd }: RunOptions = {}): Promise<Run> =>
    ended(spawn(process.execPath, [BUNDLE, ...args], { env: environment(env), cwd: cwd ?? place.directory }))
  return {
    place,
    run,
    audit: (...args) => run(["audit", ...args]),
    terminal: (args, columns = 100, env = {}) => {
      const words = [process.execPath, BUNDLE, "audit", ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`)
      const command = `stty cols ${columns} rows 40; ${words.join(" ")}`
      return ended(spawn("script", ["-qec", command, "/dev/null"], { env: environment(env), cwd: place.directory }))
    },
    start: (...args) =>
      spawn(process.execPath, [BUNDLE, "audit", ...args], { env: environment(), cwd: place.directory }),
    shell: (command) => {
      const SECUREML = `${process.execPath} ${BUNDLE}`
      return ended(spawn("bash", ["-c", command], { env: environment({ SECUREML }), cwd: place.directory }))
    },
  }
}

/** Collects what a child says until it ends. */
export function ended(child: ChildProcess): Promise<Run> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout!.on("data", (data: Buffer) => out.push(data))
  child.stderr!.on("data", (data: Buffer) => err.push(data))
  child.stdin?.end()
  return new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => {
      const bytes = Buffer.concat(out)
      resolve({ code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() })
    })
  })
}
