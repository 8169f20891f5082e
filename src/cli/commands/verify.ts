/**
 * `secureml audit verify`: checks a whole log; the exit code says the verdict.
 * @module
 */
import { type Command, Option } from "commander"
import { type VerificationReport, type VerifyOptions, verifyAuditLog } from "../../audit.ts"
import { parseCheckpoint } from "../../proof/index.ts"
import { findLogDirectory, StateDirectory } from "../../store/index.ts"
import { type CommonFlags, jsonOption, logDirOf, logDirOption } from "../directory.ts"
import { UsageError, VERDICT_EXIT } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { Progress } from "../progress.ts"
import { readPublicKey, readTextFile } from "../public-key.ts"
import type { Session } from "../session.ts"
import { bundleText, verdictText } from "../verdict-text.ts"
import { verifyBundle } from "../verify-bundle.ts"

interface VerifyFlags extends CommonFlags {
  readonly publicKey?: string
  readonly against?: string
  readonly trustOnFirstUse?: boolean
  readonly index?: boolean
  readonly forget?: boolean
  readonly bundle?: string
}

/** Adds the command. */
export function addVerify(audit: Command, session: Session): void {
  audit
    .command("verify")
    .description(
      "Verifies a log (signature, every entry and tile, sequences, earlier checkpoints, journals), or evidence from one.",
    )
    .option("--public-key <vkey|@file>", "verifier key known from elsewhere, or a file that holds it")
    .option("--against <file>", "checkpoint kept elsewhere: the log must be an extension of it")
    .option("--index", "compare the query index with the log row by row; takes longer than all else")
    .option("--trust-on-first-use", "pin the log directory's own key when none is known yet")
    .option("--forget", "first forget the checkpoint and the key remembered for this directory")
    .addOption(
      new Option(
        "--bundle <directory>",
        "verify an evidence bundle in place of a log; --public-key is all it takes",
      ).conflicts(["against", "trustOnFirstUse", "forget", "logDir"]),
    )
    .addOption(logDirOption())
    .addOption(jsonOption("the report as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: VerifyFlags) => runVerify(flags, session))
}

const EXAMPLES = `
Exit codes: 0 intact or unsealed_tail, 10 torn_tail, 11 gap, 12 truncated, 13 rewritten, 14 corrupt,
15 wrong_key, 16 unverifiable, 17 payload_damaged; 1 it could not run, 2 wrong usage.

Examples:
  $ secureml audit verify
  $ secureml audit verify --log-dir /srv/logs --public-key @auditor/log.vkey
  $ secureml audit verify --bundle evidence --public-key @auditor/log.vkey
  $ secureml audit verify --against checkpoint-2026-11 --json | jq .findings`

async function runVerify(flags: VerifyFlags, session: Session): Promise<void> {
  const { output, environment } = session
  if (flags.bundle !== undefined) return runVerifyBundle(flags.bundle, flags, session)
  const logDir = logDirOf(flags)
  const options: VerifyOptions = {
    logDir,
    ...(flags.publicKey === undefined ? {} : { publicKey: readPublicKey(flags.publicKey) }),
    ...(flags.against === undefined ? {} : { against: readAgainst(flags.against) }),
    ...(flags.trustOnFirstUse === true ? { trustOnFirstUse: true } : {}),
    ...(flags.index === true ? { index: true } : {}),
  }
  if (flags.forget === true) forget(logDir, new StateDirectory(environment), output)
  const report = await verifyWithProgress(options, output)
  session.exitCode = VERDICT_EXIT[report.verdict]
  await output.data(flags.json === true ? jsonLine(report) : verdictText(report, output))
}

async function runVerifyBundle(directory: string, flags: VerifyFlags, session: Session): Promise<void> {
  const { output, environment } = session
  if (directory === "") throw new UsageError("--bundle must not be empty")
  const publicKey = flags.publicKey === undefined ? undefined : readPublicKey(flags.publicKey)
  const report = await verifyBundle(directory, publicKey, environment)
  session.exitCode = VERDICT_EXIT[report.verdict]
  await output.data(flags.json === true ? jsonLine(report) : bundleText(report, output))
}

/** @throws {@link AuditError} `CHECKPOINT_MALFORMED` and others of `parseCheckpoint`. */
function readAgainst(file: string): string {
  const note = readTextFile(file, "--against")
  parseCheckpoint(note)
  return note
}

function forget(logDir: string, state: StateDirectory, output: Output): void {
  const path = findLogDirectory(logDir)?.path ?? logDir
  const known = state.forget(path)
  output.note(known ? `forgot the checkpoint and the key remembered for ${path}` : `nothing was remembered for ${path}`)
}

async function verifyWithProgress(options: VerifyOptions, output: Output): Promise<VerificationReport> {
  const progress = new Progress(output)
  try {
    return await verifyAuditLog({
      ...options,
      onProgress: (entriesChecked) => progress.tell(() => `verifying: ${entriesChecked} entries checked`),
    })
  } finally {
    progress.end()
  }
}
