/**
 * `secureml audit prune`: removes what a retention policy lets go, and says of everything else why it stays.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander"
import { type ClassDecision, loadPolicy, type PruneReport, pruneLog } from "../../retention/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { namingFlag } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"

interface PruneFlags extends CommonFlags {
  readonly policy?: string
  readonly dryRun?: boolean
  readonly below?: number
  readonly before?: string
}

/** Adds the command. */
export function addPrune(audit: Command, session: Session): void {
  audit
    .command("prune")
    .description(
      "Removes the oldest entries as far as a retention policy and holds allow; what is left verifies as before.",
    )
    .option("--policy <file>", "retention policy, JSON (default: the provisions that are built in)")
    .option("--dry-run", "only say what would go, and why the rest stays")
    .addOption(
      new Option("--below <index>", "prune exactly what is below, and refuse if any of it has to stay")
        .argParser(indexOf)
        .conflicts("before"),
    )
    .option("--before <time>", "the same for what is older than a time; ISO 8601")
    .addOption(logDirOption())
    .addOption(jsonOption("the decisions as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: PruneFlags) => runPrune(flags, session.output))
}

const EXAMPLES = `
Only whole bundles of 256 entries go, from the beginning, up to the first entry that has to stay. Nothing can bring them
back. With the built-in policy alone, records that no provision sets a period for stay: name a policy.

Examples:
  $ secureml audit prune --policy retention.json --dry-run
  $ secureml audit prune --policy retention.json
  $ secureml audit prune --policy retention.json --before 2026-01-01 --json | jq .classes`

async function runPrune(flags: PruneFlags, output: Output): Promise<void> {
  const { policy: file, dryRun = false, below, before, json } = flags
  const policy = loadPolicy(file)
  const limit = { ...(below === undefined ? {} : { below }), ...(before === undefined ? {} : { before }) }
  const pruning = pruneLog({ logDir: requireLog(flags).path, policy, dryRun, ...limit })
  const report = await namingFlag("--before", pruning)
  if (json === true) return output.data(jsonLine(report))
  await output.data(factLines(factsOf(report), output))
  for (const decision of report.classes) await output.data(`\n${factLines(decisionFacts(decision), output)}`)
  if (report.finished) output.note("An earlier prune that had been cut off was finished.")
}

function factsOf(report: PruneReport): (readonly [string, string])[] {
  const { dryRun, entries, prunedBelow, minimumIndex, treeSize, oldest, newest, record } = report
  const { stopsAt, removed, expired, policy } = report
  const what = `${entries} of ${treeSize - prunedBelow} entries that are kept`
  const facts: (readonly [string, string])[] = [[dryRun ? "would prune" : "pruned", entries === 0 ? "nothing" : what]]
  if (entries > 0) facts.push(["entries", `index ${prunedBelow} to ${minimumIndex - 1}, ${oldest} to ${newest}`])
  if (record !== null) facts.push(["record", `entry ${record}`])
  if (removed.files > 0)
    facts.push(["removed", `${removed.files} files, ${removed.payloads} values kept beside the log`])
  if (expired.values > 0)
    facts.push(["expired", `${expired.values} values beside entries that stay${dryRun ? " would go" : ""}`])
  if (stopsAt !== null) {
    const { index, reason, source, until } = stopsAt
    facts.push(["stops at", `entry ${index}, ${textOf(reason)}${until === null ? "" : ` until ${until}`}: ${source}`])
  }
  const { id, digest, overrides } = policy
  facts.push(["policy", `${id}, SHA-256 ${digest}`])
  if (overrides.length > 0) facts.push(["replaces", overrides.join(", ")])
  return facts
}

function decisionFacts(decision: ClassDecision): (readonly [string, string])[] {
  const { classes, entries, oldest, newest, pruned, kept, mayGo, sources, overdue } = decision
  const stay = Object.entries(kept).map(([reason, count]) => `${count} ${textOf(reason)}`)
  const facts: (readonly [string, string])[] = [
    ["class", classes],
    ["entries", `${entries}, ${oldest} to ${newest}`],
    ["go", String(pruned)],
  ]
  if (stay.length > 0) facts.push(["stay", stay.join(", ")])
  if (mayGo !== null)
    facts.push(["may go", mayGo.first === mayGo.last ? mayGo.first : `${mayGo.first} to ${mayGo.last}`])
  for (const source of sources) facts.push(["because of", source])
  if (overdue > 0)
    facts.push(["overdue", `${overdue} are older than a maximum allows: they stand behind entries that have to stay`])
  return facts
}

const REASONS: Readonly<Record<string, string>> = {
  too_early: "to be kept",
  no_period: "without a period",
  start_not_declared: "with a period whose start only the policy can tell",
  time_unreadable: "of which the time cannot be read",
  held: "held",
  hold_in_force: "a hold in force",
  behind: "due, behind entries that have to stay",
}

function textOf(reason: string): string {
  return REASONS[reason] ?? reason
}

function indexOf(text: string): number {
  const index = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(index)) return index
  throw new InvalidArgumentError("It must be an index, a whole number from 0.")
}
