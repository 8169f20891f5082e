/**
 * `secureml audit redact`: the last resort. One entry is blanked where it stands; its leaf hash and all proofs stay.
 * @module
 */
import type { Command } from "commander"
import { type RedactReport, redactEntry } from "../../retention/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { namingFlag, UsageError } from "../failure.ts"
import { type EventName, eventArgument } from "../find-event.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"

interface RedactFlags extends CommonFlags {
  readonly reason: string
}

/** Adds the command. */
export function addRedact(audit: Command, session: Session): void {
  audit
    .command("redact")
    .description("Blanks one entry for good, in every copy that the log keeps. A last resort: the entry is lost.")
    .addArgument(eventArgument())
    .requiredOption("--reason <text>", "why; it stays in the log for everyone to read, so it must not repeat what goes")
    .addOption(logDirOption())
    .addOption(jsonOption("the report as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((event: EventName, flags: RedactFlags) => runRedact(event, flags, session.output))
}

const EXAMPLES = `
An event of the log says that it was done, by whom and why. The entry's hash stays, and every proof of other entries.
Verify says "redacted by event N". Tools of others that hash entries report the bundle: see the guide.

Examples:
  $ secureml audit redact 17 --reason "a social security number in purpose, ticket 4711"`

async function runRedact(event: EventName, flags: RedactFlags, output: Output): Promise<void> {
  const { reason, json } = flags
  if (reason.trim() === "") throw new UsageError("--reason must say why the entry is redacted")
  const report = await namingFlag("--reason", redactEntry({ logDir: requireLog(flags).path, event, reason }))
  await output.data(json === true ? jsonLine(report) : reportText(report, output))
}

function reportText({ result, index, by, overwritten, outOfReach }: RedactReport, output: Output): string {
  const { bundles, lines, textLines, values } = overwritten
  const facts: (readonly [string, string])[] = [
    ["result", result.replace("_", " ")],
    ["entry", `${index}, redacted by event ${by}`],
  ]
  if (result === "redacted")
    facts.push([
      "overwritten",
      `${bundles} bundles, ${lines} journal lines, ${textLines} lines of text logs, ${values} values beside the log`,
    ])
  const left = ["not reached from here:", ...outOfReach.map((copy) => `  ${copy}`)]
  return factLines(facts, output) + left.map((line) => `${line}\n`).join("")
}
