/**
 * Logs of the Python module for the tests: written by Python itself where it is here, else by hand in its format.
 * @module
 */
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"

const SCRIPT = fileURLToPath(new URL("fixtures/write_logs.py", import.meta.url))

/** Whether Python 3 is here. */
export const HAS_PYTHON: boolean = spawnSync("python3", ["-c", "import logging"], { stdio: "ignore" }).status === 0

/** What a test's title says where it is not. */
export const NEEDS_PYTHON: string = HAS_PYTHON ? "" : " (skipped: python3 is not here)"

/** One operation of such logs. */
export interface PythonOperation {
  readonly name: string
  readonly id: string
  readonly context?: object
  readonly events: readonly { readonly type: string; readonly details?: unknown }[]
}

/** Lets Python write them; its clock is local time of the zone. */
export function writeWithPython(directory: string, operations: readonly PythonOperation[], zone = "UTC"): void {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], TZ: zone }
  execFileSync("python3", [SCRIPT, directory], { env, input: pythonJson(operations), stdio: "pipe" })
}

/** What JSON cannot say and Python reads all the same. */
function pythonJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "number" && !Number.isFinite(item)
      ? `\u0000${item}`
      : typeof item === "bigint"
        ? `\u0000${item}`
        : item,
  ).replace(/"\\u0000([^"]+)"/g, "$1")
}

/** One line in the format, without its line break. */
export function pythonLine(id: string, entry: object, asctime = "2026-11-24 02:11:00,123"): string {
  return `${asctime} - secureml.audit.${id} - INFO - ${JSON.stringify(entry)}`
}

/** Writes a file of lines. */
export function writeLines(path: string, lines: readonly (string | Buffer)[], lineBreak = "\n"): void {
  fs.writeFileSync(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from(lineBreak)])))
}
