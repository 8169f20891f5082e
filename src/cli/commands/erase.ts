/**
 * `secureml audit erase`: a person's values, links and keys are deleted; the tree stays as it is.
 * @module
 */
import { type Command, Option } from "commander"
import {
  ERASURE_REASONS,
  type ErasureReason,
  type ErasureReport,
  eraseSubject,
  loadPolicy,
  resumeErasures,
} from "../../retention/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { asUsage, UsageError } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"
import { readSubject } from "../standard-input.ts"

interface EraseFlags extends CommonFlags {
  readonly reason?: ErasureReason
  readonly requestId?: string
  readonly resume?: boolean
  readonly policy?: string
}

/** Adds the command. */
export function addErase(audit: Command, session: Session): void {
  audit
    .command("erase")
    .description("Erases a person: values, links and keys. The identifier is read from standard input.")
    .argument("[subject]", "-: the identifier comes on standard input")
    .addOption(new Option("--reason <code>", "why, as a code that stays in the log").choices(ERASURE_REASONS))
    .option("--request-id <id>", "id of the request; it stays in the log, and must not name the person")
    .option("--resume", "finish erasures that were cut off or blocked, delete what is due, and erase nobody else")
    .option("--policy <file>", "retention policy: what has to be kept")
    .addOption(logDirOption())
    .addOption(jsonOption("the report as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((subject: string | undefined, flags: EraseFlags) => runErase(subject, flags, session))
}

const EXAMPLES = `
What a minimum of the policy or a hold covers stays, restricted, until it is due; all else of the person goes.
The exit code is 0 when everything that may go is gone, or nothing is held, and 1 while something is pending.

Examples:
  $ printf %s customer-17 | secureml audit erase - --reason consent_withdrawn --request-id r-204
  $ secureml audit erase --resume`

async function runErase(argument: string | undefined, flags: EraseFlags, session: Session): Promise<void> {
  const { output } = session
  const root = requireLog(flags)
  if (flags.resume === true) {
    if (argument !== undefined) throw new UsageError("--resume erases nobody else: leave <subject> out")
    const report = await resumeErasures({ logDir: root.path, policy: loadPolicy(flags.policy) })
    const { resumed, dueValues } = report
    const text = `${resumed === 0 ? "no erasure was open" : `${resumed} erasures finished`}; ${dueValues} values were due and are deleted`
    return void (await output.data(flags.json === true ? jsonLine(report) : `${text}\n`))
  }
  if (argument === undefined) throw new UsageError("<subject> is missing: give -, and the identifier on standard input")
  if (flags.reason === undefined) throw new UsageError(`--reason is missing: one of ${ERASURE_REASONS.join(", ")}`)
  const { reason, requestId } = flags
  const subject = await readSubject(argument)
  const policy = loadPolicy(flags.policy)
  const asked = { logDir: root.path, subject, reason, policy, ...(requestId === undefined ? {} : { requestId }) }
  const report = await asUsage(eraseSubject(asked))
  await output.data(flags.json === true ? jsonLine(report) : reportText(report, output))
  if (report.result === "pending") session.exitCode = 1
}

function reportText(
  { result, values, events, kept, erasureId, completedBy, outOfReach }: ErasureReport,
  output: Output,
): string {
  const facts: (readonly [string, string])[] = [["result", result.replace("_", " ")]]
  if (erasureId !== undefined) facts.push(["erasure", erasureId], ["deleted", `${values} values of ${events} events`])
  for (const { events: count, until, sources } of kept)
    facts.push([
      "kept",
      `${count} events, restricted ${until === null ? "while it applies" : `until ${until}`}: ${sources.join("; ")}`,
    ])
  if (completedBy !== undefined) facts.push(["recorded by", completedBy])
  const left = result === "nothing_held" ? [] : ["not reached from here:", ...outOfReach.map((copy) => `  ${copy}`)]
  return factLines(facts, output) + left.map((line) => `${line}\n`).join("")
}
