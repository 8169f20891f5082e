/**
 * `secureml audit init`: sets a log up before its first event.
 * @module
 */
import type { Command } from "commander"
import { initLog } from "../../capture/index.ts"
import { type CommonFlags, jsonOption, logDirOf, logDirOption } from "../directory.ts"
import { factLines } from "../facts.ts"
import { namingFlag } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"

interface InitFlags extends CommonFlags {
  readonly group?: string
}

/** Adds the command. */
export function addInit(audit: Command, session: Session): void {
  audit
    .command("init")
    .description("Sets a log up: directory, signing key, a signed checkpoint. Does no harm where there is one.")
    .option("--group <name|gid>", "let the members of one group record and read; nobody else ever")
    .addOption(logDirOption())
    .addOption(jsonOption("origin, verifier key and directory as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: InitFlags) => runInit(flags, session.output))
}

const EXAMPLES = `
Not needed before recording: the first seal does the same. The origin is $SECUREML_ORIGIN, else a random one.
The signing key goes to $SECUREML_SIGNING_KEY_FILE, else to the state directory ($SECUREML_STATE_DIR).

Examples:
  $ secureml audit init
  $ secureml audit init --log-dir /srv/logs --group audit`

async function runInit(flags: InitFlags, output: Output): Promise<void> {
  const { json, group } = flags
  const identity = await namingFlag(
    "--group",
    initLog({ logDir: logDirOf(flags), ...(group === undefined ? {} : { group }) }),
  )
  if (json === true) return output.data(jsonLine(identity))
  const { logDir, origin, verifierKey, created } = identity
  await output.data(
    factLines(
      [
        ["log", logDir],
        ["origin", origin],
        ["verifier key", verifierKey],
      ],
      output,
    ),
  )
  output.note(
    created
      ? "The log is set up. Keep its verifier key elsewhere too, and give it to those who will verify."
      : "There was a log already; nothing was changed but that everything recorded is sealed.",
  )
}
