/**
 * Completion scripts for shells. Each finds out at which command the line is, then offers that command's words. Where
 * anything may stand, as for files and directories, the shell's own completion of names takes over. Pure.
 * @module
 */
import type { Flag, Node, Word } from "./tree.ts"

/** Shells that there are scripts for. */
export const SHELLS = ["bash", "zsh", "fish"] as const
export type Shell = (typeof SHELLS)[number]

/** The script for a shell. */
export function completionScript(shell: Shell, name: string, tree: readonly Node[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](name, tree)
}

/** Text as one word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** Every step down the tree as a pattern: the path so far, a blank, and the next word. */
function steps(tree: readonly Node[]): string[] {
  return tree.flatMap(({ path }) => (path === "" ? [] : [path.includes(" ") ? path : ` ${path}`]))
}

/** A flag at a command, by both of its names, as patterns. */
function patternsOf({ path }: Node, { word, short }: Flag): string[] {
  return [word, short].flatMap((name) => (name === undefined ? [] : [quoted(`${path} ${name}`)]))
}

function wordsOf({ commands, flags, choices }: Node): string[] {
  return [...commands.map(({ word }) => word), ...choices, ...flags.map(({ word }) => word)]
}

/** The branches of a `case` over the command and the word before: values of flags, fixed ones or names of files. */
function valueCases(tree: readonly Node[], offer: (choices: readonly string[]) => string, anyValue: string): string {
  const flags = tree.flatMap((node) => node.flags.map((flag) => ({ flag, patterns: patternsOf(node, flag) })))
  const branch = (patterns: readonly string[], action: string): string => `    ${patterns.join("|")}) ${action} ;;\n`
  const fixed = flags.filter(({ flag }) => flag.choices.length > 0)
  const free = flags.filter(({ flag }) => flag.takesValue && flag.choices.length === 0)
  return [
    ...fixed.map(({ flag, patterns }) => branch(patterns, `${offer(flag.choices)}; return`)),
    branch(
      free.flatMap(({ patterns }) => patterns),
      anyValue,
    ),
  ].join("")
}

function bashScript(name: string, tree: readonly Node[]): string {
  const offer = (words: readonly string[]): string =>
    `COMPREPLY=($(compgen -W ${quoted(words.join(" "))} -- "$current"))`
  const nodes = tree.map((node) => `    ${quoted(node.path)}) ${offer(wordsOf(node))} ;;\n`).join("")
  return `# Completion of ${name} for bash. In ~/.bashrc: eval "$(${name} audit completion bash)"
_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" at="" n
  for ((n = 1; n < COMP_CWORD; n++)); do
    case "$at \${COMP_WORDS[n]}" in
      ${steps(tree).map(quoted).join("|")}) at="\${at:+$at }\${COMP_WORDS[n]}" ;;
    esac
  done
  COMPREPLY=()
  case "$at $previous" in
${valueCases(tree, offer, "return")}  esac
  case "$at" in
${nodes}  esac
}
complete -o bashdefault -o default -F _${name} ${name}
`
}

/** Words with what they are for, as \`_describe\` takes them. */
function described(words: readonly Word[]): string {
  return words.map(({ word, description }) => quoted(`${word.replaceAll(":", "\\:")}:${description}`)).join(" ")
}

function zshScript(name: string, tree: readonly Node[]): string {
  const offer = (choices: readonly string[]): string => `compadd -- ${choices.map(quoted).join(" ")}`
  const nodes = tree.map((node) => {
    const fixed = node.commands.length > 0 || node.choices.length > 0
    const rest = fixed ? "" : `; [[ "$current" == -* ]] || _files`
    const choices = node.choices.map((word) => ({ word, description: "" }))
    const words = [...node.commands, ...choices]
    const first = words.length === 0 ? "" : `found=(${described(words)}); _describe command found; `
    return `    ${quoted(node.path)}) ${first}found=(${described(node.flags)}); [[ "$current" == -* ]] && _describe flag found${rest} ;;\n`
  })
  return `#compdef ${name}
# Completion of ${name} for zsh. In ~/.zshrc, behind compinit: eval "$(${name} audit completion zsh)"
_${name}() {
  local current="\${words[CURRENT]}" previous="\${words[CURRENT-1]}" at="" n
  local -a found
  for ((n = 2; n < CURRENT; n++)); do
    case "$at \${words[n]}" in
      ${steps(tree).map(quoted).join("|")}) at="\${at:+$at }\${words[n]}" ;;
    esac
  done
  case "$at $previous" in
${valueCases(tree, offer, "_files; return")}  esac
  case "$at" in
${nodes.join("")}  esac
}
if [[ "\${funcstack[1]}" == "_${name}" ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`
}

/** Text in single quotes of fish, where a backslash means itself only before other characters. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
}

function fishScript(name: string, tree: readonly Node[]): string {
  const lines = tree.flatMap((node) => {
    const at = `complete -c ${name} -n ${fishQuoted(`__${name}_at ${fishQuoted(node.path)}`)}`
    const words = node.commands.map(({ word, description }) => `${at} -f -a ${word} -d ${fishQuoted(description)}`)
    const choices = node.choices.length > 0 ? [`${at} -f -a ${fishQuoted(node.choices.join(" "))}`] : []
    return [...words, ...choices, ...node.flags.map((flag) => `${at} ${fishFlag(flag)}`)]
  })
  return `# Completion of ${name} for fish. In ~/.config/fish/config.fish: ${name} audit completion fish | source
function __${name}_at
  set -l at ""
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${steps(tree).map(fishQuoted).join(" ")}
        set at (string trim "$at $word")
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`
}

function fishFlag({ word, short, takesValue, choices, description }: Flag): string {
  const names = `-l ${word.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`
  const value = choices.length > 0 ? ` -x -a ${fishQuoted(choices.join(" "))}` : takesValue ? " -r" : ""
  return `${names}${value} -d ${fishQuoted(description)}`
}
