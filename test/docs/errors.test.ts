import { describe, expect, test } from "vitest"
import { AUDIT_ERROR_CODES } from "../../src/errors.ts"
import { firstCells, read, section, sources } from "./markdown.ts"

const page = read("docs/errors.md")
const code = sources("src").filter(({ path }) => path !== "src/errors.ts")

describe("docs/errors.md", () => {
  test("every code has its section, and every section its code", () => {
    const headings = [...page.matchAll(/^### (.+)$/gm)].map((match) => match[1]!)
    expect([...new Set(headings)].length).toBe(headings.length)
    expect(headings.sort()).toEqual([...AUDIT_ERROR_CODES].sort())
  })

  test.each(AUDIT_ERROR_CODES)("%s is thrown somewhere", (name) => {
    // The code is the first argument of an error, or one that a helper passes on to it.
    const thrown = code.filter(({ text }) => new RegExp(`(?:AuditError\\(\\s*|, )"${name}"`).test(text))
    expect(thrown.map(({ path }) => path)).not.toEqual([])
  })

  test("every warning of our own has its row, and every row its warning", () => {
    const given = code.flatMap(({ text }) => [
      ...text.matchAll(
        /(?:SecuremlWarning", code: |SecuremlWarning",\s+code: |warn\([^)]*?, |: )"([A-Z]+(?:_[A-Z]+)+)"/gs,
      ),
      ...text.matchAll(/^\s+"([A-Z]+(?:_[A-Z]+)+)",?$/gm),
    ])
    const names = new Set(given.map((match) => match[1]!))
    for (const name of AUDIT_ERROR_CODES) names.delete(name)
    expect(firstCells(section(page, "## Warnings"))).toEqual([...names].sort())
  })
})
