/**
 * A reader of CSV that knows RFC 4180 and nothing of this package: records of fields, each exactly as its text says.
 * @module
 */

/** Parses a whole file. @throws Error for anything that the grammar of RFC 4180, section 2, does not have. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  let at = 0
  while (at < text.length) {
    const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
    field.lastIndex = at
    const match = field.exec(text)
    if (match === null) throw new Error(`no CSV at ${at}: ${JSON.stringify(text.slice(at, at + 40))}`)
    rows.at(-1)!.push(match[1]?.replaceAll('""', '"') ?? match[2]!)
    if (match[3] === "\r\n") rows.push([])
    at = field.lastIndex
  }
  if (rows.pop()!.length > 0) throw new Error("the last line does not end in CRLF")
  return rows
}
