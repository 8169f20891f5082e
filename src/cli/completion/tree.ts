/**
 * What can be completed, read from the program itself: each command with its subcommands, flags and values. Pure.
 * @module
 */
import { type Command, Help } from "commander"

/** A word that can be typed, and what it is for. */
export interface Word {
  readonly word: string
  readonly description: string
}

/** A flag; `word` is its long name. */
export interface Flag extends Word {
  /** Such as "-f". */
  readonly short: string | undefined
  readonly takesValue: boolean
  /** The only values that it takes; empty where any will do. */
  readonly choices: readonly string[]
}

/** One command; `path` is what stands before its own words, such as "audit list". */
export interface Node {
  readonly path: string
  readonly commands: readonly Word[]
  readonly flags: readonly Flag[]
  /** The only values of its arguments; empty where any will do. */
  readonly choices: readonly string[]
}

/** All commands of a program, the program itself first. */
export function completionTree(program: Command): Node[] {
  return nodesOf(program, "")
}

function nodesOf(command: Command, path: string): Node[] {
  const help = new Help()
  const commands = help.visibleCommands(command)
  const flags = help.visibleOptions(command).flatMap(({ long, short, description, required, optional, argChoices }) => {
    if (long == null) return []
    return [
      {
        word: long,
        short: short ?? undefined,
        description,
        takesValue: required || optional,
        choices: argChoices ?? [],
      },
    ]
  })
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  const node = {
    path,
    commands: commands.map((inner) => ({ word: inner.name(), description: inner.description() })),
    flags,
    choices,
  }
  const inner = commands
    .filter((inside) => command.commands.includes(inside))
    .flatMap((inside) => nodesOf(inside, path === "" ? inside.name() : `${path} ${inside.name()}`))
  return [node, ...inner]
}
