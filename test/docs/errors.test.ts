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
    const warning = code.filter(({ text }) => /SecuremlWarning|\bwarn\(/.test(text))
    const names = warning.flatMap(({ text }) => [...text.matchAll(/"([A-Z]+(?:_[A-Z]+)+)"/g)].map((match) => match[1]!))
    const known: ReadonlySet<string> = new Set(AUDIT_ERROR_CODES)
    const ours = new Set(names.filter((name) => !known.has(name) && !name.startsWith("SECUREML_")))
    expect(firstCells(section(page, "## Warnings"))).toEqual([...ours].sort())
  })
})
