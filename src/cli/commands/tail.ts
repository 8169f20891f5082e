/**
 * `secureml audit tail`: the newest records, and with `-f` those that any process records from now on.
 * @module
 */
import { setTimeout as wait } from "node:timers/promises"
import { type Command, Option } from "commander"
import { compileFilter } from "../../query/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { Follower } from "../follow.ts"
import type { Output } from "../output.ts"
import { addQueryFlags, type QueryFlags, queryOf, wholeNumberFrom } from "../query-flags.ts"
import { TYPICAL_CELLS } from "../record-row.ts"
import { RecordWriter } from "../record-writer.ts"
import { type Session, untilSignal } from "../session.ts"

const POLL_MS = 250
const DEFAULT_RECORDS = 10

interface TailFlags extends CommonFlags, QueryFlags {
  readonly follow?: boolean
  readonly lines: number
}

/** Adds the command. */
export function addTail(audit: Command, session: Session): void {
  const tail = audit
    .command("tail")
    .description("Shows the newest records that match, those not sealed yet included.")
    .option("-f, --follow", "go on with what any process records, until interrupted; each record once")
    .addOption(
      new Option("-n, --lines <number>", "how many to begin with")
        .argParser(wholeNumberFrom(0))
        .default(DEFAULT_RECORDS),
    )
    .addOption(logDirOption())
    .addOption(jsonOption("one record a line, as JSON"))
  addQueryFlags(tail)
    .addHelpText("after", EXAMPLES)
    .action((flags: TailFlags) => runTail(flags, session.output))
}

const EXAMPLES = `
A record without an index is recorded and not sealed yet.

Examples:
  $ secureml audit tail -n 20
  $ secureml audit tail -f --event-type error
  $ secureml audit tail -f -n 0 --json | jq --unbuffered .event_type`

async function runTail(flags: TailFlags, output: Output): Promise<void> {
  const follower = new Follower(requireLog(flags), compileFilter(queryOf(flags, Date.now())).test)
  const writer = new RecordWriter(output, {
    json: flags.json === true,
    ...(flags.follow === true ? { typical: TYPICAL_CELLS } : {}),
  })
  const { signal, release } = untilSignal()
  try {
    do {
      for (const record of await follower.news(flags.lines)) await writer.write(record)
      await writer.flush()
    } while (flags.follow === true && !output.closed && (await pause(signal)))
  } finally {
    release()
  }
}

/** False once a signal asked to stop. */
async function pause(signal: AbortSignal): Promise<boolean> {
  await wait(POLL_MS, undefined, { signal }).catch(() => undefined)
  return !signal.aborted
}
