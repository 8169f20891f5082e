/**
 * What the commands about regulations share: their flags, and the assessment that they run. The regulations are loaded when
 * a command asks for them, and nothing else of the program waits for that.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander"
import type { AssessmentReport, Profile } from "../compliance.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "./directory.ts"
import { UsageError } from "./failure.ts"
import { readPublicKey, readTextFile } from "./public-key.ts"

/** Flags of every command about regulations. */
export interface AssessmentFlags extends CommonFlags {
  readonly regulation: readonly string[]
  readonly profile?: string
  readonly catalogue?: readonly string[]
  readonly asOf?: string
  readonly publicKey?: string
}

/** A profile that says nothing: what it would have to say is asked for. */
const NO_PROFILE: Profile = { v: 1, id: "none" }

/** Adds the flags. */
export function addAssessmentFlags(command: Command, json: string): Command {
  return command
    .addOption(
      new Option("--regulation <name>", "GDPR, HIPAA, CCPA, EU AI Act, or that of a --catalogue; may be given again")
        .argParser(collected)
        .makeOptionMandatory(),
    )
    .option("--profile <file>", "who assesses, and what a log cannot say (JSON, see docs/guides/compliance.md)")
    .addOption(
      new Option("--catalogue <file>", "a catalogue of your own, in the place of ours; may be given again").argParser(
        collected,
      ),
    )
    .option("--as-of <time>", "read the clocks then, and leave out what was recorded later (default: now)")
    .option("--public-key <vkey|@file>", "verifier key known from elsewhere, or a file that holds it")
    .addOption(logDirOption())
    .addOption(jsonOption(json))
}

function collected(name: string, before: readonly string[] | undefined): readonly string[] {
  if (name === "") throw new InvalidArgumentError("It must not be empty.")
  return [...(before ?? []), name]
}

/** Runs an assessment. @throws {@link UsageError} for a time that is none; else as `assessCompliance`. */
export async function runAssessment(
  flags: AssessmentFlags,
  window?: { readonly from?: string; readonly to?: string },
): Promise<AssessmentReport> {
  const { path: logDir } = requireLog(flags)
  const { assessCompliance, parseCatalogue } = await import("../compliance.ts")
  const catalogues = (flags.catalogue ?? []).map((file) => parseCatalogue(readJson(file, "--catalogue")))
  const profile = flags.profile === undefined ? NO_PROFILE : (readJson(flags.profile, "--profile") as Profile)
  try {
    return await assessCompliance({
      logDir,
      regulations: flags.regulation,
      profile,
      catalogues,
      ...(flags.asOf === undefined ? {} : { asOf: flags.asOf }),
      ...(window === undefined ? {} : { window }),
      ...(flags.publicKey === undefined ? {} : { publicKey: readPublicKey(flags.publicKey) }),
    })
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}

function readJson(file: string, flag: string): unknown {
  const text = readTextFile(file, flag)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${flag}: ${file} is no JSON`, { cause: error })
  }
}
