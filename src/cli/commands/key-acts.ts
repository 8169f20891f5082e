/**
 * `secureml audit key rotate`, `revoke` and `succeed`: another key takes over, because it is time, because the one in use
 * was stolen, or because it is lost.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander"
import { finishRotation, type KeyReport, revokeKey, rotateKey, succeedKey } from "../../capture/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { factLines } from "../facts.ts"
import { UsageError } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"

interface RotateFlags extends CommonFlags {
  readonly finish?: boolean
  readonly reason?: string
}
interface SucceedFlags extends CommonFlags {
  readonly reason: string
}
interface RevokeFlags extends CommonFlags {
  readonly fromIndex: number
  readonly reason: string
}

/** Adds the commands. */
export function addKeyActs(key: Command, { output }: Session): void {
  key
    .command("rotate")
    .description("Has a new signing key take over; both keys sign until --finish.")
    .option("--finish", "end it: the old key signs no more, and is removed here")
    .option("--reason <text>", "why, for the record")
    .addOption(logDirOption())
    .addOption(jsonOption("what was done as JSON"))
    .addHelpText("after", ROTATE_EXAMPLES)
    .action((_: RotateFlags, command: Command) => runRotate(allFlags(command), output))
  key
    .command("revoke")
    .description("Declares the signing key stolen: a new one takes over at once, and the old one signs no more.")
    .addOption(
      new Option("--from-index <index>", "first entry that the thief may have written; entries from it on are in doubt")
        .argParser(indexOf)
        .makeOptionMandatory(),
    )
    .requiredOption("--reason <text>", "why, for the record; auditors will read it")
    .addOption(logDirOption())
    .addOption(jsonOption("what was done as JSON"))
    .addHelpText("after", REVOKE_EXAMPLES)
    .action((_: RevokeFlags, command: Command) => runRevoke(allFlags(command), output))
  key
    .command("succeed")
    .description("Sets a log aside whose signing key is lost, and goes on in a successor with a key of its own.")
    .requiredOption("--reason <text>", "why, for the record; auditors will read it")
    .addOption(logDirOption())
    .addOption(jsonOption("what was done as JSON"))
    .addHelpText("after", SUCCEED_EXAMPLES)
    .action((_: SucceedFlags, command: Command) => runSucceed(allFlags(command), output))
}

const ROTATE_EXAMPLES = `
Those who know the old key follow by themselves: the old key signs a statement that names the new one. Finish once
everybody who checks the log by other tools has the new key.

Examples:
  $ secureml audit key rotate --reason "yearly"
  $ secureml audit key rotate --finish`

const REVOKE_EXAMPLES = `
Nobody follows to the new key by themselves, since a thief could have done the same: give it to those who verify.

Examples:
  $ secureml audit key revoke --from-index 48112 --reason "backup of the state directory was stolen on 2026-11-20"`

const SUCCEED_EXAMPLES = `
Nothing can prove that the successor is the log's own: those who verify must accept its key themselves. A key that was
stolen and is still here is revoked; one that may come back from a backup is worth waiting for.

Examples:
  $ secureml audit key succeed --reason "the volume with the state directory was deleted on 2026-11-20"`

/** Commander gives flags that `key` has as well to `key`, wherever they stand. */
export function allFlags<T extends CommonFlags>(command: Command): T {
  return command.optsWithGlobals()
}

async function runRotate(flags: RotateFlags, output: Output): Promise<void> {
  const { finish = false, reason, json } = flags
  if (reason?.trim() === "") throw new UsageError("--reason must not be empty")
  const options = { logDir: requireLog(flags).path, ...(reason === undefined ? {} : { reason }) }
  const report = await (finish ? finishRotation(options) : rotateKey(options))
  if (json === true) return output.data(jsonLine(report))
  await output.data(factLines(factsOf(report), output))
  output.note(
    finish
      ? "The old key signs no more. It is removed here; remove it from backups, too."
      : "Both keys sign from now on. Give the new one to those who verify, then run secureml audit key rotate --finish.",
  )
}

async function runRevoke(flags: RevokeFlags, output: Output): Promise<void> {
  const { fromIndex, reason, json } = flags
  if (reason.trim() === "") throw new UsageError("--reason must say why the key is revoked")
  const report = await named(revokeKey({ logDir: requireLog(flags).path, fromIndex, reason }))
  if (json === true) return output.data(jsonLine(report))
  await output.data(factLines(factsOf(report), output))
  output.note(
    "The old key signs no more. Give the new one to those who verify, by a way that the thief does not control: they must pin it themselves.",
  )
}

async function runSucceed(flags: SucceedFlags, output: Output): Promise<void> {
  const { reason, json } = flags
  if (reason.trim() === "") throw new UsageError("--reason must say why the log goes on under another key")
  const report = await succeedKey({ logDir: requireLog(flags).path, reason })
  if (json === true) return output.data(jsonLine(report))
  const { origin, verifierKey, formerOrigin, predecessor, checkpoint } = report
  const facts: [string, string][] = [
    ["origin", origin],
    ["verifier key", verifierKey],
    ["in place of", formerOrigin],
    ["set aside", predecessor],
    ["entries", `${checkpoint.treeSize} sealed`],
  ]
  await output.data(factLines(facts, output))
  output.note("Give the new key to those who verify: they must accept it themselves.")
}

async function named(report: Promise<KeyReport>): Promise<KeyReport> {
  try {
    return await report
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--from-index: ${error.message}`, { cause: error })
    throw error
  }
}

function factsOf({ kind, origin, verifierKey, formerKeys, checkpoint, resumed }: KeyReport): [string, string][] {
  const facts: [string, string][] = [
    ["origin", origin],
    ["verifier key", verifierKey],
    ...formerKeys.map((key): [string, string] => [kind === "rotate" ? "takes over from" : "signs no more", key]),
    ["entries", `${checkpoint.treeSize} sealed`],
  ]
  if (resumed) facts.push(["note", "an attempt that had been cut off was finished"])
  return facts
}

function indexOf(text: string): number {
  const index = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(index)) return index
  throw new InvalidArgumentError("It must be an index, a whole number from 0.")
}
