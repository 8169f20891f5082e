/**
 * Warnings of the process, told in the command line's own voice.
 * @module
 */
import type { Output } from "./output.ts"

/** Replaces Node's own way of printing warnings. Those about Node's experimental parts are none for our user. */
export function tellWarnings(output: Output): void {
  process.removeAllListeners("warning")
  process.on("warning", (warning: Error & { code?: string }) => {
    if (warning.name === "ExperimentalWarning") return
    const code = warning.code === undefined ? "" : ` [${warning.code}]`
    output.complain("secureml: warning:", "yellow", `${warning.message}${code}`)
  })
}
