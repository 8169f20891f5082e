import { describe, expect, test } from "vitest"
import { VERDICT_EXIT } from "../../src/cli/failure.ts"
import { isReservedEventType } from "../../src/event/index.ts"
import { VERDICTS } from "../../src/query/findings.ts"
import { firstCells, read, section, sources } from "./markdown.ts"

const page = read("docs/format.md")

/** Literal codes of findings: `code: "…"`, either arm of a choice, and the argument of `holes`. */
function findingCodes(): string[] {
  const found = new Set<string>()
  for (const { text } of sources("src/query")) {
    const literals = text.matchAll(
      /\bcode: (?:[^,"\n]*\? )?"([a-z_]+)"(?: : "([a-z_]+)")?|holes\(this\.\S+, "([a-z_]+)"/g,
    )
    for (const [, ...codes] of literals) for (const code of codes) if (code !== undefined) found.add(code)
  }
  // One code is put together from what became of a value.
  const states = /readonly state: ([^\n]+)/.exec(read("src/query/kept-values.ts"))![1]!
  for (const [, state] of states.matchAll(/"(\w+)"/g))
    if (!["present", "expired"].includes(state!)) found.add(`payload_${state}`)
  return [...found].sort()
}

describe("docs/format.md", () => {
  test("every code of a finding has its row, and every row its code", () => {
    expect(findingCodes().length).toBeGreaterThan(20)
    expect([...new Set(firstCells(section(page, "## Findings")))].sort()).toEqual(findingCodes())
  })

  test("every verdict has its row, worst first, with its exit code", () => {
    const rows = [...section(page, "## Verdicts").matchAll(/^\| `(\w+)` \| (\d+) \|/gm)]
    expect(rows.map((row) => row[1])).toEqual([...VERDICTS])
    expect(Object.fromEntries(rows.map((row) => [row[1], Number(row[2])]))).toEqual(VERDICT_EXIT)
  })

  test("every declared event type has its row, and each row but the operator's is declared", () => {
    const map = /export interface AuditEventMap \{\n([\s\S]*?)\n\}/.exec(read("src/event/record.ts"))![1]!
    const declared = [...map.matchAll(/^ {2}(\w+): \{/gm)].map((match) => match[1]!)
    const rows = firstCells(section(page, "## Event types"))
    expect(rows.filter((type) => type !== "audit_recovered").sort()).toEqual(declared.sort())
    expect(read("src/capture/operate.ts")).toContain('eventType: "audit_recovered"')
  })

  test("the reserved types are those that logEvent refuses", () => {
    const sentence = /\*\*Reserved\.\*\*([\s\S]*?)alone or followed/.exec(page)![1]!
    const [, only = "", ...prefixes] = [...sentence.matchAll(/`(\w+)`/g)].map((match) => match[1]!)
    expect(isReservedEventType(only)).toBe(true)
    for (const prefix of prefixes) {
      expect([prefix, isReservedEventType(prefix), isReservedEventType(`${prefix.toUpperCase()}_x`)]).toEqual([
        prefix,
        true,
        true,
      ])
      expect(isReservedEventType(`${prefix}x`)).toBe(false)
    }
    const pattern = /const RESERVED =\s*\/\^\(\?:([\w|]+)\)/.exec(read("src/event/envelope.ts"))![1]!
    expect(prefixes).toEqual(pattern.split("|"))
  })

  test("every marker of the serialiser has its row", () => {
    const table = /^ \* \| tag \|[\s\S]*?\n \*\n/m.exec(read("src/event/value.ts"))![0]
    const tags = [...table.matchAll(/^ \* \| `([^`]+)` \|/gm)].map((match) => match[1])
    expect(firstCells(section(page, "## Values"))).toEqual(tags)
  })
})
