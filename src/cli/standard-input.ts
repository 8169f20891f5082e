/**
 * What names a person is read from standard input: as a flag it would stay in the shell's history and be seen by
 * everybody who lists processes.
 * @module
 */
import { UsageError } from "./failure.ts"

const MOST_BYTES = 65_536

/** @throws {@link UsageError} for anything but "-", or when there is nothing. */
export async function readSubject(argument: string): Promise<string> {
  if (argument !== "-")
    throw new UsageError("<subject> must be -: the identifier is read from standard input, so that no history keeps it")
  const subject = (await readInput("the identifier")).replace(/\r?\n$/, "")
  if (subject.trim() === "") throw new UsageError("there is no identifier on standard input")
  return subject
}

/**
 * All of standard input, as text.
 * @param what - What it should be, for the error.
 * @throws {@link UsageError} where it is too long.
 */
export async function readInput(what: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk as Uint8Array))
    bytes += (chunk as Uint8Array).length
    if (bytes > MOST_BYTES) throw new UsageError(`${what} on standard input is too long`)
  }
  return Buffer.concat(chunks).toString("utf8")
}
