#!/usr/bin/env node
/**
 * `secureml`: the command line. Parses, runs one command, and ends by itself once its output has drained.
 * @module
 */
import manifest from "../../package.json" with { type: "json" }
import { EXIT, reportFailure } from "./failure.ts"
import { Output } from "./output.ts"
import { createProgram } from "./program.ts"
import { newSession } from "./session.ts"
import { tellWarnings } from "./warnings.ts"

async function main(argv: readonly string[]): Promise<number> {
  const output = new Output(process.stdout, process.stderr, process.env)
  const session = newSession(output, process.env)
  tellWarnings(output)
  try {
    await createProgram(session, manifest.version).parseAsync(argv)
  } catch (error) {
    session.exitCode = reportFailure(error, output, process.env)
  }
  await output.drain()
  if (output.failure === undefined) return session.exitCode
  output.complain("secureml:", "red", `standard output cannot be written: ${output.failure.message}`)
  return EXIT.couldNotRun
}

main(process.argv).then((exitCode) => {
  process.exitCode = exitCode
})
