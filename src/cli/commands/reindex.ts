/**
 * `secureml audit reindex`: makes the query index of a log anew.
 * @module
 */
import type { Command } from "commander"
import { type IndexReport, reindexLog } from "../../query/index.ts"
import type { RootDirectory } from "../../store/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { Progress } from "../progress.ts"
import { recordOrTell } from "../record-act.ts"
import type { Session } from "../session.ts"

/** Adds the command. */
export function addReindex(audit: Command, session: Session): void {
  audit
    .command("reindex")
    .description(
      "Makes the query index anew from the sealed log. Queries keep it up by themselves; this takes no shortcut.",
    )
    .addOption(logDirOption())
    .addOption(jsonOption("what was indexed as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: CommonFlags) => runReindex(flags, session.output))
}

const EXAMPLES = `
The index is derived from the log and worth nothing without it: it may be deleted at any time. An answer never depends
on it, only how long it takes.

Examples:
  $ secureml audit reindex --log-dir /srv/logs`

async function runReindex(flags: CommonFlags, output: Output): Promise<void> {
  const root = requireLog(flags)
  const beganMs = performance.now()
  const progress = new Progress(output)
  const report = await reindexLog(root, (done, total) =>
    progress.tell(() => `indexing: ${done} of ${total} entries`),
  ).finally(() => progress.end())
  record(root, report, output)
  if (flags.json === true) return output.data(jsonLine(report))
  const behind = report.treeSize - report.indexed
  const facts = [
    ["indexed", `${report.indexed} of ${report.treeSize} sealed entries`] as const,
    ["size", `${report.bytes} bytes`] as const,
    ["took", `${((performance.now() - beganMs) / 1_000).toFixed(1)} s`] as const,
  ]
  await output.data(factLines(facts, output))
  if (behind > 0) output.note(`the last ${behind} entries do not fill a bundle yet; queries read them each time`)
}

function record(root: RootDirectory, { treeSize, indexed, bytes }: IndexReport, output: Output): void {
  const details = { tree_size: treeSize, indexed, bytes }
  const act = { operationName: "audit_reindex", eventType: "audit_index_rebuilt", details }
  recordOrTell(root, act, "that the index was made", output)
}
