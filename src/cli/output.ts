/**
 * Where the command line writes: data to standard output, everything else to standard error. Does I/O.
 * Text is escaped by whoever builds it; notes are escaped here, since they may quote anything.
 * @module
 */
import { styleText } from "node:util"
import type { Environment } from "../ledger/index.ts"
import { escapeLines } from "./escape.ts"

/** Bytes gathered before they are written: a list of a million records is not a million writes. */
const CHUNK_CHARS = 16_384
const DEFAULT_COLUMNS = 80

/** Parameters of {@link styleText} that mean a style. */
export type Style = Parameters<typeof styleText>[0]

/** Both streams of one run. */
export class Output {
  /** Standard output is a terminal. */
  readonly terminal: boolean
  /** Standard error is a terminal. */
  readonly noteTerminal: boolean
  /** What went wrong with standard output, other than that its reader left. */
  failure: Error | undefined
  readonly #stdout: NodeJS.WriteStream
  readonly #stderr: NodeJS.WriteStream
  readonly #colour: boolean
  readonly #noteColour: boolean
  #pending = ""
  #closed = false
  #onClosed: (() => void)[] = []

  constructor(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, environment: Environment) {
    this.#stdout = stdout
    this.#stderr = stderr
    this.terminal = stdout.isTTY === true
    this.noteTerminal = stderr.isTTY === true
    this.#colour = wantsColour(environment, this.terminal)
    this.#noteColour = wantsColour(environment, this.noteTerminal)
    stdout.on("error", (error: NodeJS.ErrnoException) => this.#close(error))
    // Nobody is left to be told that standard error cannot be written.
    stderr.on("error", () => undefined)
  }

  /** The reader of standard output has left, as `| head` does: nothing written from now on is seen. */
  get closed(): boolean {
    return this.#closed
  }

  /** Columns of the terminal. */
  get columns(): number {
    return this.#stdout.columns || DEFAULT_COLUMNS
  }

  /** Adds text, or exact bytes, to standard output. Resolves when there is room for more. */
  async data(data: string | Uint8Array): Promise<void> {
    if (typeof data === "string") {
      this.#pending += data
      if (this.#pending.length >= CHUNK_CHARS) await this.flush()
      return
    }
    await this.flush()
    await this.#write(data)
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    const text = this.#pending
    this.#pending = ""
    if (text !== "") await this.#write(text)
  }

  /** Writes everything that waits, and resolves when it has left or cannot leave any more. */
  async drain(): Promise<void> {
    await this.flush()
    if (!this.#closed) await new Promise<void>((resolve) => this.#stdout.write("", () => resolve()))
    // The stream tells its callbacks of an error before its listeners.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** A line on standard error. */
  note(text: string): void {
    this.#stderr.write(`${escapeLines(text)}\n`)
  }

  /** Replaces the line on the terminal behind standard error; nothing where it is none. */
  progress(text: string): void {
    if (this.noteTerminal) this.#stderr.write(`\r\u001b[K${escapeLines(text)}`)
  }

  /** Text for standard output in a style, where colours are wanted. */
  styled(style: Style, text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text
  }

  /** A failure or a warning on standard error: who speaks, in colour where it is wanted, then what is said. */
  complain(label: string, style: Style, text: string): void {
    const shown = this.#noteColour ? styleText(style, label, { validateStream: false }) : label
    this.#stderr.write(`${shown} ${escapeLines(text)}\n`)
  }

  async #write(data: string | Uint8Array): Promise<void> {
    if (this.#closed || this.#stdout.write(data)) return
    await new Promise<void>((resolve) => {
      this.#onClosed.push(resolve)
      this.#stdout.once("drain", resolve)
    })
    this.#onClosed = []
  }

  #close(error: NodeJS.ErrnoException): void {
    // The first error says why; what follows only says that the stream is closed.
    if (!this.#closed && error.code !== "EPIPE") this.failure = error
    this.#closed = true
    for (const resolve of this.#onClosed) resolve()
  }
}

/** FORCE_COLOR first, as in Node itself, then NO_COLOR, then whether there is a terminal that can do it. */
export function wantsColour(environment: Environment, terminal: boolean): boolean {
  const forced = environment["FORCE_COLOR"]
  if (forced !== undefined) return forced !== "0" && forced !== "false"
  if (environment["NO_COLOR"]) return false
  return terminal && environment["TERM"] !== "dumb"
}
