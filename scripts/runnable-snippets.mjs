// @ts-check
/**
 * The snippets of a Markdown page that are marked as runnable, in order:
 *
 *     ```ts runnable          a module of its own, type-checked and run
 *     ```sh runnable          commands, run where the snippets before left off
 *     ```text output          right behind one of those: exactly what it prints
 *
 * Run by test/package/snippets.test.ts.
 */

/** @typedef {{ language: "ts" | "sh", line: number, code: string, output: string | undefined }} Snippet */

/**
 * @param {string} markdown
 * @returns {Snippet[]}
 */
export function runnableSnippets(markdown) {
  /** @type {Snippet[]} */
  const snippets = []
  /** @type {Snippet | undefined} */
  let before
  for (const match of markdown.matchAll(/^```(\w+) (\w+)\n(.*?)^```$/gms)) {
    const [, language, mark, code = ""] = match
    if (mark === "output" && before !== undefined) before.output = code
    if (mark !== "runnable") continue
    if (language !== "ts" && language !== "sh")
      throw new Error(`only ts and sh snippets can be runnable, not ${language}`)
    const line = markdown.slice(0, match.index).split("\n").length
    before = { language, line, code, output: undefined }
    snippets.push(before)
  }
  return snippets
}
