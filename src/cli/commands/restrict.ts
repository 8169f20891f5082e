/**
 * `secureml audit restrict` and `lift`: a person's values are not to be used, until they are again.
 * @module
 */
import { type Command, Option } from "commander"
import {
  LIFT_REASONS,
  type LiftOptions,
  liftRestriction,
  RESTRICTION_GROUNDS,
  type RestrictionReport,
  type RestrictOptions,
  restrictSubject,
} from "../../retention/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { asUsage } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Session } from "../session.ts"
import { readSubject } from "../standard-input.ts"

interface RestrictFlags extends CommonFlags, Pick<RestrictOptions, "ground" | "requestId"> {}
interface LiftFlags extends CommonFlags, Pick<LiftOptions, "reason" | "requestId" | "notifiedAt"> {}

/** Adds the first. */
export function addRestrict(audit: Command, session: Session): void {
  withSubject(audit.command("restrict"))
    .description(
      "Restricts the use of a person's values: readers do not get them. The identifier is on standard input.",
    )
    .addOption(
      new Option("--ground <code>", "why, as a code that stays in the log")
        .choices(RESTRICTION_GROUNDS)
        .makeOptionMandatory(),
    )
    .addHelpText("after", EXAMPLES)
    .action((argument: string, flags: RestrictFlags) => {
      const { ground, requestId } = flags
      const given = { ground, ...(requestId === undefined ? {} : { requestId }) }
      return run(argument, flags, session, (who) => restrictSubject({ ...who, ...given }))
    })
}

/** Adds the second. */
export function addLift(audit: Command, session: Session): void {
  withSubject(audit.command("lift"))
    .description("Lifts the restrictions of a person. The identifier is on standard input.")
    .addOption(
      new Option("--reason <code>", "why, as a code that stays in the log").choices(LIFT_REASONS).makeOptionMandatory(),
    )
    .option("--notified-at <time>", "when the person was told, which has to come first; ISO 8601")
    .addHelpText("after", EXAMPLES)
    .action((argument: string, flags: LiftFlags) => {
      const { reason, requestId, notifiedAt } = flags
      const given = {
        reason,
        ...(requestId === undefined ? {} : { requestId }),
        ...(notifiedAt === undefined ? {} : { notifiedAt }),
      }
      return run(argument, flags, session, (who) => liftRestriction({ ...who, ...given }))
    })
}

const EXAMPLES = `
Values that are restricted stay where they are; \`secureml audit subject -\` still shows them, for the person.

Examples:
  $ printf %s customer-17 | secureml audit restrict - --ground accuracy_contested --request-id r-205
  $ printf %s customer-17 | secureml audit lift - --reason accuracy_verified --notified-at 2026-11-24T10:00:00Z`

function withSubject(command: Command): Command {
  return command
    .argument("<subject>", "-: the identifier comes on standard input")
    .option("--request-id <id>", "id of the request; it stays in the log, and must not name the person")
    .addOption(logDirOption())
    .addOption(jsonOption("the report as JSON"))
}

async function run(
  argument: string,
  flags: CommonFlags,
  { output }: Session,
  work: (who: { readonly logDir: string; readonly subject: string }) => Promise<RestrictionReport>,
): Promise<void> {
  const root = requireLog(flags)
  const subject = await readSubject(argument)
  const report = await asUsage(work({ logDir: root.path, subject }))
  if (flags.json === true) return output.data(jsonLine(report))
  const { result, events, restrictionIds, recordedBy } = report
  const facts = [
    ["result", result.replace("_", " ")],
    ["held", `values in ${events} events`],
    ...restrictionIds.map((id) => ["restriction", id] as const),
    ...recordedBy.map((id) => ["recorded by", id] as const),
  ] as const
  await output.data(factLines(facts, output))
}
