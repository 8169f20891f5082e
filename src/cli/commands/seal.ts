/**
 * `secureml audit seal`: seals what any process has recorded, once or again and again.
 * @module
 */
import { setTimeout as wait } from "node:timers/promises"
import type { Command } from "commander"
import type { Checkpoint } from "../../audit.ts"
import { sealLog } from "../../capture/index.ts"
import { AuditError } from "../../errors.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { escapeText } from "../escape.ts"
import { messageOf } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output } from "../output.ts"
import { type Session, untilSignal } from "../session.ts"

const INTERVAL_MS = 1_000

interface SealFlags extends CommonFlags {
  readonly watch?: boolean
}

/** Adds the command. */
export function addSeal(audit: Command, session: Session): void {
  audit
    .command("seal")
    .description("Seals everything that is recorded: it gets an index, and a signed checkpoint covers it.")
    .option("--watch", "go on about every second, until interrupted; tells of every new checkpoint")
    .addOption(logDirOption())
    .addOption(jsonOption("the checkpoint as JSON; with --watch one a line"))
    .addHelpText("after", EXAMPLES)
    .action((flags: SealFlags) => runSeal(flags, session.output))
}

const EXAMPLES = `
Needs the log's signing key. For processes that record without it, leave this running as the user who has it.

Examples:
  $ secureml audit seal
  $ secureml audit seal --watch --log-dir /srv/logs`

async function runSeal(flags: SealFlags, output: Output): Promise<void> {
  const { path: logDir } = requireLog(flags)
  const tell = async (checkpoint: Checkpoint): Promise<void> => {
    await output.data(flags.json === true ? jsonLine(checkpoint) : checkpointText(checkpoint))
    await output.flush()
  }
  const first = await sealLog({ logDir })
  await tell(first)
  if (flags.watch === true) await watch(logDir, first, tell, output)
}

async function watch(
  logDir: string,
  first: Checkpoint,
  tell: (checkpoint: Checkpoint) => Promise<void>,
  output: Output,
): Promise<void> {
  const { signal, release } = untilSignal()
  let [treeSize, complaint] = [first.treeSize, ""]
  try {
    while (!signal.aborted && !output.closed) {
      await wait(INTERVAL_MS, undefined, { signal }).catch(() => undefined)
      // Sealed once more after the signal: what was recorded up to it is covered.
      const checkpoint = await sealOrComplain(logDir, (text) => {
        if (text !== complaint) output.complain("secureml:", "yellow", text)
        complaint = text
      })
      if (checkpoint === undefined) continue
      complaint = ""
      if (checkpoint.treeSize !== treeSize) await tell(checkpoint)
      treeSize = checkpoint.treeSize
    }
  } finally {
    release()
  }
}

/** A holder of the lock that makes no progress may go on some time: that is told, and tried again. */
async function sealOrComplain(logDir: string, complain: (text: string) => void): Promise<Checkpoint | undefined> {
  try {
    return await sealLog({ logDir })
  } catch (error) {
    if (!(error instanceof AuditError) || error.code !== "SEALING_UNAVAILABLE") throw error
    complain(messageOf(error))
    return undefined
  }
}

function checkpointText({ treeSize, origin }: Checkpoint): string {
  return `sealed ${treeSize} ${treeSize === 1 ? "entry" : "entries"} of ${escapeText(origin)}\n`
}
