/**
 * `secureml audit recover`: continues a log that cannot be sealed any more, and puts on record what was lost.
 * @module
 */
import type { Command } from "commander"
import { recoverLog } from "../../capture/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { namingFlag, UsageError } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"

interface RecoverFlags extends CommonFlags {
  readonly reason: string
}

const DONE: Readonly<Record<string, string>> = {
  explained:
    "Recorded lines were missing. The hole is now explained by an audit_recovered event, and sealing goes on behind it.",
  rebuilt: "The private state was damaged. It is rebuilt from what is published and signed; no sealed entry is lost.",
  successor:
    "The log was older than what had been signed, so it cannot go on under its name. It is set aside unchanged, and a new log " +
    "goes on in its place: its first entry quotes the old checkpoint and says what was lost.",
}

/** Adds the command. */
export function addRecover(audit: Command, session: Session): void {
  audit
    .command("recover")
    .description("Continues a log that cannot be sealed any more, and records what was found, lost and why.")
    .requiredOption("--reason <text>", "why, for the record; auditors will read it")
    .addOption(logDirOption())
    .addOption(jsonOption("what was done as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: RecoverFlags) => runRecover(flags, session.output))
}

const EXAMPLES = `
Changes nothing where nothing is wrong. Run "secureml audit verify" first, and keep its report.

Examples:
  $ secureml audit recover --reason "restored the backup of 2026-11-23 after a disk failure"`

async function runRecover(flags: RecoverFlags, output: Output): Promise<void> {
  const { reason, json } = flags
  if (reason.trim() === "") throw new UsageError("--reason must say why the log is recovered")
  const report = await namingFlag("--reason", recoverLog({ logDir: requireLog(flags).path, reason }))
  if (json === true) return output.data(jsonLine(report))
  const { kind, checkpoint, predecessor } = report
  const old = predecessor === undefined ? [] : [["set aside", predecessor] as const]
  const facts = [
    ["recovered", kind] as const,
    ["origin", checkpoint.origin] as const,
    ["entries", `${checkpoint.treeSize} sealed`] as const,
    ...old,
  ]
  await output.data(factLines(facts, output))
  output.note(DONE[kind] ?? "")
  if (kind === "successor")
    output.note("The new log has a new key: see secureml audit key. Verify it with verify --forget once.")
}
