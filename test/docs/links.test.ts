import { existsSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { describe, expect, test } from "vitest"
import { pages, ROOT, read } from "./markdown.ts"

/** The anchor that a code host makes of a heading. */
function anchorOf(heading: string): string {
  const text = heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim()
    .toLowerCase()
  return text.replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "").replaceAll(" ", "-")
}

function withoutCode(page: string): string {
  return page.replace(/^(```+)[^\n]*\n[\s\S]*?^\1$/gm, "")
}

function anchorsOf(page: string): string[] {
  return [...withoutCode(page).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1]!))
}

/** Targets of links in a page, images and reference definitions included, code left out. */
function linksOf(page: string): string[] {
  const prose = withoutCode(page).replace(/`[^`\n]*`/g, "")
  const links = [...prose.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g), ...prose.matchAll(/^\[[^\]]+\]: (\S+)/gm)]
  return links.map((match) => match[1]!)
}

/** What is wrong with a link of a page, or undefined. */
function problemOf(page: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return /^(?:https|mailto):/.test(link) ? undefined : `${link}: not https`
  const [path = "", anchor] = link.split("#")
  const target = path === "" ? page : join(dirname(page), path)
  if (!resolve(ROOT, target).startsWith(resolve(ROOT))) return `${link}: leads out of the repository`
  if (!existsSync(join(ROOT, target))) return `${link}: does not exist`
  if (anchor !== undefined && !anchorsOf(read(target)).includes(anchor)) return `${link}: has no such heading`
  return undefined
}

describe("links in the documentation", () => {
  test.each(pages())("%s", (page) => {
    expect(linksOf(read(page)).flatMap((link) => problemOf(page, link) ?? [])).toEqual([])
  })

  test.each([
    ["[a](missing.md)", "missing.md: does not exist"],
    ["[a](errors.md#no-such)", "errors.md#no-such: has no such heading"],
    ["[a](../../outside.md)", "../../outside.md: leads out of the repository"],
    ["[a](http://example.com)", "http://example.com: not https"],
    ["[a](errors.md#trail) `[b](missing.md)`", undefined],
  ])("%s", (text, problem) => {
    expect(linksOf(text).map((link) => problemOf("docs/format.md", link))).toEqual([problem])
  })
})
