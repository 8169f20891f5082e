/**
 * The line of an entry in the classic text log of its operation, overwritten where it lies: others may be writing behind
 * it. Does I/O.
 * @module
 */
import * as fs from "node:fs"
import { escapeUnsafe } from "../capture/index.ts"
import type { RootDirectory } from "../store/index.ts"

const CHUNK_BYTES = 8 * 1024 * 1024

/** What became of the text logs of an operation. */
export interface TextLogs {
  readonly overwritten: number
  /** Those in which the entry was not found as this package writes it. */
  readonly without: readonly string[]
}

/** Overwrites the message of an entry in the text logs of its operation; `by` is the event that redacted it. */
export async function blankTextLogs(
  root: RootDirectory,
  operationId: string,
  entry: string,
  by: number,
): Promise<TextLogs> {
  const message = Buffer.from(escapeUnsafe(entry))
  const filler = Buffer.alloc(message.length, " ")
  filler.write(`[redacted by event ${by}]`)
  let overwritten = 0
  const without: string[] = []
  for (const name of (await root.names(".")).filter((one) => one.endsWith(`_${operationId}.log`))) {
    const path = root.locate(name, false)
    if (!fs.lstatSync(path).isFile()) continue
    const fd = fs.openSync(path, fs.constants.O_RDWR | (fs.constants.O_NOFOLLOW ?? 0))
    try {
      const places = placesOf(fd, message)
      for (const at of places) writeAt(fd, filler, at)
      if (places.length > 0) fs.fsyncSync(fd)
      else without.push(name)
      overwritten += places.length
    } finally {
      fs.closeSync(fd)
    }
  }
  return { overwritten, without }
}

function placesOf(fd: number, message: Buffer): number[] {
  const places: number[] = []
  const chunk = Buffer.alloc(CHUNK_BYTES + message.length)
  for (let offset = 0; ; offset += CHUNK_BYTES) {
    const bytes = chunk.subarray(0, fs.readSync(fd, chunk, 0, chunk.length, offset))
    for (let at = bytes.indexOf(message); at !== -1 && at < CHUNK_BYTES; at = bytes.indexOf(message, at + 1))
      places.push(offset + at)
    if (bytes.length < chunk.length) return places
  }
}

function writeAt(fd: number, bytes: Buffer, at: number): void {
  for (let written = 0; written < bytes.length; )
    written += fs.writeSync(fd, bytes, written, bytes.length - written, at + written)
}
