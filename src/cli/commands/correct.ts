/**
 * `secureml audit correct`: what a value of an earlier event should be.
 * @module
 */
import { type Command, Option } from "commander"
import { isRecord, parseEntry } from "../../event/index.ts"
import { CORRECTION_REASONS, type CorrectOptions, correctEvent } from "../../retention/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { asUsage, UsageError } from "../failure.ts"
import { type EventName, eventArgument, findEvent } from "../find-event.ts"
import { jsonLine } from "../json.ts"
import type { Session } from "../session.ts"
import { readInput } from "../standard-input.ts"

interface CorrectFlags extends CommonFlags, Pick<CorrectOptions, "reason" | "requestId"> {}

/** Adds the command. */
export function addCorrect(audit: Command, session: Session): void {
  audit
    .command("correct")
    .description("Records what a value of an earlier event should be. The event stays as it is.")
    .addArgument(eventArgument())
    .argument("<pointer>", "where in the entry the value is, such as /details/income")
    .argument("<value>", "-: what is right comes on standard input")
    .addOption(
      new Option("--reason <code>", "why, as a code that stays in the log")
        .choices(CORRECTION_REASONS)
        .makeOptionMandatory(),
    )
    .option("--request-id <id>", "id of the request; it stays in the log, and must not name a person")
    .addOption(logDirOption())
    .addOption(jsonOption("what was recorded as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((event: EventName, pointer: string, argument: string, flags: CorrectFlags) =>
      runCorrect(event, pointer, argument, flags, session),
    )
}

const EXAMPLES = `
On standard input is JSON: {"value": …}, and "subject" where the value is a person's. Readers show both values.

Examples:
  $ echo '{"value": 43000, "subject": "customer-17"}' | secureml audit correct 41 /details/income - --reason inaccurate`

async function runCorrect(
  event: EventName,
  pointer: string,
  argument: string,
  flags: CorrectFlags,
  { output }: Session,
): Promise<void> {
  if (argument !== "-") throw new UsageError("<value> must be -: it is read from standard input")
  const root = requireLog(flags)
  const { bytes } = await findEvent(root, event)
  const { event_id: eventId } = parseEntry(bytes)
  const { reason, requestId } = flags
  const given = { logDir: root.path, eventId, pointer, reason, ...(requestId === undefined ? {} : { requestId }) }
  const report = await asUsage(correctEvent({ ...given, ...parseInput(await readInput("JSON")) }))
  if (flags.json === true) return output.data(jsonLine(report))
  const facts = [
    ["corrected", `${report.pointer} of event ${report.corrects}`],
    ["recorded by", report.eventId],
  ] as const
  await output.data(factLines(facts, output))
}

function parseInput(text: string): Pick<CorrectOptions, "value" | "subject"> {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    throw new UsageError('standard input must be JSON, such as {"value": 43000, "subject": "customer-17"}')
  }
  const unknown = isRecord(given) ? Object.keys(given).find((key) => key !== "value" && key !== "subject") : ""
  if (!isRecord(given) || unknown !== undefined || given["value"] === undefined)
    throw new UsageError('standard input must be JSON with "value", and "subject" where it is a person\'s, and no more')
  return given as unknown as Pick<CorrectOptions, "value" | "subject">
}
