import { PassThrough } from "node:stream"
import type { Command } from "commander"
import { describe, expect, test } from "vitest"
import { Output } from "../output.ts"
import { createProgram } from "../program.ts"
import { newSession } from "../session.ts"
import { completionTree } from "./tree.ts"

const streams = [new PassThrough(), new PassThrough()] as unknown as [NodeJS.WriteStream, NodeJS.WriteStream]
const program = createProgram(newSession(new Output(...streams, {}), {}), "0.0.0")
const tree = completionTree(program)

function commandAt(path: string): Command {
  const names = path === "" ? [] : path.split(" ")
  return names.reduce((command, name) => command.commands.find((inner) => inner.name() === name)!, program)
}

describe("the tree of completions", () => {
  test("has every command that there is", () => {
    const audit = commandAt("audit").commands.map((command) => command.name())
    expect(audit.length).toBeGreaterThan(10)
    const paths = commandAt("audit").commands.flatMap((command) => {
      const path = `audit ${command.name()}`
      return [path, ...command.commands.map((inner) => `${path} ${inner.name()}`)]
    })
    expect(tree.map(({ path }) => path)).toEqual(["", "audit", ...paths])
    expect(tree[1]!.commands.map(({ word }) => word)).toEqual([...audit, "help"])
  })

  test.each(tree.map(({ path }) => path))("has the flags that the help of %j names", (path) => {
    const named = commandAt(path)
      .helpInformation()
      .split("\n")
      .flatMap((line) => /^ {2}(?:-\w, )?(--[a-z-]+)/.exec(line)?.[1] ?? [])
    const node = tree.find((one) => one.path === path)!
    expect(named.length).toBeGreaterThan(0)
    expect(node.flags.map(({ word }) => word).sort()).toEqual(named.sort())
  })

  test("knows which flags take a value, and the only values of some", () => {
    const list = tree.find(({ path }) => path === "audit list")!
    const flag = (word: string): unknown => list.flags.find((one) => one.word === word)
    expect(flag("--order")).toMatchObject({ takesValue: true, choices: ["asc", "desc"] })
    expect(flag("--limit")).toMatchObject({ takesValue: true, choices: [] })
    expect(flag("--json")).toMatchObject({ takesValue: false })
    expect(tree.find(({ path }) => path === "audit completion")!.choices).toEqual(["bash", "zsh", "fish"])
  })
})
