/**
 * Where a value in a text ends: behind its quotation mark, with its line, with its word, with its bracket, or with its
 * block of YAML. Pure; each end is found in one pass.
 * @module
 */

/** From where to where a value goes. */
export interface Found {
  readonly start: number
  readonly end: number
}

/** A name and what stands between it and its value. */
export interface Assignment {
  readonly nameAt: number
  readonly separator: string
  /** Where the value begins. */
  readonly at: number
  readonly kind: string
}

// What follows a comma or bracket is part of the value, unless it is a name with a value of its own.
const BARE_VALUE = /[^\s"'`,;&<>{}()[\]]+(?:[,;&()[\]{}]{1,2}[^\s"'`,;&<>{}()[\]=:]+(?=[\s"'`,;&<>{}()[\]]|$))*/y
const ENCODED_VALUE = /(?:(?!%26)[^\s"'`,;&<>{}()[\]])+/y
const LINE_VALUE = /[^\r\n"'`]+/y
const WHOLE_LINE = /[^\r\n]+/y
const WHOLE_WORD_VALUE = /[^\s"'`]+/y
/** Words up to the end of a line of YAML, without anything that would make it another thing. */
const WORDS_TO_LINE_END = /[^\s"'`,;:#&*<>{}()[\]|]+(?: [^\s"'`,;:#<>{}()[\]|]+){1,7}(?=[ \t]*(?:\r?\n|$))/y
const BLOCK_BEGIN = /[|>][+-]?\d?[ \t]*\r?\n/y
/** A list or an object with a text in it first. */
const STRUCTURE = /[[{]\s{0,40}\\{0,15}["']/y
const LINE_START = /(?:^|\n)([ \t]*)(?:- )?$/
const INDENT_CHARS = 200

/** The value behind a name. */
export function valueAt(text: string, assignment: Assignment): Found {
  const { at } = assignment
  let quoteAt = at
  while (text[quoteAt] === "\\" && quoteAt - at < 15) quoteAt++
  const quote = text[quoteAt]
  if (quote === '"' || quote === "'" || quote === "`") {
    const start = quoteAt + 1
    return { start, end: closingQuote(text, start, quote, quoteAt - at) }
  }
  if ((quote === "[" || quote === "{") && endOf(STRUCTURE, text, at) > at)
    return { start: at, end: closingBracket(text, at) }
  return bareValue(text, assignment)
}

function bareValue(text: string, { nameAt, separator, at, kind }: Assignment): Found {
  // Headers hold blanks, commas and semicolons.
  if (kind === "authorization" || kind === "cookie") return { start: at, end: headerEnd(text, nameAt, at) }
  if (kind === "connection_string") return { start: at, end: endOf(WHOLE_WORD_VALUE, text, at) }
  if (separator.includes("%")) return { start: at, end: endOf(ENCODED_VALUE, text, at) }
  if (separator.includes(":")) {
    const indent = indentOf(text, nameAt)
    const block = indent === undefined ? at : endOf(BLOCK_BEGIN, text, at)
    if (indent !== undefined && block > at) return { start: at, end: blockEnd(text, block, indent) }
    const line = indent === undefined || !text.includes("\n") ? at : endOf(WORDS_TO_LINE_END, text, at)
    if (line > at) return { start: at, end: line }
  }
  return { start: at, end: endOf(BARE_VALUE, text, at) }
}

/** A header in quotation marks ends with them; another one with its line, whatever marks are in it. */
function headerEnd(text: string, nameAt: number, at: number): number {
  const before = text[nameAt - 1]
  if (before !== '"' && before !== "'" && before !== "`") {
    return endOf(/["'`]/.test(text.slice(Math.max(0, nameAt - 80), nameAt)) ? LINE_VALUE : WHOLE_LINE, text, at)
  }
  if (text[nameAt - 2] === "\\") return endOf(LINE_VALUE, text, at)
  return Math.min(closingQuote(text, at, before, 0), endOf(WHOLE_LINE, text, at))
}

/** Blanks before a name that begins a line; undefined when it does not. */
function indentOf(text: string, nameAt: number): number | undefined {
  return LINE_START.exec(text.slice(Math.max(0, nameAt - INDENT_CHARS), nameAt))?.[1]?.length
}

/** Lines that are further in than the name, and empty ones. */
function blockEnd(text: string, from: number, indent: number): number {
  let end = from
  while (end < text.length) {
    const breakAt = text.indexOf("\n", end)
    const line = text.slice(end, breakAt < 0 ? text.length : breakAt)
    if (line.trim() !== "" && line.length - line.trimStart().length <= indent) break
    end = breakAt < 0 ? text.length : breakAt + 1
  }
  return text[end - 1] === "\n" && end > from ? end - 1 : end
}

/** Where a pattern that begins at a place ends; that place when it does not match. */
export function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

/** Where a text in quotation marks ends that began behind so many backslashes: marks within it stand behind more. */
export function closingQuote(text: string, start: number, quote: string, backslashes: number): number {
  let run = 0
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") run++
    else if (text[i] !== quote) run = 0
    // Without any, an even number are escaped ones at the end of the text.
    else if (backslashes === 0 ? run % 2 === 0 : run <= backslashes) return backslashes === 0 ? i : i - run
    else run = 0
  }
  return text.length
}

/** Behind the bracket that closes the one at a place; brackets in quotation marks count for nothing. */
function closingBracket(text: string, at: number): number {
  let depth = 0
  let backslashes = 0
  for (let i = at; i < text.length; i++) {
    const char = text[i]!
    if (char === "[" || char === "{") depth++
    else if (char === "]" || char === "}") depth--
    else if (char === '"' || char === "'") i = pastQuote(text, i, char, backslashes)
    backslashes = char === "\\" ? backslashes + 1 : 0
    if (depth === 0) return i + 1
  }
  return text.length
}

function pastQuote(text: string, at: number, quote: string, backslashes: number): number {
  return closingQuote(text, at + 1, quote, backslashes) + backslashes
}
