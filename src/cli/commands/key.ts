/**
 * `secureml audit key`: shows the public key, where the private one is, and never the private one itself.
 * @module
 */
import type { Command } from "commander"
import { describeKey } from "../../capture/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"

/** Adds the command. */
export function addKey(audit: Command, session: Session): void {
  audit
    .command("key")
    .description("Shows the log's origin and verifier key, and where its signing key is. Never the private key.")
    .addOption(logDirOption())
    .addOption(jsonOption("the same as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: CommonFlags) => runKey(flags, session.output))
}

const EXAMPLES = `
Give the verifier key to those who verify, by another way than the log directory.

Examples:
  $ secureml audit key
  $ secureml audit key --json | jq -r .verifierKey > log.vkey`

async function runKey(flags: CommonFlags, output: Output): Promise<void> {
  const key = await describeKey({ logDir: requireLog(flags).path })
  if (flags.json === true) return output.data(jsonLine(key))
  const signing = key.here ? (key.keyFile ?? "here") : "not here: this user can record and verify, not seal"
  await output.data(
    factLines(
      [
        ["origin", key.origin],
        ["verifier key", key.verifierKey],
        ["signing key", signing],
      ],
      output,
    ),
  )
}
