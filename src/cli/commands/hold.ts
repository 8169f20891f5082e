/**
 * `secureml audit hold`: what may not be pruned, whatever the policy says.
 * @module
 */
import type { Command } from "commander"
import { addHold, type Hold, type HoldScope, listHolds, releaseHold } from "../../retention/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { asUsage } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"
import { readSubject } from "../standard-input.ts"

interface GroundFlags extends CommonFlags {
  readonly reason: string
  readonly authority: string
}
interface AddFlags extends GroundFlags, HoldScope {}
interface ListFlags extends CommonFlags {
  readonly all?: boolean
}

/** Adds the commands. */
export function addHoldCommands(audit: Command, session: Session): void {
  const { output } = session
  const hold = audit.command("hold").description("Keeps entries from being pruned: adds, lists and releases holds.")
  const add = hold.command("add").description("Adds a hold; entries that fit all that is given are not pruned.")
  add
    .option("--request-id <id>", "of a request")
    .option("--operation-id <id>", "of an operation")
    .option("--operation-name <name>", "of all operations of this name")
    .option("--model-id <id>", "of a model")
    .option("--subject <->", "-: with values of the person whose identifier comes on standard input")
    .option("--from <time>", "not before; ISO 8601")
    .option("--to <time>", "not after; ISO 8601")
  withGrounds(add, "what was added as JSON").action((flags: AddFlags) => runAdd(flags, output))
  hold
    .command("list")
    .description("Lists the holds in force.")
    .option("--all", "those that were released, too")
    .addOption(logDirOption())
    .addOption(jsonOption("the holds as a JSON array"))
    .action((flags: ListFlags) => runList(flags, output))
  const release = hold.command("release").description("Ends a hold.").argument("<hold>", "its id, as list shows it")
  withGrounds(release, "the hold as JSON").action((id: string, flags: GroundFlags) => runRelease(id, flags, output))
  hold.addHelpText("after", EXAMPLES)
}

const EXAMPLES = `
A hold is an event of the log, and so is its release. Do not put a person's identifier into a reason: it cannot be taken
out again.

Examples:
  $ secureml audit hold add --model-id credit-7 --reason litigation --authority "LG Berlin, 3 O 12/26"
  $ secureml audit hold list
  $ secureml audit hold release 019ac2f0-… --reason "settled" --authority "legal department"`

function withGrounds(command: Command, json: string): Command {
  return command
    .requiredOption("--reason <text>", "why, for the record")
    .requiredOption("--authority <text>", "on whose order")
    .addOption(logDirOption())
    .addOption(jsonOption(json))
}

async function runAdd(flags: AddFlags, output: Output): Promise<void> {
  const { requestId, operationId, operationName, modelId, from, to, reason, authority } = flags
  const subject = flags.subject === undefined ? undefined : await readSubject(flags.subject)
  const given = Object.entries({ requestId, operationId, operationName, modelId, subject, from, to })
  const scope: HoldScope = Object.fromEntries(given.filter(([, value]) => value !== undefined))
  await tell(await asUsage(addHold({ logDir: requireLog(flags).path, scope, reason, authority })), flags, output)
}

async function runList(flags: ListFlags, output: Output): Promise<void> {
  const holds = (await listHolds({ logDir: requireLog(flags).path })).filter(
    ({ released }) => flags.all === true || released === undefined,
  )
  if (flags.json === true) return output.data(jsonLine(holds))
  if (holds.length === 0) output.note("no hold is in force")
  for (const [n, hold] of holds.entries())
    await output.data(`${n === 0 ? "" : "\n"}${factLines(factsOf(hold), output)}`)
}

async function runRelease(id: string, flags: GroundFlags, output: Output): Promise<void> {
  const { reason, authority } = flags
  await tell(await asUsage(releaseHold({ logDir: requireLog(flags).path, hold: id, reason, authority })), flags, output)
}

async function tell(hold: Hold, { json }: CommonFlags, output: Output): Promise<void> {
  await output.data(json === true ? jsonLine(hold) : factLines(factsOf(hold), output))
}

function factsOf({ id, scope, isOfPerson, reason, authority, addedAt, released }: Hold): (readonly [string, string])[] {
  const facts: (readonly [string, string])[] = [["hold", id]]
  for (const [name, value] of Object.entries(scope)) facts.push([name, String(value)])
  if (isOfPerson === true && scope.subject === undefined)
    facts.push(["subject", "cannot be read here: holds everything"])
  facts.push(["reason", reason], ["authority", authority], ["added", addedAt])
  if (released !== undefined) facts.push(["released", `${released.at}: ${released.reason} (${released.authority})`])
  return facts
}
