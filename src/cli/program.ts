/**
 * The commands, put together. One file each in commands/.
 * @module
 */
import { Command } from "commander"
import { addAssess } from "./commands/assess.ts"
import { addCompletion } from "./commands/completion.ts"
import { addCorrect } from "./commands/correct.ts"
import { addDeadlines } from "./commands/deadlines.ts"
import { addDoctor } from "./commands/doctor.ts"
import { addErase } from "./commands/erase.ts"
import { addExport } from "./commands/export.ts"
import { addHoldCommands } from "./commands/hold.ts"
import { addImport } from "./commands/import.ts"
import { addInit } from "./commands/init.ts"
import { addKey } from "./commands/key.ts"
import { addList } from "./commands/list.ts"
import { addOperations } from "./commands/operations.ts"
import { addProve } from "./commands/prove.ts"
import { addPrune } from "./commands/prune.ts"
import { addRecover } from "./commands/recover.ts"
import { addRedact } from "./commands/redact.ts"
import { addReindex } from "./commands/reindex.ts"
import { addRequests } from "./commands/requests.ts"
import { addLift, addRestrict } from "./commands/restrict.ts"
import { addSeal } from "./commands/seal.ts"
import { addSearch } from "./commands/search.ts"
import { addShow } from "./commands/show.ts"
import { addStats } from "./commands/stats.ts"
import { addSubject } from "./commands/subject.ts"
import { addTail } from "./commands/tail.ts"
import { addTrace } from "./commands/trace.ts"
import { addVerify } from "./commands/verify.ts"
import type { Session } from "./session.ts"

const COMMANDS = [
  addInit,
  addList,
  addShow,
  addTail,
  addOperations,
  addTrace,
  addSearch,
  addStats,
  addVerify,
  addProve,
  addSeal,
  addKey,
  addRecover,
  addReindex,
  addPrune,
  addRedact,
  addHoldCommands,
  addImport,
  addExport,
  addSubject,
  addErase,
  addRestrict,
  addLift,
  addCorrect,
  addAssess,
  addDeadlines,
  addRequests,
  addDoctor,
  addCompletion,
]

/** The program of one run. Parsing rejects with commander's own error when the usage is wrong, once that was told. */
export function createProgram(session: Session, version: string): Command {
  const { output } = session
  const program = new Command("secureml")
    .description("The audit trail for machine learning that anyone can verify.")
    .version(version, "-V, --version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void output.data(text),
      writeErr: (text) => output.note(text.trimEnd()),
      // What was typed comes back in the message, so it is escaped like everything else.
      outputError: (text) => output.complain("secureml:", "red", text.trimEnd().replace(/^error: /, "")),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
  const audit = program.command("audit").description("Records, verification, proofs, sealing and keys of an audit log.")
  audit.addHelpText("after", '\nRun "secureml audit <command> --help" for the flags of a command and examples.')
  for (const add of COMMANDS) add(audit, session)
  for (const command of audit.commands)
    command.showHelpAfterError(`(secureml audit ${command.name()} --help says more)`)
  return program
}
