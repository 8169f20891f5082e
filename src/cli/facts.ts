/**
 * Facts as lines: a name, then what there is to say. Pure.
 * @module
 */
import { escapeText } from "./escape.ts"
import type { Output } from "./output.ts"

/** Lines of names and texts, with the texts one below the other. */
export function factLines(facts: readonly (readonly [string, string])[], output: Output): string {
  const widest = Math.max(...facts.map(([name]) => name.length))
  return facts.map(([name, text]) => `${output.styled("dim", name.padEnd(widest))}  ${escapeText(text)}\n`).join("")
}
