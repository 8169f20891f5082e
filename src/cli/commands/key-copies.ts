/**
 * `secureml audit key export` and `import`: keys in a file, to keep elsewhere or to take to another machine.
 * @module
 */
import type { Command } from "commander"
import { exportKeys, importKeys, type KeyExport, type KeyImport } from "../../capture/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { namingFlag } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"
import { allFlags } from "./key-acts.ts"

interface CopyFlags extends CommonFlags {
  readonly vault?: boolean
}

/** Adds the commands. */
export function addKeyCopies(key: Command, { output }: Session): void {
  key
    .command("export")
    .description("Writes the signing key into a new file, to keep it elsewhere. Whoever has the file can sign the log.")
    .argument("<file>", "a file that is not there yet")
    .option("--vault", "the keys of persons, too: a copy that no later erasure reaches")
    .addOption(logDirOption())
    .addOption(jsonOption("what was written as JSON"))
    .addHelpText("after", EXPORT_EXAMPLES)
    .action((file: string, _: CopyFlags, command: Command) => runExport(file, allFlags(command), output))
  key
    .command("import")
    .description("Brings the signing key back from such a file, into this user's state directory.")
    .argument("<file>", "written by export; 0600")
    .option("--vault", "the keys of persons, too; nobody who was erased comes back")
    .addOption(logDirOption())
    .addOption(jsonOption("what came back as JSON"))
    .addHelpText("after", IMPORT_EXAMPLES)
    .action((file: string, _: CopyFlags, command: Command) => runImport(file, allFlags(command), output))
}

const EXPORT_EXAMPLES = `
The export is recorded in the log. Keep the file where nobody else can read it, encrypted, and not with the log.

Examples:
  $ secureml audit key export /media/safe/log.keys
  $ secureml audit key export /media/safe/log.keys --vault`

const IMPORT_EXAMPLES = `
Takes nothing that is not of this log. Destroy the file if it is no longer needed.

Examples:
  $ secureml audit key import /media/safe/log.keys --vault`

async function runExport(file: string, flags: CopyFlags, output: Output): Promise<void> {
  const { vault = false, json } = flags
  const report = await namingFlag("<file>", exportKeys({ logDir: requireLog(flags).path, file, vault }))
  await output.data(json === true ? jsonLine(report) : factLines(exportFacts(report), output))
  output.note("Whoever has this file can sign the log in your name. Encrypt it, and keep it apart from the log.")
  if (vault)
    output.note("Its keys of persons outlive every erasure from now on: destroy the file when you erase somebody.")
}

function exportFacts({ file, origin, keys, persons, rootKey }: KeyExport): [string, string][] {
  const facts: [string, string][] = [
    ["file", file],
    ["origin", origin],
    ...keys.map((key): [string, string] => ["signing key of", key]),
  ]
  if (persons === undefined) return facts
  const where = rootKey === true ? "with the vault's root key" : "without the vault's root key, which is kept elsewhere"
  return [...facts, ["persons", `${persons} keys, ${where}`]]
}

async function runImport(file: string, flags: CopyFlags, output: Output): Promise<void> {
  const { vault = false, json } = flags
  const report = await namingFlag("<file>", importKeys({ logDir: requireLog(flags).path, file, vault }))
  await output.data(json === true ? jsonLine(report) : factLines(importFacts(report), output))
}

function importFacts({ origin, verifierKey, newKey, persons }: KeyImport): [string, string][] {
  const facts: [string, string][] = [
    ["origin", origin],
    ["verifier key", verifierKey],
    ["signing key", newKey ? "imported" : "was here already"],
  ]
  if (persons === undefined) return facts
  return [...facts, ["persons", `${persons.added} keys added, ${persons.erased} left out: they were erased`]]
}
