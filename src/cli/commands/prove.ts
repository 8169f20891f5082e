/**
 * `secureml audit prove`: the proof that one event is in the log, for whoever does not have the log.
 * @module
 */
import * as fs from "node:fs"
import { resolve } from "node:path"
import type { Command } from "commander"
import type { SealedReceipt } from "../../audit.ts"
import { verifyProof } from "../../proof/index.ts"
import { prove } from "../../query/index.ts"
import { type CommonFlags, jsonOption, logDirOption, requireLog } from "../directory.ts"
import { UsageError } from "../failure.ts"
import { type EventName, eventArgument, findEvent } from "../find-event.ts"
import { jsonLine } from "../json.ts"
import { verifierKeyOf } from "../log-key.ts"
import type { Output } from "../output.ts"
import type { Session } from "../session.ts"

interface ProveFlags extends CommonFlags {
  readonly out?: string
  readonly entryOut?: string
}

/** Adds the command. */
export function addProve(audit: Command, session: Session): void {
  audit
    .command("prove")
    .description("Proves that one event is in the log (C2SP tlog-proof): what it holds, where it stands, who signed.")
    .addArgument(eventArgument())
    .option("--out <file>", "write the proof to a file, for example event.tlog-proof")
    .option("--entry-out <file>", "write the entry, exactly as logged, to a file")
    .addOption(logDirOption())
    .addOption(jsonOption("index, tree size, checkpoint, entry and proof as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((event: EventName, flags: ProveFlags) => runProve(event, flags, session.output))
}

const EXAMPLES = `
The proof and the entry together verify with secureml/verify and with other tools for C2SP logs,
by a verifier key that the reader got from somewhere else than the log.

Examples:
  $ secureml audit prove 41 --out event.tlog-proof --entry-out event.json
  $ secureml audit prove 019ab38e-5ef3-7000-8000-2f9d6d1c0a55 --json`

async function runProve(event: EventName, flags: ProveFlags, output: Output): Promise<void> {
  const { out, entryOut, json = false } = flags
  if (out !== undefined && entryOut !== undefined && resolve(out) === resolve(entryOut)) {
    throw new UsageError("--out and --entry-out name the same file")
  }
  const root = requireLog(flags)
  const receipt = await prove({ logDir: root.path, eventId: event })
  const { bytes } = await findEvent(root, receipt.index)
  const verifierKey = await verifierKeyOf(root)
  // A proof that does not verify is never given out: it would be read as evidence.
  if (verifierKey !== undefined) await verifyProof(receipt.proof, bytes, verifierKey)
  if (out !== undefined) writeFile("--out", out, receipt.proof)
  if (entryOut !== undefined) writeFile("--entry-out", entryOut, bytes)
  if (json) await output.data(jsonLine(receipt))
  else if (out === undefined) await output.data(receipt.proof)
  tell(receipt, flags, verifierKey, output)
}

/** Files that prove writes are readable by this user alone, those that were there before too. */
function writeFile(flag: string, file: string, data: string | Uint8Array): void {
  try {
    const fd = fs.openSync(file, "w", 0o600)
    try {
      if (fs.fstatSync(fd).isFile()) fs.fchmodSync(fd, 0o600)
      fs.writeFileSync(fd, data)
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error)
    throw new Error(`${flag}: ${resolve(file)} cannot be written (${reason})`, { cause: error })
  }
}

function tell(
  { index, treeSize }: SealedReceipt,
  { out, entryOut }: ProveFlags,
  verifierKey: string | undefined,
  output: Output,
): void {
  const [proofFile, entryFile] = [out ?? "event.tlog-proof", entryOut ?? "event.json"]
  const call = `verifyProof(fs.readFileSync(${quoted(proofFile)}, "utf8"), fs.readFileSync(${quoted(entryFile)}), ${quoted(verifierKey ?? "<verifier key>")})`
  output.note(
    `entry ${index} is in the tree of ${treeSize} entries. To check it, with the key from a source you trust:`,
  )
  output.note(
    `  node -e ${shellQuoted(`import("secureml/verify").then(async ({ verifyProof }) => console.log(await ${call}))`)}`,
  )
  if (out === undefined || entryOut === undefined)
    output.note("--out and --entry-out write the two files that this reads")
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
