/**
 * Reads the documentation: its text, its fenced blocks, its tables and links.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The repository. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url))

/** Text of a file in the repository. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8")
}

/** The Markdown pages of the repository. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"))
  return [...top, ...docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name.replaceAll("\\", "/")}`)]
}

/** The text under a heading, up to the next one of the same or a higher level. */
export function section(page: string, heading: string): string {
  const level = /^#+/.exec(heading)![0].length
  const from = `${page}\n`.indexOf(`${heading}\n`)
  if (from === -1) throw new Error(`there is no heading ${heading}`)
  const rest = page.slice(from + heading.length)
  const next = new RegExp(`^#{1,${level}} `, "m").exec(rest)
  return next === null ? rest : rest.slice(0, next.index)
}

/** The block behind ```` ```text <name> ````, without its last line break. */
export function block(page: string, name: string): string {
  const match = new RegExp(`^\`\`\`text ${name}\n([\\s\\S]*?)\n\`\`\`$`, "m").exec(page)
  if (match === null) throw new Error(`there is no block ${name}`)
  return match[1]!
}

/** The code spans in the first cell of each row of the tables in a text. */
export function firstCells(text: string): string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!)
}

/** All source files, tests left out: path and text. */
export function sources(folder: string): { readonly path: string; readonly text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => ({ path, text: read(path) }))
}
