/**
 * Formats of the text log's lines, as Python's `logging` reads them: `%(name)s` with flags, width and precision, and
 * `%%`. Pure.
 * @module
 */

/** What a line can hold. */
export interface LogLine {
  readonly asctime: string
  readonly name: string
  readonly levelname: string
  readonly levelno: number
  readonly message: string
}

const FIELDS: readonly string[] = ["asctime", "name", "levelname", "levelno", "message"] satisfies (keyof LogLine)[]
const TOKEN = /%(?:%|\((\w+)\)([-0]*)(\d{1,3})?(?:\.(\d{1,3}))?([sd]))/g

/**
 * Makes a format ready.
 *
 * @throws TypeError naming `logFormat`: a field that is not known, a `%` that begins none, `d` for a text.
 * @example
 * ```ts
 * compileLogFormat("%(levelname)-8s|%(levelno)04d")(line) // "INFO    |0020"
 * ```
 */
export function compileLogFormat(format: string): (line: LogLine) => string {
  const rest = format.replace(
    TOKEN,
    (_, field?: string, _flags?: string, _width?: string, _cut?: string, as?: string) => {
      if (field !== undefined) checkField(field, as === "d")
      return ""
    },
  )
  if (rest.includes("%")) {
    throw new TypeError(
      "logFormat has a % that begins no field: write fields as %(message)s or %(levelname)-8s, and a % itself as %%",
    )
  }
  return (line) =>
    format.replace(TOKEN, (_, field?: keyof LogLine, flags = "", width = "0", cut?: string) =>
      field === undefined ? "%" : padded(line[field], flags, Number(width), cut),
    )
}

function checkField(field: string, asNumber: boolean): void {
  if (!FIELDS.includes(field)) {
    throw new TypeError(`logFormat has no field ${JSON.stringify(field)}; it has ${FIELDS.join(", ")}`)
  }
  if (asNumber && field !== "levelno") throw new TypeError(`logFormat must write %(${field})s: it is no number`)
}

function padded(value: string | number, flags: string, width: number, cut: string | undefined): string {
  const text = cut === undefined || typeof value === "number" ? String(value) : value.slice(0, Number(cut))
  if (flags.includes("-")) return text.padEnd(width)
  return text.padStart(width, flags.includes("0") && typeof value === "number" ? "0" : " ")
}
