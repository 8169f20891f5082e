/**
 * Entry bundles: up to 256 entries, each after its length as a big-endian uint16. Pure.
 * Format: https://c2sp.org/tlog-tiles, "Log Entries". The bytes are the log's own; compression is a transport's affair.
 * @module
 */

import { AuditError } from "../errors.ts"
import { assertBytes } from "./arguments.ts"
import { assertWidth } from "./tile.ts"

/** The longest entry, in bytes: its length is a uint16. */
export const MAX_ENTRY_BYTES = 65_535

const LENGTH_BYTES = 2

/**
 * The bundle of these entries.
 *
 * @param entries - 1 to 256 entries of up to 65,535 bytes.
 * @throws {@link AuditError} `ENTRY_TOO_LARGE` when one is longer.
 * @throws RangeError when there are none or more than 256.
 * @example
 * ```ts
 * encodeBundle([utf8("hi")]) // Uint8Array [0, 2, 104, 105]
 * ```
 */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  assertWidth(entries.length)
  let sizeBytes = 0
  entries.forEach((entry, i) => {
    assertBytes(entry, `entries[${i}]`)
    if (entry.length > MAX_ENTRY_BYTES) {
      throw new AuditError("ENTRY_TOO_LARGE", `entry ${i} has ${entry.length} bytes; ${MAX_ENTRY_BYTES} is the most`)
    }
    sizeBytes += LENGTH_BYTES + entry.length
  })
  const bundle = new Uint8Array(sizeBytes)
  let offset = 0
  for (const entry of entries) {
    bundle[offset] = Math.floor(entry.length / 256)
    bundle[offset + 1] = entry.length % 256
    bundle.set(entry, offset + LENGTH_BYTES)
    offset += LENGTH_BYTES + entry.length
  }
  return bundle
}

/**
 * The entries of a bundle, as views of its bytes.
 *
 * @param width - How many there must be; known from the tree size, never from the bundle.
 * @throws {@link AuditError} `BUNDLE_MALFORMED` when the bytes end before the last entry does.
 * @throws {@link AuditError} `BUNDLE_TRAILING_BYTES` when they go on after it.
 * @example
 * ```ts
 * parseBundle(new Uint8Array([0, 2, 104, 105]), 1) // [Uint8Array [104, 105]]
 * ```
 */
export function parseBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  assertBytes(bytes, "bytes")
  assertWidth(width)
  const entries: Uint8Array[] = []
  let offset = 0
  while (entries.length < width) {
    const start = offset + LENGTH_BYTES
    const end = start + (bytes[offset] ?? 0) * 256 + (bytes[offset + 1] ?? 0)
    if (end > bytes.length) {
      throw new AuditError("BUNDLE_MALFORMED", `the bundle ends in entry ${entries.length} of ${width}`)
    }
    entries.push(bytes.subarray(start, end))
    offset = end
  }
  if (offset !== bytes.length) {
    throw new AuditError("BUNDLE_TRAILING_BYTES", `the bundle goes on for ${bytes.length - offset} bytes after its end`)
  }
  return entries
}
