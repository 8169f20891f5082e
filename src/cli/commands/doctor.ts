/**
 * `secureml audit doctor`: looks at a log and at what is around it, and says what to do.
 * @module
 */
import type { Command } from "commander"
import { findLogDirectory } from "../../store/index.ts"
import { type CommonFlags, jsonOption, logDirOf, logDirOption } from "../directory.ts"
import { type Diagnosis, type Health, problem } from "../doctor/diagnosis.ts"
import { examine } from "../doctor/examine.ts"
import { escapeText } from "../escape.ts"
import { EXIT } from "../failure.ts"
import { jsonLine } from "../json.ts"
import type { Output, Style } from "../output.ts"
import { Progress } from "../progress.ts"
import type { Session } from "../session.ts"

/** Adds the command. */
export function addDoctor(audit: Command, session: Session): void {
  audit
    .command("doctor")
    .description("Looks at a log, its key and its surroundings, and says what to put right. Changes nothing.")
    .addOption(logDirOption())
    .addOption(jsonOption("the findings as JSON"))
    .addHelpText("after", EXAMPLES)
    .action((flags: CommonFlags) => runDoctor(flags, session))
}

const EXAMPLES = `
Exit codes: 0 no problem, 1 a problem, 2 wrong usage. A note is worth knowing and no problem.
It does not check signatures and hashes: that is verify.

Examples:
  $ secureml audit doctor
  $ secureml audit doctor --json | jq '.findings[] | select(.state != "ok")'`

async function runDoctor(flags: CommonFlags, session: Session): Promise<void> {
  const { output, environment } = session
  const logDir = logDirOf(flags)
  const root = findLogDirectory(logDir)
  const progress = new Progress(output)
  const findings =
    root === undefined
      ? [
          problem(
            "log_directory",
            `there is no log directory ${logDir}`,
            "name another with --log-dir or $SECUREML_AUDIT_DIR",
          ),
        ]
      : await examine({ root, environment, nowMs: Date.now() }, (entries) =>
          progress.tell(() => `examining: ${entries} entries read`),
        )
  progress.end()
  const count = (state: Health): number => findings.filter((finding) => finding.state === state).length
  const [problems, notes] = [count("problem"), count("note")]
  if (problems > 0) session.exitCode = EXIT.couldNotRun
  if (flags.json === true) return output.data(jsonLine({ logDir, problems, notes, findings }))
  await output.data(findingLines(findings, output))
  output.note(`${problems} ${problems === 1 ? "problem" : "problems"}, ${notes} ${notes === 1 ? "note" : "notes"}`)
}

const STYLES: Readonly<Record<Health, Style>> = { ok: "green", note: "yellow", problem: "red" }

function findingLines(findings: readonly Diagnosis[], output: Output): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const line = ({ check, state, message, advice }: Diagnosis): string => {
    const head = `${output.styled(STYLES[state], state.padEnd(7))}  ${check.padEnd(width)}  ${escapeText(message)}\n`
    return advice === undefined ? head : `${head}${" ".repeat(width + 11)}${output.styled("dim", escapeText(advice))}\n`
  }
  return findings.map(line).join("")
}
