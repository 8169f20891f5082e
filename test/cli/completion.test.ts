import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { beforeEach, describe, expect, test } from "vitest"
import { FORBIDDEN } from "./logs.ts"
import { useCli } from "./run.ts"

const { place, audit, shell } = useCli()

function has(name: string): boolean {
  return spawnSync(name, ["-c", "true"], { stdio: "ignore" }).status === 0
}

const [HAS_BASH, HAS_ZSH, HAS_FISH] = [has("bash"), has("zsh"), has("fish")]
const needs = (name: string, there: boolean): string => (there ? "" : ` (skipped: ${name} is not here)`)
let script = ""
beforeEach(() => {
  script = `${place.directory}/completion`
})

/** Writes the script for a shell. */
async function scriptFor(name: string): Promise<void> {
  const { code, stdout, stderr } = await audit("completion", name)
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  fs.writeFileSync(script, stdout)
}

/** Lines and what completes them; the words in order of the alphabet. */
const LINES: readonly (readonly [string, readonly string[]])[] = [
  ["secureml ", ["audit", "help"]],
  ["secureml au", ["audit"]],
  ["secureml audit rec", ["recover"]],
  ["secureml audit list --or", ["--order"]],
  ["secureml audit list --order ", ["asc", "desc"]],
  ["secureml audit list --json --order d", ["desc"]],
  ["secureml audit import --dry-run --from ", ["jsonl", "python-secureml"]],
  ["secureml audit completion ", ["bash", "fish", "zsh"]],
  ["secureml audit completion z", ["zsh"]],
  ["secureml audit tail --f", ["--follow"]],
  ["secureml audit list --nothing-like", []],
]

describe("completion", () => {
  test.each([
    [["completion"], "shell"],
    [["completion", "tcsh"], "bash, zsh, fish"],
    [["completion", "\u001b[31m"], "bash, zsh, fish"],
  ])("%j is wrong usage that names what there is", async (args, named) => {
    const { code, stdout, stderr } = await audit(...args)
    expect({ code, stdout, found: FORBIDDEN.exec(stderr) }).toEqual({ code: 2, stdout: "", found: null })
    expect(stderr).toContain(named)
  })

  test.skipIf(!HAS_BASH)(`bash completes commands, flags and values${needs("bash", HAS_BASH)}`, async () => {
    await scriptFor("bash")
    const tries = LINES.map(([line]) => {
      const words = line.split(" ").map((word) => `"${word}"`)
      return `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _secureml; echo "\${COMPREPLY[@]}"`
    })
    const { stdout, stderr } = await shell(`source ${script}; ${tries.join("; ")}`)
    expect(stderr).toBe("")
    const found = stdout.split("\n").map((row) => row.split(" ").filter((word) => word !== ""))
    for (const [n, [line, expected]] of LINES.entries()) {
      // Flags of a command are offered beside its fixed words.
      const offered = line.endsWith(" ") ? found[n]!.filter((word) => !word.startsWith("--")) : found[n]!
      expect({ line, offered: offered.sort() }).toEqual({ line, offered: expected })
    }
  })

  test.skipIf(!HAS_BASH)(
    `bash falls back to names of files where anything may stand${needs("bash", HAS_BASH)}`,
    async () => {
      await scriptFor("bash")
      const { stdout } = await shell(
        `source ${script}; COMP_WORDS=(secureml audit list --log-dir ""); COMP_CWORD=4; _secureml; echo "\${#COMPREPLY[@]}"; complete -p secureml`,
      )
      expect(stdout).toBe("0\ncomplete -o bashdefault -o default -F _secureml secureml\n")
    },
  )

  test.skipIf(!HAS_FISH)(`fish completes commands, flags and values${needs("fish", HAS_FISH)}`, async () => {
    await scriptFor("fish")
    const tries = LINES.map(([line]) => `complete -C '${line}'; echo --------`)
    const { stdout, stderr } = await shell(`fish --no-config -c "source ${script}; ${tries.join("; ")}"`)
    expect(stderr).toBe("")
    for (const [n, answer] of stdout.split("--------\n").slice(0, -1).entries()) {
      const [line, expected] = LINES[n]!
      const offered = answer.split("\n").flatMap((row) => row.split("\t")[0] || [])
      expect({ line, offered: offered.sort() }).toEqual({ line, offered: expected })
    }
  })

  const UNIQUE = [
    ["secureml au", "secureml audit "],
    ["secureml audit lis", "secureml audit list "],
    ["secureml audit list --or", "secureml audit list --order "],
    ["secureml audit list --order d", "secureml audit list --order desc "],
    ["secureml audit import --from j", "secureml audit import --from jsonl "],
    ["secureml audit completion z", "secureml audit completion zsh "],
    ["secureml audit import some-di", "secureml audit import some-directory/"],
    ["secureml audit list --log-dir some-di", "secureml audit list --log-dir some-directory/"],
  ]
  test.skipIf(!HAS_ZSH)(`zsh completes what is typed${needs("zsh", HAS_ZSH)}`, async () => {
    await scriptFor("zsh")
    fs.mkdirSync(`${place.directory}/some-directory`)
    fs.writeFileSync(`${place.directory}/type.zsh`, TYPE_IN_ZSH)
    const { stdout } = await shell(
      `timeout 25 zsh -f type.zsh ${script} ${UNIQUE.map(([line]) => `'${line}'`).join(" ")}`,
    )
    expect([...stdout.matchAll(/<<(.*?)>>/g)].map(([, line]) => line)).toEqual(UNIQUE.map(([, line]) => line))
  })
})

/** Types lines with a tab behind them into an interactive zsh, and prints each as it is then. */
const TYPE_IN_ZSH = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1='> '; autoload -Uz compinit; compinit -u -D; source $1; report() { print -r -- \\"<<\\$BUFFER>>\\"; BUFFER= }; zle -N report; bindkey '^X' report; bindkey '^I' complete-word; print READ''Y"
shift
zpty -r -m z out '*READY*'
for line in "$@"; do
  zpty -w -n z "$line"$'\\t\\x18'
  zpty -r -m z out '*<<*>>*'
  print -r -- "$out"
done
zpty -d z
`
