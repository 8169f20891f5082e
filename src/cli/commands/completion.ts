/**
 * `secureml audit completion`: a script with which a shell completes commands, flags and their values.
 * @module
 */
import { Argument, type Command } from "commander"
import { completionScript, SHELLS, type Shell } from "../completion/scripts.ts"
import { completionTree } from "../completion/tree.ts"
import type { Session } from "../session.ts"

/** Adds the command. */
export function addCompletion(audit: Command, session: Session): void {
  audit
    .command("completion")
    .description("Prints a script with which a shell completes commands, flags and their values.")
    .addArgument(new Argument("<shell>", "the shell that it is for").choices(SHELLS))
    .addHelpText("after", EXAMPLES)
    .action((shell: Shell) => {
      const program = audit.parent ?? audit
      return session.output.data(completionScript(shell, program.name(), completionTree(program)))
    })
}

const EXAMPLES = `
Examples:
  $ eval "$(secureml audit completion bash)"       # in ~/.bashrc
  $ eval "$(secureml audit completion zsh)"        # in ~/.zshrc, behind compinit
  $ secureml audit completion fish | source        # in ~/.config/fish/config.fish`
