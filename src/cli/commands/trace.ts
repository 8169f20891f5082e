/**
 * `secureml audit trace`: what a decision rests on, as far as the log says.
 * @module
 */
import type { Command } from "commander"
import { traceOf } from "../../query/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { type EventName, eventArgument } from "../find-event.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"
import { notShown, traceText } from "../trace-text.ts"

/** Adds the command. */
export function addTrace(audit: Command, session: Session): void {
  audit
    .command("trace")
    .description(
      "Traces a decision: which version of which model, trained on which data for what purpose, and who approved it.",
    )
    .addArgument(eventArgument())
    .addOption(logDirOption())
    .addOption(jsonOption("the trace as JSON, each link with its record"))
    .addHelpText("after", EXAMPLES)
    .action((event: EventName, flags: CommonFlags) => runTrace(event, flags, session.output))
}

const EXAMPLES = `
Each line is an event: its index, its time, what it says, how certain it is that it belongs there, and by which fields.
What the log does not say is listed as missing.

Examples:
  $ secureml audit trace 41
  $ secureml audit trace 019ab38e-5ef3-7000-8000-2f9d6d1c0a55 --json | jq .missing`

async function runTrace(event: EventName, flags: CommonFlags, output: Output): Promise<void> {
  const trace = await traceOf(requireLog(flags).path, event)
  if (flags.json === true) return output.data(jsonLine(trace))
  await output.data(traceText(trace, output))
  const more = notShown(trace)
  if (more > 0) output.note(`${more} more events are not shown; --json has them`)
}
