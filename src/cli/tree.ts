/**
 * A tree as lines of text. Pure.
 * @module
 */

/** A line, and what hangs on it. The text must be escaped. */
export interface Branch {
  readonly text: string
  readonly branches?: readonly Branch[]
}

/**
 * Lines of branches that hang on the line before them.
 *
 * @example
 * ```ts
 * treeLines([{ text: "a", branches: [{ text: "b" }] }, { text: "c" }]) // ["├─ a", "│  └─ b", "└─ c"]
 * ```
 */
export function treeLines(branches: readonly Branch[]): string[] {
  return branches.flatMap(({ text, branches: below = [] }, n) => {
    const [corner, bar] = n === branches.length - 1 ? ["└─ ", "   "] : ["├─ ", "│  "]
    return [corner + text, ...treeLines(below).map((line) => bar + line)]
  })
}
