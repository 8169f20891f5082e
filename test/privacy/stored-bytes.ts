/**
 * Looks for texts in every byte below a directory, in the spellings that a program could have stored them in.
 * @module
 */
import * as fs from "node:fs"
import { join } from "node:path"

/** Shorter ones stand in many bytes by chance. */
const LEAST_CHARS = 6
const LEAST_BASE64_CHARS = 8

/** The text itself, in JSON, in hex, and in base64 wherever it begins. */
export function spellingsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  const json = JSON.stringify(text).slice(1, -1)
  const inBase64 = [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "")
    // Characters that hold bits of what stands around the text say nothing of it.
    const inner = encoded.slice(before === 0 ? 0 : before + 1, -1)
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")]
  })
  const hex = bytes.toString("hex")
  return [
    ...new Set([text, json, JSON.stringify(json).slice(1, -1), hex, hex.toUpperCase()]),
    ...new Set(inBase64.filter(({ length }) => length >= LEAST_BASE64_CHARS)),
  ]
}

/** All files below a directory, as one text a file, a character a byte; and names of files and directories. */
export function bytesBelow(directory: string): ReadonlyMap<string, string> {
  const entries = fs.readdirSync(directory, { recursive: true, withFileTypes: true })
  const texts = new Map<string, string>([["the names of files", entries.map(({ name }) => name).join("\n")]])
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    texts.set(path.slice(directory.length + 1), fs.readFileSync(path, "latin1"))
  }
  return texts
}

/** Looks for many texts at once: in one pass, by the characters that their spellings begin with. */
export class TextSearch {
  readonly #byBeginning = new Map<string, { readonly text: string; readonly spelling: string }[]>()

  constructor(texts: Iterable<string>) {
    for (const text of texts) {
      if (text.length < LEAST_CHARS) throw new RangeError(`${JSON.stringify(text)} is too short to be looked for`)
      for (const spelling of spellingsOf(text)) {
        const beginning = spelling.slice(0, LEAST_CHARS)
        const known = this.#byBeginning.get(beginning)
        if (known === undefined) this.#byBeginning.set(beginning, [{ text, spelling }])
        else known.push({ text, spelling })
      }
    }
  }

  /** Those that stand in some bytes. */
  in(bytes: string): ReadonlySet<string> {
    const found = new Set<string>()
    for (let at = 0; at + LEAST_CHARS <= bytes.length; at++) {
      for (const { text, spelling } of this.#byBeginning.get(bytes.slice(at, at + LEAST_CHARS)) ?? []) {
        if (bytes.startsWith(spelling, at)) found.add(text)
      }
    }
    return found
  }
}
