/**
 * `secureml audit key`: shows the public key, where the private one is, and never the private one itself. What is done
 * with keys are commands of their own below it.
 * @module
 */
import type { Command } from "commander"
import { describeKey, type KeyDescription } from "../../capture/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"
import { addKeyActs } from "./key-acts.ts"
import { addKeyCopies } from "./key-copies.ts"

/** Adds the commands. */
export function addKey(audit: Command, session: Session): void {
  const key = audit
    .command("key")
    .description("Shows the log's origin and verifier key, and where its signing key is; changes and copies keys.")
    .addOption(logDirOption())
    .addOption(jsonOption("the same as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: CommonFlags) => runKey(flags, session.output))
  addKeyActs(key, session)
  addKeyCopies(key, session)
}

const EXAMPLES = `
Give the verifier key to those who verify, by another way than the log directory. The private key is never shown.

Examples:
  $ secureml audit key
  $ secureml audit key --json | jq -r .verifierKey > log.vkey
  $ secureml audit key rotate`

async function runKey(flags: CommonFlags, output: Output): Promise<void> {
  const key = await describeKey({ logDir: requireLog(flags).path })
  if (flags.json === true) return output.data(jsonLine(key))
  await output.data(factLines(factsOf(key), output))
  if (key.unfinished !== undefined) output.note(UNFINISHED[key.unfinished])
}

function factsOf({ origin, verifierKey, previous, here, keyFile }: KeyDescription): (readonly [string, string])[] {
  const signing = here ? (keyFile ?? "here") : "not here: this user can record and verify, not seal"
  const facts: (readonly [string, string])[] = [
    ["origin", origin],
    ["verifier key", verifierKey],
  ]
  if (previous !== undefined)
    facts.push(["takes over", `from ${previous.verifierKey} since ${previous.since}: both sign`])
  return [...facts, ["signing key", signing]]
}

const UNFINISHED: Readonly<Record<NonNullable<KeyDescription["unfinished"]>, string>> = {
  rotate: "A rotation was begun and cut off: run secureml audit key rotate again.",
  finish: "The end of a rotation was begun and cut off: run secureml audit key rotate --finish again.",
  revoke: "A revocation was begun and cut off: run secureml audit key revoke again.",
}
